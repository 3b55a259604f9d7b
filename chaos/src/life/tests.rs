//! The life of a fault that fails at each step in turn: always healed, and the journal in order.

use super::*;
use crate::fault::Whole;
use futures::FutureExt;
use futures::future::BoxFuture;
use proofload_history::{Clock, Entry, RunDir};
use std::sync::atomic::AtomicU32;
use tokio::sync::{Notify, Semaphore};

/// How the fake fault behaves.
#[derive(Clone, Copy, Debug, Default)]
struct Script {
    inject_fails: bool,
    inject_hangs: bool,
    never_seen: bool,
    /// That many tries to heal fail.
    heals_failing: u32,
    never_whole: bool,
    keep_hangs: bool,
}

/// A fault that only counts what is done to it.
struct Fake {
    script: Script,
    /// Whether the journal told of the fault when it was injected.
    told_before: AtomicBool,
    touched: AtomicBool,
    heals: AtomicU32,
    injecting: Notify,
    /// An injection goes on when it gets one of these.
    go_on: Semaphore,
    journal: std::path::PathBuf,
}

impl Fault for Fake {
    fn inject(&self) -> BoxFuture<'_, Result<(), ChaosError>> {
        async {
            let journal = std::fs::read_to_string(&self.journal).unwrap();
            self.told_before.store(journal.contains("fault_injecting"), Ordering::SeqCst);
            self.touched.store(true, Ordering::SeqCst);
            self.injecting.notify_one();
            if self.script.inject_hangs {
                self.go_on.acquire().await.unwrap().forget();
                self.touched.store(true, Ordering::SeqCst);
            }
            if self.script.inject_fails { Err(refused()) } else { Ok(()) }
        }
        .boxed()
    }

    fn look(&self) -> BoxFuture<'_, Vec<Look>> {
        async {
            let look = |observer: &str, effective| Look {
                effective,
                observer: observer.to_owned(),
                evidence: "a fake".to_owned(),
            };
            vec![look("kernel", true), look("client", !self.script.never_seen)]
        }
        .boxed()
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), ChaosError>> {
        async {
            let tries = self.heals.fetch_add(1, Ordering::SeqCst);
            if tries < self.script.heals_failing {
                return Err(refused());
            }
            self.touched.store(false, Ordering::SeqCst);
            Ok(())
        }
        .boxed()
    }

    fn look_whole(&self) -> BoxFuture<'_, Whole> {
        async { Whole { healed: !self.script.never_whole, evidence: "a fake".to_owned() } }.boxed()
    }
}

fn refused() -> ChaosError {
    ChaosError::Slow { doing: "fake it".to_owned(), seconds: 1 }
}

/// What was kept: of which fault, in which instances, and whether the fault was in effect then.
type Kept = Arc<StdMutex<Vec<(String, Vec<String>, bool)>>>;

/// A life with its journal and a fake fault. Time is paused: every wait ends as soon as nothing else can happen.
struct Bench {
    life: Arc<Life>,
    fake: Arc<Fake>,
    run: RunDir,
    kept: Kept,
    stop: watch::Sender<Option<String>>,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new(script: Script) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::at(folder.path());
        let recorder = Arc::new(Recorder::create(&run, Clock::new()).unwrap());
        let stop = watch::Sender::new(None);
        let fake = Arc::new(Fake {
            script,
            told_before: AtomicBool::new(false),
            touched: AtomicBool::new(false),
            heals: AtomicU32::new(0),
            injecting: Notify::new(),
            go_on: Semaphore::new(0),
            journal: run.journal(),
        });
        let kept = Arc::default();
        let keep = Self::keep(Arc::clone(&fake), Arc::clone(&kept));
        let life = Arc::new(Life::new("cut", "partition", recorder, Arc::default(), keep, stop.subscribe()));
        Self { life, fake, run, kept, stop, _folder: folder }
    }

    fn keep(fake: Arc<Fake>, kept: Kept) -> Keep {
        Arc::new(move |fault, held| {
            let touched = fake.touched.load(Ordering::SeqCst);
            kept.lock().unwrap().push((fault.to_owned(), held.to_vec(), touched));
            let hangs = fake.script.keep_hangs;
            async move {
                if hangs {
                    std::future::pending::<()>().await;
                }
            }
            .boxed()
        })
    }

    async fn inject(&self) -> bool {
        let firing = Firing { targets: vec!["kafka-1".to_owned()], because: "a test".to_owned() };
        self.life.inject(Arc::clone(&self.fake) as Arc<dyn Fault>, firing).await
    }

    /// The whole life, as `chaos` drives it, attested for ten seconds at most.
    async fn live(&self) {
        if self.inject().await {
            // The bound is reached where the effect is never seen.
            let _ = timeout(Duration::from_secs(10), self.life.attest(&*self.fake)).await;
        }
        self.life.finish("due").await;
    }

    /// The journal's lines, by the names of their events and what was attested.
    fn journal(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.run.journal()).unwrap();
        let tell = |line: &str| match serde_json::from_str::<Entry>(line).unwrap().event {
            Event::FaultInjecting { .. } => "injecting".to_owned(),
            Event::FaultInjected { .. } => "injected".to_owned(),
            Event::FaultAttested { effective, observer, .. } => format!("attested {effective} by {observer}"),
            Event::FaultHealed { because, .. } => format!("healed: {because}"),
            Event::HealAttested { healed, .. } => format!("heal attested {healed}"),
            Event::FaultSkipped { because, .. } => format!("skipped: {because}"),
            Event::Noted { .. } => "noted".to_owned(),
            other => panic!("{other:?}"),
        };
        text.lines().map(tell).collect()
    }

    fn untouched(&self) -> bool {
        !self.fake.touched.load(Ordering::SeqCst)
    }
}

const WHOLE_LIFE: [&str; 6] = [
    "injecting",
    "injected",
    "attested true by kernel",
    "attested true by client",
    "healed: due",
    "heal attested true",
];

#[tokio::test(start_paused = true)]
async fn a_fault_is_told_of_before_it_is_injected_then_attested_and_healed() {
    let bench = Bench::new(Script::default());
    bench.live().await;
    assert_eq!(bench.journal(), WHOLE_LIFE);
    assert!(bench.fake.told_before.load(Ordering::SeqCst), "the journal came first");
    assert!(bench.untouched());
    assert_eq!(bench.life.fate(), Some(Fate::Injected { attested: true, healed: true }));
}

#[tokio::test(start_paused = true)]
async fn a_failed_injection_is_healed_and_tells_why() {
    let bench = Bench::new(Script { inject_fails: true, ..Script::default() });
    bench.live().await;
    let because = "its injection failed: gave up to fake it after 1 s";
    assert_eq!(
        bench.journal(),
        ["injecting", &format!("healed: {because}"), &format!("skipped: {because}"), "heal attested true"]
    );
    assert!(bench.untouched());
    assert_eq!(bench.life.fate(), Some(Fate::Failed { because: because.to_owned() }));
}

#[tokio::test(start_paused = true)]
async fn an_injection_that_hangs_is_given_up_and_healed() {
    let bench = Bench::new(Script { inject_hangs: true, ..Script::default() });
    bench.live().await;
    assert!(
        bench.journal()[1].starts_with("healed: its injection failed: gave up to inject it"),
        "{:?}",
        bench.journal()
    );
    assert!(bench.untouched());
    assert!(!bench.life.left_whole(), "it may still take effect");
}

#[tokio::test(start_paused = true)]
async fn an_injection_that_ends_behind_its_heal_is_healed_once_more() {
    let bench = Bench::new(Script { inject_hangs: true, ..Script::default() });
    let link = || vec!["the link".to_owned()];
    bench.life.holds.take("cut", link()).unwrap();
    let late = async {
        tokio::time::sleep(INJECT_BOUND + Duration::from_secs(5)).await;
        assert!(bench.untouched(), "healed when it was given up");
        assert!(bench.life.holds.take("another", link()).is_err(), "it may still land on it");
        bench.fake.go_on.add_permits(1);
    };
    tokio::join!(bench.live(), late);
    assert!(bench.untouched(), "and again when it had ended");
    assert_eq!(bench.fake.heals.load(Ordering::SeqCst), 2);
    assert!(bench.journal().contains(&"noted".to_owned()), "{:?}", bench.journal());
    assert!(bench.life.left_whole());
    bench.life.holds.take("another", link()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_is_never_seen_is_told_as_such_before_the_heal() {
    let bench = Bench::new(Script { never_seen: true, ..Script::default() });
    bench.live().await;
    let mut expected = WHOLE_LIFE;
    expected[3] = "attested false by client";
    assert_eq!(bench.journal(), expected);
    assert_eq!(bench.life.fate(), Some(Fate::Injected { attested: false, healed: true }));
}

#[tokio::test(start_paused = true)]
async fn a_heal_that_fails_is_tried_again_and_noted() {
    let bench = Bench::new(Script { heals_failing: 2, ..Script::default() });
    bench.live().await;
    assert_eq!(bench.journal()[4..], ["noted", "noted", "healed: due", "heal attested true"]);
    assert!(bench.untouched());
}

#[tokio::test(start_paused = true)]
async fn what_a_heal_would_destroy_is_kept_once_while_the_fault_is_in_effect_on_every_way_out() {
    let expected = [("cut".to_owned(), vec!["kafka-1".to_owned()], true)];
    for script in [
        Script::default(),
        Script { heals_failing: HEAL_TRIES, ..Script::default() },
        Script { inject_fails: true, ..Script::default() },
    ] {
        let bench = Bench::new(script);
        bench.live().await;
        bench.life.finish("interrupted").await;
        assert_eq!(*bench.kept.lock().unwrap(), expected, "{script:?}");
        assert!(bench.untouched());
    }
    let never = Bench::new(Script::default());
    never.life.finish("no steady state").await;
    assert!(never.kept.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn keeping_that_hangs_is_noted_and_holds_no_heal_up_for_good() {
    let bench = Bench::new(Script { keep_hangs: true, ..Script::default() });
    let started = Instant::now();
    bench.live().await;
    assert_eq!(bench.journal()[4..], ["noted", "healed: due", "heal attested true"]);
    assert!(started.elapsed() < KEEP_BOUND + Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(bench.untouched());
}

#[tokio::test(start_paused = true)]
async fn a_heal_that_fails_for_good_is_told_and_tried_again_by_whoever_asks_next() {
    let bench = Bench::new(Script { heals_failing: HEAL_TRIES, ..Script::default() });
    bench.live().await;
    assert_eq!(bench.journal().last().unwrap(), "heal attested false");
    assert!(bench.life.is_active());
    bench.life.finish("run ended").await;
    assert_eq!(bench.journal()[bench.journal().len() - 2..], ["healed: run ended", "heal attested true"]);
    assert!(bench.untouched());
}

#[tokio::test(start_paused = true)]
async fn a_system_that_is_never_whole_again_is_told_as_such() {
    let bench = Bench::new(Script { never_whole: true, ..Script::default() });
    let started = Instant::now();
    bench.live().await;
    assert_eq!(bench.journal().last().unwrap(), "heal attested false");
    assert!(started.elapsed() >= WHOLE_BOUND);
    assert_eq!(bench.life.fate(), Some(Fate::Injected { attested: true, healed: false }));
    assert!(!bench.life.left_whole(), "what comes next would break a system that is broken");
}

#[tokio::test(start_paused = true)]
async fn what_was_healed_and_what_was_never_injected_leave_the_system_whole() {
    let healed = Bench::new(Script::default());
    healed.live().await;
    let skipped = Bench::new(Script::default());
    skipped.life.finish("not now").await;
    let failing = Bench::new(Script { heals_failing: u32::MAX, ..Script::default() });
    failing.live().await;
    assert_eq!([&healed, &skipped, &failing].map(|bench| bench.life.left_whole()), [true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn healing_twice_is_harmless() {
    let bench = Bench::new(Script::default());
    bench.live().await;
    bench.life.finish("run ended").await;
    bench.life.finish("interrupted").await;
    assert_eq!(bench.journal(), WHOLE_LIFE);
    assert_eq!(bench.fake.heals.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_heal_in_the_middle_of_an_injection_waits_for_it_and_undoes_it() {
    let bench = Bench::new(Script { inject_hangs: true, ..Script::default() });
    let heal = async {
        bench.fake.injecting.notified().await;
        tokio::join!(bench.life.finish("interrupted"), async { bench.fake.go_on.add_permits(1) });
    };
    let (injected, ()) = tokio::join!(bench.inject(), heal);
    assert!(injected, "the injection was let come to its end");
    assert_eq!(
        bench.journal(),
        ["injecting", "injected", "attested false by nobody", "healed: interrupted", "heal attested true"]
    );
    assert!(bench.untouched());
}

#[tokio::test(start_paused = true)]
async fn an_injection_that_is_dropped_half_way_is_healed() {
    let bench = Bench::new(Script { inject_hangs: true, ..Script::default() });
    tokio::select! {
        _ = bench.inject() => panic!("it hangs"),
        () = bench.fake.injecting.notified() => {}
    }
    bench.life.finish("interrupted").await;
    assert_eq!(bench.journal(), ["injecting", "healed: interrupted", "heal attested true"]);
    assert!(bench.untouched());
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_was_called_off_is_never_injected() {
    let bench = Bench::new(Script::default());
    bench.life.finish("no steady state").await;
    assert!(!bench.inject().await);
    assert_eq!(bench.journal(), ["skipped: no steady state"]);
    assert_eq!(bench.life.fate(), Some(Fate::Skipped { because: "no steady state".to_owned() }));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_being_ended_does_not_wait_long_for_the_system_to_be_whole() {
    let bench = Bench::new(Script { never_whole: true, ..Script::default() });
    assert!(bench.inject().await);
    let started = Instant::now();
    let end = async {
        sleep(Duration::from_secs(1)).await;
        bench.stop.send_replace(Some("interrupted".to_owned()));
    };
    tokio::join!(bench.life.finish("due"), end);
    assert!(started.elapsed() < WHOLE_BOUND_STOPPED + Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(bench.journal().last().unwrap(), "heal attested false");
}
