//! What a token bucket must have done, told from outside: its clients know when a request was sent and when it was
//! answered; it came to the bucket at an instant in between that nobody knows.

use proofload_history::At;

/// A request under way: it came to the bucket at some instant from `sent` to `until`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) sent: At,
    /// When it was answered; the end of time for one that was not.
    pub(super) until: At,
}

/// A limit, with what it grants at once. Limiters differ by one in what they call a burst (some grant the burst, some
/// the burst and one more); each question is answered for the kind for which a claim is harder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    pub(super) per_second: f64,
    pub(super) burst: u64,
}

/// A window into which more requests fell than the bucket lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: At,
    pub(super) to: At,
    /// Requests that certainly came to the bucket in it.
    pub(super) certain: u64,
    /// How many it can have let through.
    pub(super) allowed: u64,
}

impl Window {
    /// How many were too many.
    pub(super) fn excess(&self) -> u64 {
        self.certain.saturating_sub(self.allowed)
    }
}

/// What floating point may have lost, in requests.
const SLACK: f64 = 1e-6;

impl Bucket {
    /// Requests that it earns until `at`.
    fn earned(self, at: At) -> f64 {
        at.secs() * self.per_second
    }

    /// The most requests that it can have let through in `from..=to`: it held `burst + 1` at most when the window
    /// began, and earned the rest in it.
    pub(super) fn allowed(self, from: At, to: At) -> u64 {
        (to.since(from).as_secs_f64() * self.per_second + self.burst as f64 + 1.0 + SLACK) as u64
    }

    /// The window into which the greatest number too many of `ways` fell; `None` if none was too many. O(n log n).
    ///
    /// *Right*: take the instants x, the a-th of those at which requests were sent (from 0, in order), and y >= x, the
    /// b-th of those until which they were under way. b + 1 requests were answered by y, at most a of them were sent
    /// before x, so at least b + 1 - a were sent in x or later and answered by y, and came to the bucket in between,
    /// whenever that was. More than [`Self::allowed`] there is a proof.
    ///
    /// *Lenient*: a request that was sent before x and answered after y is taken off though it was never among the
    /// b + 1. So none is counted that was not inside, and none is missed in a window that no request spans: where
    /// answers come in the order of their requests, and in all windows longer than the slowest answer.
    ///
    /// *One pass*: the excess is (b + 1 - earned(y)) + (earned(x) - a) - (burst + 1). The second term does not depend
    /// on y, so its greatest value over all x <= y is a running maximum.
    pub(super) fn worst(self, ways: &[Way]) -> Option<Window> {
        let (sent, until) = instants(ways);
        let mut starts = 0;
        let mut best: Option<(f64, usize)> = None;
        let mut worst: Option<Window> = None;
        for (b, to) in until.iter().enumerate() {
            while let Some(x) = sent.get(starts).filter(|x| *x <= to) {
                let term = self.earned(*x) - starts as f64;
                if best.is_none_or(|(greatest, _)| term > greatest) {
                    best = Some((term, starts));
                }
                starts += 1;
            }
            let Some((_, a)) = best else { continue };
            let certain = (b as u64 + 1).saturating_sub(a as u64);
            let window = Window { from: sent[a], to: *to, certain, allowed: self.allowed(sent[a], *to) };
            if window.excess() > worst.map_or(0, |worst| worst.excess()) {
                worst = Some(window);
            }
        }
        worst
    }
}

/// The instants at which requests were sent, and those until which they were under way, each in order.
fn instants(ways: &[Way]) -> (Vec<At>, Vec<At>) {
    let mut sent: Vec<At> = ways.iter().map(|way| way.sent).collect();
    let mut until: Vec<At> = ways.iter().map(|way| way.until).collect();
    sent.sort_unstable();
    until.sort_unstable();
    (sent, until)
}

/// How full a bucket may have been at most, as far as its own requests filled it.
pub(super) struct Crowd {
    bucket: Bucket,
    sent: Vec<At>,
    /// At each instant of `sent`: the greatest number, over all windows that end then, of requests that may have come
    /// in the window, less what the bucket earned in it.
    level: Vec<f64>,
}

impl Crowd {
    /// Of all requests of a client. O(n log n).
    ///
    /// In a window x..=y may have come what was sent by y, but for what was answered before x. Between two answers the
    /// latter does not change, and a shorter window earns less: so x is the instant of an answer, or y itself.
    pub(super) fn of(bucket: Bucket, ways: &[Way]) -> Self {
        let (sent, until) = instants(ways);
        let mut level = Vec::with_capacity(sent.len());
        let (mut answered, mut greatest) = (0, f64::NEG_INFINITY);
        for (n, y) in sent.iter().enumerate() {
            while let Some(x) = until.get(answered).filter(|x| *x < y) {
                greatest = greatest.max(bucket.earned(*x) - answered as f64);
                answered += 1;
            }
            let windows = greatest.max(bucket.earned(*y) - answered as f64);
            level.push(n as f64 + 1.0 - bucket.earned(*y) + windows);
        }
        Self { bucket, sent, level }
    }

    /// Whether the bucket certainly had room for the request `way`, whenever it came.
    ///
    /// While it was under way, each request that was sent raised the level by one at most, and nothing else does. A
    /// bucket that grants `burst` at once lets everything through while no level is above that; one that grants less
    /// than one request grants nothing, and is none.
    pub(super) fn had_room(&self, way: Way) -> bool {
        let by = |at: At| self.sent.partition_point(|sent| *sent <= at);
        let (then, later) = (by(way.sent), by(way.until));
        let level = then.checked_sub(1).map_or(0.0, |last| self.level[last]);
        level + (later - then) as f64 <= self.bucket.burst.max(1) as f64 + SLACK
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A request under way from one millisecond to another.
    fn way(sent: u64, until: u64) -> Way {
        Way { sent: At(sent * 1_000_000), until: At(until * 1_000_000) }
    }

    const BUCKET: Bucket = Bucket { per_second: 10.0, burst: 5 };

    #[test]
    fn what_a_bucket_can_have_let_through_is_no_excess_and_one_more_is() {
        // Six at once, the burst and one, and one every 100 ms.
        let mut ways: Vec<Way> = (0..6).map(|_| way(0, 0)).chain((1..=20).map(|n| way(n * 100, n * 100))).collect();
        assert_eq!(BUCKET.worst(&ways), None);
        ways.push(way(1_000, 1_000));
        let worst = BUCKET.worst(&ways).unwrap();
        assert_eq!((worst.excess(), worst.from, worst.certain), (1, At(0), worst.allowed + 1));
    }

    #[test]
    fn what_may_have_come_earlier_or_later_is_no_excess() {
        let together: Vec<Way> = (0..30).map(|_| way(1_000, 1_000)).collect();
        assert_eq!(BUCKET.worst(&together).unwrap().excess(), 24);
        let perhaps_apart: Vec<Way> = (0..30).map(|_| way(0, 3_000)).collect();
        assert_eq!(BUCKET.worst(&perhaps_apart), None);
        assert_eq!(BUCKET.worst(&[]), None);
    }

    #[test]
    fn a_bucket_has_room_until_its_burst_may_be_used_up() {
        let ways: Vec<Way> = (0..6).map(|n| way(n, n)).collect();
        let crowd = Crowd::of(BUCKET, &ways);
        let room: Vec<bool> = ways.iter().map(|way| crowd.had_room(*way)).collect();
        assert_eq!(room, [true, true, true, true, true, false]);
        assert!(Crowd::of(BUCKET, &[way(0, 0), way(1_000, 1_000)]).had_room(way(1_000, 1_000)));
        let burstless = Crowd::of(Bucket { burst: 0, ..BUCKET }, &[way(0, 0), way(50, 50), way(1_000, 1_000)]);
        assert!(
            burstless.had_room(way(0, 0)) && !burstless.had_room(way(50, 50)) && burstless.had_room(way(1_000, 1_000))
        );
    }

    #[test]
    fn a_request_that_got_no_answer_may_come_at_any_later_time() {
        let mut ways: Vec<Way> = (0..5).map(|n| Way { until: At(u64::MAX), ..way(n, n) }).collect();
        ways.push(way(60_000, 60_001));
        assert!(!Crowd::of(BUCKET, &ways).had_room(ways[5]));
        assert!(Crowd::of(BUCKET, &ways[1..]).had_room(ways[5]));
    }

    fn bucket() -> impl Strategy<Value = Bucket> {
        (1_u32..300, 0_u64..6).prop_map(|(rate, burst)| Bucket { per_second: f64::from(rate) / 10.0, burst })
    }

    fn ways() -> impl Strategy<Value = Vec<Way>> {
        let way = (0_u64..2_000, 0_u64..400).prop_map(|(sent, took)| way(sent, sent + took));
        proptest::collection::vec(way, 0..60)
    }

    /// The slow and obvious model: every pair of requests, and every request inside their window.
    fn model_excess(bucket: Bucket, ways: &[Way]) -> u64 {
        let windows =
            ways.iter().flat_map(|i| ways.iter().map(move |j| (i.sent, j.until))).filter(|(from, to)| from <= to);
        let excess = windows.map(|(from, to)| {
            let inside = ways.iter().filter(|way| from <= way.sent && way.until <= to).count() as u64;
            inside.saturating_sub(bucket.allowed(from, to))
        });
        excess.max().unwrap_or_default()
    }

    /// The same for the level: every window that ends at `y`.
    fn model_level(bucket: Bucket, ways: &[Way], y: At) -> f64 {
        let starts = ways.iter().map(|way| way.until).filter(|x| *x <= y).chain([y]);
        let levels = starts.map(|x| {
            let perhaps = ways.iter().filter(|way| way.sent <= y && way.until >= x).count() as f64;
            perhaps - y.since(x).as_secs_f64() * bucket.per_second
        });
        levels.fold(0.0, f64::max)
    }

    proptest! {
        #[test]
        fn no_excess_is_claimed_that_trying_every_window_does_not_find(bucket in bucket(), ways in ways()) {
            let claimed = bucket.worst(&ways).map_or(0, |worst| worst.excess());
            prop_assert!(claimed <= model_excess(bucket, &ways));
            if let Some(worst) = bucket.worst(&ways) {
                let inside = ways.iter().filter(|way| worst.from <= way.sent && way.until <= worst.to).count() as u64;
                prop_assert!(worst.certain <= inside);
                prop_assert_eq!(worst.allowed, bucket.allowed(worst.from, worst.to));
            }
        }

        #[test]
        fn where_answers_come_in_order_no_excess_is_missed(bucket in bucket(), ways in ways()) {
            let (sent, until) = instants(&ways);
            let in_order: Vec<Way> = sent.into_iter().zip(until).map(|(sent, until)| Way { sent, until }).collect();
            let claimed = bucket.worst(&in_order).map_or(0, |worst| worst.excess());
            prop_assert_eq!(claimed, model_excess(bucket, &in_order));
        }

        #[test]
        fn room_is_claimed_only_where_no_window_is_full_meanwhile(bucket in bucket(), ways in ways()) {
            let crowd = Crowd::of(bucket, &ways);
            for way in &ways {
                let meanwhile = ways.iter().map(|other| other.sent).filter(|at| way.sent <= *at && *at <= way.until);
                let full = meanwhile.map(|at| model_level(bucket, &ways, at)).fold(0.0, f64::max);
                let burst = bucket.burst.max(1) as f64;
                prop_assert!(!crowd.had_room(*way) || full <= burst + 2.0 * SLACK);
                let alone = ways.iter().all(|other| other.sent <= way.sent || other.sent > way.until);
                prop_assert!(!alone || crowd.had_room(*way) || full > burst - SLACK);
            }
        }

        #[test]
        fn what_a_bucket_lets_through_is_no_excess_and_what_it_refuses_it_had_no_room_for(
            bucket in bucket(), mut ways in ways(), luck in proptest::collection::vec(0.0_f64..1.0, 60),
        ) {
            // A real bucket, that each request comes to at some instant of its way.
            ways.sort_unstable_by_key(|way| way.sent);
            let came = |way: &Way, luck: f64| way.sent + way.until.since(way.sent).mul_f64(luck);
            let mut coming: Vec<(At, Way)> = ways.iter().zip(luck).map(|(way, luck)| (came(way, luck), *way)).collect();
            coming.sort_unstable_by_key(|(at, _)| *at);
            let capacity = bucket.burst.max(1) as f64;
            let (mut tokens, mut then) = (capacity, At(0));
            let (mut accepted, mut refused) = (Vec::new(), Vec::new());
            for (at, way) in coming {
                tokens = (tokens + at.since(then).as_secs_f64() * bucket.per_second).min(capacity);
                then = at;
                if tokens + 2.0 * SLACK >= 1.0 {
                    tokens -= 1.0;
                    accepted.push(way);
                } else {
                    refused.push(way);
                }
            }
            prop_assert_eq!(bucket.worst(&accepted), None);
            let crowd = Crowd::of(bucket, &ways);
            prop_assert!(refused.iter().all(|way| !crowd.had_room(*way)));
        }
    }
}
