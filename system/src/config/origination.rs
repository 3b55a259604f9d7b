//! Settings of origination.

use std::time::Duration;

use super::customers::Freshness;
use super::database::DatabaseSettings;
use super::messaging::MessagingSettings;
use super::server::ServerSettings;
use super::setting::{Setting, conditional, optional, required};
use super::span::parse_duration;
use super::{ConfigError, Environment};
use crate::Role::{Gateway, Origination};
use crate::origination::policy::Policy;

pub(crate) const SETTINGS: &[Setting] = &[
    required(
        "LENDING_BUREAUS",
        &[Origination],
        "The credit bureaus, `name=host:port` or `host:port` separated by commas; one without a name has its host's.",
    ),
    required(
        "LENDING_CALLBACK_URL",
        &[Origination],
        "Where bureaus send their reports: `/v1/credit-reports` at the front door.",
    ),
    optional(
        "LENDING_BUREAU_CALL",
        &[Origination],
        "callback",
        "How reports come: by `callback`, or `blocking`, which makes every command's transaction wait for the bureaus.",
    ),
    optional(
        "LENDING_BUREAU_TIMEOUT",
        &[Origination],
        "2s",
        "How long a bureau may take to take a batch of questions.",
    ),
    conditional(
        "LENDING_BUREAU_TIMEOUTS",
        &[Origination],
        "Bureaus that have a time-out of their own for that, `name=duration` separated by commas.",
    ),
    optional("LENDING_BUREAU_BATCH_MAX", &[Origination], "200", "Questions in one call of a bureau."),
    optional("LENDING_BUREAU_LINGER", &[Origination], "25ms", "How long a call waits for the next questions."),
    optional("LENDING_BUREAU_CONCURRENCY", &[Origination], "4", "Calls of one bureau at once, per instance."),
    optional(
        "LENDING_BUREAU_REPEAT",
        &[Origination],
        "5s",
        "After how long without a report a bureau is asked again; twice as long with every attempt.",
    ),
    optional(
        "LENDING_BUREAU_RETRY_PERCENT",
        &[Origination],
        "20",
        "The share of questions that are asked again, per bureau and instance, beyond a few.",
    ),
    optional(
        "LENDING_BREAKER",
        &[Gateway, Origination],
        "on",
        "Whether a bureau or Redis that fails is left alone for a while: `on`, or `off`, which calls it all the time.",
    ),
    optional(
        "LENDING_SAGA_TIMERS",
        &[Origination],
        "on",
        "Whether deadlines are kept: `on`, or `off`, which leaves what nobody answers where it is.",
    ),
    optional(
        "LENDING_CUSTOMER_WAIT",
        &[Origination],
        "60s",
        "How long an application waits for a customer who is not known, not identified or does not agree yet.",
    ),
    optional("LENDING_REPORTS_DEADLINE", &[Origination], "30s", "How long bureaus have for their reports."),
    optional(
        "LENDING_REPORTS_NEEDED",
        &[Origination],
        "2",
        "Reports with a score that a decision needs; with fewer a person decides.",
    ),
    optional("LENDING_APPROVAL_SCORE", &[Origination], "410", "The lowest score that is approved, of 300 to 850."),
    optional("LENDING_REFERRAL_MARGIN", &[Origination], "20", "How far below that a person decides."),
    optional("LENDING_MANUAL_DEADLINE", &[Origination], "24h", "How long a person has for that."),
    optional("LENDING_OFFER_EXPIRY", &[Origination], "72h", "How long an offer holds."),
];

/// Everything that origination is told.
#[derive(Debug, Clone)]
pub(crate) struct OriginationSettings {
    pub(crate) server: ServerSettings,
    pub(crate) database: DatabaseSettings,
    pub(crate) messaging: MessagingSettings,
    /// How the copy of customers is kept.
    pub(crate) freshness: Freshness,
    /// How applications are judged.
    pub(crate) policy: Policy,
    /// Whether timers are fired.
    pub(crate) timers: bool,
    pub(crate) bureaus: Vec<BureauAddress>,
    pub(crate) bureau: CallSettings,
}

/// A bureau and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BureauAddress {
    pub(crate) name: String,
    /// host:port.
    pub(crate) address: String,
    /// How long one call may take, where that is not the same as for all.
    pub(crate) timeout: Option<Duration>,
}

/// How bureaus are asked.
#[derive(Debug, Clone)]
pub(crate) struct CallSettings {
    /// How reports come.
    pub(crate) call: Call,
    /// Where they are sent.
    pub(crate) callback_url: String,
    /// How long one call may take, of a bureau that has no time-out of its own.
    pub(crate) timeout: Duration,
    /// Questions in one call.
    pub(crate) batch_max: i64,
    /// How long a call waits for the next questions.
    pub(crate) linger: Duration,
    /// Calls of one bureau at once.
    pub(crate) concurrency: usize,
    /// After how long without a report a question is asked again.
    pub(crate) repeat: Duration,
    /// How many questions in a hundred are asked again.
    pub(crate) retry_percent: u64,
    /// Whether a bureau that fails is left alone.
    pub(crate) breaker: bool,
}

/// How reports come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Later, by the front door: nobody waits.
    Callback,
    /// In the answer, for which the record's transaction waits.
    Blocking,
}

impl OriginationSettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let bureaus = bureaus(environment)?;
        Ok(Self {
            server: ServerSettings::from_environment(environment)?,
            database: DatabaseSettings::from_environment(environment)?,
            messaging: MessagingSettings::from_environment(environment)?,
            freshness: Freshness::from_environment(environment)?,
            policy: policy(environment, &bureaus)?,
            timers: environment.switch("LENDING_SAGA_TIMERS")?,
            bureaus,
            bureau: CallSettings::from_environment(environment)?,
        })
    }
}

impl CallSettings {
    fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let callback_url = environment.http_url("LENDING_CALLBACK_URL")?.into();
        let batch_max = environment.count("LENDING_BUREAU_BATCH_MAX")?;
        let retry_percent: u64 = environment.parsed("LENDING_BUREAU_RETRY_PERCENT")?;
        if retry_percent > 100 {
            return Err(environment.invalid("LENDING_BUREAU_RETRY_PERCENT", "must be from 0 to 100"));
        }
        Ok(Self {
            call: environment
                .choice("LENDING_BUREAU_CALL", &[("callback", Call::Callback), ("blocking", Call::Blocking)])?,
            callback_url,
            timeout: environment.duration("LENDING_BUREAU_TIMEOUT")?,
            batch_max: i64::try_from(batch_max)
                .map_err(|error| environment.invalid("LENDING_BUREAU_BATCH_MAX", &error.to_string()))?,
            linger: environment.duration("LENDING_BUREAU_LINGER")?,
            concurrency: environment.count("LENDING_BUREAU_CONCURRENCY")?,
            repeat: environment.duration("LENDING_BUREAU_REPEAT")?,
            retry_percent,
            breaker: environment.switch("LENDING_BREAKER")?,
        })
    }
}

fn policy(environment: &Environment, bureaus: &[BureauAddress]) -> Result<Policy, ConfigError> {
    let policy = Policy {
        bureaus: bureaus.iter().map(|bureau| bureau.name.clone()).collect(),
        customer_wait: environment.duration("LENDING_CUSTOMER_WAIT")?,
        reports_deadline: environment.duration("LENDING_REPORTS_DEADLINE")?,
        reports_needed: environment.count("LENDING_REPORTS_NEEDED")?,
        approval_score: environment.parsed("LENDING_APPROVAL_SCORE")?,
        referral_margin: environment.parsed("LENDING_REFERRAL_MARGIN")?,
        manual_deadline: environment.duration("LENDING_MANUAL_DEADLINE")?,
        offer_expiry: environment.duration("LENDING_OFFER_EXPIRY")?,
    };
    match policy.reports_needed <= bureaus.len() {
        true => Ok(policy),
        false => Err(environment.invalid("LENDING_REPORTS_NEEDED", "must not exceed the number of LENDING_BUREAUS")),
    }
}

fn bureaus(environment: &Environment) -> Result<Vec<BureauAddress>, ConfigError> {
    let name = "LENDING_BUREAUS";
    let parts = environment.text(name).split(',');
    let bureaus: Option<Vec<BureauAddress>> = parts.map(|part| bureau(part.trim())).collect();
    let bureaus = bureaus
        .ok_or_else(|| environment.invalid(name, "must be name=host:port or host:port, several separated by commas"))?;
    let mut names: Vec<&str> = bureaus.iter().map(|bureau| bureau.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    match names.len() == bureaus.len() {
        true => with_timeouts(environment, bureaus),
        false => Err(environment.invalid(name, "must give every bureau a name of its own, as in north=host:port")),
    }
}

fn with_timeouts(
    environment: &Environment,
    mut bureaus: Vec<BureauAddress>,
) -> Result<Vec<BureauAddress>, ConfigError> {
    let name = "LENDING_BUREAU_TIMEOUTS";
    for part in environment.given(name).into_iter().flat_map(|text| text.split(',')) {
        let (bureau, timeout) = part
            .split_once('=')
            .ok_or_else(|| environment.invalid(name, "must be name=duration, several separated by commas"))?;
        let timeout = parse_duration(timeout.trim()).map_err(|reason| environment.invalid(name, &reason))?;
        let known = bureaus.iter_mut().find(|known| known.name == bureau.trim());
        match known.map(|known| known.timeout.replace(timeout)) {
            Some(None) => {}
            Some(Some(_)) => return Err(environment.invalid(name, "must give every bureau one time-out")),
            None => return Err(environment.invalid(name, "must name bureaus of LENDING_BUREAUS")),
        }
    }
    Ok(bureaus)
}

fn bureau(part: &str) -> Option<BureauAddress> {
    let (name, address) = part.split_once('=').map_or((None, part), |(name, address)| (Some(name), address));
    let (host, port) = address.rsplit_once(':')?;
    let name = name.unwrap_or(host);
    let sound = !name.is_empty() && !host.is_empty() && port.parse::<u16>().is_ok();
    sound.then(|| BureauAddress { name: name.to_owned(), address: address.to_owned(), timeout: None })
}

#[cfg(test)]
impl CallSettings {
    /// What tests ask bureaus with: soon, and again soon.
    pub(crate) fn of_tests(callback_url: &str) -> Self {
        Self {
            call: Call::Callback,
            callback_url: callback_url.to_owned(),
            timeout: Duration::from_secs(30),
            batch_max: 100,
            linger: Duration::from_millis(1),
            concurrency: 2,
            repeat: Duration::from_millis(100),
            retry_percent: 20,
            breaker: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use crate::config::messaging::{Commit, Publish};
    use crate::messaging::inbox::Dedup;

    fn read(extra: &[(&str, &str)]) -> Result<OriginationSettings, ConfigError> {
        let needed = [
            ("LENDING_KAFKA", "kafka-1:9092"),
            ("LENDING_DATABASE_URL", "postgres://postgres@db:5432/origination"),
            ("LENDING_BUREAUS", "bureau-1:8080,west=10.0.0.1:80, bureau-3:8080"),
            ("LENDING_CALLBACK_URL", "https://lending:8443/v1/credit-reports"),
        ];
        let pairs = needed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        // The later one wins, as in a shell.
        let pairs: std::collections::BTreeMap<_, _> = pairs.collect();
        OriginationSettings::from_environment(&Environment::read(Role::Origination, pairs)?)
    }

    #[test]
    fn the_defaults_are_the_safe_design() {
        let settings = read(&[]).expect("complete");
        assert_eq!(settings.messaging.consumer.commit, Commit::AfterEffect);
        assert_eq!(settings.messaging.dedup, Dedup::Inbox);
        assert_eq!(settings.messaging.publish, Publish::Outbox);
        assert_eq!(settings.messaging.kafka.acks, crate::config::kafka::Acks::All);
        assert!(settings.messaging.kafka.idempotence);
        assert_eq!(settings.bureau.call, Call::Callback);
        assert!(settings.bureau.breaker && settings.timers);
        assert!(settings.bureau.timeout < settings.bureau.repeat, "who has not answered is not asked beside it");
        assert!(settings.bureau.repeat < settings.policy.reports_deadline, "a silent bureau has a second chance");
    }

    #[test]
    fn a_broken_design_is_one_setting_away() {
        let broken = [
            ("LENDING_COMMIT", "before-effect"),
            ("LENDING_DEDUP", "none"),
            ("LENDING_PUBLISH", "dual-write"),
            ("LENDING_BUREAU_CALL", "blocking"),
            ("LENDING_BREAKER", "off"),
            ("LENDING_SAGA_TIMERS", "off"),
            ("LENDING_BUREAU_TIMEOUT", "24h"),
        ];
        let settings = read(&broken).expect("complete");
        assert_eq!(settings.messaging.consumer.commit, Commit::BeforeEffect);
        assert_eq!(settings.messaging.dedup, Dedup::None);
        assert_eq!(settings.messaging.publish, Publish::DualWrite);
        assert_eq!(settings.bureau.call, Call::Blocking);
        assert!(!settings.bureau.breaker && !settings.timers);
        assert_eq!(settings.bureau.timeout, Duration::from_secs(86_400));
    }

    #[test]
    fn a_bureau_has_its_own_name_or_its_hosts() {
        let settings = read(&[]).expect("complete");
        assert_eq!(settings.policy.bureaus, ["bureau-1", "west", "bureau-3"]);
        assert_eq!(settings.bureaus[1].address, "10.0.0.1:80");
    }

    #[test]
    fn a_bureau_has_its_own_time_out_or_that_of_all() {
        let timeouts = |extra: &[(&str, &str)]| {
            let bureaus = read(extra).expect("complete").bureaus;
            bureaus.into_iter().map(|bureau| bureau.timeout).collect::<Vec<_>>()
        };
        assert_eq!(timeouts(&[]), [None; 3]);
        let (half, five) = (Duration::from_millis(500), Duration::from_secs(5));
        let own = [("LENDING_BUREAU_TIMEOUTS", "bureau-3=5s, west=500ms")];
        assert_eq!(timeouts(&own), [None, Some(half), Some(five)]);
    }

    #[test]
    fn values_that_contradict_each_other_are_refused() {
        for (name, value) in [
            ("LENDING_COMMIT", "sometimes"),
            ("LENDING_KAFKA_ACKS", "1"),
            ("LENDING_RELAY_LEASE", "8s"),
            ("LENDING_RELAY_BATCH_MAX", "10001"),
            ("LENDING_BATCH_MAX", "0"),
            ("LENDING_BUREAUS", "bureau-1"),
            ("LENDING_BUREAUS", "127.0.0.1:1,127.0.0.1:2"),
            ("LENDING_BUREAU_TIMEOUTS", "west"),
            ("LENDING_BUREAU_TIMEOUTS", "west=soon"),
            ("LENDING_BUREAU_TIMEOUTS", "east=1s"),
            ("LENDING_BUREAU_TIMEOUTS", "west=1s,west=2s"),
            ("LENDING_REPORTS_NEEDED", "4"),
            ("LENDING_REPORTS_NEEDED", "0"),
            ("LENDING_CALLBACK_URL", "lending:8443"),
            ("LENDING_BUREAU_RETRY_PERCENT", "101"),
            ("LENDING_SAGA_TIMERS", "maybe"),
        ] {
            assert!(matches!(read(&[(name, value)]), Err(ConfigError::Invalid { .. })), "{name}={value}");
        }
    }
}
