//! Which panels a run has: rates, latency, errors, gauges, CPU.

use super::axis::Scale;
use super::palette::{self, Ink};
use super::panel::{Datum, Key, Layer, Panel};
use crate::numbers;
use crate::traffic::{Bucket, Counts, Quantiles, Traffic};
use proofload_history::{History, HistoryError};
use std::collections::BTreeMap;

/// The metric under which a manifest's gauges are sampled; the subject is the gauge's name.
const GAUGE: &str = "gauge";
/// The metric of a process's use of processors.
const CPU: &str = "cpu_cores";
/// Samples further apart than this are not joined by a line.
const GAP_S: f64 = 5.0;

/// What is drawn, and what is only told.
pub(super) struct Panels {
    /// All panels, in the order from top to bottom.
    pub(super) panels: Vec<Panel>,
    /// The gauges that were zero in every sample: a line along the axis takes room and says one word.
    pub(super) at_zero: Vec<String>,
}

pub(super) fn panels(history: &History, traffic: &Traffic) -> Result<Panels, HistoryError> {
    let mut panels = vec![rates(traffic), latency(traffic), errors(traffic)];
    let mut at_zero = Vec::new();
    for (name, data) in samples(history, traffic, GAUGE, Merge::Max)? {
        if data.iter().all(|(_, value)| *value == 0.0) {
            at_zero.push(numbers::spaced(&name));
        } else {
            panels.push(gauge(&name, &data, traffic));
        }
    }
    panels.extend(cpu(history, traffic)?);
    Ok(Panels { panels, at_zero })
}

fn rates(traffic: &Traffic) -> Panel {
    let per_s = |of: fn(&Bucket) -> u64| data(traffic, |bucket| Some(of(bucket) as f64 / traffic.width_s as f64));
    let offered = per_s(|bucket| bucket.counts.offered);
    let accepted = per_s(|bucket| bucket.counts.ok);
    let scale = Scale::linear(offered.iter().chain(&accepted).map(|(_, value)| *value));
    let columns = accepted.iter().filter(|(_, value)| *value > 0.0).map(|(at, value)| (*at, 0.0, *value)).collect();
    let width_s = traffic.width_s as f64;
    Panel {
        title: "Requests per second".to_owned(),
        height: 120.0,
        scale,
        write: numbers::number,
        ceiling: None,
        keys: vec![line_key("offered", &palette::OFFERED), fill_key("accepted", &palette::ACCEPTED)],
        layers: vec![
            Layer::Columns { columns, width_s, ink: &palette::ACCEPTED, opacity: 0.35 },
            Layer::Steps { values: accepted, width_s, ink: &palette::ACCEPTED, width: 1.5 },
            Layer::Steps { values: offered, width_s, ink: &palette::OFFERED, width: 1.5 },
        ],
    }
}

fn latency(traffic: &Traffic) -> Panel {
    let quantile = |of: fn(&Quantiles) -> f64| data(traffic, |bucket| bucket.latency.as_ref().map(of));
    let lines = [
        ("p50", quantile(|latency| latency.p50_ms), &palette::P50, 2.0),
        ("p95", quantile(|latency| latency.p95_ms), &palette::P95, 2.0),
        ("p99", quantile(|latency| latency.p99_ms), &palette::P99, 1.5),
    ];
    let values = || lines.iter().flat_map(|(_, data, _, _)| data.iter().map(|(_, value)| *value));
    let scale = Scale::log(values());
    let ceiling = values().any(f64::is_infinite).then_some("no answer");
    let keys = lines.iter().map(|(name, _, ink, _)| line_key(name, ink)).collect();
    let gap_s = traffic.width_s as f64 * 1.5;
    Panel {
        title: "Time to the answer, log scale".to_owned(),
        height: 150.0,
        scale,
        write: |value| {
            if value >= 1_000.0 {
                format!("{} s", numbers::number(value / 1e3))
            } else {
                format!("{} ms", numbers::number(value))
            }
        },
        ceiling,
        keys,
        // The median is drawn last: where lines meet, it says most.
        layers: (lines.iter().rev())
            .map(|(_, data, ink, width)| Layer::Line { pieces: pieces(data, gap_s), ink, width: *width })
            .collect(),
    }
}

/// A way in which an operation can go wrong.
struct Kind {
    name: &'static str,
    of: fn(&Counts) -> u64,
    ink: &'static Ink,
}

/// The ways, from the bottom of a column to its top.
static KINDS: [Kind; 3] = [
    Kind { name: "fail", of: |counts| counts.fail, ink: &palette::FAIL },
    Kind { name: "indeterminate", of: |counts| counts.indeterminate, ink: &palette::INDETERMINATE },
    Kind { name: "unsent", of: |counts| counts.unsent, ink: &palette::UNSENT },
];

fn errors(traffic: &Traffic) -> Panel {
    let width_s = traffic.width_s as f64;
    let mut stacked = vec![0.0; traffic.buckets.len()];
    let mut layers = Vec::new();
    for kind in &KINDS {
        let mut columns = Vec::new();
        for (index, bucket) in traffic.buckets.iter().enumerate().filter(|(_, bucket)| (kind.of)(&bucket.counts) > 0) {
            let from = stacked[index];
            stacked[index] += (kind.of)(&bucket.counts) as f64 / width_s;
            columns.push((traffic.middle_s(index), from, stacked[index]));
        }
        layers.push(Layer::Columns { columns, width_s, ink: kind.ink, opacity: 1.0 });
    }
    let label = |kind: &Kind| format!("{} {}", kind.name, numbers::count((kind.of)(&traffic.total)));
    Panel {
        title: "Errors per second".to_owned(),
        height: 80.0,
        scale: Scale::linear(stacked.into_iter()),
        write: numbers::number,
        ceiling: None,
        keys: KINDS.iter().map(|kind| fill_key(&label(kind), kind.ink)).collect(),
        layers,
    }
}

fn gauge(name: &str, data: &[Datum], traffic: &Traffic) -> Panel {
    let peak = data.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    Panel {
        title: numbers::spaced(name),
        height: 50.0,
        scale: Scale::linear(data.iter().map(|(_, value)| *value)),
        write: numbers::number,
        ceiling: None,
        keys: vec![line_key(&format!("peak {}", numbers::number(peak)), &palette::GAUGE)],
        layers: vec![Layer::Line { pieces: pieces(data, gap_s(traffic)), ink: &palette::GAUGE, width: 1.75 }],
    }
}

/// CPU by component, its instances taken together: the busiest five, and the others as one.
fn cpu(history: &History, traffic: &Traffic) -> Result<Option<Panel>, HistoryError> {
    let mut components: BTreeMap<String, BTreeMap<u64, f64>> = BTreeMap::new();
    for (subject, data) in samples(history, traffic, CPU, Merge::Mean)? {
        let sums = components.entry(component(&subject).to_owned()).or_default();
        for (at, value) in data {
            *sums.entry((at * 1e3) as u64).or_default() += value;
        }
    }
    let mut busiest: Vec<(String, BTreeMap<u64, f64>)> = components.into_iter().collect();
    busiest.sort_by(|(_, one), (_, other)| other.values().sum::<f64>().total_cmp(&one.values().sum::<f64>()));
    let shown = palette::CPU.len();
    if busiest.len() > shown {
        let mut others: BTreeMap<u64, f64> = BTreeMap::new();
        busiest
            .drain(shown - 1..)
            .flat_map(|(_, sums)| sums)
            .for_each(|(at, value)| *others.entry(at).or_default() += value);
        busiest.push(("others".to_owned(), others));
    }
    let lines: Vec<(String, Vec<Datum>)> = busiest
        .into_iter()
        .map(|(name, sums)| (name, sums.into_iter().map(|(at, value)| (at as f64 / 1e3, value)).collect()))
        .collect();
    Ok((!lines.is_empty()).then(|| Panel {
        title: "Processor cores used".to_owned(),
        height: 80.0,
        scale: Scale::linear(lines.iter().flat_map(|(_, data)| data.iter().map(|(_, value)| *value))),
        write: numbers::number,
        ceiling: None,
        keys: lines.iter().zip(&palette::CPU).map(|((name, _), ink)| line_key(name, ink)).collect(),
        layers: (lines.into_iter().zip(&palette::CPU))
            .map(|((_, data), ink)| Layer::Line { pieces: pieces(&data, gap_s(traffic)), ink, width: 1.5 })
            .collect(),
    }))
}

/// How samples that fall into one bucket are taken together.
#[derive(Clone, Copy)]
enum Merge {
    /// A spike must not be lost.
    Max,
    Mean,
}

/// The samples of `metric` by subject, one value per bucket that has any. One pass over the series.
fn samples(
    history: &History,
    traffic: &Traffic,
    metric: &str,
    merge: Merge,
) -> Result<BTreeMap<String, Vec<Datum>>, HistoryError> {
    let mut subjects: BTreeMap<String, BTreeMap<usize, (f64, u32)>> = BTreeMap::new();
    history.series.each(|sample| {
        if sample.metric() != metric || sample.at() < traffic.from || !sample.value().is_finite() {
            return;
        }
        if !subjects.contains_key(sample.subject()) {
            subjects.insert(sample.subject().to_owned(), BTreeMap::new());
        }
        let Some(buckets) = subjects.get_mut(sample.subject()) else { return };
        let merged = buckets.entry(traffic.bucket(sample.at())).or_insert((f64::NEG_INFINITY, 0));
        merged.0 = match merge {
            Merge::Mean if merged.1 > 0 => merged.0 + sample.value(),
            _ => merged.0.max(sample.value()),
        };
        merged.1 += 1;
    })?;
    let value = |(sum, count): (f64, u32)| match merge {
        Merge::Max => sum,
        Merge::Mean => sum / f64::from(count),
    };
    let data = |buckets: BTreeMap<usize, (f64, u32)>| {
        buckets.into_iter().map(|(index, merged)| (traffic.middle_s(index), value(merged))).collect()
    };
    Ok(subjects.into_iter().map(|(subject, buckets)| (subject, data(buckets))).collect())
}

fn data(traffic: &Traffic, of: impl Fn(&Bucket) -> Option<f64>) -> Vec<Datum> {
    let buckets = traffic.buckets.iter().enumerate();
    buckets.filter_map(|(index, bucket)| Some((traffic.middle_s(index), of(bucket)?))).collect()
}

/// Data cut wherever two neighbours are more than `gap_s` apart.
fn pieces(data: &[Datum], gap_s: f64) -> Vec<Vec<Datum>> {
    data.chunk_by(|one, next| next.0 - one.0 <= gap_s).map(<[Datum]>::to_vec).collect()
}

fn gap_s(traffic: &Traffic) -> f64 {
    GAP_S.max(traffic.width_s as f64 * 2.5)
}

/// The component of an instance: `kafka` of `kafka-2`.
fn component(instance: &str) -> &str {
    match instance.rsplit_once('-') {
        Some((component, number)) if !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit()) => component,
        _ => instance,
    }
}

fn line_key(label: &str, ink: &'static Ink) -> Key {
    Key { label: label.to_owned(), ink, filled: false }
}

fn fill_key(label: &str, ink: &'static Ink) -> Key {
    Key { label: label.to_owned(), ink, filled: true }
}
