//! The lines of our own tracer: what is being evaluated, told by Nix's `trace` on standard error.
//!
//! A line counts only if it carries the run's nonce, which evaluated code does not know.

use std::borrow::Cow;

use serde::Deserialize;

use crate::outcome::{Position, plain};

/// What the tracer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Traced {
    /// The evaluation of a derivation begins.
    Enter {
        /// Its name.
        name: String,
        /// Where its recipe says what it is: the first is that of its name.
        at: Vec<Position>,
    },
    /// The evaluation of the derivation that was begun last has ended.
    Leave,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    msg: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    enter: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    at: Vec<(Cow<'a, str>, u32, u32)>,
    leave: Option<bool>,
}

/// Reads a line of standard error; nothing if it is not the tracer's.
#[must_use]
pub fn read_traced(line: &[u8], nonce: &str) -> Option<Traced> {
    // A quick look, as most lines of some runs are others.
    if !line.windows(nonce.len().max(1)).any(|part| part == nonce.as_bytes()) {
        return None;
    }
    let text = std::str::from_utf8(line).ok()?;
    let message = match text.strip_prefix("@nix ") {
        Some(json) => serde_json::from_str::<Message<'_>>(json).ok()?.msg,
        None => Cow::Borrowed(text),
    };
    let said = message.strip_prefix("trace: ")?.strip_prefix(nonce)?.strip_prefix(' ')?;
    let said: Said<'_> = serde_json::from_str(said.trim_end()).ok()?;
    if said.leave == Some(true) {
        return Some(Traced::Leave);
    }
    let at = said.at.iter().map(|(file, line, column)| Position { file: plain(file), line: *line, column: *column });
    Some(Traced::Enter { name: plain(&said.enter?), at: at.collect() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_forms_of_a_line_are_read_and_those_of_others_are_not() {
        let enter = Traced::Enter {
            name: "a b-1".to_owned(),
            at: vec![Position { file: "/p/x.nix".to_owned(), line: 2, column: 3 }],
        };
        let text = r#"trace: N1 {"at":[["/p/x.nix",2,3]],"enter":"a b-1"}"#;
        let json =
            r#"@nix {"action":"msg","level":0,"msg":"trace: N1 {\"at\":[[\"/p/x.nix\",2,3]],\"enter\":\"a b-1\"}"}"#;
        assert_eq!(read_traced(text.as_bytes(), "N1"), Some(enter.clone()));
        assert_eq!(read_traced(json.as_bytes(), "N1"), Some(enter));
        assert_eq!(read_traced(br#"trace: N1 {"leave":true}"#, "N1"), Some(Traced::Leave));
        for other in [
            r#"trace: N2 {"leave":true}"#,
            r#"trace: x N1 {"leave":true}"#,
            r#"N1 {"leave":true}"#,
            r#"trace: N1 {"leave":false}"#,
            r#"trace: N1 {"enter":3}"#,
            "trace: N1 ",
            "",
        ] {
            assert_eq!(read_traced(other.as_bytes(), "N1"), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = read_traced(&bytes, "");
            let _ = read_traced(&[b"trace: N {", bytes.as_slice()].concat(), "N");
        }
    }
}
