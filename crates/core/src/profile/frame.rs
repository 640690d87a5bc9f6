//! Frames of an evaluation's stack, interned.
//!
//! Owns the step from the words of Nix to a [`Frame`], and the table that turns frames into small numbers.
//! Must not know which input a file belongs to.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::outcome::{Position, plain};

/// What is called or evaluated in a frame.
///
/// Names come from evaluated code; they hold no control characters, but prove nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "name")]
pub enum What {
    /// A function, with its name if it has one.
    Function(Option<String>),
    /// A builtin, such as `map`.
    Primop(String),
    /// A set that is called like a function.
    Functor,
    /// The derivation of this name.
    Derivation(String),
    /// This attribute, of a derivation or of another set.
    Attribute(String),
    /// Something else that Nix says of where it is, or what could not be read.
    Other(String),
}

/// One frame of a stack: a place and what happens there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Frame {
    /// What is called or evaluated.
    pub what: What,
    /// Where: for a function in a profile the place of the call; for a derivation in a trace that of its name.
    pub position: Option<Position>,
}

impl Frame {
    /// Returns the derivation's name, if this frame is a derivation.
    #[must_use]
    pub fn derivation(&self) -> Option<&str> {
        match &self.what {
            What::Derivation(name) => Some(name),
            What::Function(_) | What::Primop(_) | What::Functor | What::Attribute(_) | What::Other(_) => None,
        }
    }

    /// Reads a frame of a folded stack: `PLACE`, `PLACE:NAME`, `PLACE:functor`, `PLACE:primop NAME` or
    /// `PLACE:primop derivationStrict:DERIVATION`; the place can be missing. Never fails.
    ///
    /// The format is that of Nix's `eval-profiler.cc`. A name can hold anything; the first that looks like
    /// a place counts as one.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let text = plain(&String::from_utf8_lossy(text));
        let (position, name) = split_place(&text);
        let what = match name {
            None if position.is_none() => What::Other(text.clone()),
            None | Some("") => What::Function(None),
            Some("functor") => What::Functor,
            Some(name) => match name.strip_prefix("primop ") {
                Some(primop) => match primop.strip_prefix("derivationStrict:") {
                    Some(derivation) => What::Derivation(derivation.to_owned()),
                    None => What::Primop(primop.to_owned()),
                },
                None => What::Function(Some(name.to_owned())),
            },
        };
        Self { what, position }
    }
}

impl fmt::Display for Frame {
    /// Shows `/p/default.nix:3:7 override`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = &self.position {
            write!(f, "{position} ")?;
        }
        match &self.what {
            What::Function(Some(name)) => write!(f, "{name}"),
            What::Function(None) => write!(f, "(function)"),
            What::Primop(name) => write!(f, "builtins.{name}"),
            What::Functor => write!(f, "(functor)"),
            What::Derivation(name) => write!(f, "derivation {name}"),
            What::Attribute(name) => write!(f, "attribute {name}"),
            What::Other(text) => write!(f, "{text}"),
        }
    }
}

/// Splits `FILE:LINE:COLUMN`, `FILE:LINE:COLUMN:NAME`, `«none»:0:NAME` and `primop NAME`.
fn split_place(text: &str) -> (Option<Position>, Option<&str>) {
    if text.starts_with("primop ") {
        return (None, Some(text));
    }
    if let Some(rest) = text.strip_prefix("«none»:0") {
        return (None, Some(rest.strip_prefix(':').unwrap_or("")));
    }
    for (at, _) in text.match_indices(':') {
        let Some((line, rest)) = number(&text[at + 1..]) else { continue };
        let Some((column, rest)) = rest.strip_prefix(':').and_then(number) else { continue };
        let name = match rest.strip_prefix(':') {
            Some(name) => Some(name),
            None if rest.is_empty() => None,
            None => continue,
        };
        if at == 0 {
            continue;
        }
        return (Some(Position { file: text[..at].to_owned(), line, column }), name);
    }
    (None, None)
}

/// Reads the digits in front: a number from 1 on.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let value: u32 = text[..end].parse().ok()?;
    (value > 0).then_some((value, &text[end..]))
}

/// A frame's number in a [`Frames`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameId(pub(super) u32);

impl FrameId {
    /// Returns the number as an index.
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The number of a derivation's name in a [`Frames`]: the same for all frames with this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(pub(super) u32);

impl NameId {
    /// Returns the number as an index.
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// So many bytes of distinct frames are told apart; all that come after are one.
const MOST_BYTES: usize = 12 << 20;
/// So many distinct frames are told apart.
const MOST_FRAMES: usize = 1 << 16;

/// All distinct frames of a profile, each stored once.
///
/// Bounded: what does not fit any more is [`Frames::other`].
#[derive(Debug, Clone)]
pub struct Frames {
    known: Vec<Known>,
    ids: HashMap<Box<[u8]>, FrameId>,
    names: HashMap<Box<str>, NameId>,
    /// By number of a name: the first frame that has it.
    named: Vec<FrameId>,
    bytes: usize,
}

#[derive(Debug, Clone)]
struct Known {
    frame: Frame,
    name: Option<NameId>,
}

impl Default for Frames {
    fn default() -> Self {
        let other = Frame { what: What::Other("(other frames)".to_owned()), position: None };
        Self {
            known: vec![Known { frame: other, name: None }],
            ids: HashMap::new(),
            names: HashMap::new(),
            named: Vec::new(),
            bytes: 0,
        }
    }
}

impl Frames {
    /// Returns the number that stands for all frames that did not fit.
    #[must_use]
    pub const fn other(&self) -> FrameId {
        FrameId(0)
    }

    /// Returns the number of a frame of a folded stack.
    pub fn intern(&mut self, text: &[u8]) -> FrameId {
        match self.ids.get(text) {
            Some(id) => *id,
            None if self.is_full(text) => self.other(),
            None => self.add(text, Frame::parse(text)),
        }
    }

    fn is_full(&self, key: &[u8]) -> bool {
        self.known.len() >= MOST_FRAMES || self.bytes + key.len() > MOST_BYTES
    }

    /// Returns the number of a frame.
    pub fn insert(&mut self, frame: Frame) -> FrameId {
        // No frame of a folded stack has a line break in it.
        let key = format!("\n{frame:?}");
        match self.ids.get(key.as_bytes()) {
            Some(id) => *id,
            None => self.add(key.as_bytes(), frame),
        }
    }

    fn add(&mut self, key: &[u8], frame: Frame) -> FrameId {
        if self.is_full(key) {
            return self.other();
        }
        let id = FrameId(u32::try_from(self.known.len()).expect("bounded above"));
        let name = frame.derivation().map(|name| match self.names.get(name) {
            Some(number) => *number,
            None => {
                let number = NameId(u32::try_from(self.names.len()).expect("fewer names than frames"));
                self.names.insert(name.into(), number);
                self.named.push(id);
                number
            }
        });
        self.known.push(Known { frame, name });
        self.bytes += key.len();
        self.ids.insert(key.into(), id);
        id
    }

    /// Returns the frame of a number.
    #[must_use]
    pub fn get(&self, id: FrameId) -> &Frame {
        &self.known[id.index()].frame
    }

    /// Returns the number of the derivation's name, if the frame is a derivation.
    #[must_use]
    pub fn name(&self, id: FrameId) -> Option<NameId> {
        self.known[id.index()].name
    }

    /// Returns the number of a derivation's name, if a frame has it.
    #[must_use]
    pub fn name_of(&self, derivation: &str) -> Option<NameId> {
        self.names.get(derivation).copied()
    }

    /// Returns the first frame that has a derivation's name.
    #[must_use]
    pub fn first_with(&self, name: NameId) -> Option<FrameId> {
        self.named.get(name.index()).copied()
    }

    /// Returns the numbers of all frames.
    pub fn ids(&self) -> impl Iterator<Item = FrameId> + use<> {
        (0..u32::try_from(self.known.len()).unwrap_or(u32::MAX)).map(FrameId)
    }

    /// Counts the distinct frames, and one for all others.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Tells whether there is no frame yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.len() == 1
    }
}

/// What is being evaluated, from outer to inner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack(pub Vec<FrameId>);

impl Stack {
    /// Returns where in the stack derivations are, with the number of each one's name.
    #[must_use]
    pub fn derivations(&self, frames: &Frames) -> Vec<(usize, NameId)> {
        self.0.iter().enumerate().filter_map(|(at, id)| Some((at, frames.name(*id)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(text: &str) -> (What, Option<String>) {
        let frame = Frame::parse(text.as_bytes());
        (frame.what, frame.position.map(|position| position.to_string()))
    }

    #[test]
    fn every_kind_of_frame_is_read() {
        let function = |name: &str| What::Function(Some(name.to_owned()));
        let at = |position: &str| Some(position.to_owned());
        let git = "«git+file:///p/pkgs.git?ref=main&rev=d59a&shallow=1»/lib/fixed-points.nix:29:7";
        for (text, expected) in [
            ("/p/flake.nix:25:9", (What::Function(None), at("/p/flake.nix:25:9"))),
            ("/p/flake.nix:37:18:each", (function("each"), at("/p/flake.nix:37:18"))),
            (&format!("{git}:apply"), (function("apply"), at(git))),
            ("/p/a.nix:1:2:functor", (What::Functor, at("/p/a.nix:1:2"))),
            ("/p/a.nix:1:2:primop map", (What::Primop("map".to_owned()), at("/p/a.nix:1:2"))),
            ("primop map", (What::Primop("map".to_owned()), None)),
            ("primop derivationStrict:a-1", (What::Derivation("a-1".to_owned()), None)),
            (
                "«nix-internal»/derivation-internal.nix:37:12:primop derivationStrict:a b:c 1",
                (What::Derivation("a b:c 1".to_owned()), at("«nix-internal»/derivation-internal.nix:37:12")),
            ),
            ("/a:b/c d.nix:3:4:x:y", (function("x:y"), at("/a:b/c d.nix:3:4"))),
            ("«none»:0", (What::Function(None), None)),
            ("«none»:0:f", (function("f"), None)),
            ("nonsense", (What::Other("nonsense".to_owned()), None)),
            ("/a.nix:0:0", (What::Other("/a.nix:0:0".to_owned()), None)),
            (":1:2", (What::Other(":1:2".to_owned()), None)),
            ("", (What::Other(String::new()), None)),
        ] {
            assert_eq!(frame(text), expected, "{text}");
        }
    }

    #[test]
    fn names_that_are_no_text_are_told_apart_and_shown_without_harm() {
        let mut frames = Frames::default();
        let one = frames.intern(b"/a.nix:1:2:x\xff\x1b[31m");
        let two = frames.intern(b"/a.nix:1:2:x\xfe\x1b[31m");
        assert_ne!(one, two);
        assert_eq!(frames.get(one).to_string(), "/a.nix:1:2 x\u{fffd}");
    }

    #[test]
    fn a_derivation_has_one_name_wherever_it_is_called() {
        let mut frames = Frames::default();
        let one = frames.intern(b"/a.nix:1:2:primop derivationStrict:x");
        let two = frames.intern(b"primop derivationStrict:x");
        assert_ne!(one, two);
        assert!(frames.name(one).is_some());
        assert_eq!(frames.name(one), frames.name(two));
        assert_eq!(frames.name(frames.other()), None);
    }

    #[test]
    fn frames_without_end_take_memory_with_an_end() {
        let mut frames = Frames::default();
        let long = vec![b'x'; MOST_BYTES / 4];
        let ids: Vec<FrameId> = (0..8u8).map(|at| frames.intern(&[&[at, b':'], long.as_slice()].concat())).collect();
        assert!(ids[..3].iter().all(|id| *id != frames.other()));
        assert_eq!(ids[7], frames.other());
        assert_ne!(frames.intern(b"small"), frames.other());
    }

    proptest! {
        #[test]
        fn any_bytes_are_some_frame(bytes in prop::collection::vec(any::<u8>(), 0..60), tail in "[:0-9a-z«» /]{0,20}") {
            let text = [bytes.as_slice(), tail.as_bytes()].concat();
            let mut frames = Frames::default();
            let id = frames.intern(&text);
            prop_assert_eq!(frames.intern(&text), id);
            prop_assert!(!frames.get(id).to_string().chars().any(char::is_control));
        }
    }
}
