//! A cache folder for Nix in which it finds the store paths of sources that it has not fetched itself.
//!
//! Some versions hash a source anew, by reading all of it, when their cache does not say which store path it has,
//! although the lock does. Owns the one database that says so, in a folder that otherwise shows the user's own cache.
//! The user's cache is never written to. A Nix that keeps such things elsewhere, or in another form, passes them over.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix_culprit_core::store_path::NarHash;
use rusqlite::{Connection, params};
use serde::Serialize;
use thiserror::Error;

use crate::sys::child::Call;

/// The database of Nix 2.26, and what SQLite may put beside it: Nix leaves an empty journal behind.
const DATABASE: &str = "fetcher-cache-v3.sqlite";
const BESIDE: [&str; 4] =
    [DATABASE, "fetcher-cache-v3.sqlite-journal", "fetcher-cache-v3.sqlite-wal", "fetcher-cache-v3.sqlite-shm"];
/// The folder of Nix among the caches.
const NIX: &str = "nix";
/// When our rows were made, by their own account: they are told by it from those of Nix.
const TIME: i64 = 1;

/// Says why the cache cannot be made.
#[derive(Debug, Error)]
pub enum FetcherCacheError {
    /// Its folder cannot be made.
    #[error("could not make a cache folder for nix")]
    Io(#[from] io::Error),
    /// Its database cannot be written.
    #[error("could not write a cache for nix")]
    Database(#[from] rusqlite::Error),
}

/// What Nix looks up, as it spells it: its keys are compared as texts, in the order of the alphabet.
#[derive(Serialize)]
struct Key<'a> {
    fingerprint: &'a str,
    method: &'a str,
    name: &'a str,
    path: &'a str,
    store: &'a str,
}

/// Sources by what Nix tells them apart by: a revision, or a hash as locks have it.
pub type Sources = BTreeMap<String, NarHash>;

/// Makes a cache folder that says where these sources are; `user` is the user's own, which it shows.
///
/// # Errors
/// When it cannot be made.
pub fn make_fetcher_cache(folder: &Path, user: Option<&Path>, sources: &Sources) -> Result<(), FetcherCacheError> {
    let own = folder.join(NIX);
    fs::create_dir_all(&own)?;
    if let Some(user) = user {
        show(user, folder, &[NIX])?;
        show(&user.join(NIX), &own, &BESIDE)?;
    }
    let connection = Connection::open(own.join(DATABASE))?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS Cache (
             domain text not null, key text not null, value text not null, timestamp integer not null,
             primary key (domain, key))",
    )?;
    let transaction = connection.unchecked_transaction()?;
    for (fingerprint, hash) in sources {
        let path = hash.source_path();
        let (store, name) = path.as_str().rsplit_once('/').unwrap_or_default();
        let key = Key { fingerprint, method: "nar", name: "source", path: "/", store };
        let key = serde_json::to_string(&key).unwrap_or_default();
        let value = serde_json::json!({ "storePath": name }).to_string();
        let insert = "INSERT OR IGNORE INTO Cache (domain, key, value, timestamp) VALUES ('fetchToStore', ?, ?, ?)";
        transaction.execute(insert, params![key, value, TIME])?;
    }
    Ok(transaction.commit()?)
}

/// Makes a call use such a cache folder.
#[must_use]
pub fn with_cache(call: Call, folder: &Path) -> Call {
    call.env("XDG_CACHE_HOME", folder.as_os_str())
}

/// Returns the folder of the user's caches, where Nix has its own too.
#[must_use]
pub fn user_cache() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))
}

/// Shows all that is in a folder in another one, but for what has one of these names.
fn show(folder: &Path, at: &Path, without: &[&str]) -> io::Result<()> {
    let folder = std::path::absolute(folder)?;
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            return Ok(());
        }
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if without.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        match symlink(entry.path(), at.join(entry.file_name())) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_found_as_nix_2_26_spells_them_and_the_rest_of_the_users_cache_too() {
        let folder = tempfile::tempdir().unwrap();
        let [user, own] = ["user", "own"].map(|name| folder.path().join(name));
        fs::create_dir_all(user.join("nix/gitv3")).unwrap();
        fs::create_dir_all(user.join("git")).unwrap();
        fs::write(user.join("nix/fetcher-cache-v3.sqlite"), "the user's own").unwrap();
        fs::write(user.join("nix/fetcher-cache-v3.sqlite-wal"), "too").unwrap();
        // As 2.26 leaves it, once it has fetched something. SQLite follows no link to one.
        fs::write(user.join("nix/fetcher-cache-v3.sqlite-journal"), "").unwrap();
        let hash: NarHash = "sha256-djTtB3ZiOeRQzmUy1PvcdDrbIabyPZxZNJOiHVCA3Tw=".parse().unwrap();
        let rev = "9091dbe56a723bcae930dd0c460c83e35b75ab9e";
        for _ in 0..2 {
            make_fetcher_cache(&own, Some(&user), &Sources::from([(rev.to_owned(), hash)])).unwrap();
        }
        let read = |query: &str| -> String {
            let connection = Connection::open(own.join("nix").join(DATABASE)).unwrap();
            connection.query_row(query, [], |row| row.get(0)).unwrap()
        };
        // As the real one wrote it.
        let key =
            format!(r#"{{"fingerprint":"{rev}","method":"nar","name":"source","path":"/","store":"/nix/store"}}"#);
        assert_eq!(read("SELECT key FROM Cache WHERE domain = 'fetchToStore'"), key);
        assert_eq!(read("SELECT value FROM Cache"), r#"{"storePath":"2kqj9phy2jzf6lrs62g1wqj0qjfsid8n-source"}"#);
        assert!(own.join("nix/gitv3").is_dir() && own.join("git").is_dir());
        assert!(["wal", "journal"].iter().all(|name| !own.join("nix").join(format!("{DATABASE}-{name}")).is_symlink()));
        assert_eq!(fs::read(user.join("nix/fetcher-cache-v3.sqlite")).unwrap(), b"the user's own");
        make_fetcher_cache(&own, Some(&folder.path().join("none")), &Sources::new()).unwrap();
    }
}
