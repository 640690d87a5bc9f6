//! Leaves out files. `flake.nix` and `flake.lock` stay: without them it is no flake. Those that
//! no evaluation opens come first: most often they go in one candidate.

use std::path::Path;

use super::super::edit::{Edit, Piece};
use super::super::project::Project;

/// Lists every file that may go.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let stays = |path: &Path| path.file_name().is_some_and(|name| name == "flake.nix" || name == "flake.lock");
    let files = project.files().filter(|(path, _)| !stays(path));
    files
        .map(|(path, content)| Piece {
            edits: vec![Edit::RemoveFile(path.to_owned())],
            level: usize::from(!project.leaves_closed(path)),
            saves: content.len() + 1,
        })
        .collect()
}
