//! A customer, and what commands make of one: a pure function.

use std::collections::BTreeSet;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;

use super::command::Command;
use crate::config::customers::KycPolicy;
use crate::domain::customer::{CustomerId, Email, Kyc, PersonName, Purpose};
use crate::messaging::contract::customers::{CustomerChanged, CustomerRegistrationRequested};
use crate::messaging::event::Event;
use crate::messaging::inbox::Dedup;

/// Nobody alive was born before.
const EARLIEST_BIRTH: Date = date(1900, 1, 1);

/// A customer as he is now, and as the API shows him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Customer {
    pub(super) customer_id: CustomerId,
    pub(super) name: PersonName,
    pub(super) email: Email,
    pub(super) date_of_birth: Date,
    pub(super) kyc: Kyc,
    /// What he agreed to.
    pub(super) consents: BTreeSet<Purpose>,
    /// 1 when he was registered; grows by one with every change.
    pub(super) version: i64,
}

/// What the owner of customers decides, rather than a command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    pub(super) kyc: KycPolicy,
    /// Without deduplication a repeat is taken for a command like any other.
    pub(super) dedup: Dedup,
}

/// What a command comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The customer is this from now on.
    Changed(Customer),
    /// He is what the command wants already.
    Unchanged,
    /// The command cannot be done; he stays as he is.
    Refused(Refusal),
}

/// Why a command cannot be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nobody registered the customer.
    Unknown,
    /// The id is somebody else's.
    RegisteredOtherwise,
    /// Nobody was born that day who could ask for it.
    ImplausibleBirth,
}

impl Refusal {
    /// Its name in logs and metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::RegisteredOtherwise => "registered-otherwise",
            Self::ImplausibleBirth => "implausible-birth",
        }
    }
}

/// What `event` makes of the customer that it is about; none where nobody is registered under the id.
pub(super) fn step(customer: Option<&Customer>, event: &Event<Command>, policy: Policy) -> Outcome {
    let wanted = match (customer, &event.data) {
        (None, Command::Register(asked)) => {
            return register(asked, event.occurred_at.to_zoned(TimeZone::UTC).date(), policy);
        }
        (None, _) => return Outcome::Refused(Refusal::Unknown),
        (Some(known), Command::Register(asked)) => match policy.dedup {
            Dedup::Inbox if known.says_the_same(asked) => return Outcome::Unchanged,
            Dedup::Inbox => return Outcome::Refused(Refusal::RegisteredOtherwise),
            // Whoever does not know repeats writes over what he has, consents and all.
            Dedup::None => Customer::registered(asked, policy.kyc),
        },
        (Some(known), Command::Change(asked)) => Customer {
            name: asked.name.clone().unwrap_or_else(|| known.name.clone()),
            email: asked.email.clone().unwrap_or_else(|| known.email.clone()),
            ..known.clone()
        },
        (Some(known), Command::Consent(asked)) => {
            let mut wanted = known.clone();
            if asked.granted {
                wanted.consents.insert(asked.purpose);
            } else {
                wanted.consents.remove(&asked.purpose);
            }
            wanted
        }
        // No decision.
        (Some(_), Command::Kyc(asked)) if asked.state == Kyc::Pending => return Outcome::Unchanged,
        (Some(known), Command::Kyc(asked)) => Customer { kyc: asked.state, ..known.clone() },
    };
    match customer {
        Some(known) if *known == wanted && policy.dedup == Dedup::Inbox => Outcome::Unchanged,
        Some(known) => Outcome::Changed(Customer { version: known.version + 1, ..wanted }),
        None => Outcome::Changed(wanted),
    }
}

fn register(asked: &CustomerRegistrationRequested, today: Date, policy: Policy) -> Outcome {
    match (EARLIEST_BIRTH..=today).contains(&asked.date_of_birth) {
        true => Outcome::Changed(Customer::registered(asked, policy.kyc)),
        false => Outcome::Refused(Refusal::ImplausibleBirth),
    }
}

impl Customer {
    /// A new customer, who has agreed to nothing.
    fn registered(asked: &CustomerRegistrationRequested, kyc: KycPolicy) -> Self {
        Self {
            customer_id: asked.customer_id.clone(),
            name: asked.name.clone(),
            email: asked.email.clone(),
            date_of_birth: asked.date_of_birth,
            kyc: match kyc {
                KycPolicy::Automatic => Kyc::Verified,
                KycPolicy::Manual => Kyc::Pending,
            },
            consents: BTreeSet::new(),
            version: 1,
        }
    }

    /// Whether a registration says what is known.
    fn says_the_same(&self, asked: &CustomerRegistrationRequested) -> bool {
        (&self.name, &self.email, self.date_of_birth) == (&asked.name, &asked.email, asked.date_of_birth)
    }

    /// What the others are told of him: all of it.
    pub(super) fn changed(&self) -> CustomerChanged {
        let Self { customer_id, name, email, date_of_birth, kyc, consents, version } = self.clone();
        CustomerChanged { customer_id, name, email, date_of_birth, kyc, consents, customer_version: version }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::command::tests::{command, registration};
    use super::*;

    const SAFE: Policy = Policy { kyc: KycPolicy::Automatic, dedup: Dedup::Inbox };
    const NAIVE: Policy = Policy { kyc: KycPolicy::Automatic, dedup: Dedup::None };

    fn register(id: &str) -> Event<Command> {
        command("CustomerRegistrationRequested", &registration(id))
    }

    fn consent(granted: bool) -> Event<Command> {
        let data = json!({ "customer_id": "c-1", "purpose": "CREDIT_CHECK", "granted": granted });
        command("ConsentChangeRequested", &data)
    }

    fn kyc(state: &str) -> Event<Command> {
        command("KycDecided", &json!({ "customer_id": "c-1", "state": state, "decided_by": "Grace" }))
    }

    fn after(policy: Policy, commands: &[Event<Command>]) -> Option<Customer> {
        commands.iter().fold(None, |customer, command| match step(customer.as_ref(), command, policy) {
            Outcome::Changed(changed) => Some(changed),
            Outcome::Unchanged | Outcome::Refused(_) => customer,
        })
    }

    #[test]
    fn a_registration_is_verified_at_once_or_left_pending() {
        let verified = after(SAFE, &[register("c-1")]).expect("registered");
        assert_eq!((verified.kyc, verified.version, verified.consents.len()), (Kyc::Verified, 1, 0));
        let manual = Policy { kyc: KycPolicy::Manual, ..SAFE };
        assert_eq!(after(manual, &[register("c-1")]).expect("registered").kyc, Kyc::Pending);
        let decided = after(manual, &[register("c-1"), kyc("PENDING"), kyc("REJECTED")]).expect("registered");
        assert_eq!((decided.kyc, decided.version), (Kyc::Rejected, 2), "pending is no decision");
    }

    #[test]
    fn a_registration_that_says_something_else_is_refused() {
        let known = after(SAFE, &[register("c-1")]);
        let mut other = registration("c-1");
        other["date_of_birth"] = json!("1985-12-11");
        let other = command("CustomerRegistrationRequested", &other);
        assert_eq!(step(known.as_ref(), &other, SAFE), Outcome::Refused(Refusal::RegisteredOtherwise));
    }

    #[test]
    fn a_command_about_nobody_is_refused() {
        for command in
            [consent(true), kyc("VERIFIED"), command("CustomerChangeRequested", &json!({ "customer_id": "c-1" }))]
        {
            assert_eq!(step(None, &command, SAFE), Outcome::Refused(Refusal::Unknown));
        }
    }

    #[test]
    fn nobody_is_born_in_the_future_or_in_another_age() {
        for (born, sound) in [("1899-12-31", false), ("1900-01-01", true), ("2026-01-02", true), ("2026-01-03", false)]
        {
            let mut data = registration("c-1");
            data["date_of_birth"] = json!(born);
            let outcome = step(None, &command("CustomerRegistrationRequested", &data), SAFE);
            let expected = Outcome::Refused(Refusal::ImplausibleBirth);
            assert_eq!(outcome != expected, sound, "{born}");
        }
    }

    #[test]
    fn without_deduplication_a_repeat_writes_over_what_is_known() {
        let again = after(NAIVE, &[register("c-1"), consent(true), register("c-1")]).expect("registered");
        assert_eq!((again.version, again.consents.len()), (3, 0), "the consent is lost");
        let again = after(SAFE, &[register("c-1"), consent(true), register("c-1")]).expect("registered");
        assert_eq!((again.version, again.consents.len()), (2, 1));
    }

    fn any_command() -> impl Strategy<Value = Event<Command>> {
        let names = prop::option::of(prop::sample::select(vec!["Ada", "Grace"]));
        let emails = prop::option::of(prop::sample::select(vec!["a@example.org", "b@example.org"]));
        let purposes = prop::sample::select(vec!["CREDIT_CHECK", "MARKETING"]);
        let states = prop::sample::select(vec!["PENDING", "VERIFIED", "REJECTED"]);
        prop_oneof![
            prop::sample::select(vec!["Ada", "Grace"]).prop_map(|name| {
                let mut data = registration("c-1");
                data["name"] = json!(name);
                command("CustomerRegistrationRequested", &data)
            }),
            (names, emails).prop_map(|(name, email)| {
                command("CustomerChangeRequested", &json!({ "customer_id": "c-1", "name": name, "email": email }))
            }),
            (purposes, any::<bool>()).prop_map(|(purpose, granted)| {
                let data = json!({ "customer_id": "c-1", "purpose": purpose, "granted": granted });
                command("ConsentChangeRequested", &data)
            }),
            states.prop_map(kyc),
        ]
    }

    proptest! {
        #[test]
        fn the_version_grows_by_one_with_every_change_and_a_repeat_changes_nothing(
            commands in prop::collection::vec(any_command(), 1..20)
        ) {
            let mut customer: Option<Customer> = None;
            for command in &commands {
                if let Outcome::Changed(changed) = step(customer.as_ref(), command, SAFE) {
                    prop_assert_eq!(changed.version, customer.as_ref().map_or(0, |known| known.version) + 1);
                    let same = customer.is_some_and(|known| known == Customer { version: known.version, ..changed.clone() });
                    prop_assert!(!same, "what counts as a change changes something");
                    customer = Some(changed);
                }
                let again = step(customer.as_ref(), command, SAFE);
                prop_assert!(!matches!(again, Outcome::Changed(_)), "{:?} changed twice", command);
            }
        }
    }
}
