//! A trace and the step in it that comes before, in the words of W3C's `traceparent`.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The header that carries it, in HTTP and in records.
pub(crate) const HEADER: &str = "traceparent";

/// Whether `text` is `version-trace-parent-flags` of version 0, in lower-case hexadecimal, neither id all zeros.
pub(crate) fn sound(text: &str) -> bool {
    parse(text).is_some()
}

/// The step that `text` names; none where it is not [`sound`].
pub(super) fn parse(text: &str) -> Option<SpanContext> {
    let fields: Vec<&str> = text.split('-').collect();
    let ["00", trace, parent, flags] = fields.as_slice() else { return None };
    let hexadecimal = |field: &str, length: usize| {
        field.len() == length && field.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
    };
    if !hexadecimal(trace, 32) || !hexadecimal(parent, 16) || !hexadecimal(flags, 2) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, parent) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(parent).ok()?);
    let context = SpanContext::new(trace, parent, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

/// How a step is told to those that follow from it.
pub(super) fn text(step: &SpanContext) -> String {
    format!("00-{}-{}-{:02x}", step.trace_id(), step.span_id(), step.trace_flags() & TraceFlags::SAMPLED)
}

/// Whether both are sound and name steps of the same trace.
pub(crate) fn same_trace(one: &str, other: &str) -> bool {
    parse(one).zip(parse(other)).is_some_and(|(one, other)| one.trace_id() == other.trace_id())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_taken_as_w3c_has_it_and_as_nothing_else() {
        assert!(sound(SOUND));
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

    #[test]
    fn what_is_parsed_is_written_as_it_was_but_for_flags_that_nobody_knows() {
        let written = |given: &str| text(&parse(given).expect("sound"));
        assert_eq!(written(SOUND), SOUND);
        assert_eq!(written(&SOUND.replace("-01", "-ff")), SOUND);
        assert_eq!(written(&SOUND.replace("-01", "-02")), SOUND.replace("-01", "-00"));
    }

    #[test]
    fn two_steps_are_of_one_trace_whatever_their_parents_are() {
        let other_step = SOUND.replace("00f067aa0ba902b7", "00f067aa0ba902b8");
        assert!(same_trace(SOUND, &other_step));
        assert!(!same_trace(SOUND, &SOUND.replace("4bf92f", "4bf92e")));
        assert!(!same_trace("own", "own"));
    }
}
