//! Scales and their ticks.

/// A mapping from seconds since the start of the run to pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeAxis {
    pub(super) from_s: f64,
    pub(super) to_s: f64,
    pub(super) left: f64,
    pub(super) right: f64,
}

/// Distances of ticks that a reader can count in, in seconds.
const STEPS_S: [f64; 16] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0, 7_200.0, 21_600.0, 86_400.0,
];

impl TimeAxis {
    /// The pixel of an instant; instants outside stand at the edge.
    pub(super) fn x(&self, seconds: f64) -> f64 {
        let share = (seconds - self.from_s) / (self.to_s - self.from_s);
        self.left + share.clamp(0.0, 1.0) * (self.right - self.left)
    }

    /// Round instants, at most about 12 of them.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let rough = (self.to_s - self.from_s) / 12.0;
        let step =
            STEPS_S.into_iter().find(|step| *step >= rough).unwrap_or_else(|| (rough / 86_400.0).ceil() * 86_400.0);
        let first = (self.from_s / step).ceil() as u64;
        (first..).map(|n| n as f64 * step).take_while(|at| *at <= self.to_s).collect()
    }

    /// An instant of [`Self::ticks`] as its label: seconds in a short run, minutes or hours in longer ones.
    pub(super) fn label(&self, at: f64) -> String {
        let (unit, name) = self.unit();
        let value = at / unit;
        if value.fract() == 0.0 { format!("{value:.0} {name}") } else { format!("{value:.1} {name}") }
    }

    /// The unit of the labels, in seconds, with its sign.
    fn unit(&self) -> (f64, &'static str) {
        match self.to_s - self.from_s {
            span if span <= 600.0 => (1.0, "s"),
            span if span <= 10.0 * 3_600.0 => (60.0, "min"),
            _ => (3_600.0, "h"),
        }
    }
}

/// A mapping from values to a share of a panel's height, from 0 at its bottom to 1 at its top.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scale {
    /// From zero to the value given.
    Linear(f64),
    /// Between two powers of ten, logarithmic.
    Log(f64, f64),
}

impl Scale {
    /// A linear scale with a round top that holds every one of `values`.
    pub(super) fn linear(values: impl Iterator<Item = f64>) -> Self {
        let top = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        let step = round_step(top.max(1e-9) / 3.0);
        Self::Linear(if top > 0.0 { (top / step).ceil() * step } else { 1.0 })
    }

    /// A logarithmic scale, bounded by 1, 2 or 5 times a power of ten, that holds every finite one of `values`.
    pub(super) fn log(values: impl Iterator<Item = f64>) -> Self {
        let finite = values.filter(|value| value.is_finite() && *value > 0.0);
        let (low, high) =
            finite.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), value| (low.min(value), high.max(value)));
        if low > high {
            return Self::Log(1.0, 1_000.0);
        }
        let low = power_below(low);
        let high = round_step(high).max(low * 10.0);
        Self::Log(low, high)
    }

    /// The share of the height of `value`; values outside stand at the edge.
    pub(super) fn share(&self, value: f64) -> f64 {
        let share = match *self {
            Self::Linear(top) => value / top,
            Self::Log(low, high) => (value.max(low) / low).ln() / (high / low).ln(),
        };
        share.clamp(0.0, 1.0)
    }

    /// Values to be labelled.
    pub(super) fn ticks(&self) -> Vec<f64> {
        match *self {
            Self::Linear(top) => {
                let step = round_step(top / 3.0 * 0.999);
                (0..).map(|n| f64::from(n) * step).take_while(|value| *value <= top * 1.001).collect()
            }
            Self::Log(low, high) => {
                let decades = (0..).map(|n| low * 10_f64.powi(n)).take_while(|value| *value <= high * 1.001);
                let decades: Vec<f64> = decades.collect();
                if decades.len() > 2 {
                    return decades;
                }
                let within = |value: &f64| *value <= high * 1.001;
                decades.iter().flat_map(|decade| [1.0, 2.0, 5.0].map(|of| decade * of)).filter(within).collect()
            }
        }
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below `rough`.
fn round_step(rough: f64) -> f64 {
    let power = power_below(rough);
    let fits = |step: &f64| *step * power >= rough * (1.0 - 1e-9);
    [1.0, 2.0, 5.0, 10.0].into_iter().find(fits).unwrap_or(10.0) * power
}

/// The greatest power of ten that is not above `value`.
fn power_below(value: f64) -> f64 {
    10_f64.powi((value.log10() + 1e-9).floor() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_scale_ends_at_a_round_value_and_labels_a_few() {
        for (top, end) in [(200.0, 200.0), (0.7, 1.0), (1_480.0, 1_500.0), (7.0, 10.0), (0.0, 1.0)] {
            let scale = Scale::linear([top].into_iter());
            let Scale::Linear(reached) = scale else { panic!("not linear") };
            assert!((reached - end).abs() < 1e-9, "{top}: {reached}");
            assert!((3..=5).contains(&scale.ticks().len()), "{top}: {:?}", scale.ticks());
        }
    }

    #[test]
    fn a_log_scale_holds_every_finite_value_between_its_bounds() {
        let scale = Scale::log([12.0, 4_300.0, f64::INFINITY].into_iter());
        let Scale::Log(low, high) = scale else { panic!("not logarithmic") };
        assert!((low - 10.0).abs() < 1e-9 && (high - 5_000.0).abs() < 1e-6, "{low} {high}");
        assert_eq!(scale.share(f64::INFINITY), 1.0);
        assert_eq!(scale.share(1.0), 0.0);
    }

    #[test]
    fn a_run_of_any_length_has_a_readable_number_of_ticks() {
        for to_s in [3.0, 47.0, 140.0, 900.0, 40_000.0, 600_000.0, 5_000_000.0] {
            let axis = TimeAxis { from_s: 1.7, to_s, left: 0.0, right: 900.0 };
            let ticks = axis.ticks();
            assert!((1..=13).contains(&ticks.len()), "{to_s}: {ticks:?}");
        }
    }
}
