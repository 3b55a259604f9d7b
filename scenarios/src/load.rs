//! What is to be asked of a system.

use crate::GeneratorError;
use crate::request::Request;
use crate::traffic::{MAX_WORKERS, Traffic};
use crate::wallet::Credential;
use proofload_history::Name;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Streams that fit into an id.
const STREAMS: usize = 1 << 12;

/// What is to be asked of a system.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where the traffic enters: `http://198.18.0.10:8080`, `https://door:8443`.
    pub base_url: String,
    /// Where the host of `base_url` is, if its name is not to be looked up; the port is that of `base_url`.
    pub connect_to: Option<SocketAddr>,
    /// The certificate authority (PEM) that is trusted, and none beside it. TLS needs it.
    pub ca: Option<PathBuf>,
    /// Where operations go that do not go to `base_url`, by their names.
    pub places: BTreeMap<Name, String>,
    /// What clients show to be let in.
    pub credentials: Vec<Credential>,
    /// The seed of arrivals, ids and choices.
    pub seed: u64,
    /// The traffics, which run at the same time.
    pub traffics: Vec<Traffic>,
    /// The most workers that a traffic may have; [`MAX_WORKERS`] is sensible.
    pub max_workers: usize,
}

impl Load {
    /// A load on one place that lets everybody in.
    #[must_use]
    pub fn new(base_url: impl Into<String>, seed: u64, traffics: Vec<Traffic>) -> Self {
        Self {
            base_url: base_url.into(),
            connect_to: None,
            ca: None,
            places: BTreeMap::new(),
            credentials: Vec::new(),
            seed,
            traffics,
            max_workers: MAX_WORKERS,
        }
    }

    /// Where the requests of `operation` go.
    pub(crate) fn base_url_of(&self, operation: &str) -> &str {
        self.places.get(operation).unwrap_or(&self.base_url).trim_end_matches('/')
    }

    /// The name of the host where the traffic enters.
    pub(crate) fn host(&self) -> Option<String> {
        reqwest::Url::parse(&self.base_url).ok()?.host_str().map(str::to_owned)
    }

    /// Every request that can be made.
    pub(crate) fn requests(&self) -> impl Iterator<Item = &Arc<Request>> {
        let journeys = self.traffics.iter().flat_map(|traffic| traffic.mix.journeys());
        journeys.flat_map(|journey| journey.requests()).chain(self.credentials.iter().map(|one| &one.request))
    }

    /// Whether it makes sense.
    pub(crate) fn check(&self) -> Result<(), GeneratorError> {
        for url in std::iter::once(&self.base_url).chain(self.places.values()) {
            let parsed = reqwest::Url::parse(url).ok().filter(reqwest::Url::has_host);
            match parsed.as_ref().map(reqwest::Url::scheme) {
                Some("http") => {}
                Some("https") if self.ca.is_some() => {}
                Some("https") => return Err(GeneratorError::NoAuthority { url: url.clone() }),
                _ => return Err(GeneratorError::BaseUrl { url: url.clone() }),
            }
        }
        if self.traffics.is_empty() {
            return Err(GeneratorError::NoTraffic);
        }
        self.check_credentials()?;
        (0..self.traffics.len()).try_for_each(|index| self.check_traffic(index))
    }

    fn check_credentials(&self) -> Result<(), GeneratorError> {
        for request in self.requests() {
            if let Some(unknown) =
                request.credentials().find(|name| self.credentials.iter().all(|it| *it.name != **name))
            {
                return Err(GeneratorError::UnknownCredential {
                    operation: request.name().to_string(),
                    credential: unknown.to_owned(),
                });
            }
        }
        Ok(())
    }

    fn check_traffic(&self, index: usize) -> Result<(), GeneratorError> {
        let (traffic, others) = (&self.traffics[index], &self.traffics[..index]);
        let streams = traffic.streams();
        let shares = |other: &Traffic| other.streams().start < streams.end && streams.start < other.streams().end;
        let wrong = if streams.end > STREAMS {
            "has a stream that does not fit into an id: they are 0 to 4095"
        } else if others.iter().any(shares) {
            "has the stream of another traffic, so their ids would collide"
        } else if others.iter().any(|other| other.name == traffic.name) {
            "has the name of another traffic"
        } else {
            return Ok(());
        };
        Err(GeneratorError::Traffic { traffic: traffic.name.to_string(), wrong })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::Arrivals;
    use crate::journey::Journey;
    use crate::mix::Mix;
    use std::time::Duration;

    fn traffic(name: &str, stream: u16) -> Traffic {
        showing(name, stream, "X-None = 'nothing'")
    }

    /// A traffic whose requests have this header.
    fn showing(name: &str, stream: u16, header: &str) -> Traffic {
        let spec = format!("method = 'GET'\npath = '/'\nheaders = {{ {header} }}\nok = [200]\ntimeout = '1s'");
        let request = Request::new("read", &toml::from_str(&spec).unwrap()).unwrap();
        Traffic {
            name: name.into(),
            stream,
            arrivals: Arrivals::Constant("1/s".parse().unwrap()),
            lasts: Duration::from_secs(1),
            mix: Journey::of(Arc::new(request)).unwrap().into(),
        }
    }

    fn journey() -> Arc<Journey> {
        Arc::clone(traffic("a", 1).mix.journeys().next().unwrap())
    }

    fn checked(base_url: &str, traffics: Vec<Traffic>) -> Result<(), String> {
        Load::new(base_url, 7, traffics).check().map_err(|error| error.to_string())
    }

    #[test]
    fn a_load_that_contradicts_itself_is_refused_before_anything_starts() {
        let url = "http://127.0.0.1:8080";
        let both = Mix::new(vec![(1, journey()), (1, journey())]).unwrap();
        let mixed = |stream| Traffic { mix: both.clone(), ..traffic("mixed", stream) };
        for (base_url, traffics, said) in [
            ("127.0.0.1:8080", vec![traffic("a", 1)], "is not where traffic can be sent"),
            ("file:///etc", vec![traffic("a", 1)], "is not where traffic can be sent"),
            (url, vec![], "no traffic"),
            ("https://127.0.0.1", vec![traffic("a", 1)], "no certificate authority"),
            (url, vec![mixed(4_095)], "`mixed` has a stream that does not fit"),
            (url, vec![mixed(1), traffic("b", 2)], "`b` has the stream of another"),
            (url, vec![showing("a", 1, "A = '{credential:client}'")], "`read` shows the credential `client`"),
            (url, vec![traffic("a", 4_096)], "`a` has a stream that does not fit"),
            (url, vec![traffic("a", 1), traffic("b", 1)], "`b` has the stream of another"),
            (url, vec![traffic("a", 1), traffic("a", 2)], "`a` has the name of another"),
        ] {
            let error = checked(base_url, traffics).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        assert_eq!(checked(url, vec![traffic("a", 1), traffic("b", 2)]), Ok(()));
        assert_eq!(checked(url, vec![mixed(1), traffic("b", 3)]), Ok(()));
    }
}
