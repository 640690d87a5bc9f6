//! Lines at the bottom of the terminal that are replaced as a whole, and go away without a trace.
//!
//! Owns where the cursor is. There is one terminal, so there is one block, and whoever prints goes through it.
//!
//! Not made with indicatif, which was here before: it counts the rows of what it draws at the width of that moment, and
//! fills them up to it, so that a terminal that becomes narrower, and wraps them anew, keeps what it cannot take back.

use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};

use anstream::adapter::strip_str;

use super::width::columns;

/// What is shown.
static SHOWN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// How large the terminal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

impl Size {
    /// Asks the terminal on stderr; one that does not know is taken to be of the usual size.
    pub(super) fn now() -> Self {
        let known = |count: u16, usual| if count == 0 { usual } else { usize::from(count) };
        rustix::termios::tcgetwinsize(io::stderr()).map_or(Self { columns: 80, rows: 24 }, |size| Self {
            columns: known(size.ws_col, 80),
            rows: known(size.ws_row, 24),
        })
    }
}

/// Shows these lines in place of what is shown, none of them wider than the terminal.
pub(super) fn show(lines: Vec<String>) {
    let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    write(&replace(&shown, &lines, Size::now().columns));
    *shown = lines;
}

/// Writes something else where the block is, and shows the block below it again.
pub(super) fn aside<T>(other: impl FnOnce() -> T) -> T {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if shown.is_empty() {
        return other();
    }
    write(&replace(&shown, &[], Size::now().columns));
    let done = other();
    write(&replace(&[], &shown, Size::now().columns));
    done
}

/// Writes to the terminal; where it is gone there is nobody to tell.
fn write(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Returns what turns one block into another, with the cursor at the end of each. Lines that were drawn when the
/// terminal was wider have been wrapped by it since.
fn replace(old: &[String], new: &[String], width: usize) -> String {
    if old.is_empty() && new.is_empty() {
        return String::new();
    }
    let up = rows(old, width).saturating_sub(1);
    let mut text = "\r".to_owned();
    if up > 0 {
        text.push_str(&format!("\x1b[{up}A"));
    }
    if new.is_empty() {
        // To clear the whole screen, from its first row on, is to scroll it away in tmux.
        text.push_str(if up > 0 { "\x1b[K\r\n\x1b[J\x1b[A" } else { "\x1b[K" });
        return text;
    }
    // A line is cleared before it is written, and not after it, so that the terminal forgets that it was wrapped there.
    text.push_str(&new.iter().map(|line| format!("\x1b[K{line}")).collect::<Vec<_>>().join("\r\n"));
    text.push_str("\x1b[J");
    text
}

/// Returns how many rows these lines take.
fn rows(lines: &[String], width: usize) -> usize {
    lines.iter().map(|line| columns(&strip_str(line).to_string()).div_ceil(width.max(1)).max(1)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_block_is_replaced_from_its_first_row_on_also_where_it_was_wrapped() {
        assert_eq!(replace(&[], &[], 80), "");
        assert_eq!(replace(&[], &lines(&["a", "b"]), 80), "\r\x1b[Ka\r\n\x1b[Kb\x1b[J");
        assert_eq!(replace(&lines(&["a", "b"]), &lines(&["c"]), 80), "\r\x1b[1A\x1b[Kc\x1b[J");
        assert_eq!(replace(&lines(&["a"]), &[], 80), "\r\x1b[K");
        let wide = lines(&["\x1b[32m0123456789\x1b[0m", "", "01234"]);
        assert_eq!([80, 10, 5, 4, 1, 0].map(|width| rows(&wide, width)), [3, 3, 4, 6, 16, 16]);
        assert_eq!(replace(&wide, &[], 5), "\r\x1b[3A\x1b[K\r\n\x1b[J\x1b[A");
    }
}
