//! What a flake.nix says of its inputs, as far as it is written down plainly.
//!
//! Owns the reading, and where a new entry belongs. Must not evaluate: what code says is not known, and whatever is
//! asked about such a place is refused.

use std::collections::{BTreeMap, BTreeSet};

use rnix::{SyntaxKind, SyntaxNode};

use super::{CannotEdit, shown};
use crate::syntax::{bare, bytes, name, name_nodes, parse, text};

/// The last attributes by their whole names, with their values: texts as they are written anew, all else as it stands.
pub(super) type Leaves = BTreeMap<Vec<String>, String>;

/// The reading of a flake.nix.
pub(super) struct Said {
    /// The sets, by the attribute that each is the value of; the whole flake is that of no name.
    sets: Vec<(Vec<String>, SyntaxNode)>,
    /// All entries of these sets.
    entries: Vec<Entry>,
    /// Attributes below which something is said that cannot be read.
    obscure: Vec<(Vec<String>, CannotEdit)>,
}

/// One entry of a set.
pub(super) struct Entry {
    /// All of it, with its semicolon.
    pub(super) node: SyntaxNode,
    /// The attribute that it defines, from the top.
    path: Vec<String>,
    /// The names that it is written with, the last one last.
    pub(super) names: Vec<SyntaxNode>,
    /// The value.
    pub(super) value: SyntaxNode,
    /// The text that the value is, if it is one.
    pub(super) text: Option<String>,
}

/// Where a new entry goes.
pub(super) enum Anchor {
    /// Behind this entry.
    Behind(SyntaxNode),
    /// To the beginning of this set.
    FirstIn(SyntaxNode),
}

impl Said {
    /// Reads a flake.nix.
    pub(super) fn read(flake: &str) -> Result<Self, CannotEdit> {
        let top = parse(flake).and_then(|root| root.first_child()).map(bare);
        let top = top.filter(|top| top.kind() == SyntaxKind::NODE_ATTR_SET).ok_or(CannotEdit::NoSet)?;
        let mut said = Self { sets: Vec::new(), entries: Vec::new(), obscure: Vec::new() };
        said.set(&top, &[]);
        Ok(said)
    }

    /// Reads a set and, of inputs, what is in it.
    fn set(&mut self, set: &SyntaxNode, above: &[String]) {
        if set.first_token().is_some_and(|token| token.kind() == SyntaxKind::TOKEN_REC) {
            let what = if above.is_empty() { "the flake".to_owned() } else { shown(above) };
            self.obscure.push((above.to_vec(), CannotEdit::Recursive(what)));
        }
        self.sets.push((above.to_vec(), set.clone()));
        for node in set.children() {
            match node.kind() {
                SyntaxKind::NODE_INHERIT => self.inherit(&node, above),
                SyntaxKind::NODE_ATTRPATH_VALUE => self.entry(node, above),
                _ => {}
            }
        }
    }

    fn inherit(&mut self, node: &SyntaxNode, above: &[String]) {
        for inherited in node.children().filter(|child| child.kind() != SyntaxKind::NODE_INHERIT_FROM) {
            let path = match name(&inherited) {
                Some(name) => super::below(above, &name),
                None => above.to_vec(),
            };
            let why = CannotEdit::Inherited(shown(&path));
            self.obscure.push((path, why));
        }
    }

    fn entry(&mut self, node: SyntaxNode, above: &[String]) {
        let names = name_nodes(&node);
        let mut path = above.to_vec();
        for part in &names {
            let Some(name) = name(part) else {
                let why = CannotEdit::Dynamic(if path.is_empty() { "the flake".to_owned() } else { shown(&path) });
                self.obscure.push((path, why));
                return;
            };
            path.push(name);
        }
        let Some(value) = node.last_child() else { return };
        let inner = bare(value.clone());
        if path.first().is_some_and(|name| name == "inputs") {
            if inner.kind() == SyntaxKind::NODE_ATTR_SET {
                self.set(&inner, &path);
            } else if text(&inner).is_none() {
                self.obscure.push((path.clone(), CannotEdit::Computed(shown(&path))));
            }
        }
        self.entries.push(Entry { node, path, names, text: text(&inner), value });
    }

    /// Fails where the flake says something of an attribute that cannot be read.
    pub(super) fn is_clear(&self, path: &[String]) -> Result<(), CannotEdit> {
        let obscure = self.obscure.iter().find(|(above, _)| path.starts_with(above));
        obscure.map_or(Ok(()), |(_, why)| Err(why.clone()))?;
        // A text where a set should be is a mistake that Nix tells of.
        let text = self
            .entries
            .iter()
            .find(|entry| entry.text.is_some() && entry.path.len() < path.len() && path.starts_with(&entry.path));
        text.map_or(Ok(()), |entry| Err(CannotEdit::Computed(shown(&entry.path))))
    }

    /// Returns the entry that defines an attribute, if there is one.
    pub(super) fn leaf(&self, path: &[String]) -> Result<Option<&Entry>, CannotEdit> {
        self.is_clear(path)?;
        let mut all = self.entries.iter().filter(|entry| entry.path == path);
        match (all.next(), all.next()) {
            (_, Some(_)) => Err(CannotEdit::Several(shown(path))),
            (Some(entry), None) if entry.text.is_none() => Err(CannotEdit::Computed(shown(path))),
            (only, None) => Ok(only),
        }
    }

    /// Tells whether an input is written as attributes.
    pub(super) fn has_attributes(&self, place: &[String]) -> bool {
        self.all_below(place).any(|entry| {
            entry
                .path
                .get(place.len())
                .is_some_and(|name| !["url", "follows", "flake", "inputs"].contains(&name.as_str()))
        })
    }

    /// Lists the entries below an attribute that say something, and not only hold others.
    pub(super) fn all_below(&self, place: &[String]) -> impl Iterator<Item = &Entry> {
        self.leaf_entries().filter(move |entry| entry.path.len() > place.len() && entry.path.starts_with(place))
    }

    fn leaf_entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !self.sets.iter().any(|(path, _)| *path == entry.path))
    }

    /// Returns all that is said of inputs.
    pub(super) fn leaves(&self) -> Leaves {
        let of_inputs = self.leaf_entries().filter(|entry| entry.path.first().is_some_and(|name| name == "inputs"));
        let value = |entry: &Entry| match &entry.text {
            Some(text) => crate::syntax::written_text(text),
            None => entry.value.text().to_string(),
        };
        of_inputs.map(|entry| (entry.path.clone(), value(entry))).collect()
    }

    /// Tells whether another reading has all inputs of the flake itself that this one has.
    pub(super) fn names_in(&self, other: &Self) -> bool {
        fn names(said: &Said) -> BTreeSet<&String> {
            said.entries
                .iter()
                .filter(|entry| entry.path.first().is_some_and(|name| name == "inputs"))
                .filter_map(|entry| entry.path.get(1))
                .collect()
        }
        names(self).is_subset(&names(other))
    }

    /// Returns the entry, or the outermost one around it that would hold nothing without it and belongs to an input of
    /// an input.
    pub(super) fn outermost(&self, entry: &Entry) -> SyntaxNode {
        let mut node = entry.node.clone();
        while let Some(set) = node.parent()
            && set.children().count() == 1
            && let Some((path, _)) = self.sets.iter().find(|(_, known)| bytes(known) == bytes(&set))
            && path.len() > 2
            && let Some(holder) = self.entries.iter().find(|entry| bytes(&bare(entry.value.clone())) == bytes(&set))
        {
            node = holder.node.clone();
        }
        node
    }

    /// Finds where an entry for an attribute belongs, and the names that it is written with there.
    pub(super) fn place_for<'p>(&self, path: &'p [String]) -> (Anchor, &'p [String]) {
        let shared = |other: &[String]| other.iter().zip(path).take_while(|(one, two)| one == two).count();
        let mut best: Option<(usize, usize, Anchor)> = None;
        for (above, set) in self.sets.iter().filter(|(above, _)| path.starts_with(above)) {
            let in_it = self.entries.iter().filter(|entry| entry.node.parent().as_ref() == Some(set));
            let mut last: Option<(usize, &SyntaxNode)> = None;
            for entry in in_it {
                let fits = shared(&entry.path);
                // Without one that is alike, the last of the set will do, but the flake's outputs stay the last.
                let fits_at_all = fits > above.len() || !above.is_empty() || entry.path == ["description"];
                if fits_at_all && last.is_none_or(|(known, _)| fits >= known) {
                    last = Some((fits, &entry.node));
                }
            }
            let fits = last.map_or(0, |(fits, _)| fits).max(above.len());
            if best.as_ref().is_none_or(|(known, ..)| fits >= *known) {
                let anchor =
                    last.map_or_else(|| Anchor::FirstIn(set.clone()), |(_, node)| Anchor::Behind(node.clone()));
                best = Some((fits, above.len(), anchor));
            }
        }
        let (_, above, anchor) = best.expect("the set of the whole flake holds every attribute");
        (anchor, &path[above..])
    }
}
