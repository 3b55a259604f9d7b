//! The trace that a request belongs to, in the words of W3C's `traceparent`.

use axum::http::HeaderMap;

/// The header that carries it.
pub(crate) const HEADER: &str = "traceparent";

/// The trace that the request says it belongs to; none where it says nothing, or nothing that W3C Trace Context knows,
/// so that no client writes into events and logs what it likes.
pub(crate) fn parent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(HEADER)?.to_str().ok()?;
    sound(text).then(|| text.to_owned())
}

/// `version-trace-parent-flags` of version 0, in lower-case hexadecimal, neither id all zeros.
fn sound(text: &str) -> bool {
    let fields: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = fields.as_slice() else { return false };
    let hexadecimal = |field: &str, length: usize| {
        field.len() == length && field.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
    };
    let id = |field: &str, length: usize| hexadecimal(field, length) && field.bytes().any(|byte| byte != b'0');
    *version == "00" && id(trace, 32) && id(parent, 16) && hexadecimal(flags, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_taken_as_w3c_has_it_and_as_nothing_else() {
        assert!(sound("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert!(!sound(wrong), "{wrong}");
        }
    }
}
