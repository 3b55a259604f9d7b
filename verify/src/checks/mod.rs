//! Every check, one a file, listed in one literal table by the name that an experiment uses.

pub mod agreement;
pub mod attested;
pub mod availability;
pub mod backpressure;
pub mod conservation;
pub mod delivery;
pub mod drain;
pub mod effect_once;
pub mod error_budget;
pub mod freshness;
pub mod idempotency;
pub mod latency;
pub mod load;
pub mod monotonic;
pub mod no_phantom;
pub mod order;
pub mod rate_limit;
pub mod recovery;
pub mod saga_complete;
pub mod tail_loss;

mod during;
mod groups;
mod in_order;
mod limit;
mod listed;
mod money;
mod offenders;
mod percent;
mod reading;
mod standing;
pub(crate) mod starvation;
mod table;

use crate::About;

/// Every check.
pub static CHECKS: &[About] = &[
    delivery::ABOUT,
    latency::ABOUT,
    availability::ABOUT,
    error_budget::ABOUT,
    recovery::ABOUT,
    drain::ABOUT,
    load::ABOUT,
    attested::ABOUT,
    idempotency::ABOUT,
    effect_once::ABOUT,
    no_phantom::ABOUT,
    order::ABOUT,
    monotonic::ABOUT,
    conservation::ABOUT,
    agreement::ABOUT,
    saga_complete::ABOUT,
    rate_limit::ABOUT,
    backpressure::ABOUT,
    freshness::ABOUT,
    tail_loss::ABOUT,
];

/// The check called `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static About> {
    CHECKS.iter().find(|about| about.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Reference;
    use crate::{Check, Subjects};

    /// The check behind a whole `[expect.*]` table, as the experiment's parser would build it.
    fn parse(text: &str) -> Result<Box<dyn Check>, toml::de::Error> {
        let document = toml::de::DeTable::parse(text)?.into_inner();
        let (_, expects) = document.into_iter().next().unwrap();
        let toml::de::DeValue::Table(expects) = expects.into_inner() else { panic!("[expect.*] is a table") };
        let (_, spanned) = expects.into_iter().next().unwrap();
        let span = spanned.span();
        let toml::de::DeValue::Table(mut table) = spanned.into_inner() else { panic!("[expect.x] is a table") };
        let name = table.remove("check").unwrap().into_inner().as_str().unwrap().to_owned();
        let value = toml::Spanned::new(span, toml::de::DeValue::Table(table));
        (find(&name).unwrap().parse)(value.into())
    }

    #[test]
    fn every_example_parses_and_uses_every_key_that_is_documented() {
        for about in CHECKS {
            let text = format!("[expect.x]\ncheck = \"{}\"\n{}", about.name, about.example);
            assert!(parse(&text).is_ok(), "{}: {:?}", about.name, parse(&text).err());
            for (key, _) in about.keys {
                assert!(about.example.contains(key), "the example of {} lacks {key}", about.name);
            }
        }
    }

    #[test]
    fn the_names_of_figures_are_those_of_a_systems_stages_and_gauges_and_of_an_experiments_faults() {
        let subjects = Subjects { stages: vec!["db.row", "log.in"], faults: vec!["cut", "kill"], gauges: vec!["lag"] };
        let of = |check: &str| find(check).unwrap().figure_names(&subjects);
        let delivery = of("delivery");
        for name in ["ok_intents", "lost_intents.log.in", "lost_intents.db.row.kill", "exposed_intents.cut"] {
            assert_eq!(delivery.iter().filter(|known| *known == name).count(), 1, "{name}");
        }
        assert!(!delivery.iter().any(|known| known.contains("STAGE") || known.contains("FAULT")), "{delivery:?}");
        assert!(of("latency").contains(&"p999_ms".to_owned()) && !of("latency").contains(&"pN_ms".to_owned()));
        assert!(of("recovery").contains(&"failover_s.kill".to_owned()));
        assert_eq!(of("drain"), ["drain_s", "left.lag"]);
    }

    #[test]
    fn no_two_checks_share_a_name() {
        for (index, about) in CHECKS.iter().enumerate() {
            assert!(CHECKS[..index].iter().all(|other| other.name != about.name), "{}", about.name);
        }
    }

    #[test]
    fn every_check_says_what_it_promises_what_it_costs_and_what_breaks_it() {
        for about in CHECKS {
            for text in [about.invariant, about.cost, about.counterexample] {
                assert!(text.ends_with('.') && text.len() > 10, "{}: {text}", about.name);
            }
        }
    }

    #[test]
    fn an_unknown_key_is_refused_where_it_stands() {
        for about in CHECKS {
            let text = format!("[expect.x]\ncheck = \"{}\"\n{}\nunheard_of = 1\n", about.name, about.example);
            let error = parse(&text).unwrap_err();
            assert!(error.message().contains("unheard_of"), "{}: {}", about.name, error.message());
            let span = error.span().unwrap_or_else(|| panic!("{}: no place", about.name));
            assert!(text[span].contains("unheard_of"), "{}", about.name);
        }
    }

    #[test]
    fn settings_that_make_no_sense_are_refused_with_what_to_write() {
        for (text, says) in [
            ("check = \"latency\"\nof = \"x\"\nduring = \"steady\"", "p95"),
            ("check = \"latency\"\nof = \"x\"\nduring = \"stedy\"\np95 = \"1s\"", "stedy"),
            ("check = \"latency\"\nof = \"x\"\nduring = []\np95 = \"1s\"", "phase"),
            ("check = \"latency\"\nof = \"x\"\nduring = \"steady\"\np95 = \"-1s\"", "-1s"),
            ("check = \"latency\"\nof = \"x\"\nduring = \"steady\"\np95 = 300", "300"),
            ("check = \"latency\"\nof = \"x\"\nduring = 7\np95 = \"1s\"", "expected a phase such as \"steady\""),
            ("check = \"availability\"\nof = \"x\"\nduring = \"steady\"\nat_least = 101", "percent"),
            ("check = \"availability\"\nof = \"x\"\nduring = \"steady\"\nat_least = 0", "percent"),
            ("check = \"error_budget\"\nof = \"x\"\nobjective = 100", "percent"),
            ("check = \"error_budget\"\nof = \"x\"\nobjective = 99.9\nwindow = \"0s\"", "window"),
            ("check = \"delivery\"\nexposed_at_least = 1", "chain"),
            ("check = \"delivery\"\nchain = \"x\"\nexposed_at_least = 0", "write 1 or more"),
            ("check = \"recovery\"\nto = \"x\"\nafter = \"y\"\nwithin = \"soon\"", "soon"),
        ] {
            let error = parse(&format!("[expect.x]\n{text}\n")).unwrap_err();
            assert!(error.message().contains(says), "{text}: {}", error.message());
            assert!(error.span().is_some(), "{text}: no place");
        }
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let value = toml::de::ValueDeserializer::parse("7").unwrap();
        let error = (load::ABOUT.parse)(value).unwrap_err();
        assert!(error.message().contains("expected a table"), "{}", error.message());
    }

    #[test]
    fn what_a_check_names_is_to_be_resolved_before_anything_is_started() {
        let stage = |name: &str| Reference::Stage(name.into());
        let operation = || Reference::Operation("submit_application".into());
        let fault = || "leader-cut".to_owned();
        let fast = Reference::Expectation("fast-when-healthy".into(), "latency");
        let named = [
            ("delivery", vec![Reference::Chain("application".into())]),
            ("latency", vec![operation()]),
            ("availability", vec![operation()]),
            ("error_budget", vec![operation()]),
            ("recovery", vec![fast, Reference::Fault(fault())]),
            ("drain", vec![]),
            ("load", vec![]),
            ("attested", vec![]),
            ("idempotency", vec![operation()]),
            ("effect_once", vec![stage("rail.payout"), stage("ledger.disbursement")]),
            ("no_phantom", vec![stage("db.application"), operation()]),
            ("order", vec![stage("log.decided")]),
            ("monotonic", vec![stage("log.decided")]),
            ("conservation", vec![stage("ledger.entry")]),
            ("agreement", vec![stage("rail.payout"), stage("ledger.payout")]),
            ("saga_complete", vec![stage("log.offer_accepted"), stage("db.loan"), stage("ledger.reversal")]),
            ("rate_limit", ["greedy", "modest"].map(|traffic| Reference::Traffic(traffic.into())).to_vec()),
            ("backpressure", vec![operation()]),
            ("freshness", vec![operation(), stage("db.application")]),
            ("tail_loss", vec![stage("log.submitted")]),
        ];
        assert_eq!(named.len(), CHECKS.len());
        for (name, references) in named {
            let text = format!("[expect.x]\ncheck = \"{name}\"\n{}", find(name).unwrap().example);
            let check = parse(&text).unwrap();
            assert_eq!(check.references(), references, "{name}");
            let faults = if name == "recovery" { vec![fault()] } else { vec![] };
            assert_eq!(check.faults(), faults, "{name}");
        }
    }
}
