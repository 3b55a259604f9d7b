//! Identity's journal: what it issued, rotated and revoked, one JSON object a line. Names only: neither a token nor a
//! secret nor a key stands in it.
//!
//! A line is written when what it tells is done, and before anybody is answered. Who was not answered can ask again: a
//! revocation can have a line for each time that it was asked for.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    #[serde(flatten)]
    pub(super) done: Done,
    pub(super) at: Timestamp,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "UPPERCASE")]
pub(super) enum Done {
    /// A client got a token.
    Issued {
        client_id: String,
        /// The token's id.
        jti: Uuid,
        scope: String,
        /// The name of the key that signed it.
        kid: String,
        /// In seconds since 1970.
        expires_at: i64,
    },
    /// Tokens are signed with a new key.
    Rotated { kid: String },
    /// A token is revoked, or all that a client has got up to an instant: one of the two.
    Revoked {
        #[serde(skip_serializing_if = "Option::is_none")]
        jti: Option<Uuid>,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
        /// In seconds since 1970.
        revoked_at: i64,
    },
}

impl Line {
    /// It is done now.
    pub(super) fn now(done: Done) -> Self {
        Self { done, at: Timestamp::now() }
    }
}
