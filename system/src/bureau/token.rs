//! The token that callbacks carry, from the identity provider, kept until shortly before its end.

use std::time::{Duration, Instant};

use reqwest::Client;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::config::bureau::IdentitySettings;

/// The credentials of this client, and what they brought.
pub(super) struct Tokens {
    client: Client,
    settings: IdentitySettings,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    token: String,
    until: Instant,
}

#[derive(Serialize)]
struct Credentials<'a> {
    client_id: &'a str,
    client_secret: &'a str,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    /// Seconds.
    expires_in: u64,
}

impl Tokens {
    pub(super) fn new(client: Client, settings: IdentitySettings) -> Self {
        Self { client, settings, kept: Mutex::new(None) }
    }

    /// A token that is good for a while. Whoever needs one at the same time waits for one call.
    pub(super) async fn get(&self) -> reqwest::Result<String> {
        let mut kept = self.kept.lock().await;
        if let Some(Kept { token, until }) = &*kept
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let IdentitySettings { url, client_id, client_secret } = &self.settings;
        let request = self.client.post(format!("{url}/token")).json(&Credentials { client_id, client_secret });
        let granted: Granted = request.send().await?.error_for_status()?.json().await?;
        let lifetime = Duration::from_secs(granted.expires_in);
        // The last tenth is for the way, and for clocks that differ.
        let until = Instant::now() + lifetime.mul_f64(0.9);
        *kept = Some(Kept { token: granted.access_token.clone(), until });
        Ok(granted.access_token)
    }

    /// Forgets a token that was refused, unless there is another one already.
    pub(super) async fn refused(&self, token: &str) {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_some_and(|kept| kept.token == token) {
            *kept = None;
        }
    }
}
