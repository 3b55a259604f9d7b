//! Clients that ask again as soon as they are answered, as wrk's do: what a server carries at most.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::{RequestBuilder, StatusCode};

/// What came of it.
pub(crate) struct Carried {
    pub(crate) per_second: f64,
    /// Requests that were answered as expected.
    pub(crate) answered: u64,
    /// Requests that were not.
    others: u64,
    p50: Duration,
    p99: Duration,
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:.1} ms, p99 {:.1} ms", self.p50.as_secs_f64() * 1e3, self.p99.as_secs_f64() * 1e3)?;
        if self.others > 0 {
            write!(f, "; {} answered otherwise", self.others)?;
        }
        Ok(())
    }
}

/// Has `clients` ask for a `span` what `request` makes of a number that never comes again.
pub(crate) async fn closed_loop(
    clients: usize,
    span: Duration,
    expected: StatusCode,
    request: impl Fn(u64) -> RequestBuilder + Send + Sync + 'static,
) -> Carried {
    let request = Arc::new(request);
    let numbers = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let one = || {
        let (request, numbers) = (Arc::clone(&request), Arc::clone(&numbers));
        tokio::spawn(async move {
            let (mut took, mut others) = (Vec::new(), 0);
            while started.elapsed() < span {
                let asked = Instant::now();
                let answered = match request(numbers.fetch_add(1, Ordering::Relaxed)).send().await {
                    Ok(answer) => answer.status() == expected && answer.bytes().await.is_ok(),
                    Err(_) => false,
                };
                match answered {
                    true => took.push(asked.elapsed()),
                    false => others += 1,
                }
            }
            (took, others)
        })
    };
    let workers: Vec<_> = (0..clients).map(|_| one()).collect();
    let (mut took, mut others) = (Vec::new(), 0);
    for worker in workers {
        let (its, its_others) = worker.await.unwrap();
        took.extend(its);
        others += its_others;
    }
    let elapsed = started.elapsed();
    took.sort_unstable();
    let quantile = |of: f64| took.get((took.len() as f64 * of) as usize).copied().unwrap_or_default();
    Carried {
        per_second: took.len() as f64 / elapsed.as_secs_f64(),
        answered: took.len() as u64,
        others,
        p50: quantile(0.5),
        p99: quantile(0.99),
    }
}
