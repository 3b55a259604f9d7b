//! When a broker cut a log off, by the lines of its own log. Their stamps are the machine's clock: they locate, and
//! nothing is decided by them.

use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

/// Milliseconds since 1970 at which the broker whose log lies at `path` first truncated the partition `log`
/// (`orders-3`) to `from` or to before it, at or after `since_ms`.
pub(super) fn truncated_at_ms(path: &Path, log: &str, from: i64, since_ms: u64) -> io::Result<Option<u64>> {
    for line in BufReader::new(std::fs::File::open(path)?).split(b'\n') {
        let line = line?;
        let Some((at, offset)) = std::str::from_utf8(&line).ok().and_then(|line| truncation(line, log)) else {
            continue;
        };
        if at >= since_ms && offset <= from {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// The instant and the offset of `STAMP INFO  [UnifiedLog partition=LOG, dir=...] Truncating to offset OFFSET (...)`.
fn truncation(line: &str, log: &str) -> Option<(u64, i64)> {
    let (before, after) = line.split_once("] Truncating to offset ")?;
    let partition = before.split_once("partition=")?.1.split(',').next()?;
    let offset = after.split_whitespace().next()?.parse().ok()?;
    let at: jiff::Timestamp = before.split_whitespace().next()?.parse().ok()?;
    (partition == log).then_some((u64::try_from(at.as_millisecond()).ok()?, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-11-28T14:22:49.106Z INFO  [UnifiedLog partition=orders-3, dir=/data/log] Truncating to offset 0 (UnifiedLog)
2026-11-28T14:23:31.200Z INFO  [UnifiedLog partition=orders-31, dir=/data/log] Truncating to offset 812 (UnifiedLog)
2026-11-28T14:23:31.300Z INFO  [UnifiedLog partition=orders-3, dir=/data/log] Truncating to 950 has no effect as the largest offset in the log is 949 (UnifiedLog)
2026-11-28T14:23:31.400Z INFO  [UnifiedLog partition=orders-3, dir=/data/log] Truncating to offset 900 (UnifiedLog)
2026-11-28T14:23:31.500Z INFO  [UnifiedLog partition=orders-3, dir=/data/log] Truncating to offset 812 (UnifiedLog)
2026-11-28T14:23:31.600Z INFO  [UnifiedLog partition=orders-3, dir=/data/log] Truncating to offset 812 (UnifiedLog)
";

    #[test]
    fn the_first_truncation_of_the_log_to_where_it_parted_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kafka-2.log");
        std::fs::write(&path, LOG).unwrap();
        let ms = |stamp: &str| stamp.parse::<jiff::Timestamp>().unwrap().as_millisecond() as u64;
        let found = |log: &str, since: &str| truncated_at_ms(&path, log, 812, ms(since)).unwrap();
        assert_eq!(found("orders-3", "2026-11-28T14:23:00Z"), Some(ms("2026-11-28T14:23:31.500Z")));
        assert_eq!(found("orders-3", "2026-11-28T14:23:32Z"), None);
        assert_eq!(found("orders-4", "2026-11-28T14:20:00Z"), None);
        assert!(truncated_at_ms(&folder.path().join("none.log"), "orders-3", 0, 0).is_err());
    }
}
