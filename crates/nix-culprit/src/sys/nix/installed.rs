//! Which Nix programs there are on this machine.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

/// Profiles that hold a Nix, whether or not they are on PATH.
const PROFILES: [&str; 2] = ["/nix/var/nix/profiles/default/bin", "/run/current-system/sw/bin"];

/// Where Nix programs may be, besides the usual profiles.
#[derive(Debug, Clone)]
pub struct Installed {
    /// The search path for programs, if there is one.
    pub path: Option<OsString>,
    /// The store.
    pub store: PathBuf,
}

impl Installed {
    /// Takes those of this machine and its environment.
    #[must_use]
    pub fn usual() -> Self {
        Self { path: std::env::var_os("PATH"), store: "/nix/store".into() }
    }

    /// Finds the Nix programs, each once.
    #[must_use]
    pub fn list(&self) -> Vec<PathBuf> {
        let on_path = self.path.iter().flat_map(std::env::split_paths);
        let folders = on_path.chain(PROFILES.map(PathBuf::from));
        let mut stored: Vec<PathBuf> = fs::read_dir(&self.store)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| is_nix(&entry.file_name().to_string_lossy()))
            .map(|entry| entry.path().join("bin"))
            .collect();
        stored.sort();
        let mut seen = BTreeSet::new();
        folders
            .chain(stored)
            .map(|folder| folder.join("nix"))
            .filter(|program| program.is_absolute() && program.is_file())
            .filter(|program| fs::canonicalize(program).is_ok_and(|real| seen.insert(real)))
            .collect()
    }
}

/// Tells whether a store path's name, `HASH-nix-2.18.1` or `HASH-lix-2.91.0`, is that of a Nix itself.
fn is_nix(name: &str) -> bool {
    let Some((_, name)) = name.split_once('-') else { return false };
    let version = name.strip_prefix("nix-").or_else(|| name.strip_prefix("lix-"));
    version.is_some_and(|version| {
        version.starts_with(|c: char| c.is_ascii_digit()) && !version.contains('-') && !version.ends_with(".drv")
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn each_nix_is_found_once_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let folder = fs::canonicalize(folder.path()).unwrap();
        let store = folder.join("store");
        for name in ["h-nix-2.3.7", "h-nix-2.8.0-doc", "h-nix-2.8.0.drv", "h-nixos-2", "h-nix-script", "h-lix-2.91.0"] {
            fs::create_dir_all(store.join(name).join("bin")).unwrap();
            fs::write(store.join(name).join("bin/nix"), "").unwrap();
        }
        fs::create_dir_all(store.join("h-nix-2.9.0")).unwrap();
        let profile = folder.join("profile");
        symlink(store.join("h-nix-2.3.7/bin"), &profile).unwrap();
        let path = Some(std::env::join_paths([profile.clone(), "relative".into()]).unwrap());
        let found = Installed { path, store: store.clone() }.list();
        let found: Vec<_> = found.into_iter().filter(|program| program.starts_with(&folder)).collect();
        assert_eq!(found, [profile.join("nix"), store.join("h-lix-2.91.0/bin/nix")]);
    }
}
