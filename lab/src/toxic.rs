//! What a Toxiproxy can do to a link.

use crate::component::words;
use crate::{LabError, Link};
use std::time::Duration;
use toxiproxy_rust::client::Client;

/// What a Toxiproxy does to a link, from now on and on connections that exist as well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Toxic {
    /// What it does.
    pub effect: Effect,
    /// To which direction.
    pub stream: Stream,
    /// To which share of the connections, from 0 to 1.
    pub toxicity: f32,
}

/// The directions of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// From the source host to the instance.
    Upstream,
    /// From the instance back to the source host.
    Downstream,
}

/// What can be done to a link. Spans are kept in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Every packet is late by `latency`, give or take `jitter`.
    Latency {
        /// How late.
        latency: Duration,
        /// Give or take.
        jitter: Duration,
    },
    /// No more than this many kilobytes a second.
    Bandwidth {
        /// Kilobytes a second.
        rate: u32,
    },
    /// Closing a connection takes this long.
    SlowClose {
        /// How long.
        delay: Duration,
    },
    /// Nothing passes, and the connection is closed after `after`; zero keeps it open.
    Timeout {
        /// When it is closed.
        after: Duration,
    },
    /// The connection is reset after `after`.
    ResetPeer {
        /// When it is reset.
        after: Duration,
    },
    /// The connection is closed when this many bytes have passed.
    LimitData {
        /// How many.
        bytes: u32,
    },
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }
}

impl Toxic {
    /// The name that the toxic has in its Toxiproxy: one of a kind in each direction.
    #[must_use]
    pub fn name(&self) -> String {
        let kind = match self.effect {
            Effect::Latency { .. } => "latency",
            Effect::Bandwidth { .. } => "bandwidth",
            Effect::SlowClose { .. } => "slow_close",
            Effect::Timeout { .. } => "timeout",
            Effect::ResetPeer { .. } => "reset_peer",
            Effect::LimitData { .. } => "limit_data",
        };
        format!("{kind}_{}", self.stream.name())
    }
}

/// Puts `toxic` on `link`, and makes sure that it is there: Toxiproxy's client does not look at the answer.
pub(crate) async fn add(client: &reqwest::Client, link: &Link, toxic: Toxic) -> Result<(), LabError> {
    let wrong = |what: String| failure(link, format!("put {} on the link to {}", toxic.name(), link.to), what);
    if let Effect::ResetPeer { after } = toxic.effect {
        return post_reset_peer(client, link, toxic, after).await.map_err(wrong);
    }
    let (api, proxy) = (link.api.clone(), link.proxy.clone());
    let put = tokio::task::spawn_blocking(move || put(&api, &proxy, toxic)).await;
    put.map_err(|error| error.to_string()).and_then(|put| put).map_err(wrong)
}

/// Takes the toxic called `name` from `link`. One that is not there is no error: healing twice is harmless.
pub(crate) async fn remove(client: &reqwest::Client, link: &Link, name: &str) -> Result<(), LabError> {
    let url = format!("http://{}/proxies/{}/toxics/{name}", link.api, link.proxy);
    let answer = client.delete(url).send().await;
    let what = match answer.map(|answer| answer.status().as_u16()) {
        Ok(204 | 404) => return Ok(()),
        Ok(status) => format!("it answered with {status}"),
        Err(error) => words(&error),
    };
    Err(failure(link, format!("take {name} from the link to {}", link.to), what))
}

/// Lets `link` accept connections, or closes it with those that it has.
pub(crate) async fn set_enabled(client: &reqwest::Client, link: &Link, enabled: bool) -> Result<(), LabError> {
    let url = format!("http://{}/proxies/{}", link.api, link.proxy);
    let answer = client.post(url).json(&serde_json::json!({ "enabled": enabled })).send().await;
    let what = match answer.map(|answer| answer.status().as_u16()) {
        Ok(200) => return Ok(()),
        Ok(status) => format!("it answered with {status}"),
        Err(error) => words(&error),
    };
    Err(failure(link, format!("{} the link to {}", if enabled { "open" } else { "close" }, link.to), what))
}

fn failure(link: &Link, doing: String, what: String) -> LabError {
    LabError::Toxiproxy { doing, host: link.from.to_string(), what }
}

/// Blocks its thread, and panics where the client does: when a toxic cannot be posted.
fn put(api: &str, proxy: &str, toxic: Toxic) -> Result<(), String> {
    let proxy = Client::new(api).find_proxy(proxy)?;
    if proxy.toxics()?.iter().any(|there| there.name == toxic.name()) {
        return Err("there is one already".to_owned());
    }
    let (stream, toxicity) = (toxic.stream.name().to_owned(), toxic.toxicity);
    let proxy = match toxic.effect {
        Effect::Latency { latency, jitter } => proxy.with_latency(stream, millis(latency), millis(jitter), toxicity),
        Effect::Bandwidth { rate } => proxy.with_bandwidth(stream, rate, toxicity),
        Effect::SlowClose { delay } => proxy.with_slow_close(stream, millis(delay), toxicity),
        Effect::Timeout { after } => proxy.with_timeout(stream, millis(after), toxicity),
        Effect::LimitData { bytes } => proxy.with_limit_data(stream, bytes, toxicity),
        Effect::ResetPeer { .. } => return Err("toxiproxy_rust does not know it".to_owned()),
    };
    let there = proxy.toxics()?.iter().any(|there| there.name == toxic.name());
    if there { Ok(()) } else { Err("it was refused".to_owned()) }
}

/// The toxic that toxiproxy_rust does not know.
async fn post_reset_peer(client: &reqwest::Client, link: &Link, toxic: Toxic, after: Duration) -> Result<(), String> {
    let url = format!("http://{}/proxies/{}/toxics", link.api, link.proxy);
    let body = serde_json::json!({
        "name": toxic.name(),
        "type": "reset_peer",
        "stream": toxic.stream.name(),
        "toxicity": toxic.toxicity,
        "attributes": { "timeout": millis(after) },
    });
    let answer = client.post(url).json(&body).send().await.map_err(|error| words(&error))?;
    match answer.status().as_u16() {
        200 => Ok(()),
        status => Err(format!("it answered with {status}: {}", answer.text().await.unwrap_or_default())),
    }
}

fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}
