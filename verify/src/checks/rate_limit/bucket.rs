//! What a token bucket must have done, told from outside: its clients know when a request was sent and when it was
//! answered; it came to the bucket at an instant in between that nobody knows.

use proofload_history::At;

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
}

/// The window into which the greatest number too many of some requests fell, from the instants at which they were sent and
/// answered. These come in order, and of one instant those at which requests were sent come first.
///
/// *Right*: take the instants x, the a-th of those at which requests were sent (from 0, in order), and y >= x, the
/// b-th of those at which they were answered. b + 1 requests were answered by y, at most a of them were sent
/// before x, so at least b + 1 - a were sent in x or later and answered by y, and came to the bucket in between,
/// whenever that was. More than [`Bucket::allowed`] there is a proof.
///
/// *Lenient*: a request that was sent before x and answered after y is taken off though it was never among the
/// b + 1. So none is counted that was not inside, and none is missed in a window that no request spans: where
/// answers come in the order of their requests, and in all windows longer than the slowest answer.
///
/// *One pass*: the excess is (b + 1 - earned(y)) + (earned(x) - a) - (burst + 1). The second term does not depend
/// on y, so its greatest value over all x <= y is a running maximum, and nothing else is held.
pub(super) struct Worst {
    bucket: Bucket,
    sent: u64,
    answered: u64,
    /// The greatest second term, with its x and a.
    start: Option<(f64, At, u64)>,
    window: Option<Window>,
}

impl Worst {
    /// Of no requests so far.
    pub(super) fn of(bucket: Bucket) -> Self {
        Self { bucket, sent: 0, answered: 0, start: None, window: None }
    }

    /// A request was sent.
    pub(super) fn sent(&mut self, at: At) {
        let term = self.bucket.earned(at) - self.sent as f64;
        if self.start.is_none_or(|(greatest, ..)| term > greatest) {
            self.start = Some((term, at, self.sent));
        }
        self.sent += 1;
    }

    /// A request was answered.
    pub(super) fn answered(&mut self, at: At) {
        self.answered += 1;
        let Some((_, from, before)) = self.start else { return };
        let certain = self.answered.saturating_sub(before);
        let window = Window { from, to: at, certain, allowed: self.bucket.allowed(from, at) };
        if window.excess() > self.excess() {
            self.window = Some(window);
        }
    }

    /// The window; `None` if no request was too many.
    pub(super) fn window(&self) -> Option<Window> {
        self.window
    }

    /// How many were too many in it.
    pub(super) fn excess(&self) -> u64 {
        self.window.map_or(0, |window| window.excess())
    }
}

/// How full a bucket may be at most, as far as its own requests fill it: from the instants of all requests of a client, in
/// order, and of one instant those at which requests were sent first.
///
/// The level is the greatest number, over all windows that end at the instant y at which the last request was sent, of
/// requests that may have come in the window, less what the bucket earned in it. In a window x..=y may have come what was
/// sent by y, but for what was answered before x. Between two answers the latter does not change, and a shorter window
/// earns less: so x is the instant of an answer, or y itself.
pub(super) struct Crowd {
    bucket: Bucket,
    sent: u64,
    answered: u64,
    /// The greatest earned(x) - answered before x.
    start: f64,
    level: f64,
}

/// A [`Crowd`] as it was when a request had been sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Then {
    sent: u64,
    level: f64,
}

impl Crowd {
    /// Of no requests so far.
    pub(super) fn of(bucket: Bucket) -> Self {
        Self { bucket, sent: 0, answered: 0, start: f64::NEG_INFINITY, level: 0.0 }
    }

    /// A request was sent.
    pub(super) fn sent(&mut self, at: At) {
        self.sent += 1;
        let earned = self.bucket.earned(at);
        self.level = self.sent as f64 - earned + self.start.max(earned - self.answered as f64);
    }

    /// A request was answered.
    pub(super) fn answered(&mut self, at: At) {
        self.start = self.start.max(self.bucket.earned(at) - self.answered as f64);
        self.answered += 1;
    }

    pub(super) fn then(&self) -> Then {
        Then { sent: self.sent, level: self.level }
    }

    /// Whether the bucket certainly had room for a request that was sent `then` and is answered now, whenever it came.
    ///
    /// While it was under way, each request that was sent raised the level by one at most, and nothing else does. A
    /// bucket that grants `burst` at once lets everything through while no level is above that; one that grants less
    /// than one request grants nothing, and is none.
    pub(super) fn had_room(&self, then: Then) -> bool {
        then.level + (self.sent - then.sent) as f64 <= self.bucket.burst.max(1) as f64 + SLACK
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A request under way: it came to the bucket at some instant from `sent` to `until`, both included.
    #[derive(Clone, Copy, Debug)]
    struct Way {
        sent: At,
        until: At,
    }

    /// The instants of requests in order, each with the numbers of those that were sent then and of those answered then.
    fn instants(ways: &[Way]) -> BTreeMap<At, [Vec<usize>; 2]> {
        let mut instants: BTreeMap<At, [Vec<usize>; 2]> = BTreeMap::new();
        for (number, way) in ways.iter().enumerate() {
            instants.entry(way.sent).or_default()[0].push(number);
            instants.entry(way.until).or_default()[1].push(number);
        }
        instants
    }

    fn worst(bucket: Bucket, ways: &[Way]) -> Option<Window> {
        let mut worst = Worst::of(bucket);
        for (at, [sent, answered]) in instants(ways) {
            sent.iter().for_each(|_| worst.sent(at));
            answered.iter().for_each(|_| worst.answered(at));
        }
        worst.window()
    }

    /// For each request, whether there was room.
    fn room(bucket: Bucket, ways: &[Way]) -> Vec<bool> {
        let (mut crowd, mut room, mut then) = (Crowd::of(bucket), vec![false; ways.len()], BTreeMap::new());
        for (at, [sent, answered]) in instants(ways) {
            for number in sent {
                crowd.sent(at);
                then.insert(number, crowd.then());
            }
            for number in answered {
                room[number] = crowd.had_room(then[&number]);
                crowd.answered(at);
            }
        }
        room
    }

    /// A request under way from one millisecond to another.
    fn way(sent: u64, until: u64) -> Way {
        Way { sent: At(sent * 1_000_000), until: At(until * 1_000_000) }
    }

    const BUCKET: Bucket = Bucket { per_second: 10.0, burst: 5 };

    #[test]
    fn what_a_bucket_can_have_let_through_is_no_excess_and_one_more_is() {
        // Six at once, the burst and one, and one every 100 ms.
        let mut ways: Vec<Way> = (0..6).map(|_| way(0, 0)).chain((1..=20).map(|n| way(n * 100, n * 100))).collect();
        assert_eq!(worst(BUCKET, &ways), None);
        ways.push(way(1_000, 1_000));
        let found = worst(BUCKET, &ways).unwrap();
        assert_eq!((found.excess(), found.from, found.certain), (1, At(0), found.allowed + 1));
    }

    #[test]
    fn what_may_have_come_earlier_or_later_is_no_excess() {
        let together: Vec<Way> = (0..30).map(|_| way(1_000, 1_000)).collect();
        assert_eq!(worst(BUCKET, &together).unwrap().excess(), 24);
        let perhaps_apart: Vec<Way> = (0..30).map(|_| way(0, 3_000)).collect();
        assert_eq!(worst(BUCKET, &perhaps_apart), None);
        assert_eq!(worst(BUCKET, &[]), None);
    }

    #[test]
    fn a_bucket_has_room_until_its_burst_may_be_used_up() {
        let ways: Vec<Way> = (0..6).map(|n| way(n, n)).collect();
        assert_eq!(room(BUCKET, &ways), [true, true, true, true, true, false]);
        assert_eq!(room(BUCKET, &[way(0, 0), way(1_000, 1_000)]), [true, true]);
        let burstless = Bucket { burst: 0, ..BUCKET };
        assert_eq!(room(burstless, &[way(0, 0), way(50, 50), way(1_000, 1_000)]), [true, false, true]);
    }

    #[test]
    fn a_request_that_got_no_answer_may_come_at_any_later_time() {
        let mut ways: Vec<Way> = (0..5).map(|n| Way { until: At(u64::MAX), ..way(n, n) }).collect();
        ways.push(way(60_000, 60_001));
        assert!(!room(BUCKET, &ways)[5]);
        assert!(room(BUCKET, &ways[1..])[4]);
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
            let claimed = worst(bucket, &ways);
            prop_assert!(claimed.map_or(0, |window| window.excess()) <= model_excess(bucket, &ways));
            if let Some(window) = claimed {
                let inside = ways.iter().filter(|way| window.from <= way.sent && way.until <= window.to).count() as u64;
                prop_assert!(window.certain <= inside);
                prop_assert_eq!(window.allowed, bucket.allowed(window.from, window.to));
            }
        }

        #[test]
        fn where_answers_come_in_order_no_excess_is_missed(bucket in bucket(), ways in ways()) {
            let (mut sent, mut until): (Vec<At>, Vec<At>) = ways.iter().map(|way| (way.sent, way.until)).unzip();
            sent.sort_unstable();
            until.sort_unstable();
            let in_order: Vec<Way> = sent.into_iter().zip(until).map(|(sent, until)| Way { sent, until }).collect();
            let claimed = worst(bucket, &in_order).map_or(0, |window| window.excess());
            prop_assert_eq!(claimed, model_excess(bucket, &in_order));
        }

        #[test]
        fn room_is_claimed_only_where_no_window_is_full_meanwhile(bucket in bucket(), ways in ways()) {
            for (way, had_room) in ways.iter().zip(room(bucket, &ways)) {
                let meanwhile = ways.iter().map(|other| other.sent).filter(|at| way.sent <= *at && *at <= way.until);
                let full = meanwhile.map(|at| model_level(bucket, &ways, at)).fold(0.0, f64::max);
                let burst = bucket.burst.max(1) as f64;
                prop_assert!(!had_room || full <= burst + 2.0 * SLACK);
                let alone = ways.iter().all(|other| other.sent <= way.sent || other.sent > way.until);
                prop_assert!(!alone || had_room || full > burst - SLACK);
            }
        }

        #[test]
        fn what_a_bucket_lets_through_is_no_excess_and_what_it_refuses_it_had_no_room_for(
            bucket in bucket(), mut ways in ways(), luck in proptest::collection::vec(0.0_f64..1.0, 60),
        ) {
            // A real bucket, that each request comes to at some instant of its way.
            ways.sort_unstable_by_key(|way| way.sent);
            let came = |way: &Way, luck: f64| way.sent + way.until.since(way.sent).mul_f64(luck);
            let mut coming: Vec<(At, usize)> =
                ways.iter().zip(luck).enumerate().map(|(number, (way, luck))| (came(way, luck), number)).collect();
            coming.sort_unstable();
            let capacity = bucket.burst.max(1) as f64;
            let (mut tokens, mut then) = (capacity, At(0));
            let (mut accepted, mut refused) = (Vec::new(), Vec::new());
            for (at, number) in coming {
                tokens = (tokens + at.since(then).as_secs_f64() * bucket.per_second).min(capacity);
                then = at;
                if tokens + 2.0 * SLACK >= 1.0 {
                    tokens -= 1.0;
                    accepted.push(ways[number]);
                } else {
                    refused.push(number);
                }
            }
            prop_assert_eq!(worst(bucket, &accepted), None);
            let had_room = room(bucket, &ways);
            prop_assert!(refused.into_iter().all(|number| !had_room[number]));
        }
    }
}
