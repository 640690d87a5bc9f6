//! Lines out of a stream that comes in chunks.

use memchr::memchr;

/// What the end of a line makes known.
pub(super) enum Line<'a> {
    /// A line, without its end.
    Whole(&'a [u8]),
    /// One that was longer than `MOST` bytes.
    TooLong,
}

/// Puts chunks of any size together to lines, and holds no more than `MOST` bytes and a chunk meanwhile.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines<const MOST: usize> {
    /// What came of a line that is not at its end.
    begun: Vec<u8>,
    /// Whether that is too long already.
    too_long: bool,
}

impl<const MOST: usize> Lines<MOST> {
    /// Takes the next bytes, and hands over each line that they end.
    pub(super) fn feed(&mut self, mut chunk: &[u8], mut each: impl FnMut(Line<'_>)) {
        while let Some(end) = memchr(b'\n', chunk) {
            let (line, rest) = (&chunk[..end], &chunk[end + 1..]);
            chunk = rest;
            if self.too_long || self.begun.len() + line.len() > MOST {
                each(Line::TooLong);
            } else if self.begun.is_empty() {
                each(Line::Whole(line));
            } else {
                self.begun.extend_from_slice(line);
                each(Line::Whole(&self.begun));
            }
            self.begun.clear();
            self.too_long = false;
        }
        if self.too_long || self.begun.len() + chunk.len() > MOST {
            self.too_long = true;
            self.begun = Vec::new();
        } else {
            self.begun.extend_from_slice(chunk);
        }
    }

    /// Tells whether a line has begun that has no end yet.
    pub(super) const fn is_within_a_line(&self) -> bool {
        self.too_long || !self.begun.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_are_those_of_the_whole_text(text in "[a\n]{0,60}", size in 1usize..20) {
            let mut lines = Lines::<5>::default();
            let mut found = Vec::new();
            for chunk in text.as_bytes().chunks(size) {
                lines.feed(chunk, |line| found.push(match line {
                    Line::Whole(line) => Some(line.to_vec()),
                    Line::TooLong => None,
                }));
                prop_assert!(lines.begun.len() <= 5);
            }
            let mut expected: Vec<&[u8]> = text.as_bytes().split(|byte| *byte == b'\n').collect();
            let rest = expected.pop().unwrap_or_default();
            let expected: Vec<_> = expected.iter().map(|line| (line.len() <= 5).then(|| line.to_vec())).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(lines.is_within_a_line(), !rest.is_empty());
        }
    }
}
