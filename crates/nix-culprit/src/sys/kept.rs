//! A stream's head and tail within a limit.
//!
//! Owns how much of a program's output is kept in memory. Must not read from anything itself.

use std::collections::VecDeque;

/// What was kept of one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    limit: usize,
    seen: u64,
}

impl Kept {
    /// Keeps at most `limit` bytes: the first and the last half.
    #[must_use]
    pub(super) fn within(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Takes the stream's next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.seen += bytes.len() as u64;
        let room = (self.limit / 2).saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        let most = self.limit - self.limit / 2;
        let rest = &rest[rest.len().saturating_sub(most)..];
        let surplus = (self.tail.len() + rest.len()).saturating_sub(most);
        self.tail.drain(..surplus);
        self.tail.extend(rest);
    }

    /// Returns the kept bytes, and how many of the stream's bytes are missing in them.
    ///
    /// Where something is missing, the cut is made at line ends, so that no line is half of one and
    /// half of another.
    #[must_use]
    pub(super) fn finish(mut self) -> (Vec<u8>, u64) {
        let whole = self.seen == (self.head.len() + self.tail.len()) as u64;
        let tail = self.tail.make_contiguous();
        let mut bytes = self.head;
        if whole {
            bytes.extend_from_slice(tail);
            return (bytes, 0);
        }
        if let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') {
            bytes.truncate(end + 1);
        } else if !bytes.is_empty() {
            bytes.push(b'\n');
            self.seen += 1;
        }
        let start = tail.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        bytes.extend_from_slice(&tail[start..]);
        let missing = self.seen - bytes.len() as u64;
        (bytes, missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_stream_keeps_whole_lines_of_its_head_and_tail() {
        let mut kept = Kept::within(20);
        for line in 0..100 {
            kept.push(format!("{line:03}\n").as_bytes());
        }
        assert_eq!(kept.finish(), (b"000\n001\n098\n099\n".to_vec(), 384));
    }

    proptest! {
        #[test]
        fn a_stream_within_the_limit_is_kept_as_it_is(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..10)) {
            let whole = pieces.concat();
            let mut kept = Kept::within(whole.len());
            pieces.iter().for_each(|piece| kept.push(piece));
            prop_assert_eq!(kept.finish(), (whole, 0));
        }

        #[test]
        fn what_is_kept_and_what_is_missing_add_up(limit in 0usize..50, pieces in prop::collection::vec("[a\n]{0,20}", 0..10)) {
            let mut kept = Kept::within(limit);
            pieces.iter().for_each(|piece| kept.push(piece.as_bytes()));
            let (bytes, missing) = kept.finish();
            prop_assert!(bytes.len() <= limit + 1);
            let total = pieces.concat().len() as u64;
            let sum = bytes.len() as u64 + missing;
            prop_assert!(sum == total || sum == total + 1);
        }
    }
}
