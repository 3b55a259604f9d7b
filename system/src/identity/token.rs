//! Tokens: what they say, and who gets one.

use serde::Serialize;
use uuid::Uuid;

use super::kept::Kept;
use super::key::KeyError;

/// Whom all tokens are for.
const AUDIENCE: &str = "lending";

/// What a token says (RFC 7519, RFC 9068). Instants are seconds since 1970.
#[derive(Debug, Serialize)]
struct Claims<'a> {
    iss: &'a str,
    /// The client.
    sub: &'a str,
    aud: &'static str,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: Uuid,
    /// Separated by spaces.
    scope: String,
}

/// What a token is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant<'a> {
    pub(super) issuer: &'a str,
    pub(super) client: &'a str,
    pub(super) scopes: &'a [String],
    /// How long it is good for.
    pub(super) lifetime_seconds: i64,
}

/// A token, and what may be known of it.
pub(super) struct Issued {
    pub(super) token: String,
    pub(super) jti: Uuid,
    /// The name of the key that signed it.
    pub(super) kid: String,
    /// In seconds since 1970.
    pub(super) expires_at: i64,
}

/// A token from `now` on, in seconds since 1970.
pub(super) fn issue(kept: &Kept, grant: Grant<'_>, now: i64) -> Result<Issued, KeyError> {
    // A revocation of all of a client's tokens covers those of its own second. One that is issued later in that second
    // says that it is of the next, so that it is not revoked as well.
    let revoked = kept.revocations.clients.get(grant.client);
    let issued = revoked.map_or(now, |revoked| now.max(revoked.up_to + 1));
    let (jti, expires_at) = (Uuid::new_v4(), now + grant.lifetime_seconds);
    let token = kept.signing().sign(&Claims {
        iss: grant.issuer,
        sub: grant.client,
        aud: AUDIENCE,
        exp: expires_at,
        nbf: now,
        iat: issued,
        jti,
        scope: grant.scopes.join(" "),
    })?;
    Ok(Issued { token, jti, kid: kept.signing().kid().to_owned(), expires_at })
}

/// Which of the scopes that a client may have he gets: those that he asks for, all where he asks for none. None where he
/// asks for one that he may not have.
pub(super) fn granted(allowed: &[String], asked: Option<&str>) -> Option<Vec<String>> {
    let Some(asked) = asked else { return Some(allowed.to_vec()) };
    let asked: Vec<_> = asked.split_whitespace().map(str::to_owned).collect();
    asked.iter().all(|scope| allowed.contains(scope)).then_some(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_asks_for_of_what_it_may_have() {
        let allowed = ["a".to_owned(), "b".to_owned()];
        assert_eq!(granted(&allowed, None), Some(allowed.to_vec()));
        assert_eq!(granted(&allowed, Some("b")), Some(vec!["b".to_owned()]));
        assert_eq!(granted(&allowed, Some("b c")), None);
    }
}
