//! A git folder of ours that sees the objects of another repository.
//!
//! Trees are written through it, so that nothing is written into the user's repository, and so
//! that neither its settings nor its attributes have any effect.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::call::Call;
use super::error::{GitError, at};
use super::repository::Repository;

/// Attributes that win over those of the tree: contents are written as they are recorded. Filters
/// and encodings are programs and settings of the user that a tree could otherwise choose.
const ATTRIBUTES: &str = "* -text -crlf -eol -ident -filter -working-tree-encoding -diff -merge\n";

/// Makes contents come out of a git folder of ours as they are recorded.
pub(super) fn neutralise(git_dir: &Path) -> Result<(), GitError> {
    let info = git_dir.join("info");
    fs::create_dir_all(&info).map_err(at(&info))?;
    let attributes = info.join("attributes");
    fs::write(&attributes, ATTRIBUTES).map_err(at(&attributes))
}

/// Makes a git folder that borrows the objects of a repository. What a partial repository lacks is
/// fetched into the new folder.
pub(super) fn make(repository: &Repository, folder: &Path) -> Result<(), GitError> {
    let git = &repository.git;
    let format = format!("--object-format={}", repository.object_format);
    Call::new().args(["init", "--quiet", "--bare", "--template=", &format, "--"]).arg(folder).output(git)?;
    let objects = repository.common_dir.join("objects");
    let objects = fs::canonicalize(&objects).map_err(at(&objects))?;
    let info = folder.join("objects/info");
    fs::create_dir_all(&info).map_err(at(&info))?;
    let alternates = info.join("alternates");
    fs::write(&alternates, quoted(objects.as_os_str().as_bytes())).map_err(at(&alternates))?;
    if let Some(remote) = &repository.promisor {
        let mut key = std::ffi::OsString::from("remote.");
        key.push(remote);
        key.push(".url");
        let url = repository.call().args(["config", "--null", "--get"]).arg(key).output(git)?;
        let url = super::repository::path_of(url.strip_suffix(b"\0").unwrap_or(&url));
        let set = |key: &str, value: &std::ffi::OsStr| {
            Call::new().git_dir(folder).args(["config", key]).arg(value).output(git).map(drop)
        };
        set("core.repositoryFormatVersion", "1".as_ref())?;
        set("remote.origin.url", url.as_os_str())?;
        set("remote.origin.promisor", "true".as_ref())?;
        set("remote.origin.partialCloneFilter", "blob:none".as_ref())?;
    }
    neutralise(folder)
}

/// Writes a path for `objects/info/alternates`, where a line that begins with `"` is a C string: not all that read git
/// folders know that, so only a path that needs it is one.
fn quoted(path: &[u8]) -> Vec<u8> {
    if path.first() == Some(&b'/') && path.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return [path, b"\n"].concat();
    }
    let mut line = vec![b'"'];
    for byte in path {
        match byte {
            b'"' | b'\\' => line.extend([b'\\', *byte]),
            0x20..=0x7e => line.push(*byte),
            _ => line.extend(format!("\\{byte:03o}").bytes()),
        }
    }
    line.extend(b"\"\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_path_fits_into_one_line_of_alternates() {
        assert_eq!(quoted(b"/a b\"c"), b"/a b\"c\n");
        assert_eq!(quoted(b"/a\n\"\\\xff"), b"\"/a\\012\\\"\\\\\\377\"\n");
    }
}
