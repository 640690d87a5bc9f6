//! report.html in a headless browser. `script/test` names the script that drives it.

use std::path::{Path, PathBuf};

use crate::machine::say;
use crate::room::{Room, Run, finish};

/// Looks at the page in a folder, if there is a browser; its pictures go to another folder.
pub fn look(room: &Room, folder: &Path, pictures: &Path) -> Option<Run> {
    let Some(script) = std::env::var_os("NIX_CULPRIT_TEST_PAGE") else {
        say("no page is checked in a browser (script/test does it)");
        return None;
    };
    let mut command = room.command("node");
    command.arg(script).args([&folder.join("report.html"), &folder.join("report.json"), pictures]);
    Some(finish(command.spawn().unwrap()))
}

/// Asserts that nothing is wrong with the page of a case, and returns the folder of its pictures.
#[track_caller]
pub fn is_fine(room: &Room, case: &Path, name: &str) -> Option<PathBuf> {
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.artefacts").join(name);
    let run = look(room, case, &pictures)?.exits_with(0);
    assert!(run.stdout.contains("page: fine"), "{run}");
    Some(pictures)
}
