//! The NAR hash of a commit, from git's objects: no file is written.
//!
//! Owns the order of Nix's archive format and what cannot be told from objects alone. Must not know what the hash is
//! used for.
//!
//! The format: Dolstra, "The Purely Functional Software Deployment Model" (2006), figure 5.2.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use nix_culprit_core::store_path::NarHash;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::fragments::{Cutter, Fragment, Fragments};
use super::objects::{Mode, ObjectId, Objects, ReadError};

/// How many threads read contents ahead of the one that hashes.
const READERS: usize = 2;
/// How many contents a reader hands over at a time.
const BATCH: usize = 64;
/// How deep folders may be nested; no path of a system is longer.
const DEEPEST: usize = 2048;

/// What makes an archive of a commit (a forge's tarball, `git archive`) differ from its objects.
const CHANGING: [&[u8]; 5] = [b"export-ignore", b"export-subst", b"eol=", b"ident", b"working-tree-encoding"];

/// Says why the hash of a commit as Nix has it is not known.
#[derive(Debug, Error)]
pub enum NarError {
    /// There is no such commit.
    #[error("the clone lacks the commit")]
    NoCommit,
    /// An object is missing or damaged.
    #[error("the clone lacks or cannot read an object: {0}")]
    Unreadable(String),
    /// Its archive can differ from what is recorded.
    #[error("its .gitattributes can change what an archive of it holds ({0})")]
    Attributes(&'static str),
}

impl From<ReadError> for NarError {
    fn from(error: ReadError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// One piece of the archive.
enum Piece {
    /// As it is, up to this place in the text of all.
    Text(usize),
    /// A folder begins.
    Enter(ObjectId),
    /// The folder that began last ends.
    Leave,
    /// A folder that was hashed before.
    Known(Fragment),
    /// The content of a blob, as a string of the format.
    Content(ObjectId),
    /// The same of one that says how archives are made.
    Attributes(ObjectId),
}

/// Computes the hash of the tree with this id; what it has in common with those before is not read again.
pub(super) fn hash(objects: &dyn Objects, fragments: &Fragments, root: ObjectId) -> Result<NarHash, NarError> {
    let mut pieces = Pieces { fragments, all: Vec::new(), text: Vec::new() };
    pieces.string(b"nix-archive-1");
    pieces.folder(objects, root, 0)?;
    let (pieces, text) = pieces.done();
    let wanted: Vec<ObjectId> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Text(_) | Piece::Enter(_) | Piece::Leave | Piece::Known(_) => None,
            Piece::Content(id) | Piece::Attributes(id) => Some(*id),
        })
        .collect();
    let batches: Vec<&[ObjectId]> = wanted.chunks(BATCH).collect();
    thread::scope(|scope| {
        let readers: Vec<Receiver<_>> = (0..READERS)
            .map(|reader| {
                let (send, receive) = sync_channel(2);
                let mine = batches.iter().skip(reader).step_by(READERS);
                scope.spawn(move || {
                    for batch in mine {
                        let contents: Result<Vec<_>, _> = batch.iter().map(|id| objects.blob(*id)).collect();
                        // Nobody listens any more after an error.
                        if send.send(contents).is_err() {
                            return;
                        }
                    }
                });
                receive
            })
            .collect();
        let mut contents = (0..batches.len()).flat_map(|batch| match readers[batch % READERS].recv() {
            Ok(Ok(contents)) => contents.into_iter().map(Ok).collect(),
            Ok(Err(error)) => vec![Err(NarError::from(error))],
            Err(_) => vec![Err(NarError::Unreadable("a reader ended early".to_owned()))],
        });
        let mut next = || contents.next().unwrap_or_else(|| Err(NarError::Unreadable("a content is short".to_owned())));
        let mut archive = Archive { hash: Sha256::new(), cutter: Cutter::new(fragments) };
        let mut at = 0;
        for piece in pieces {
            match piece {
                Piece::Text(end) => archive.update(&text[std::mem::replace(&mut at, end)..end]),
                Piece::Enter(id) => archive.cutter.enter(id),
                Piece::Leave => archive.cutter.leave(),
                Piece::Known(known) => archive.update(known.bytes()),
                Piece::Content(_) => archive.string(&next()?),
                Piece::Attributes(_) => {
                    let content = next()?;
                    refuse_changing(&content)?;
                    archive.string(&content);
                }
            }
        }
        Ok(NarHash(archive.hash.finalize().into()))
    })
}

/// Refuses attributes by which an archive can differ from what is recorded.
fn refuse_changing(attributes: &[u8]) -> Result<(), NarError> {
    let lines = attributes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii_start().starts_with(b"#"));
    for line in lines {
        let words = line.split(u8::is_ascii_whitespace).skip(1);
        for word in words {
            if let Some(changing) = CHANGING.iter().find(|changing| word.starts_with(changing)) {
                return Err(NarError::Attributes(std::str::from_utf8(changing).unwrap_or_default()));
            }
        }
    }
    Ok(())
}

/// The archive as it goes by.
struct Archive<'f> {
    hash: Sha256,
    cutter: Cutter<'f>,
}

impl Archive<'_> {
    fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.cutter.pass(bytes);
    }

    fn string(&mut self, bytes: &[u8]) {
        self.update(&(bytes.len() as u64).to_le_bytes());
        self.update(bytes);
        self.update(padding(bytes.len()));
    }
}

fn padding(len: usize) -> &'static [u8] {
    &[0; 8][..(8 - len % 8) % 8]
}

/// The pieces so far, and the texts of all.
struct Pieces<'f> {
    fragments: &'f Fragments,
    all: Vec<Piece>,
    text: Vec<u8>,
}

impl Pieces<'_> {
    fn string(&mut self, bytes: &[u8]) {
        self.text.extend((bytes.len() as u64).to_le_bytes());
        self.text.extend(bytes);
        self.text.extend(padding(bytes.len()));
    }

    fn strings(&mut self, all: &[&str]) {
        for text in all {
            self.string(text.as_bytes());
        }
    }

    /// Ends a text by another piece.
    fn piece(&mut self, piece: Piece) {
        self.all.push(Piece::Text(self.text.len()));
        self.all.push(piece);
    }

    fn folder(&mut self, objects: &dyn Objects, id: ObjectId, depth: usize) -> Result<(), NarError> {
        if depth > DEEPEST {
            return Err(NarError::Unreadable(format!("folders are nested more than {DEEPEST} deep")));
        }
        if let Some(known) = self.fragments.get(id) {
            self.piece(Piece::Known(known));
            return Ok(());
        }
        self.piece(Piece::Enter(id));
        self.strings(&["(", "type", "directory"]);
        let mut entries = objects.tree(id)?;
        // Git orders folders as if their names ended in a slash.
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        for entry in entries {
            self.strings(&["entry", "(", "name"]);
            self.string(&entry.name);
            self.strings(&["node"]);
            match entry.mode {
                Mode::Tree => self.folder(objects, entry.id, depth + 1)?,
                // Nothing of another repository is in the archive but the folder.
                Mode::Submodule => self.strings(&["(", "type", "directory", ")"]),
                Mode::Symlink => {
                    self.strings(&["(", "type", "symlink", "target"]);
                    self.piece(Piece::Content(entry.id));
                    self.strings(&[")"]);
                }
                Mode::File | Mode::Executable => {
                    self.strings(&["(", "type", "regular"]);
                    if entry.mode == Mode::Executable {
                        self.strings(&["executable", ""]);
                    }
                    self.strings(&["contents"]);
                    self.piece(match &*entry.name {
                        b".gitattributes" => Piece::Attributes(entry.id),
                        _ => Piece::Content(entry.id),
                    });
                    self.strings(&[")"]);
                }
            }
            self.strings(&[")"]);
        }
        self.strings(&[")"]);
        self.piece(Piece::Leave);
        Ok(())
    }

    fn done(mut self) -> (Vec<Piece>, Vec<u8>) {
        self.all.push(Piece::Text(self.text.len()));
        (self.all, self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_that_change_archives_are_refused_and_others_are_not() {
        for harmless in ["", "* text=auto -diff\n", "# x export-ignore\n", "*.nix linguist-language=Nix merge=union"] {
            assert!(refuse_changing(harmless.as_bytes()).is_ok(), "{harmless}");
        }
        for (attributes, named) in [
            ("a b\n/tests export-ignore\n", "export-ignore"),
            (".version\texport-subst", "export-subst"),
            ("*.bat text eol=crlf", "eol="),
            ("*.c ident", "ident"),
        ] {
            assert!(
                matches!(refuse_changing(attributes.as_bytes()), Err(NarError::Attributes(word)) if word == named),
                "{attributes}"
            );
        }
    }
}
