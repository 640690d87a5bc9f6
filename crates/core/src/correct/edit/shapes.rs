//! Flakes in many shapes, with what they say; for the tests.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use rnix::ast::{Attr, Entry, Expr, HasEntry as _, InterpolPart};

/// What a flake says, as nested attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree {
    Set(BTreeMap<String, Tree>),
    Text(String),
    Other(String),
}

impl Tree {
    pub(super) fn set(&mut self) -> &mut BTreeMap<String, Self> {
        match self {
            Self::Set(set) => set,
            Self::Text(_) | Self::Other(_) => panic!("no set: {self:?}"),
        }
    }

    /// Returns the set at a way, made where it is missing.
    pub(super) fn at(&mut self, way: &[&str]) -> &mut BTreeMap<String, Self> {
        let mut tree = self;
        for name in way {
            tree = tree.set().entry((*name).to_owned()).or_insert_with(|| Self::Set(BTreeMap::new()));
        }
        tree.set()
    }

    /// Without sets that hold nothing, but for inputs of the flake itself.
    pub(super) fn pruned(&self, depth: usize) -> Option<Self> {
        let Self::Set(set) = self else { return Some(self.clone()) };
        let set: BTreeMap<_, _> =
            set.iter().filter_map(|(name, tree)| Some((name.clone(), tree.pruned(depth + 1)?))).collect();
        (!set.is_empty() || depth == 2).then_some(Self::Set(set))
    }
}

/// Reads a flake: the obvious way, by what its syntax is made of.
pub(super) fn read(text: &str) -> Tree {
    let root = rnix::Root::parse(text).ok().unwrap_or_else(|error| panic!("{error}: {text}"));
    value(&root.expr().unwrap())
}

fn value(expression: &Expr) -> Tree {
    match expression {
        Expr::Paren(paren) => value(&paren.expr().unwrap()),
        Expr::Str(string) => match string.normalized_parts().as_slice() {
            [] => Tree::Text(String::new()),
            [InterpolPart::Literal(text)] => Tree::Text(text.clone()),
            _ => Tree::Other(string.to_string()),
        },
        Expr::AttrSet(set) => {
            let mut tree = Tree::Set(BTreeMap::new());
            for entry in set.entries() {
                let Entry::AttrpathValue(entry) = entry else { continue };
                let names: Vec<String> = entry.attrpath().unwrap().attrs().map(|attr| name(&attr)).collect();
                let way: Vec<&str> = names.iter().map(String::as_str).collect();
                let (last, above) = way.split_last().unwrap();
                merge(tree.at(above), last, value(&entry.value().unwrap()));
            }
            tree
        }
        other => Tree::Other(other.to_string()),
    }
}

fn merge(set: &mut BTreeMap<String, Tree>, name: &str, new: Tree) {
    match (set.get_mut(name), new) {
        (Some(Tree::Set(old)), Tree::Set(new)) => new.into_iter().for_each(|(name, tree)| merge(old, &name, tree)),
        (None, new) => _ = set.insert(name.to_owned(), new),
        (Some(_), new) => panic!("{name} is there already: {new:?}"),
    }
}

fn name(attr: &Attr) -> String {
    match attr {
        Attr::Ident(ident) => ident.to_string(),
        Attr::Str(string) => match string.normalized_parts().as_slice() {
            [InterpolPart::Literal(text)] => text.clone(),
            _ => String::new(),
        },
        Attr::Dynamic(_) => panic!("a name is computed"),
    }
}

/// Writes a flake in one of many ways: each choice comes from a tape.
pub(super) struct Writer {
    tape: Vec<u8>,
    at: usize,
    one_line: bool,
    newline: &'static str,
    unit: &'static str,
    comments: usize,
}

impl Writer {
    pub(super) fn new(tape: Vec<u8>) -> Self {
        let mut writer = Self { tape, at: 0, one_line: false, newline: "\n", unit: "  ", comments: 0 };
        writer.one_line = writer.choose(5) == 0;
        writer.newline = if writer.choose(4) == 0 { "\r\n" } else { "\n" };
        writer.unit = ["  ", "    ", "\t", "", " "][writer.choose(5)];
        writer
    }

    fn choose(&mut self, among: usize) -> usize {
        self.at += 1;
        usize::from(self.tape.get(self.at - 1).copied().unwrap_or_default()) % among
    }

    pub(super) fn flake(&mut self, inputs: &Tree, names: &[&str]) -> String {
        let mut all = BTreeMap::new();
        if let Tree::Set(set) = inputs
            && !set.is_empty()
        {
            all.insert("inputs".to_owned(), inputs.clone());
        }
        let mut text = if self.choose(6) == 0 { format!("# head{}", self.newline) } else { String::new() };
        text.push('{');
        self.line(&mut text, 1);
        if self.choose(2) == 0 {
            text.push_str("description = \"a; b = { c\";");
            self.line(&mut text, 1);
        }
        self.entries(&mut text, &all, &mut Vec::new(), 1);
        let pattern = names.join(", ");
        let _ = write!(text, "outputs = {{ self, {pattern} }}: {{ x = \"inputs.pkgs.url\"; }};");
        self.line(&mut text, 0);
        text.push('}');
        text.push_str(["", self.newline][self.choose(2)]);
        text
    }

    fn line(&mut self, text: &mut String, depth: usize) {
        if self.one_line {
            text.push_str([" ", "", "  "][self.choose(3)]);
        } else {
            text.push_str(self.newline);
            text.push_str(&self.unit.repeat(depth));
        }
    }

    fn comment(&mut self) -> String {
        self.comments += 1;
        format!("c{} = {{", self.comments)
    }

    fn entries(&mut self, text: &mut String, set: &BTreeMap<String, Tree>, above: &mut Vec<String>, depth: usize) {
        for (name, tree) in set {
            above.push(self.name(name));
            match tree {
                // Its entries, each with the whole name.
                Tree::Set(inner) if !inner.is_empty() && self.choose(2) == 0 => self.entries(text, inner, above, depth),
                Tree::Set(_) | Tree::Text(_) | Tree::Other(_) => self.one(text, tree, above, depth),
            }
            above.pop();
        }
    }

    fn one(&mut self, text: &mut String, tree: &Tree, names: &[String], depth: usize) {
        if self.choose(6) == 0 {
            let comment = self.comment();
            text.push_str(&if self.one_line { format!("/* {comment} */") } else { format!("# {comment}") });
            self.line(text, depth);
        }
        let is = [" = ", "=", " =\t"][self.choose(3)];
        text.push_str(&names.join([".", " . "][self.choose(9) / 8]));
        text.push_str(is);
        match tree {
            Tree::Text(value) => text.push_str(&self.text(value)),
            Tree::Other(code) => text.push_str(code),
            Tree::Set(set) => {
                let parens = self.choose(9) == 0;
                text.push_str(if parens { "({" } else { "{" });
                self.line(text, depth + 1);
                if self.choose(6) == 0 {
                    let _ = write!(text, "/* {} */", self.comment());
                    self.line(text, depth + 1);
                }
                self.entries(text, set, &mut Vec::new(), depth + 1);
                text.push_str(if parens { "})" } else { "}" });
            }
        }
        text.push_str([";", " ;"][self.choose(9) / 8]);
        if self.choose(6) == 0 {
            let comment = self.comment();
            text.push_str(&if self.one_line { format!(" /* {comment} */") } else { format!(" # {comment}") });
        }
        self.line(text, depth);
        if !self.one_line && self.choose(5) == 0 {
            self.line(text, depth);
        }
    }

    fn name(&mut self, name: &str) -> String {
        if self.choose(5) == 0 { format!("\"{name}\"") } else { crate::syntax::written_name(name) }
    }

    fn text(&mut self, value: &str) -> String {
        match self.choose(8) {
            0 => format!("''{value}''"),
            1 if value.starts_with("github:") => value.to_owned(),
            2 => format!("(\"{value}\")"),
            _ => format!("\"{value}\""),
        }
    }
}

/// The names of the flake's inputs, and of theirs.
pub(super) const NAMES: [&str; 4] = ["pkgs", "overlay", "in", "a b"];

type Part = (&'static str, Tree);

/// What may be said of one input, its own inputs aside.
fn one() -> impl Strategy<Value = Vec<Part>> {
    let url = "(github:o/[a-z]{1,4})|(git\\+file:///[a-z]{1,3})".prop_map(|url| ("url", Tree::Text(url)));
    let path = proptest::sample::select(vec!["pkgs", "overlay/pkgs", "in"]);
    let path = path.prop_map(|path| ("follows", Tree::Text(path.to_owned())));
    let flag = proptest::option::weighted(0.2, Just(("flake", Tree::Other("false".to_owned()))));
    let kind = proptest::option::weighted(0.8, prop_oneof![3 => url, 2 => path]);
    (kind, flag).prop_map(|(kind, flag)| kind.into_iter().chain(flag).collect())
}

fn named(parts: impl Strategy<Value = Vec<Part>>, keeps: impl Fn(&[Part]) -> bool) -> impl Strategy<Value = Tree> {
    let all = proptest::collection::btree_map(proptest::sample::select(&NAMES[..]), parts, 0..4);
    all.prop_map(move |all| {
        tree(all.into_iter().filter(|(_, parts)| keeps(parts)).map(|(name, one)| (name, tree(one))))
    })
}

fn tree<'n>(parts: impl IntoIterator<Item = (&'n str, Tree)>) -> Tree {
    Tree::Set(parts.into_iter().map(|(name, tree)| (name.to_owned(), tree)).collect())
}

/// What a flake may say of its inputs.
pub(super) fn inputs() -> impl Strategy<Value = Tree> {
    let below = named(one(), |parts| !parts.is_empty());
    let input = (one(), below).prop_map(|(mut parts, below)| {
        if below != tree([]) {
            parts.push(("inputs", below));
        }
        parts
    });
    named(input, |_| true)
}
