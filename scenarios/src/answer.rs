//! What an answer means: ok, fail or indeterminate.

use crate::request::RequestError;
use proofload_history::Outcome;
use reqwest::header::{HeaderMap, HeaderName};
use std::error::Error;
use std::io;

/// Which answers mean what. Every other status, a time-out and a broken connection are indeterminate; a connection
/// that was never made is a fail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerRules {
    ok: Vec<u16>,
    fail: Vec<u16>,
    fail_when: Vec<FailRule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FailRule {
    status: u16,
    header: HeaderName,
    equals: String,
}

/// A status that is a fail only with a header that says so: a 503 that nothing was attempted for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailWhen {
    /// The status.
    pub status: u16,
    /// The header's name.
    pub header: String,
    /// The header's value.
    pub equals: String,
}

impl AnswerRules {
    /// The rules of an operation.
    ///
    /// # Errors
    /// If no status is ok, a status means two things or is none, or a header has no possible name.
    pub fn new(ok: &[u16], fail: &[u16], fail_when: &[FailWhen]) -> Result<Self, RequestError> {
        if ok.is_empty() {
            return Err(RequestError::NothingIsOk);
        }
        let conditional = fail_when.iter().map(|rule| &rule.status);
        if let Some(status) = ok.iter().chain(fail).chain(conditional).find(|status| !(100..600).contains(*status)) {
            return Err(RequestError::NoStatus { status: *status });
        }
        if let Some(status) = ok.iter().find(|status| fail.contains(status)) {
            return Err(RequestError::TwoMeanings { status: *status });
        }
        let fail_when = fail_when.iter().map(|rule| {
            let header = HeaderName::from_bytes(rule.header.as_bytes())
                .map_err(|_| RequestError::HeaderName { name: rule.header.clone() })?;
            Ok(FailRule { status: rule.status, header, equals: rule.equals.clone() })
        });
        Ok(Self { ok: ok.to_vec(), fail: fail.to_vec(), fail_when: fail_when.collect::<Result<_, _>>()? })
    }

    /// What an answer with this status and these headers means.
    #[must_use]
    pub fn outcome(&self, status: u16, headers: &HeaderMap) -> Outcome {
        let says_fail = |rule: &FailRule| {
            rule.status == status
                && headers.get_all(&rule.header).iter().any(|value| value.as_bytes() == rule.equals.as_bytes())
        };
        if self.fail_when.iter().any(says_fail) || self.fail.contains(&status) {
            Outcome::Fail
        } else if self.ok.contains(&status) {
            Outcome::Ok
        } else {
            Outcome::Indeterminate
        }
    }
}

/// How a request ended that got no whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The connection was never made, so nothing was asked.
    NeverConnected(&'static str),
    /// This machine could not open a connection: the generator's failure, and nothing was asked.
    Generator,
    /// It was on its way, and nobody knows what became of it.
    Undecided(&'static str),
}

impl Broken {
    pub(crate) fn of(error: &reqwest::Error) -> Self {
        let kind = io_error(error);
        if error.is_connect() {
            return match kind {
                Some(error) if exhausted(error) => Self::Generator,
                Some(error) => Self::NeverConnected(match error.kind() {
                    io::ErrorKind::ConnectionRefused => "connection refused",
                    io::ErrorKind::TimedOut => "connection timed out",
                    io::ErrorKind::ConnectionReset => "connection reset while it was made",
                    io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "host unreachable",
                    _ => "connection failed",
                }),
                None if error.is_timeout() => Self::NeverConnected("connection timed out"),
                None => Self::NeverConnected("connection failed"),
            };
        }
        Self::Undecided(match kind.map(io::Error::kind) {
            _ if error.is_timeout() => "time-out",
            Some(io::ErrorKind::ConnectionReset) => "connection reset",
            Some(io::ErrorKind::BrokenPipe) => "broken pipe",
            Some(io::ErrorKind::UnexpectedEof) | None => "closed before answer",
            Some(_) => "connection broken",
        })
    }
}

/// The error of the operating system beneath, if it was one.
fn io_error(error: &reqwest::Error) -> Option<&io::Error> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut found = None;
    while let Some(error) = cause {
        found = error.downcast_ref::<io::Error>().or(found);
        cause = error.source();
    }
    found
}

/// Whether this machine, not the other one, refused: no file descriptor, no local port, no memory left.
fn exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let own = [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL, Errno::NOBUFS, Errno::NOMEM];
    error.raw_os_error().is_some_and(|code| own.iter().any(|errno| errno.raw_os_error() == code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn rules() -> AnswerRules {
        let not_attempted = FailWhen { status: 503, header: "Proofload-Attempted".to_owned(), equals: "no".to_owned() };
        AnswerRules::new(&[202], &[400, 429], &[not_attempted]).unwrap()
    }

    fn headers(attempted: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static("proofload-attempted"), HeaderValue::from_static(attempted))])
    }

    #[test]
    fn a_status_means_what_the_rules_say_and_every_other_is_indeterminate() {
        let meanings = [202, 400, 429, 200, 301, 500, 502].map(|status| rules().outcome(status, &HeaderMap::new()));
        use Outcome::{Fail, Indeterminate, Ok};
        assert_eq!(meanings, [Ok, Fail, Fail, Indeterminate, Indeterminate, Indeterminate, Indeterminate]);
    }

    #[test]
    fn a_503_is_a_fail_only_if_it_says_that_nothing_was_attempted() {
        assert_eq!(rules().outcome(503, &headers("no")), Outcome::Fail);
        assert_eq!(rules().outcome(503, &headers("yes")), Outcome::Indeterminate);
        assert_eq!(rules().outcome(503, &HeaderMap::new()), Outcome::Indeterminate);
        assert_eq!(rules().outcome(502, &headers("no")), Outcome::Indeterminate);
    }

    #[test]
    fn rules_that_contradict_themselves_are_refused() {
        let new = AnswerRules::new;
        assert!(matches!(new(&[], &[400], &[]), Err(RequestError::NothingIsOk)));
        assert!(matches!(new(&[200], &[400, 200], &[]), Err(RequestError::TwoMeanings { status: 200 })));
        assert!(matches!(new(&[20], &[], &[]), Err(RequestError::NoStatus { status: 20 })));
        let nameless = FailWhen { status: 503, header: "not a name".to_owned(), equals: String::new() };
        assert!(matches!(new(&[200], &[], &[nameless]), Err(RequestError::HeaderName { .. })));
    }

    #[test]
    fn a_machine_without_file_descriptors_or_ports_blames_itself() {
        for code in [rustix::io::Errno::MFILE, rustix::io::Errno::ADDRNOTAVAIL] {
            assert!(exhausted(&io::Error::from_raw_os_error(code.raw_os_error())));
        }
        assert!(!exhausted(&io::Error::from_raw_os_error(rustix::io::Errno::CONNREFUSED.raw_os_error())));
    }
}
