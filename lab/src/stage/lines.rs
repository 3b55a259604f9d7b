//! The lines of a journal, put together from the pieces that it comes in.

/// A longer line is no fact: what is held of a journal at any time is bounded by it.
pub(super) const LINE_BYTES_MAX: usize = 1 << 20;

/// Puts lines together. Lines end with a line feed; the last one may lack it.
#[derive(Default)]
pub(super) struct Lines {
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    /// How many lines were given.
    given: i64,
}

impl Lines {
    /// Gives `take` every line that ends within `piece`, with its number from 0.
    pub(super) fn feed(
        &mut self,
        piece: &[u8],
        mut take: impl FnMut(i64, &[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut rest = piece;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            self.bounded(line)?;
            if self.begun.is_empty() {
                take(self.given, line)?;
            } else {
                self.begun.extend_from_slice(line);
                take(self.given, &self.begun)?;
                self.begun.clear();
            }
            self.given += 1;
            rest = after;
        }
        self.bounded(rest)?;
        self.begun.extend_from_slice(rest);
        Ok(())
    }

    /// Gives `take` the last line, if nothing ended it, and returns how many there were.
    pub(super) fn end(self, mut take: impl FnMut(i64, &[u8]) -> Result<(), String>) -> Result<i64, String> {
        if self.begun.is_empty() {
            return Ok(self.given);
        }
        take(self.given, &self.begun)?;
        Ok(self.given + 1)
    }

    fn bounded(&self, more: &[u8]) -> Result<(), String> {
        if self.begun.len() + more.len() <= LINE_BYTES_MAX {
            return Ok(());
        }
        Err(format!("line {} is longer than {LINE_BYTES_MAX} bytes", self.given + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of what comes in `pieces`, and how many were counted.
    fn of(pieces: &[&str]) -> Result<(Vec<(i64, String)>, i64), String> {
        let (mut lines, mut given) = (Lines::default(), Vec::new());
        let mut take = |number, line: &[u8]| {
            given.push((number, String::from_utf8_lossy(line).into_owned()));
            Ok(())
        };
        for piece in pieces {
            lines.feed(piece.as_bytes(), &mut take)?;
        }
        let count = lines.end(&mut take)?;
        Ok((given, count))
    }

    fn numbered(lines: &[&str]) -> Vec<(i64, String)> {
        (0..).zip(lines.iter().map(|line| (*line).to_owned())).collect()
    }

    #[test]
    fn lines_are_the_same_in_whatever_pieces_they_come() {
        let whole = "one\ntwo\n\nfour";
        let expected = (numbered(&["one", "two", "", "four"]), 4);
        for at in 0..=whole.len() {
            let (left, right) = whole.split_at(at);
            assert_eq!(of(&[left, "", right]), Ok(expected.clone()), "cut at {at}");
        }
        let bytes: Vec<&str> = whole.split("").collect();
        assert_eq!(of(&bytes), Ok(expected));
    }

    #[test]
    fn the_last_line_feed_begins_no_line() {
        assert_eq!(of(&["one\n"]), Ok((numbered(&["one"]), 1)));
        assert_eq!(of(&[]), Ok((Vec::new(), 0)));
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let half = "x".repeat(LINE_BYTES_MAX / 2);
        assert!(of(&["y\n", &half, &half, "\n"]).is_ok());
        let message = of(&["y\n", &half, &half, "z"]).unwrap_err();
        assert_eq!(message, format!("line 2 is longer than {LINE_BYTES_MAX} bytes"));
    }
}
