//! Who may have a token, and for what.

use aws_lc_rs::{constant_time, digest};

/// The longest id of a client, in bytes.
const ID_MAX: usize = 64;

/// A secret that somebody has to know. It is compared in constant time, and never shown.
#[derive(Clone)]
pub(crate) struct Secret(digest::Digest);

impl Secret {
    pub(crate) fn new(secret: &str) -> Self {
        Self(digest::digest(&digest::SHA256, secret.as_bytes()))
    }

    /// Whether `given` is it. The digests have one length, so that not even the length is told by the time it takes.
    pub(crate) fn is(&self, given: &str) -> bool {
        let given = digest::digest(&digest::SHA256, given.as_bytes());
        constant_time::verify_slices_are_equal(self.0.as_ref(), given.as_ref()).is_ok()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Clients by the pattern of their ids, with one secret for all of them.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    kinds: Vec<Kind>,
    secret: Secret,
}

/// Clients whose ids match a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kind {
    pattern: String,
    scopes: Vec<String>,
}

impl Clients {
    /// Understands `pattern=scope scope,pattern=scope`. The error says what a list looks like.
    pub(crate) fn parse(text: &str, secret: &str) -> Result<Self, String> {
        let kinds = text.split(',').map(kind).collect::<Option<Vec<_>>>();
        match kinds {
            Some(kinds) => Ok(Self { kinds, secret: Secret::new(secret) }),
            None => {
                Err("must be pattern=scopes, the scopes separated by spaces, several separated by commas, such as \
                         client-*=loans:read loans:write"
                    .to_owned())
            }
        }
    }

    /// What a client may do; none where there is no such client, or the secret is another.
    pub(super) fn scopes(&self, id: &str, secret: &str) -> Option<&[String]> {
        let known = self.secret.is(secret);
        let kind = self.kinds.iter().find(|kind| is_id(id) && matches(&kind.pattern, id));
        kind.filter(|_| known).map(|kind| kind.scopes.as_slice())
    }
}

fn kind(text: &str) -> Option<Kind> {
    let (pattern, scopes) = text.trim().split_once('=')?;
    let scopes: Vec<_> = scopes.split_whitespace().map(str::to_owned).collect();
    let sound = !pattern.is_empty() && pattern.split('*').all(|part| part.is_empty() || is_id(part));
    (sound && !scopes.is_empty()).then(|| Kind { pattern: pattern.to_owned(), scopes })
}

/// An id of a client: 1 to 64 letters, digits, `-`, `_` or `.`.
pub(super) fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=ID_MAX).contains(&text.len()) && text.bytes().all(plain)
}

/// Whether `text` is `pattern`, in which `*` stands for any text, also for none.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            // An id is short, and so is every pattern that anybody writes.
            (0..=rest.len()).any(|skipped| rest.get(skipped..).is_some_and(|rest| matches(after, rest)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pattern_that_matches_says_what_a_client_may_do() {
        let clients = Clients::parse("admin=a b, client-*=c,client-*-x=d,*=e", "secret").expect("a list");
        let scopes = |id| clients.scopes(id, "secret").map(|scopes| scopes.join(" "));
        assert_eq!(scopes("admin").as_deref(), Some("a b"));
        assert_eq!(scopes("client-7").as_deref(), Some("c"));
        assert_eq!(scopes("client-7-x").as_deref(), Some("c"));
        assert_eq!(scopes("bureau").as_deref(), Some("e"));
        assert_eq!(scopes("no id").as_deref(), None);
        assert_eq!(scopes("").as_deref(), None);
        assert_eq!(clients.scopes("admin", "Secret"), None);
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("client-*", "client-", true),
            ("client-*", "client-17", true),
            ("client-*", "clients-17", false),
            ("*-x", "a-x", true),
            ("*-x", "a-x-y", false),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1c2b", false),
            ("a", "ab", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_list_that_cannot_be_meant_is_refused() {
        for wrong in ["", "a", "a=", "=a", "a=b,", "a b=c", "a=b,c"] {
            assert!(Clients::parse(wrong, "secret").is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let clients = Clients::parse("a=b", "hunter22").expect("a list");
        assert!(!format!("{clients:?}").contains("hunter22"));
    }
}
