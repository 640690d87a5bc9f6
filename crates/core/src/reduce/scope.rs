//! Which name means what: for each use of a name the place that binds it.
//!
//! Owns Nix's rules of scope. Nix itself looks names up before it evaluates anything of a file, so a file in which one
//! is not bound fails as a whole: such candidates need not be tried.

use std::collections::{HashMap, HashSet};

use rnix::{SyntaxKind, SyntaxNode};

use super::tree::is_expression;

/// The names that are there without being bound.
const GLOBAL: [&str; 25] = [
    "abort",
    "baseNameOf",
    "break",
    "builtins",
    "derivation",
    "derivationStrict",
    "dirOf",
    "false",
    "fetchGit",
    "fetchMercurial",
    "fetchTarball",
    "fetchTree",
    "fromTOML",
    "import",
    "isNull",
    "map",
    "null",
    "or",
    "placeholder",
    "removeAttrs",
    "scopedImport",
    "throw",
    "toString",
    "true",
    "with",
];

/// What a use of a name leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A binding of `let`: the name there, in an attribute path or an `inherit`.
    Let(SyntaxNode),
    /// An argument, or an attribute of a recursive set.
    Other,
    /// What Nix has of itself.
    Global,
    /// Something that `with` brings, perhaps.
    With,
    /// Nothing.
    Unbound,
}

/// The names of one file and what they mean.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    /// By scope: the names that it binds, and whose places they are.
    names: HashMap<SyntaxNode, HashMap<String, Vec<SyntaxNode>>>,
}

impl Scopes {
    /// Tells whether every name of a file is bound.
    pub(super) fn all_bound(root: &SyntaxNode) -> bool {
        let mut scopes = Self::default();
        uses(root).all(|node| scopes.meaning(&node) != Meaning::Unbound)
    }

    /// Finds what a use of a name means.
    pub(super) fn meaning(&mut self, used: &SyntaxNode) -> Meaning {
        let name = used.text().to_string();
        let name = name.trim_matches('"');
        let (mut with, mut below) = (false, used.clone());
        // What `inherit` names comes from outside of the set or `let` that it stands in.
        let inherits = used.parent().filter(|parent| parent.kind() == SyntaxKind::NODE_INHERIT);
        let outside_of = inherits.and_then(|inherit| inherit.parent());
        for scope in used.ancestors().skip(1) {
            if Some(&scope) == outside_of.as_ref() {
                below = scope;
                continue;
            }
            match scope.kind() {
                SyntaxKind::NODE_WITH => with |= scope.last_child().as_ref() == Some(&below),
                SyntaxKind::NODE_LET_IN => {
                    if let Some(place) = self.bound(&scope, name).first() {
                        return Meaning::Let(place.clone());
                    }
                }
                SyntaxKind::NODE_LAMBDA | SyntaxKind::NODE_LEGACY_LET | SyntaxKind::NODE_ATTR_SET
                    if !self.bound(&scope, name).is_empty() =>
                {
                    return Meaning::Other;
                }
                _ => {}
            }
            below = scope;
        }
        match () {
            () if GLOBAL.contains(&name) || name.starts_with("__") => Meaning::Global,
            () if with => Meaning::With,
            () => Meaning::Unbound,
        }
    }

    /// Returns the places at which a scope binds a name.
    pub(super) fn bound(&mut self, scope: &SyntaxNode, name: &str) -> &[SyntaxNode] {
        let names = self.names.entry(scope.clone()).or_insert_with(|| names(scope));
        names.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Lists the uses of names in a file: identifiers that are expressions, and what `inherit` takes from around it.
pub(super) fn uses(root: &SyntaxNode) -> impl Iterator<Item = SyntaxNode> + use<> {
    root.descendants().filter(|node| match node.kind() {
        SyntaxKind::NODE_IDENT => is_expression(node) || is_plain_inherit(node),
        SyntaxKind::NODE_STRING => is_plain_inherit(node),
        _ => false,
    })
}

/// Tells whether a name stands in an `inherit` that takes it from around it.
pub(super) fn is_plain_inherit(name: &SyntaxNode) -> bool {
    let inherit = name.parent().filter(|parent| parent.kind() == SyntaxKind::NODE_INHERIT);
    inherit
        .is_some_and(|inherit| inherit.first_child().is_none_or(|first| first.kind() != SyntaxKind::NODE_INHERIT_FROM))
}

/// The names that a `let`, a set or a function binds for what is in it.
fn names(scope: &SyntaxNode) -> HashMap<String, Vec<SyntaxNode>> {
    let mut all: HashMap<String, Vec<SyntaxNode>> = HashMap::new();
    let mut add = |node: SyntaxNode| {
        let name = node.text().to_string().trim_matches('"').to_owned();
        all.entry(name).or_default().push(node);
    };
    match scope.kind() {
        SyntaxKind::NODE_LAMBDA => {
            for param in scope.children().take(1) {
                let names = param.descendants().filter(|node| node.kind() == SyntaxKind::NODE_IDENT);
                names.filter(|name| names_an_argument(name, &param)).for_each(&mut add);
            }
        }
        SyntaxKind::NODE_ATTR_SET if !is_recursive(scope) => {}
        _ => {
            for entry in scope.children() {
                match entry.kind() {
                    SyntaxKind::NODE_ATTRPATH_VALUE => {
                        entry.first_child().and_then(|path| path.first_child()).into_iter().for_each(&mut add);
                    }
                    SyntaxKind::NODE_INHERIT => inherited(&entry).for_each(&mut add),
                    _ => {}
                }
            }
        }
    }
    all
}

/// Lists the names of an `inherit`.
pub(super) fn inherited(inherit: &SyntaxNode) -> impl Iterator<Item = SyntaxNode> + use<> {
    inherit.children().filter(|child| child.kind() != SyntaxKind::NODE_INHERIT_FROM)
}

fn names_an_argument(name: &SyntaxNode, param: &SyntaxNode) -> bool {
    let Some(parent) = name.parent() else { return false };
    match parent.kind() {
        SyntaxKind::NODE_IDENT_PARAM => parent == *param,
        SyntaxKind::NODE_PAT_BIND => parent.parent().as_ref() == Some(param),
        SyntaxKind::NODE_PAT_ENTRY => {
            parent.parent().as_ref() == Some(param) && parent.first_child().as_ref() == Some(name)
        }
        _ => false,
    }
}

fn is_recursive(set: &SyntaxNode) -> bool {
    set.first_token().is_some_and(|token| token.kind() == SyntaxKind::TOKEN_REC)
}

/// Lists the bindings of `let` that nothing needs, also those that only need each other: the names that bind.
pub(super) fn unused(root: &SyntaxNode) -> Vec<SyntaxNode> {
    let mut scopes = Scopes::default();
    // Each use of a binding, with the bindings that the use itself is in.
    let uses: Vec<(SyntaxNode, Vec<SyntaxNode>)> = uses(root)
        .filter_map(|node| match scopes.meaning(&node) {
            Meaning::Let(place) => Some((place, within(&node))),
            Meaning::Other | Meaning::Global | Meaning::With | Meaning::Unbound => None,
        })
        .collect();
    let mut live: HashSet<SyntaxNode> = HashSet::new();
    loop {
        let is_live = |entry: &SyntaxNode| names_of(entry).any(|name| live.contains(&first(&mut scopes, &name)));
        let mut entries_live = is_live;
        let found: Vec<SyntaxNode> = uses
            .iter()
            .filter(|(_, within)| within.iter().all(&mut entries_live))
            .map(|(place, _)| place.clone())
            .collect();
        let before = live.len();
        live.extend(found);
        if live.len() == before {
            break;
        }
    }
    let entries = root.descendants().filter(is_binding).flat_map(|entry| names_of(&entry).collect::<Vec<_>>());
    entries.filter(|name| !live.contains(&first(&mut scopes, name))).collect()
}

/// Of several entries for one name (`a.b = …; a.c = …;`), the first stands for all.
fn first(scopes: &mut Scopes, name: &SyntaxNode) -> SyntaxNode {
    let scope = name.ancestors().find(|node| node.kind() == SyntaxKind::NODE_LET_IN);
    let text = name.text().to_string();
    let places = scope.map(|scope| scopes.bound(&scope, text.trim_matches('"')).to_vec());
    places.and_then(|places| places.into_iter().next()).unwrap_or_else(|| name.clone())
}

/// The bindings of `let` around a node, from inner to outer.
fn within(node: &SyntaxNode) -> Vec<SyntaxNode> {
    node.ancestors().skip(1).filter(is_binding).collect()
}

fn is_binding(node: &SyntaxNode) -> bool {
    matches!(node.kind(), SyntaxKind::NODE_ATTRPATH_VALUE | SyntaxKind::NODE_INHERIT)
        && node.parent().is_some_and(|parent| parent.kind() == SyntaxKind::NODE_LET_IN)
}

fn names_of(entry: &SyntaxNode) -> Box<dyn Iterator<Item = SyntaxNode>> {
    match entry.kind() {
        SyntaxKind::NODE_INHERIT => Box::new(inherited(entry)),
        _ => Box::new(entry.first_child().and_then(|path| path.first_child()).into_iter()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::parse;
    use super::*;

    fn is_closed(text: &str) -> bool {
        Scopes::all_bound(&parse(text).unwrap())
    }

    fn unused_in(text: &str) -> Vec<String> {
        unused(&parse(text).unwrap()).iter().map(|name| name.text().to_string()).collect()
    }

    #[test]
    fn a_name_that_nothing_binds_is_found() {
        for text in [
            "let a = 1; in a",
            "a: a",
            "{ a, b ? a, ... }@c: a b c",
            "c@{ a }: c",
            "rec { a = b; b = 1; }",
            "with x; y".replace('x', "{ }").as_str(),
            "let inherit (a) b; a = { }; in b",
            "a: { inherit a; }",
            "let { body = a; a = 1; }",
            "builtins.map toString [ true null __head ]",
            "a: \"${a}\" + ''${a}'' + { b = 1; }.b",
            "a: let ${\"x\"} = 1; in a.${a} or a",
        ] {
            assert!(is_closed(text), "{text}");
        }
        for text in [
            "a",
            "{ a = 1; b = a; }",
            "let inherit a; in 1",
            "rec { inherit a; }",
            "{ a ? b }: 1",
            "x: x.${y}",
            "{ \"${z}\" = 1; }",
            "with a; 1",
            "(with { }; 1) + b",
        ] {
            assert!(!is_closed(text), "{text}");
        }
    }

    #[test]
    fn bindings_that_nothing_needs_are_found_also_in_circles() {
        for (text, expected) in [
            ("let a = 1; b = 2; in a", vec!["b"]),
            ("let a = b; b = a; c = 1; in c", vec!["a", "b"]),
            ("let a = 1; in let a = 2; in a", vec!["a"]),
            ("let inherit (x) a b; x = { }; in b", vec!["a"]),
            ("let inherit (x) a; x = { }; in 1", vec!["a", "x"]),
            ("let a.b = 1; a.c = 2; d.e = 1; in a", vec!["d"]),
            ("let a = 1; in { inherit a; }", vec![]),
            ("let a = 1; b = a; in rec { a = 2; c = a; }", vec!["a", "b"]),
            ("let a = 1; in with { }; a", vec![]),
        ] {
            assert_eq!(unused_in(text), expected, "{text}");
        }
    }
}
