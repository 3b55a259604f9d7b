//! The routes: tokens and keys for everybody, rotation and revocation for who knows the admin's secret, and the journal.
//!
//! Clients are treated as the settings say; whoever administers or observes is always served.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use jiff::Timestamp;
use jsonwebtoken::jwk::JwkSet;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tracing::{error, info};
use uuid::Uuid;

use super::answer::Refusal;
use super::clients::{Clients, Secret, is_id};
use super::journal::{Done, Line};
use super::kept::Revoked;
use super::token::{self, Grant, Issued};
use super::vault::Vault;
use crate::config::identity::IdentitySettings;
use crate::http::ndjson;
use crate::http::problem::Problem;
use crate::party::call::Calls;
use crate::party::journal::Journal;

/// What the routes share.
pub(super) struct Provider {
    vault: Vault,
    journal: Journal,
    calls: Calls,
    clients: Clients,
    admin: Secret,
    issuer: String,
    lifetime_seconds: i64,
}

impl Provider {
    pub(super) fn new(vault: Vault, journal: Journal, settings: &IdentitySettings) -> Self {
        Self {
            vault,
            journal,
            calls: settings.calls,
            clients: settings.clients.clone(),
            admin: settings.admin_secret.clone(),
            issuer: settings.issuer.clone(),
            lifetime_seconds: settings.lifetime_seconds,
        }
    }

    /// Writes down what was done.
    fn note(&self, done: Done) -> Result<(), Refusal> {
        self.journal.append(&[Line::now(done)]).map_err(|error| {
            error!(%error, "the journal takes nothing");
            Refusal::ServerError
        })
    }

    /// Errors where the request has not the admin's secret as its bearer token.
    fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let secret = given.and_then(|given| given.strip_prefix("Bearer "));
        if secret.is_some_and(|secret| self.admin.is(secret)) { Ok(()) } else { Err(Refusal::NotAdmin) }
    }
}

/// The routes of the provider.
pub(super) fn routes(provider: Arc<Provider>) -> Router {
    Router::new()
        .route("/token", post(issue))
        .route("/.well-known/jwks.json", get(keys))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&provider), treat))
        .route("/rotate", post(rotate))
        .route("/revoke", post(revoke))
        .route("/v1/journal", get(journal))
        .with_state(provider)
}

/// Lets a client wait, fail or go without an answer, as the settings say.
async fn treat(State(provider): State<Arc<Provider>>, request: Request, next: Next) -> Result<Response, Refusal> {
    provider.calls.wait().await.map_err(|_| Refusal::ServerError)?;
    Ok(next.run(request).await)
}

async fn journal(State(provider): State<Arc<Provider>>) -> Result<Response, Problem> {
    let (path, length) = provider.journal.contents();
    ndjson::file(path, length).await
}

/// A request for a token, as JSON or as OAuth's form (RFC 6749, section 4.4.2).
#[derive(Debug, Deserialize)]
struct TokenRequest {
    client_id: String,
    client_secret: String,
    /// In a form it has to be said.
    grant_type: Option<String>,
    scope: Option<String>,
}

/// A token, as RFC 6749, section 5.1 has it.
#[derive(Debug, Serialize)]
struct TokenAnswer {
    access_token: String,
    token_type: &'static str,
    /// In seconds.
    expires_in: i64,
    scope: String,
}

async fn issue(State(provider): State<Arc<Provider>>, request: Request) -> Result<Response, Refusal> {
    let answer = issued(&provider, request).await;
    let result = if answer.is_ok() { "issued" } else { "refused" };
    metrics::counter!("lending_tokens_total", "result" => result).increment(1);
    let mut response = Json(answer?).into_response();
    // A token is for whom it was issued to.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn issued(provider: &Provider, request: Request) -> Result<TokenAnswer, Refusal> {
    let asked = asked(request).await?;
    let allowed = provider.clients.scopes(&asked.client_id, &asked.client_secret).ok_or(Refusal::InvalidClient)?;
    let scopes = token::granted(allowed, asked.scope.as_deref()).ok_or(Refusal::InvalidScope)?;
    let lifetime_seconds = provider.lifetime_seconds;
    let grant = Grant { issuer: &provider.issuer, client: &asked.client_id, scopes: &scopes, lifetime_seconds };
    let issued = token::issue(&provider.vault.kept(), grant, now()).map_err(|error| {
        error!(%error, "cannot sign a token");
        Refusal::ServerError
    })?;
    let Issued { token: access_token, jti, kid, expires_at } = issued;
    let scope = scopes.join(" ");
    provider.note(Done::Issued { client_id: asked.client_id, jti, scope: scope.clone(), kid, expires_at })?;
    Ok(TokenAnswer { access_token, token_type: "Bearer", expires_in: lifetime_seconds, scope })
}

async fn asked(request: Request) -> Result<TokenRequest, Refusal> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let form = kind.starts_with("application/x-www-form-urlencoded");
    let asked: TokenRequest = if form {
        let invalid = |error: axum::extract::rejection::FormRejection| Refusal::InvalidRequest(error.body_text());
        Form::from_request(request, &()).await.map_err(invalid)?.0
    } else {
        let invalid = |error: axum::extract::rejection::JsonRejection| Refusal::InvalidRequest(error.body_text());
        Json::from_request(request, &()).await.map_err(invalid)?.0
    };
    match asked.grant_type.as_deref() {
        Some("client_credentials") => Ok(asked),
        None if form => Err(Refusal::InvalidRequest("grant_type is missing".to_owned())),
        None => Ok(asked),
        Some(_) => Err(Refusal::UnsupportedGrantType),
    }
}

async fn keys(State(provider): State<Arc<Provider>>) -> Json<JwkSet> {
    let kept = provider.vault.kept();
    Json(JwkSet { keys: kept.verifying(now()).map(|key| key.public().clone()).collect() })
}

#[derive(Debug, Serialize)]
struct Rotated {
    kid: String,
}

async fn rotate(State(provider): State<Arc<Provider>>, headers: HeaderMap) -> Result<Json<Rotated>, Refusal> {
    provider.admit(&headers)?;
    let kid = provider.vault.rotate(now()).await.map_err(refuse)?;
    info!(kid, "tokens are signed with a new key");
    provider.note(Done::Rotated { kid: kid.clone() })?;
    Ok(Json(Rotated { kid }))
}

/// What is to be revoked: one of the two.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevocationRequest {
    jti: Option<Uuid>,
    client_id: Option<String>,
}

/// The revocation is on the disk, and on its way to the gateways.
#[derive(Debug, Serialize)]
struct RevocationAnswer {
    /// The instant, in seconds since 1970.
    revoked_at: i64,
}

async fn revoke(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<RevocationAnswer>, Refusal> {
    provider.admit(&headers)?;
    let revoked = match json::<RevocationRequest>(&body)? {
        RevocationRequest { jti: Some(id), client_id: None } => Revoked::Token(id),
        RevocationRequest { jti: None, client_id: Some(id) } if is_id(&id) => Revoked::Client(id),
        _ => return Err(Refusal::InvalidRequest("must have either jti or client_id".to_owned())),
    };
    let revoked_at = now();
    info!(?revoked, revoked_at, "revoking");
    let (jti, client_id) = match &revoked {
        Revoked::Token(id) => (Some(*id), None),
        Revoked::Client(id) => (None, Some(id.clone())),
    };
    provider.vault.revoke(revoked, revoked_at).await.map_err(refuse)?;
    provider.note(Done::Revoked { jti, client_id, revoked_at })?;
    Ok(Json(RevocationAnswer { revoked_at }))
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::InvalidRequest(error.to_string()))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn refuse(error: anyhow::Error) -> Refusal {
    error!(error = format!("{error:#}"), "keys and revocations stay as they were");
    Refusal::ServerError
}

/// Seconds since 1970.
fn now() -> i64 {
    Timestamp::now().as_second()
}
