//! The lines `@nix {…}` that Nix (2.4 and newer) prints with `--log-format internal-json`.
//!
//! Owns their form, and which of them is the last word of a run. Must not judge what the words mean.

use memchr::memmem::rfind;
use serde::Deserialize;

use super::Position;
use super::plain::plain;

/// No more than so many bytes, counted from the end, are looked at.
pub(super) const LIMIT: usize = 64 << 20;

/// One line `@nix {…}`.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    pub(super) level: Option<u64>,
    /// The message as it is shown.
    pub(crate) msg: Option<String>,
    /// What an error says, without what led to it.
    #[serde(flatten)]
    pub(crate) told: Told,
    /// What Nix was doing, inner first.
    #[serde(default)]
    pub(crate) trace: Vec<Told>,
}

/// Words with the place that they are about.
#[derive(Debug, Deserialize)]
pub(crate) struct Told {
    pub(crate) raw_msg: Option<String>,
    file: Option<String>,
    line: Option<u64>,
    column: Option<u64>,
}

impl Entry {
    /// Reads a line. What another program left unfinished can stand in front, on the same line.
    pub(crate) fn read(line: &[u8]) -> Option<Self> {
        const START: &[u8] = b"@nix {\"";
        // In JSON's own strings the quote would be escaped.
        let json = &line[rfind(line, START)? + b"@nix ".len()..];
        serde_json::from_str(&String::from_utf8_lossy(json)).ok()
    }

    /// Reads the error that a run ended with, if its last word is one in this form.
    pub(crate) fn last_error(stderr: &[u8]) -> Option<Self> {
        Self::read(last_line(stderr)?).filter(Self::is_error)
    }

    pub(super) fn is_error(&self) -> bool {
        self.level == Some(0)
    }
}

impl Told {
    /// Returns the words on one line; empty where there are none.
    pub(crate) fn words(&self) -> String {
        plain(self.raw_msg.as_deref().unwrap_or_default())
    }

    pub(crate) fn position(&self) -> Option<Position> {
        Position::told(self.file.as_deref(), self.line, self.column)
    }

    /// Tells whether it says where it is about, also where that cannot be read.
    pub(super) const fn has_file(&self) -> bool {
        self.file.is_some()
    }
}

/// The last line that is not quiet counts, whatever came before: builders can print lines of any kind, but
/// when evaluation fails Nix speaks after them.
pub(super) fn last_line(stderr: &[u8]) -> Option<&[u8]> {
    let stderr = &stderr[stderr.len().saturating_sub(LIMIT)..];
    stderr.rsplit(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !is_quiet(line))
}

/// Tells whether a line says nothing about how the run ended: progress, warnings of the garbage
/// collector, hints, and git, whose helpers can outlive a failed fetch and speak after Nix.
fn is_quiet(line: &[u8]) -> bool {
    const STARTS: [&[u8]; 6] = [
        b"@nix {\"action\":\"stop\"",
        b"@nix {\"action\":\"start\"",
        b"@nix {\"action\":\"result\"",
        b"GC Warning: ",
        b"Try '",
        b"fatal: ",
    ];
    line.is_empty() || STARTS.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_read_from_between_other_lines() {
        let error = r#"@nix {"action":"msg","level":0,"msg":"error: \u001b[31mno","raw_msg":"\u001b[31mno\nway","file":"/p/x.nix:3:4","line":3,"column":4,"trace":[{"raw_msg":"while a"},{"raw_msg":null}]}"#;
        let stderr =
            format!("GC Warning\n@nix {{\"action\":\"start\"}}\nhalf {error}\n\n@nix {{\"action\":\"stop\"}}\n");
        let entry = Entry::last_error(stderr.as_bytes()).unwrap();
        assert_eq!((entry.told.words().as_str(), entry.trace.len()), ("no way", 2));
        assert_eq!(entry.told.position().unwrap().to_string(), "/p/x.nix:3:4");
        assert_eq!((entry.trace[0].words().as_str(), entry.trace[1].words().as_str()), ("while a", ""));
        assert_eq!(entry.trace[0].position(), None);
    }

    #[test]
    fn what_is_said_after_an_error_in_plain_text_is_the_last_word() {
        let error = "@nix {\"action\":\"msg\",\"level\":0,\"raw_msg\":\"no\"}\n";
        assert!(Entry::last_error(error.as_bytes()).is_some());
        for after in
            ["error: stack overflow (possible infinite recursion)", "@nix {\"action\":\"msg\",\"level\":1}", "@nix {"]
        {
            assert!(Entry::last_error(format!("{error}{after}\n").as_bytes()).is_none(), "{after}");
        }
    }

    #[test]
    fn what_is_no_text_is_read_as_far_as_it_is() {
        let entry = Entry::read(b"@nix {\"level\":0,\"raw_msg\":\"a\xffb\"}").unwrap();
        assert_eq!(entry.told.words(), "a\u{fffd}b");
    }
}
