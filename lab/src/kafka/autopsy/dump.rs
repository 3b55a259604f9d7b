//! What Kafka's own `DumpLogSegments` prints of segments, understood.
//!
//! The tool prints a line for each batch and one for each record. Keys and values stand in the records' lines as they
//! are, line feeds and all, so they are cut out by the sizes that stand before them. Whatever does not fit makes the dump
//! a damaged one, from which nothing is claimed.

use std::collections::BTreeMap;

/// A record of a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dumped<'a> {
    /// Its offset.
    pub(super) offset: i64,
    /// The leader epoch of its batch.
    pub(super) epoch: i32,
    /// Its stamp, milliseconds since 1970, if it has one.
    pub(super) at_ms: Option<u64>,
    /// Its key.
    pub(super) key: Option<&'a [u8]>,
    /// Its value; `None` also for one that is not text, which the tool does not print as it is.
    pub(super) value: Option<&'a [u8]>,
}

/// How the lines of a dump begin: of a file, of what it begins with, of a batch, of a record.
const FILE: &str = "Dumping ";
const START: &str = "Log starting offset: ";
const BATCH: &str = "baseOffset: ";
const RECORD: &str = "| offset: ";

/// The batch that records belong to.
struct Batch {
    /// One past its last offset.
    end: i64,
    epoch: i32,
    /// It holds the end of a transaction, and nothing of anybody's.
    control: bool,
    /// How many of its records have not come yet.
    left: u64,
}

/// Gives `take` every record of the dump, with the file that it is in, as the tool was told it. Control records are left
/// out. Returns one past the last offset of every file that was dumped and holds a batch.
///
/// # Errors
/// Where the dump is not as the tool prints it, or the tool says that a batch is not valid.
pub(super) fn parse<'a>(
    dump: &'a [u8],
    mut take: impl FnMut(&str, Dumped<'a>),
) -> Result<BTreeMap<String, i64>, String> {
    let mut rest = Rest(dump);
    let mut file = String::new();
    let mut batch: Option<Batch> = None;
    let mut ends = BTreeMap::new();
    while !rest.0.is_empty() {
        if rest.0.starts_with(RECORD.as_bytes()) {
            let batch = batch.as_mut().filter(|batch| batch.left > 0);
            let batch = batch.ok_or_else(|| format!("{file} has a record that belongs to no batch"))?;
            batch.left -= 1;
            let record = rest.record(batch).ok_or_else(|| format!("{file} has a record that is not understood"))?;
            if !batch.control {
                take(&file, record);
            }
            continue;
        }
        whole(&file, batch.as_ref())?;
        let line = rest.line();
        if line.starts_with(BATCH) {
            let found = Batch::parse(&line).ok_or_else(|| format!("{file} has a batch that is not valid: {line}"))?;
            ends.insert(file.clone(), found.end);
            batch = Some(found);
        } else if let Some(name) = line.strip_prefix(FILE) {
            name.clone_into(&mut file);
            batch = None;
        } else if !line.starts_with(START) {
            return Err(format!("the dump of {file} says: {line}"));
        }
    }
    whole(&file, batch.as_ref())?;
    Ok(ends)
}

fn whole(file: &str, batch: Option<&Batch>) -> Result<(), String> {
    match batch {
        Some(Batch { left: left @ 1.., .. }) => Err(format!("{file} has a batch that lacks {left} of its records")),
        _ => Ok(()),
    }
}

impl Batch {
    /// The batch of a line; `None` if the line is broken, or the tool found the batch to be.
    fn parse(line: &str) -> Option<Self> {
        let sound = line.ends_with("isvalid: true") && field(line, "magic") == Some("2");
        let batch = Self {
            end: field(line, "lastOffset")?.parse::<i64>().ok()?.checked_add(1)?,
            epoch: field(line, "partitionLeaderEpoch")?.parse().ok()?,
            control: field(line, "isControl")?.parse().ok()?,
            left: field(line, "count")?.parse().ok()?,
        };
        sound.then_some(batch)
    }
}

/// The word after `name: `.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut words = text.split(' ');
    words.find(|word| word.strip_suffix(':') == Some(name))?;
    words.next()
}

/// What has not been parsed yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// Takes a line.
    fn line(&mut self) -> String {
        let end = self.0.iter().position(|byte| *byte == b'\n').unwrap_or(self.0.len());
        let line = String::from_utf8_lossy(&self.0[..end]).into_owned();
        self.0 = &self.0[(end + 1).min(self.0.len())..];
        line
    }

    /// Takes the line, or lines, of a record of `batch`.
    fn record(&mut self, batch: &Batch) -> Option<Dumped<'a>> {
        // The names of headers are the last thing before the key that has no size; nobody puts a line feed into one.
        let head = self.until(b"headerKeys: [")?;
        let head = std::str::from_utf8(head).ok()?;
        let after_headers = |rest: &[u8]| rest.first() == Some(&b' ') || rest.first() == Some(&b'\n');
        self.until(b"]")?;
        while !after_headers(self.0) {
            self.until(b"]")?;
        }
        let size = |name: &str| field(head, name)?.parse::<i64>().ok();
        let (key_bytes, value_bytes) = (size("keySize")?, size("valueSize")?);
        let (key, value) = if batch.control {
            self.line();
            (None, None)
        } else {
            let key = self.sized(b" key: ", key_bytes);
            let value = key.and_then(|_| self.sized(b" payload: ", value_bytes));
            if self.0.first() == Some(&b'\n') && value.is_some() {
                self.0 = &self.0[1..];
                (key?, value?)
            } else {
                self.skip_record();
                (key.flatten(), None)
            }
        };
        Some(Dumped {
            offset: field(head, "offset")?.parse().ok()?,
            epoch: batch.epoch,
            at_ms: ["CreateTime", "LogAppendTime"].iter().find_map(|name| field(head, name)?.parse().ok()),
            key,
            value,
        })
    }

    /// Takes `prefix` and as many bytes as were announced: none at all where there is no key or value (-1). `None` if
    /// they are not there, or cut a character in two.
    fn sized(&mut self, prefix: &[u8], bytes: i64) -> Option<Option<&'a [u8]>> {
        let Ok(bytes) = usize::try_from(bytes) else { return Some(None) };
        let after = self.0.strip_prefix(prefix)?;
        let value = after.get(..bytes)?;
        std::str::from_utf8(value).ok()?;
        self.0 = &after[bytes..];
        Some(Some(value))
    }

    /// Takes everything up to and with `end`.
    fn until(&mut self, end: &[u8]) -> Option<&'a [u8]> {
        let at = self.0.windows(end.len()).position(|window| window == end)?;
        let (taken, rest) = self.0.split_at(at + end.len());
        self.0 = rest;
        Some(taken)
    }

    /// Takes everything up to the next line that is of the tool's own making.
    fn skip_record(&mut self) {
        let own = [FILE, BATCH, RECORD];
        self.line();
        while !self.0.is_empty() && !own.iter().any(|begin| self.0.starts_with(begin.as_bytes())) {
            self.line();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What Kafka 4.3's tool printed of a segment with keys, values and headers of many kinds...
    const GOLDEN: &str = include_str!("golden/dump.txt");
    /// ...of the same, cut short within its last batch, and with another byte in it.
    const TORN: &str = include_str!("golden/torn.txt");
    const INVALID: &str = include_str!("golden/invalid.txt");

    /// A record as a test writes it: the file, offset, epoch, key and value.
    type Told = (String, i64, i32, Option<Vec<u8>>, Option<Vec<u8>>);

    fn told(dump: &[u8]) -> Result<(Vec<Told>, BTreeMap<String, i64>), String> {
        let mut told = Vec::new();
        let ends = parse(dump, |file, it| {
            told.push((file.to_owned(), it.offset, it.epoch, it.key.map(<[u8]>::to_vec), it.value.map(<[u8]>::to_vec)));
        })?;
        Ok((told, ends))
    }

    fn batch(base: i64, count: usize, epoch: i32, rest: &str) -> String {
        let last = base + count as i64 - 1;
        format!(
            "baseOffset: {base} lastOffset: {last} count: {count} baseSequence: 0 lastSequence: 0 producerId: 2 producerEpoch: 0 partitionLeaderEpoch: {epoch} isTransactional: false isControl: false deleteHorizonMs: OptionalLong.empty position: 0 CreateTime: 1796000000000 size: 99 magic: 2 compresscodec: none crc: 1 {rest}\n"
        )
    }

    fn record(offset: i64, key: Option<&str>, value: Option<&str>) -> String {
        let size = |part: Option<&str>| part.map_or(-1, |part| part.len() as i64);
        let mut line = format!(
            "| offset: {offset} CreateTime: 1796000000000 keySize: {} valueSize: {} sequence: 0 headerKeys: [a,b]",
            size(key),
            size(value)
        );
        line.extend(key.map(|key| format!(" key: {key}")));
        line.extend(value.map(|value| format!(" payload: {value}")));
        line + "\n"
    }

    const VALID: &str = "isvalid: true";

    #[test]
    fn what_the_tool_prints_is_understood() {
        let (told, ends) = told(GOLDEN.as_bytes()).unwrap();
        let text = |part: &Option<Vec<u8>>| part.as_ref().map(|part| String::from_utf8(part.clone()).unwrap());
        let parts: Vec<_> = told.iter().map(|(_, offset, _, key, value)| (*offset, text(key), text(value))).collect();
        let expected = [
            (0, Some("k-1"), Some(r#"{"id":"a","text":"two words"}"#)),
            (1, Some("k-2"), Some(r#"{"id":"b"}"#)),
            (2, Some(""), Some("no-key-empty")),
            (3, Some("k-4"), Some("payload: with | offset: 7 keySize: 3")),
            (4, Some("k-5"), None),
            (5, Some("ü"), Some(r#"ö {"x":1}"#)),
            (6, Some("k-7"), Some("one")),
        ];
        let owned = |part: Option<&str>| part.map(str::to_owned);
        assert_eq!(parts, expected.map(|(offset, key, value)| (offset, owned(key), owned(value))));
        assert!(told.iter().all(|(file, _, epoch, ..)| (file.as_str(), *epoch) == ("00000000000000000000.log", 0)));
        assert_eq!(ends, BTreeMap::from([("00000000000000000000.log".to_owned(), 7)]));
        let mut stamps = Vec::new();
        parse(GOLDEN.as_bytes(), |_, record| stamps.push(record.at_ms.unwrap())).unwrap();
        assert_eq!(stamps[..2], [1_795_877_981_404, 1_795_877_981_460]);
    }

    proptest! {
        #[test]
        fn keys_and_values_come_out_as_they_went_in(
            batches in proptest::collection::vec(
                (0..9_i32, proptest::collection::vec((any::<Option<String>>(), any::<Option<String>>()), 1..4)),
                0..5,
            )
        ) {
            let (mut dump, mut expected, mut next) = ("Dumping in-3/0.log\nLog starting offset: 0\n".to_owned(), Vec::new(), 0);
            for (epoch, records) in batches {
                dump += &batch(next, records.len(), epoch, VALID);
                for (key, value) in records {
                    dump += &record(next, key.as_deref(), value.as_deref());
                    let bytes = |part: Option<String>| part.map(String::into_bytes);
                    expected.push(("in-3/0.log".to_owned(), next, epoch, bytes(key), bytes(value)));
                    next += 1;
                }
            }
            let (told, ends) = told(dump.as_bytes()).unwrap();
            prop_assert_eq!(told, expected);
            prop_assert_eq!(ends.get("in-3/0.log").copied().unwrap_or(0), next);
        }

        #[test]
        fn a_damaged_dump_is_an_error_or_tells_of_fewer_records_and_never_panics(
            at in 0..GOLDEN.len(), with in any::<u8>(), cut in any::<bool>()
        ) {
            let mut bytes = GOLDEN.as_bytes().to_vec();
            if cut { bytes.truncate(at) } else { bytes[at] = with }
            let _ = told(&bytes);
        }
    }

    #[test]
    fn a_dump_that_breaks_off_tells_nothing() {
        let whole = batch(5, 2, 4, VALID) + &record(5, None, Some("x")) + &record(6, None, Some("y"));
        assert_eq!(told(whole.as_bytes()).unwrap().0.len(), 2);
        let lacking = batch(5, 2, 4, VALID) + &record(5, None, Some("x"));
        assert!(told(lacking.as_bytes()).unwrap_err().contains("lacks 1 of its records"));
        let next = lacking + &batch(7, 1, 4, VALID) + &record(7, None, None);
        assert!(told(next.as_bytes()).unwrap_err().contains("lacks 1 of its records"));
    }

    #[test]
    fn a_batch_that_the_tool_finds_invalid_makes_nothing_known() {
        assert!(told(INVALID.as_bytes()).unwrap_err().contains("not valid"));
        assert!(told(TORN.as_bytes()).unwrap_err().contains("Found 72 invalid bytes"));
        assert!(told(b"Exception in thread main\n").is_err());
        assert!(told(record(5, None, None).as_bytes()).unwrap_err().contains("belongs to no batch"));
    }

    #[test]
    fn a_value_that_is_no_text_is_none_and_the_records_after_it_are_understood() {
        // Two bytes that are no text are printed as two signs of three bytes each.
        let broken = record(5, Some("k"), Some("12")).replace("12\n", "\u{fffd}\u{fffd}\n");
        let dump = batch(5, 2, 4, VALID) + &broken + &record(6, None, Some("two\nlines"));
        let (told, _) = told(dump.as_bytes()).unwrap();
        let values: Vec<_> = told.iter().map(|(.., key, value)| (key.as_deref(), value.as_deref())).collect();
        assert_eq!(values, [(Some(&b"k"[..]), None), (None, Some(&b"two\nlines"[..]))]);
    }

    #[test]
    fn the_ends_of_transactions_are_nobodys_records() {
        let control = batch(5, 1, 4, VALID).replace("isControl: false", "isControl: true");
        let marker = "| offset: 5 CreateTime: 1796000000000 keySize: 4 valueSize: 6 sequence: -1 headerKeys: [] endTxnMarker: COMMIT coordinatorEpoch: 0\n";
        let (told, ends) = told((control + marker).as_bytes()).unwrap();
        assert!(told.is_empty());
        assert_eq!(ends.into_values().collect::<Vec<_>>(), [6]);
    }
}
