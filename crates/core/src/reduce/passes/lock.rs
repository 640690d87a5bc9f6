//! Leaves out what parts nothing in `flake.lock`: Nix reads it without white space, too.

use std::path::Path;

use super::super::edit::{Edit, Piece};
use super::super::project::Project;

/// Tells whether a file is a flake's lock.
pub(super) fn is_lock(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "flake.lock")
}

/// Lists every lock that is longer than it need be.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let of_file = |(path, text): (&Path, &str)| {
        let with = serde_json::from_str::<serde_json::Value>(text).ok()?.to_string();
        let saves = text.len().checked_sub(with.len()).filter(|saves| *saves > 0)?;
        let edit = Edit::Splice { file: path.to_owned(), start: 0, end: text.len(), with };
        Some(Piece { edits: vec![edit], level: 0, saves })
    };
    project.texts("lock").filter(|(path, _)| is_lock(path)).filter_map(of_file).collect()
}
