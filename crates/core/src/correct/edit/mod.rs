//! Edits of what a flake.nix says of its inputs, which leave every other byte as it is.
//!
//! Owns which edits there are, and when one cannot be made: where the flake says it in another way than by plain
//! names and strings, nothing is changed, and there are words to write it by hand. Must not touch a lock.

mod layout;
mod read;

use thiserror::Error;

use crate::ids::InputPath;
use crate::syntax::{bytes, written_name, written_text};
use layout::Splice;
use read::{Entry, Said};

/// A change of what a flake.nix says of its inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlakeEdit {
    /// An input, or an input of an input, comes from this flake reference.
    SetUrl {
        /// The input.
        input: InputPath,
        /// The flake reference.
        url: String,
    },
    /// An input of an input follows another one.
    SetFollows {
        /// The input.
        input: InputPath,
        /// What it follows.
        target: InputPath,
    },
    /// An input of an input does not follow any more.
    DropFollows {
        /// The input.
        input: InputPath,
    },
}

/// Says why an edit of a flake.nix cannot be made; nothing is changed then.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CannotEdit {
    /// It does not parse, or is no set.
    #[error("it is not a plain attribute set")]
    NoSet,
    /// What it says is the result of code.
    #[error("`{0}` is computed")]
    Computed(String),
    /// Something is inherited.
    #[error("`{0}` is inherited")]
    Inherited(String),
    /// A name is the result of code.
    #[error("a name in `{0}` is computed")]
    Dynamic(String),
    /// A set is one whose attributes see each other.
    #[error("`{0}` is a recursive set")]
    Recursive(String),
    /// Something is said more than once.
    #[error("`{0}` is defined more than once")]
    Several(String),
    /// An input is not written as an address.
    #[error("`{0}` is written as attributes, such as `type` and `rev`, and not as a `url`")]
    Attributes(String),
    /// More is said of an input than that it follows, which would hold on.
    #[error("more is said of `{0}` than that it follows")]
    Remains(String),
    /// Only an input of an input can cease to follow: the flake's own has to come from somewhere.
    #[error("`{0}` is an input of the flake itself, which has to come from somewhere")]
    OfTheFlake(String),
    /// What would be written does not say what was asked for.
    #[error("it is written in an unusual way")]
    Unusual,
}

impl FlakeEdit {
    /// Returns the input that it is about.
    #[must_use]
    pub const fn input(&self) -> &InputPath {
        match self {
            Self::SetUrl { input, .. } | Self::SetFollows { input, .. } | Self::DropFollows { input } => input,
        }
    }

    /// Says what a person writes into the flake.nix to make it.
    #[must_use]
    pub fn by_hand(&self) -> String {
        let place = shown(&attribute(self.input()));
        match self {
            Self::SetUrl { url, .. } => format!("{place}.url = {};", written_text(url)),
            Self::SetFollows { target, .. } => format!("{place}.follows = {};", written_text(&target.to_string())),
            Self::DropFollows { .. } => format!("take out `{place}.follows`"),
        }
    }
}

/// Makes an edit of a flake.nix. Where it says already what is asked for, it stays as it is.
///
/// # Errors
/// When the flake.nix says it in a way that cannot be edited.
pub fn apply(flake: &str, edit: &FlakeEdit) -> Result<String, CannotEdit> {
    let said = Said::read(flake)?;
    let place = attribute(edit.input());
    let splices = match edit {
        FlakeEdit::SetUrl { url, .. } => set(flake, &said, &place, ("url", "follows"), url)?,
        FlakeEdit::SetFollows { target, .. } => set(flake, &said, &place, ("follows", "url"), &target.to_string())?,
        FlakeEdit::DropFollows { .. } => drop_follows(flake, &said, &place)?,
    };
    let edited = layout::spliced(flake, splices);
    let is_asked_for =
        Said::read(&edited).is_ok_and(|now| now.leaves() == expected(&said, edit) && said.names_in(&now));
    if is_asked_for { Ok(edited) } else { Err(CannotEdit::Unusual) }
}

/// Returns the attribute that says what an input is.
fn attribute(input: &InputPath) -> Vec<String> {
    input.0.iter().flat_map(|name| ["inputs".to_owned(), name.clone()]).collect()
}

/// Returns an attribute with one more name.
fn below(place: &[String], name: &str) -> Vec<String> {
    [place, &[name.to_owned()]].concat()
}

fn shown(place: &[String]) -> String {
    place.iter().map(|name| written_name(name)).collect::<Vec<_>>().join(".")
}

/// Sets one of the two ways of saying what an input is, in place of the other.
fn set(
    flake: &str,
    said: &Said,
    place: &[String],
    (name, other): (&str, &str),
    value: &str,
) -> Result<Vec<Splice>, CannotEdit> {
    let wanted = below(place, name);
    said.is_clear(&wanted)?;
    let (own, instead) = (said.leaf(&wanted)?, said.leaf(&below(place, other))?);
    if own.is_none() && said.has_attributes(place) {
        return Err(CannotEdit::Attributes(shown(place)));
    }
    let text = written_text(value);
    let replaced = |entry: &Entry| {
        if entry.text.as_deref() == Some(value) { None } else { Some(Splice::replace(&entry.value, &text)) }
    };
    Ok(match (own, instead) {
        // What follows is not fetched: the address does nothing then.
        (Some(own), Some(instead)) if name == "url" => {
            let mut splices: Vec<Splice> = replaced(own).into_iter().collect();
            splices.push(layout::deleted(flake, &instead.node));
            splices
        }
        (Some(own), _) => replaced(own).into_iter().collect(),
        (None, Some(instead)) => {
            let last = instead.names.last().ok_or(CannotEdit::Unusual)?;
            vec![Splice::replace(last, name), Splice::replace(&instead.value, &text)]
        }
        (None, None) => {
            let (anchor, names) = said.place_for(&wanted);
            vec![layout::inserted(flake, &anchor, &format!("{} = {text};", shown(names)))]
        }
    })
}

/// Takes out that an input follows, with what says nothing any more then.
fn drop_follows(flake: &str, said: &Said, place: &[String]) -> Result<Vec<Splice>, CannotEdit> {
    if place.len() < 4 {
        return Err(CannotEdit::OfTheFlake(shown(place)));
    }
    let wanted = below(place, "follows");
    said.is_clear(&wanted)?;
    let Some(follows) = said.leaf(&wanted)? else { return Ok(Vec::new()) };
    // An input of which anything is said is one that Nix takes from there, and be it from the registry.
    let url = said.leaf(&below(place, "url"))?;
    if url.is_none() && said.all_below(place).any(|entry| bytes(&entry.node) != bytes(&follows.node)) {
        return Err(CannotEdit::Remains(shown(place)));
    }
    Ok(vec![layout::deleted(flake, &said.outermost(follows))])
}

/// What the flake should say after an edit.
fn expected(before: &Said, edit: &FlakeEdit) -> read::Leaves {
    let place = attribute(edit.input());
    let (url, follows) = (below(&place, "url"), below(&place, "follows"));
    let mut leaves = before.leaves();
    match edit {
        FlakeEdit::SetUrl { url: value, .. } => {
            leaves.remove(&follows);
            leaves.insert(url, written_text(value));
        }
        FlakeEdit::SetFollows { target, .. } => {
            if !leaves.contains_key(&follows) {
                leaves.remove(&url);
            }
            leaves.insert(follows, written_text(&target.to_string()));
        }
        FlakeEdit::DropFollows { .. } => _ = leaves.remove(&follows),
    }
    leaves
}

#[cfg(test)]
mod shapes;
#[cfg(test)]
mod tests;
