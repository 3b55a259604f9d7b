//! What clients show to be let in: got before the traffic begins, and renewed while it lasts. No part of the load.

use crate::intent::Intent;
use crate::request::Request;
use crate::{GeneratorError, Load};
use futures::{StreamExt, TryStreamExt, stream};
use proofload_history::{Event, Id, Name, Outcome, Recorder};
use reqwest::header::HeaderValue;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long getting the first credentials may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// So many are asked for at once: enough to be quick, too few to be a load.
const AT_ONCE: usize = 8;
/// Between two attempts to get one.
const AGAIN: Duration = Duration::from_millis(250);
/// Between two attempts to renew one: a third of its life is left.
const RENEW_AGAIN: Duration = Duration::from_secs(1);
/// When one is renewed, as a part of its life.
const RENEW_AT: f64 = 2.0 / 3.0;
/// One that lasts shorter is not renewed more often than this.
const MIN_LIFE: Duration = Duration::from_millis(200);

/// A credential that clients show, and how it is got.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Its name in templates.
    pub name: Name,
    /// The request that gets one; `{n}` in its templates is the number of the credential, from 1.
    pub request: Arc<Request>,
    /// Where in the answer the token is: a JSON pointer.
    pub token: String,
    /// Where in the answer it says how many seconds the token lasts: a JSON pointer.
    pub lasts_seconds: String,
    /// How many there are; arrivals share them in turn.
    pub count: u32,
}

/// The credentials of a load, as they are now.
#[derive(Debug, Default)]
pub(crate) struct Wallet {
    pools: BTreeMap<Name, Vec<Arc<Slot>>>,
}

/// Keeps credentials fresh until it is dropped.
pub(crate) struct Renewal(#[expect(dead_code, reason = "its tasks end when it is dropped")] JoinSet<()>);

/// One token, replaced while it is in use.
#[derive(Debug)]
struct Slot(RwLock<Arc<str>>);

/// Gets one credential, again and again.
#[derive(Clone)]
struct Issuer {
    credential: Credential,
    number: u32,
    base_url: String,
    client: reqwest::Client,
}

impl Wallet {
    /// Gets every credential of `load`, within `patience` all together, and goes on renewing them.
    pub(crate) async fn fill(
        load: &Load,
        client: &reqwest::Client,
        recorder: &Arc<Recorder>,
        patience: Duration,
    ) -> Result<(Arc<Self>, Renewal), GeneratorError> {
        let deadline = Instant::now() + patience;
        let (mut pools, mut renewal) = (BTreeMap::new(), JoinSet::new());
        for credential in &load.credentials {
            let issuers = (1..=credential.count).map(|number| Issuer::new(load, credential, number, client));
            let first = issuers.map(|issuer| async move {
                let got = issuer.get_before(deadline, patience).await?;
                Ok::<_, GeneratorError>((issuer, got))
            });
            let got: Vec<_> = stream::iter(first).buffered(AT_ONCE).try_collect().await?;
            let slots = got.into_iter().map(|(issuer, (token, lasts))| {
                let slot = Arc::new(Slot(RwLock::new(token)));
                renewal.spawn(issuer.renew(Arc::clone(&slot), lasts, Arc::clone(recorder)));
                slot
            });
            pools.insert(Name::clone(&credential.name), slots.collect());
        }
        Ok((Arc::new(Self { pools }), Renewal(renewal)))
    }

    /// The token that the arrival with this counter shows.
    pub(crate) fn token(&self, name: &str, counter: u64) -> Option<Arc<str>> {
        let pool = self.pools.get(name)?;
        let slot = pool.get((counter % (pool.len() as u64).max(1)) as usize)?;
        Some(Arc::clone(&slot.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Issuer {
    fn new(load: &Load, credential: &Credential, number: u32, client: &reqwest::Client) -> Self {
        let base_url = load.base_url_of(credential.request.name()).to_owned();
        Self { credential: credential.clone(), number, base_url, client: client.clone() }
    }

    /// Gets the first one, however often it takes.
    async fn get_before(&self, deadline: Instant, patience: Duration) -> Result<(Arc<str>, Duration), GeneratorError> {
        let mut last = "there was no answer".to_owned();
        while Instant::now() < deadline {
            match tokio::time::timeout_at(deadline.into(), self.get()).await {
                Ok(Ok(got)) => return Ok(got),
                Ok(Err(why)) => last = why,
                Err(_) => break,
            }
            tokio::time::sleep_until((Instant::now() + AGAIN).min(deadline).into()).await;
        }
        Err(GeneratorError::Credential {
            name: self.credential.name.to_string(),
            number: self.number,
            within: patience,
            why: format!("{last} ({})", self.base_url),
        })
    }

    /// Renews the credential whenever the larger part of its life is over.
    async fn renew(self, slot: Arc<Slot>, mut lasts: Duration, recorder: Arc<Recorder>) {
        loop {
            tokio::time::sleep(lasts.max(MIN_LIFE).mul_f64(RENEW_AT)).await;
            let mut noted = false;
            lasts = loop {
                match self.get().await {
                    Ok((token, lasts)) => {
                        *slot.0.write().unwrap_or_else(PoisonError::into_inner) = token;
                        break lasts;
                    }
                    Err(why) if !noted => {
                        noted = true;
                        let (name, number) = (&self.credential.name, self.number);
                        let note = format!(
                            "credential `{name}` number {number} cannot be renewed, and is asked for again: {why}"
                        );
                        // What cannot be noted cannot be recorded either, which ends the traffic elsewhere.
                        let _ = recorder.event(Event::Noted { note });
                    }
                    Err(_) => {}
                }
                tokio::time::sleep(RENEW_AGAIN).await;
            };
        }
    }

    /// Gets one: the token, and how long it lasts.
    async fn get(&self) -> Result<(Arc<str>, Duration), String> {
        let Credential { name, request, token, lasts_seconds, .. } = &self.credential;
        let id = Id::of(&format!("credential {name} {}", self.number));
        // The seed is that of nothing: whose credential it is does not depend on the run.
        let rendered = request.render(&Intent::of_arrival(0, id, self.number.into())).map_err(|why| why.to_string())?;
        let mut builder = self.client.request(rendered.method, format!("{}{}", self.base_url, rendered.path));
        builder = builder.headers(rendered.headers).timeout(request.timeout());
        if let Some(body) = rendered.body {
            builder = builder.body(body);
        }
        let response = builder.send().await.map_err(|error| chain(&error))?;
        let status = response.status();
        let outcome = request.rules().outcome(status.as_u16(), response.headers());
        let body = response.bytes().await.map_err(|error| chain(&error))?;
        if outcome != Outcome::Ok {
            return Err(format!("the answer was {status}"));
        }
        let answer: serde_json::Value =
            serde_json::from_slice(&body).map_err(|error| format!("the answer is no JSON: {error}"))?;
        let found = answer.pointer(token).and_then(serde_json::Value::as_str);
        let found = found.ok_or_else(|| format!("the answer has no text at {token}"))?;
        if HeaderValue::from_str(found).is_err() {
            return Err(format!("what the answer has at {token} does not fit into a header"));
        }
        let seconds = answer.pointer(lasts_seconds).and_then(serde_json::Value::as_f64);
        let lasts = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let lasts = lasts.filter(|lasts| !lasts.is_zero());
        let lasts = lasts.ok_or_else(|| format!("the answer has no number of seconds at {lasts_seconds}"))?;
        Ok((found.into(), lasts))
    }
}

/// Every cause in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |said, cause| format!("{said}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Json, Router, routing};
    use proofload_history::{Clock, RunDir};
    use serde_json::{Value, json};

    /// An issuer that answers every request so.
    async fn issuer(answer: Value) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let system = Router::new().route("/token", routing::get(async move || Json(answer.clone())));
        tokio::spawn(async move { axum::serve(listener, system).await });
        url
    }

    /// Two credentials from the issuer at `base_url`, got within `patience`.
    async fn filled(base_url: String, patience: Duration) -> Result<Arc<Wallet>, GeneratorError> {
        let spec = "method = 'GET'\npath = '/token'\nok = [200]\ntimeout = '60s'";
        let request = Arc::new(Request::new("get_token", &toml::from_str(spec).unwrap()).unwrap());
        let (token, lasts_seconds) = ("/token".to_owned(), "/lasts".to_owned());
        let credential = Credential { name: "client".into(), request, token, lasts_seconds, count: 2 };
        let load = Load { credentials: vec![credential], ..Load::new(base_url, 7, Vec::new()) };
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path(), "wallet").unwrap();
        let recorder = Arc::new(Recorder::create(&run, Clock::new()).unwrap());
        let filled = Wallet::fill(&load, &reqwest::Client::new(), &recorder, patience).await;
        filled.map(|(wallet, _)| wallet)
    }

    #[tokio::test]
    async fn arrivals_take_the_credentials_in_turn() {
        let url = issuer(json!({ "token": "secret", "lasts": 60 })).await;
        let wallet = filled(url, Duration::from_secs(120)).await.unwrap();
        assert!((0..5).all(|counter| wallet.token("client", counter).as_deref() == Some("secret")));
        assert_eq!(wallet.token("nobody", 0), None);
    }

    #[tokio::test]
    async fn what_cannot_be_got_in_time_is_told_with_the_last_reason_and_is_the_environments_failure() {
        for (answer, said) in [
            (json!({ "lasts": 60 }), "the answer has no text at /token"),
            (json!({ "token": "a\nb", "lasts": 60 }), "does not fit into a header"),
            (json!({ "token": "secret", "lasts": "long" }), "no number of seconds at /lasts"),
            (json!({ "token": "secret", "lasts": 0 }), "no number of seconds at /lasts"),
        ] {
            let error = filled(issuer(answer).await, Duration::from_secs(2)).await.unwrap_err();
            assert!(error.is_of_the_environment());
            let error = error.to_string();
            assert!(error.contains("`client` number 1 within 2 s") && error.contains(said), "{error}");
        }
        let nowhere = {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            format!("http://{}", listener.local_addr().unwrap())
        };
        let error = filled(nowhere, Duration::from_secs(2)).await.unwrap_err().to_string();
        assert!(error.contains("onnection refused"), "{error}");
    }
}
