//! How figures are written for people.

use std::time::Duration;

/// A count with its thousands separated: `16,012`.
#[must_use]
pub fn count(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 sample`, `2,048 samples`.
pub(crate) fn plural(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `none was` / `1 was` / `12 were`.
pub(crate) fn were(number: u64) -> String {
    match number {
        0 => "none was".to_owned(),
        1 => "1 was".to_owned(),
        more => format!("{} were", count(more)),
    }
}

/// `once`, `2 times`.
pub(crate) fn times(number: u64) -> String {
    if number == 1 { "once".to_owned() } else { format!("{} times", count(number)) }
}

/// Seconds with one decimal: `3.4 s`.
pub(crate) fn seconds(span: Duration) -> String {
    format!("{:.1} s", span.as_secs_f64())
}

/// A latency in milliseconds, `inf` where there was no answer: `12.3 ms`.
pub(crate) fn latency(nanos: u64) -> String {
    millis(nanos).map_or_else(|| "infinite".to_owned(), |ms| format!("{ms:.1} ms"))
}

/// A latency in milliseconds; `None` where there was no answer ([`u64::MAX`]).
pub(crate) fn millis(nanos: u64) -> Option<f64> {
    (nanos != u64::MAX).then_some(nanos as f64 / 1e6)
}

/// A ratio in percent with as many decimals as it takes to tell it from a whole number: `99.93 %`.
pub(crate) fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    // What four decimals would round to nothing, or to all, is neither.
    if 0.0 < percent && percent < 0.000_05 {
        return "less than 0.0001 %".to_owned();
    }
    if (99.999_95..100.0).contains(&percent) {
        return "more than 99.9999 %".to_owned();
    }
    let text = format!("{percent:.4}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Names as a list: `a`, `a and b`, `a, b and c`.
pub(crate) fn list<T: AsRef<str>>(names: &[T]) -> String {
    joined(names, "and")
}

/// Names of which one is meant: `a`, `a or b`, `a, b or c`.
pub(crate) fn either<T: AsRef<str>>(names: &[T]) -> String {
    joined(names, "or")
}

fn joined<T: AsRef<str>>(names: &[T], word: &str) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} {word} {}", most.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators() {
        for (number, text) in
            [(0_u64, "0"), (999, "999"), (1_000, "1,000"), (16_012, "16,012"), (1_234_567, "1,234,567")]
        {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn a_ratio_shows_the_decimals_that_it_has() {
        assert_eq!(
            [percent(0.999), percent(0.9), percent(0.003_47), percent(1.0)],
            ["99.9 %", "90 %", "0.347 %", "100 %"]
        );
    }

    #[test]
    fn what_is_nearly_none_or_nearly_all_is_not_told_as_none_or_all() {
        assert_eq!([percent(1e-7), percent(0.999_999_9)], ["less than 0.0001 %", "more than 99.9999 %"]);
        assert_eq!([percent(0.0), percent(1e-6)], ["0 %", "0.0001 %"]);
    }

    #[test]
    fn what_is_there_once_is_not_there_one_times() {
        assert_eq!([times(0), times(1), times(1_200)], ["0 times", "once", "1,200 times"]);
    }

    #[test]
    fn a_list_reads_as_a_sentence() {
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!([either(&["a"]), either(&["a", "b"])], ["a", "a or b"]);
    }
}
