//! The NAR serialisation of a tree held in memory, and its hash as lock files spell it.
//!
//! The format: Dolstra, "The Purely Functional Software Deployment Model" (2006), figure 5.2. Owns nothing on disk.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use sha2::{Digest, Sha256};

/// The files of a tree: path (with slashes, relative) to content.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

enum Node<'a> {
    File(&'a [u8]),
    Folder(BTreeMap<&'a str, Node<'a>>),
}

/// The hash of a tree as `narHash` in a lock file: `sha256-` and base64.
pub(crate) fn hash(tree: &Tree) -> String {
    let mut sink = Sink(Sha256::new());
    sink.string(b"nix-archive-1");
    sink.node(&Node::Folder(nested(tree)));
    let mut text = String::from("sha256-");
    let digest = sink.0.finalize();
    // Writing to a string cannot fail.
    let _ = write!(text, "{}", base64::engine::general_purpose::STANDARD.encode(digest));
    text
}

fn nested(tree: &Tree) -> BTreeMap<&str, Node<'_>> {
    let mut root = BTreeMap::new();
    for (path, content) in tree {
        let mut folder = &mut root;
        let mut rest = path.as_str();
        while let Some((name, below)) = rest.split_once('/') {
            let node = folder.entry(name).or_insert_with(|| Node::Folder(BTreeMap::new()));
            folder = match node {
                Node::Folder(inner) => inner,
                Node::File(_) => unreachable!("a path is either a file or a folder: {path}"),
            };
            rest = below;
        }
        folder.insert(rest, Node::File(content));
    }
    root
}

struct Sink(Sha256);

impl Sink {
    fn string(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self.0.update(&[0; 8][..(8 - bytes.len() % 8) % 8]);
    }

    fn node(&mut self, node: &Node<'_>) {
        self.string(b"(");
        self.string(b"type");
        match node {
            Node::File(content) => {
                self.string(b"regular");
                self.string(b"contents");
                self.string(content);
            }
            Node::Folder(entries) => {
                self.string(b"directory");
                for (name, entry) in entries {
                    self.string(b"entry");
                    self.string(b"(");
                    self.string(b"name");
                    self.string(name.as_bytes());
                    self.string(b"node");
                    self.node(entry);
                    self.string(b")");
                }
            }
        }
        self.string(b")");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected hash is what `nix hash path` (2.34) and `nix-store --dump | sha256sum` (2.3) print for this tree.
    #[test]
    fn a_tree_with_an_empty_file_and_a_subfolder_has_the_hash_that_nix_computes() {
        let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
        let tree = Tree::from([
            file("sub/empty", ""),
            file("a.txt", "hello\n"),
            file("default.nix", "{ }"),
            file("sub/eight", "12345678"),
        ]);
        assert_eq!(hash(&tree), "sha256-QReTx/h/LV7/sW8sFmEyToP7rJGUi8SSIALmSFxF4cM=");
    }

    #[test]
    fn names_are_ordered_within_their_folder_not_along_the_whole_path() {
        // As whole paths `a-b` sorts before `a/c`; as names `a` comes before `a-b`.
        let tree = Tree::from([("a-b".to_owned(), vec![1]), ("a/c".to_owned(), vec![2])]);
        let root = nested(&tree);
        assert_eq!(root.keys().copied().collect::<Vec<_>>(), ["a", "a-b"]);
    }
}
