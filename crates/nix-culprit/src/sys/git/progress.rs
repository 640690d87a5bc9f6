//! Progress of git's long works, read from its stderr.

use std::fmt;

/// What git is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The other side looks for what to send.
    Counting,
    /// The other side packs it.
    Compressing,
    /// It is coming in.
    Receiving,
    /// What came in is unpacked.
    Resolving,
    /// Files of a checkout are written.
    Writing,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counting => "counting",
            Self::Compressing => "compressing",
            Self::Receiving => "receiving",
            Self::Resolving => "resolving",
            Self::Writing => "writing",
        })
    }
}

/// How far one phase has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The phase.
    pub phase: Phase,
    /// 0 to 100.
    pub percent: u8,
}

/// Is told each step of a long work.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress);

/// Reads one line such as `Receiving objects:  45% (450/1000), 1.2 MiB | 3 MiB/s`.
pub(super) fn parse(line: &[u8]) -> Option<Progress> {
    let line = std::str::from_utf8(line).ok()?.trim();
    let line = line.strip_prefix("remote: ").unwrap_or(line);
    let (what, rest) = line.split_once(':')?;
    let phase = match what {
        "Counting objects" | "Enumerating objects" => Phase::Counting,
        "Compressing objects" => Phase::Compressing,
        "Receiving objects" => Phase::Receiving,
        "Resolving deltas" => Phase::Resolving,
        "Updating files" => Phase::Writing,
        _ => return None,
    };
    let (percent, _) = rest.trim_start().split_once('%')?;
    let percent = percent.parse().ok().filter(|percent| *percent <= 100)?;
    Some(Progress { phase, percent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_clone_are_read() {
        for (line, phase, percent) in [
            ("remote: Counting objects:  12% (3/25)\x1b[K", Phase::Counting, 12),
            ("remote: Compressing objects: 100% (20/20), done.", Phase::Compressing, 100),
            ("Receiving objects:   1% (1/100), 1.20 MiB | 3.00 MiB/s", Phase::Receiving, 1),
            ("Resolving deltas:   0% (0/7)", Phase::Resolving, 0),
            ("Updating files:  37% (14802/40000)", Phase::Writing, 37),
        ] {
            assert_eq!(parse(line.as_bytes()), Some(Progress { phase, percent }), "{line}");
        }
    }

    #[test]
    fn other_lines_are_no_progress() {
        for line in [
            &b"Cloning into bare repository 'x'..."[..],
            b"Receiving objects: 101%",
            b"Receiving objects: -1%",
            b"\xff: 1%",
        ] {
            assert_eq!(parse(line), None);
        }
    }
}
