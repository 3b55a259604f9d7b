//! Figures as people write them: thousands separated, as many digits as mean something, units.

pub(crate) use proofload_verify::count;

/// What a figure's value is measured in, told by the end of its name.
type Write = fn(f64) -> String;

/// The units: the end of a name, how a value is written, and what a missing value says. The first match counts.
const UNITS: &[(&str, Write, &str)] = &[
    ("_per_s", |value| format!("{}/s", number(value)), "unknown"),
    ("_ms", millis, "no answer"),
    ("_us", |value| millis(value / 1e3), "unknown"),
    ("_s", seconds, "not reached"),
    ("_minutes", |value| seconds(value * 60.0), "not reached"),
    ("_ratio", |value| percent(value * 100.0), "unknown"),
    ("_percent", percent, "unknown"),
    ("_bytes", bytes, "unknown"),
];

/// The label and the value of the figure `name`: `("p95", "182 ms")` for `p95_ms`. What follows the first dot says of
/// what: `failover_s.broker-kill` is `("failover, broker-kill", "4.6 s")`.
pub(crate) fn figure(name: &str, value: Option<f64>) -> (String, String) {
    let (name, of) = name.split_once('.').map_or((name, String::new()), |(name, of)| (name, format!(", {of}")));
    let unit = UNITS.iter().find_map(|(end, write, missing)| Some((name.strip_suffix(end)?, *write, *missing)));
    let (label, write, missing) = unit.unwrap_or((name, number, "unknown"));
    let value = value.filter(|value| value.is_finite()).map_or_else(|| missing.to_owned(), write);
    (format!("{}{of}", label.replace('_', " ")), value)
}

/// Whole numbers as they are, others with three significant digits: `1,234`, `0.0421`, `12.3`.
pub(crate) fn number(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    let size = value.abs();
    if size.fract() == 0.0 || size >= 1_000.0 {
        return format!("{sign}{}", count(size.round() as u64));
    }
    let decimals = (2 - size.log10().floor() as i32).clamp(0, 9) as usize;
    format!("{sign}{}", trimmed(format!("{size:.decimals$}")))
}

/// `0.42 ms`, `38 ms`, `1.2 s`; an infinite one is `no answer`.
pub(crate) fn millis(value: f64) -> String {
    match value {
        infinite if infinite.is_infinite() => "no answer".to_owned(),
        _ if value >= 999.5 => seconds(value / 1e3),
        _ if value >= 9.95 || value == 0.0 => format!("{value:.0} ms"),
        _ if value >= 0.995 => format!("{value:.1} ms"),
        _ => format!("{value:.2} ms"),
    }
}

/// `0.42 s`, `31.2 s`, `2 min 12 s`, `3 h 05 min`.
pub(crate) fn seconds(value: f64) -> String {
    let whole = value.round() as u64;
    match value {
        _ if value < 0.995 && value > 0.0 => format!("{value:.2} s"),
        _ if value < 119.95 => format!("{value:.1} s"),
        _ if whole < 7_200 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3_600, whole % 3_600 / 60),
    }
}

/// A percentage with as many digits as its distance from 0 and from 100 needs: `99.987 %`, `42.0 %`, `0.35 %`.
pub(crate) fn percent(value: f64) -> String {
    let distance = value.abs().min((100.0 - value).abs());
    if distance == 0.0 {
        return format!("{value:.0} %");
    }
    let decimals = (1 - distance.log10().floor() as i32).clamp(1, 4) as usize;
    format!("{value:.decimals$} %")
}

/// `part` of `whole` as a percentage, or a dash where there is no whole.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { percent(part as f64 / whole as f64 * 100.0) }
}

/// A word of a TOML file as people read it: `warm_up` is `warm up`.
pub(crate) fn spaced(word: &str) -> String {
    word.replace('_', " ")
}

/// `one request` and `2 requests`: the count with `one` or `many` behind it.
pub(crate) fn counted(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

fn bytes(value: f64) -> String {
    let units = [("GiB", 1_073_741_824.0), ("MiB", 1_048_576.0), ("KiB", 1_024.0)];
    let unit = units.into_iter().find(|(_, size)| value >= *size);
    let (name, size) = unit.unwrap_or(("bytes", 1.0));
    format!("{} {name}", number(value / size))
}

fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_written_in_the_unit_that_ends_its_name() {
        let written = |name, value: f64| figure(name, Some(value)).1;
        assert_eq!(written("p95_ms", 182.4), "182 ms");
        assert_eq!(written("p99_ms", 12_340.0), "12.3 s");
        assert_eq!(written("lag_us", 96.0), "0.10 ms");
        assert_eq!(written("failover_s", 3.52), "3.5 s");
        assert_eq!(written("accepted_per_s", 199.8), "200/s");
        assert_eq!(written("available_ratio", 0.99987), "99.987 %");
        assert_eq!(written("lost_intents", 2_430.0), "2,430");
        assert_eq!(written("rss_bytes", 262_144_000.0), "250 MiB");
    }

    #[test]
    fn the_unit_is_no_part_of_a_figures_label() {
        assert_eq!(figure("p95_ms", None), ("p95".to_owned(), "no answer".to_owned()));
        assert_eq!(figure("lost_intents", Some(0.0)).0, "lost intents");
        let failover = figure("failover_s.broker-kill", Some(4.6));
        assert_eq!(failover, ("failover, broker-kill".to_owned(), "4.6 s".to_owned()));
    }

    #[test]
    fn spans_of_time_keep_the_digits_that_mean_something() {
        let spans = [0.0, 0.42, 3.52, 31.24, 132.0, 11_100.0].map(seconds);
        assert_eq!(spans, ["0.0 s", "0.42 s", "3.5 s", "31.2 s", "2 min 12 s", "3 h 05 min"]);
    }

    #[test]
    fn a_percentage_near_its_end_shows_how_near() {
        let shares = [0.0, 0.35, 42.0, 99.95, 99.9987, 100.0].map(percent);
        assert_eq!(shares, ["0 %", "0.35 %", "42.0 %", "99.950 %", "99.9987 %", "100 %"]);
    }
}
