//! Finding the last word of Nix in what it printed.
//!
//! Owns the two log formats. Must not judge what the word means; only who can have said it.

use super::entry::{Entry, LIMIT, Told, last_line};
use super::plain::plain;
use super::{LogFormat, Position};

/// A message longer than this is cut before it is looked at.
const MESSAGE_LIMIT: usize = 64 << 10;

/// Who can have said a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// Only Nix.
    Nix,
    /// Something that speaks plain text where Nix was asked for JSON: its option parser, its signal handler.
    Bare,
    /// Nix or evaluated code.
    Anyone,
}

/// The error that a run of Nix ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LastWord {
    pub(super) message: String,
    pub(super) position: Option<Position>,
    pub(super) voice: Voice,
}

/// Finds the error that a run ended with.
pub(super) fn last_word(stderr: &[u8], log: LogFormat) -> Option<LastWord> {
    match log {
        LogFormat::Text => text_word(&stderr[stderr.len().saturating_sub(LIMIT)..]),
        LogFormat::InternalJson | LogFormat::TracedJson => json_word(stderr, log),
    }
}

fn json_word(stderr: &[u8], log: LogFormat) -> Option<LastWord> {
    let line = last_line(stderr)?;
    let Some(entry) = Entry::read(line) else {
        return bare_word(line);
    };
    if !entry.is_error() {
        return None;
    }
    let Some(raw) = &entry.told.raw_msg else {
        // What is not an error of Nix's own kind, such as `std::bad_alloc`, and never text of `throw`.
        let message = bounded_plain(&entry.msg?);
        return Some(LastWord {
            message: message.strip_prefix("error: ")?.to_owned(),
            position: None,
            voice: Voice::Nix,
        });
    };
    let is_throw = |told: &Told| told.words() == "while calling the 'throw' builtin";
    let voice = match (entry.told.has_file(), log) {
        // Errors of `throw` have no place for a position. Others have, even when it is unknown.
        (true, _) => Voice::Nix,
        (false, LogFormat::TracedJson) if !entry.trace.first().is_some_and(is_throw) => Voice::Nix,
        (false, _) => Voice::Anyone,
    };
    Some(LastWord { message: bounded_plain(raw), position: entry.told.position(), voice })
}

fn bare_word(line: &[u8]) -> Option<LastWord> {
    let line = plain(&String::from_utf8_lossy(&line[..line.len().min(MESSAGE_LIMIT)]));
    Some(LastWord { message: line.strip_prefix("error: ")?.to_owned(), position: None, voice: Voice::Bare })
}

impl Position {
    /// Makes a position of what Nix tells of it, if it tells all of it.
    pub(crate) fn told(file: Option<&str>, line: Option<u64>, column: Option<u64>) -> Option<Self> {
        let file = plain(file?);
        let line = line.and_then(|line| u32::try_from(line).ok()).filter(|line| *line > 0)?;
        let column = column.and_then(|column| u32::try_from(column).ok()).filter(|column| *column > 0)?;
        let file = file.strip_suffix(&format!(":{line}:{column}")).unwrap_or(&file);
        // Before 2.13 an expression from the command line stands here in full.
        let file = if file.starts_with(['/', '«', '<', '(']) { file } else { "«string»" };
        Some(Self { file: file.to_owned(), line, column })
    }
}

/// In text the last error counts. Everything in it can come from evaluated code: 2.3 prints the text of
/// `throw` as it is, newer versions hide the frames that would tell.
fn text_word(stderr: &[u8]) -> Option<LastWord> {
    const CAUSE: &[u8] = b"       error: ";
    let mut cause = None;
    let mut end = stderr.len();
    let block = loop {
        let start = stderr[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let line = &stderr[start..end];
        if line.starts_with(CAUSE) && cause.is_none() {
            cause = Some(start);
        }
        if line.starts_with(b"error:") {
            // From 2.13 on the frames come first, and the cause is the last `error:` among them.
            let bare = line.trim_ascii_end() == b"error:";
            break &stderr[if bare { cause.unwrap_or(start) } else { start }..];
        }
        end = start.checked_sub(1)?;
    };
    let text = String::from_utf8_lossy(&block[..block.len().min(MESSAGE_LIMIT)]);
    let mut lines: Vec<&str> = text.trim_start().trim_start_matches("error:").lines().collect();
    if lines.first().is_some_and(|line| line.trim_start().starts_with("while ") && line.ends_with(':')) {
        // 2.3 with --show-trace: a line for each frame, then the cause.
        let rest = lines.iter().position(|line| !line.trim_start().starts_with("while ")).unwrap_or(0);
        lines.drain(..rest);
    }
    let mut position = None;
    let mut message = String::new();
    for line in lines {
        let trimmed = line.trim();
        if let Some(at) = trimmed.strip_prefix("at ").and_then(|at| at.strip_suffix(':')) {
            position = parse_position(at);
            break;
        }
        if ["… ", "(use '--show-trace'", "(stack trace truncated"].iter().any(|start| trimmed.starts_with(start)) {
            break;
        }
        message.push_str(trimmed);
        message.push('\n');
    }
    let mut message = plain(&message);
    // 2.3: `MESSAGE, at FILE:LINE:COLUMN`.
    if let Some((head, at)) = message.rsplit_once(" at ")
        && let Some(found) = parse_position(at)
    {
        position = Some(found);
        message = head.trim_end_matches(',').to_owned();
    } else if let Some(head) = message.strip_suffix(", at undefined position") {
        message = head.to_owned();
    }
    Some(LastWord { message, position, voice: Voice::Anyone })
}

/// Reads `FILE:LINE:COLUMN`.
pub(crate) fn parse_position(text: &str) -> Option<Position> {
    let mut parts = text.rsplitn(3, ':');
    let column = parts.next()?.parse().ok()?;
    let line = parts.next()?.parse().ok()?;
    let file = parts.next().filter(|file| file.starts_with(['/', '«', '<', '(']))?;
    Some(Position { file: plain(file), line, column })
}

fn bounded_plain(text: &str) -> String {
    let end = (0..=MESSAGE_LIMIT.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    plain(&text[..end])
}
