//! A cache on disk: texts by key, of bounded size, shared by all that run at the same time.
//!
//! Owns the database. Must not know what the texts mean. Whatever is wrong with it must never stop anybody: a caller
//! goes on without it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use thiserror::Error;

/// The version of the table below.
const VERSION: i64 = 1;

/// How long another process may keep the database to itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// Says why the cache cannot be used.
#[derive(Debug, Error)]
pub enum CacheError {
    /// Its folder or file cannot be made.
    #[error("could not use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It was made by another version of this program.
    #[error("{0} is of another version of nix-culprit")]
    Foreign(PathBuf),
    /// It is damaged, and was removed: the next run begins it anew.
    #[error("{0} was damaged, and is removed")]
    Damaged(PathBuf),
    /// It cannot be read or written.
    #[error("could not use {path}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rusqlite::Error,
    },
}

/// An open cache.
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
    connection: Mutex<Connection>,
    /// The size of the file in bytes above which old entries go.
    most: u64,
}

impl Cache {
    /// Opens or creates a cache that only the user can read; above `most` bytes its oldest entries go.
    ///
    /// # Errors
    /// When it cannot be used. A damaged one is removed.
    pub fn open(path: &Path, most: u64) -> Result<Self, CacheError> {
        let io = |source| CacheError::Io { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
        }
        if !path.exists() {
            // SQLite would make it readable for all. One that cannot be written to may still be read.
            OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(io)?;
        }
        let connection = Connection::open(path).map_err(|source| failed(path, source))?;
        let cache = Self { path: path.to_owned(), connection: Mutex::new(connection), most };
        cache.with(|connection| connection.busy_timeout(PATIENCE))?;
        let version: i64 =
            cache.with(|connection| connection.query_row("PRAGMA user_version", [], |row| row.get(0)))?;
        match version {
            VERSION => {}
            0 => {
                cache.with(|connection| {
                    connection.execute_batch(&format!(
                        "PRAGMA auto_vacuum = INCREMENTAL;
                         BEGIN IMMEDIATE;
                         CREATE TABLE IF NOT EXISTS entries (
                             number INTEGER PRIMARY KEY, key TEXT NOT NULL, variant TEXT NOT NULL, text TEXT NOT NULL,
                             UNIQUE (key, variant));
                         PRAGMA user_version = {VERSION};
                         COMMIT;"
                    ))
                })?;
            }
            _ => return Err(CacheError::Foreign(path.to_owned())),
        }
        cache.hurry();
        Ok(cache)
    }

    /// Has entries written without waiting for the disk each time. After a crash of the machine the newest may be
    /// missing, and nothing is damaged.
    fn hurry(&self) {
        // Where a file system cannot do it, it is slower.
        let _slower = self.with(|connection| {
            connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0))?;
            connection.execute_batch("PRAGMA synchronous = NORMAL")
        });
    }

    /// Returns all texts of a key, newest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn get(&self, key: &str) -> Result<Vec<String>, CacheError> {
        self.with(|connection| {
            let mut select =
                connection.prepare_cached("SELECT text FROM entries WHERE key = ? ORDER BY number DESC")?;
            select.query_map([key], |row| row.get(0))?.collect()
        })
    }

    /// Keeps a text, in place of an earlier one of the same key and variant.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, key: &str, variant: &str, text: &str) -> Result<(), CacheError> {
        self.with(|connection| {
            let insert = "INSERT OR REPLACE INTO entries (key, variant, text) VALUES (?, ?, ?)";
            connection.prepare_cached(insert)?.execute(params![key, variant, text])?;
            let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
            let size = pragma("page_count")?.saturating_mul(pragma("page_size")?);
            if u64::try_from(size).unwrap_or(0) <= self.most {
                return Ok(());
            }
            let middle = "SELECT number FROM entries ORDER BY number LIMIT 1 OFFSET (SELECT COUNT(*) / 2 FROM entries)";
            let middle: Option<i64> = connection.query_row(middle, [], |row| row.get(0)).optional()?;
            connection.execute("DELETE FROM entries WHERE number < ?", [middle])?;
            connection.execute_batch("PRAGMA incremental_vacuum")
        })
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, CacheError> {
        // A panic of another thread leaves no statement half done.
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        work(&connection).map_err(|source| failed(&self.path, source))
    }
}

/// Makes the error, and removes what is no database any more.
fn failed(path: &Path, source: rusqlite::Error) -> CacheError {
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            // Where it cannot be removed, the next run says so again.
            let _ = fs::remove_file(path);
            CacheError::Damaged(path.to_owned())
        }
        _ => CacheError::Database { path: path.to_owned(), source },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const MOST: u64 = 1 << 30;

    fn cache() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/cache.sqlite");
        (folder, path)
    }

    #[test]
    fn what_was_put_is_there_for_another_process_and_for_nobody_else() {
        let (_folder, path) = cache();
        let (one, other) = (Cache::open(&path, MOST).unwrap(), Cache::open(&path, MOST).unwrap());
        assert_eq!(one.get("a").unwrap(), [""; 0]);
        one.put("a", "small", "1").unwrap();
        other.put("a", "large", "2").unwrap();
        one.put("a", "small", "3").unwrap();
        one.put("b", "small", "4").unwrap();
        for cache in [one, other, Cache::open(&path, MOST).unwrap()] {
            assert_eq!(cache.get("a").unwrap(), ["3", "2"]);
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn several_at_once_lose_nothing() {
        let (_folder, path) = cache();
        std::thread::scope(|scope| {
            for name in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    let cache = Cache::open(path, MOST).unwrap();
                    for at in 0..10 {
                        cache.put(&format!("{name} {at}"), "", "text").unwrap();
                    }
                });
            }
        });
        let cache = Cache::open(&path, MOST).unwrap();
        assert!((0..4).all(|name| (0..10).all(|at| cache.get(&format!("{name} {at}")).unwrap() == ["text"])));
    }

    #[test]
    fn old_entries_go_where_it_grows_too_large() {
        let (_folder, path) = cache();
        let most = 1 << 20;
        let cache = Cache::open(&path, most).unwrap();
        let text = "x".repeat(20_000);
        for at in 0..200 {
            cache.put(&at.to_string(), "", &text).unwrap();
        }
        assert_eq!(cache.get("199").unwrap().len(), 1);
        assert_eq!(cache.get("0").unwrap().len(), 0);
        assert!(fs::metadata(&path).unwrap().len() <= most + 100_000);
        let huge = "x".repeat(3 << 20);
        for at in 0..3 {
            cache.put(&at.to_string(), "huge", &huge).unwrap();
        }
    }

    #[test]
    fn what_is_damaged_is_begun_anew_by_the_next() {
        let (_folder, path) = cache();
        Cache::open(&path, MOST).unwrap().put("a", "", "1").unwrap();
        fs::write(&path, "this is no database at all, but it is long enough to be looked at".repeat(100)).unwrap();
        let error = Cache::open(&path, MOST).unwrap_err();
        assert!(matches!(error, CacheError::Damaged(_)), "{error:?}");
        assert_eq!(Cache::open(&path, MOST).unwrap().get("a").unwrap(), [""; 0]);
    }

    #[test]
    fn what_another_version_made_is_left_alone() {
        let (_folder, path) = cache();
        drop(Cache::open(&path, MOST).unwrap());
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 7).unwrap();
        let before = fs::read(&path).unwrap();
        assert!(matches!(Cache::open(&path, MOST), Err(CacheError::Foreign(_))));
        assert!(fs::read(&path).unwrap() == before);
    }

    #[test]
    fn where_no_file_can_be_made_it_says_so() {
        let error = Cache::open(Path::new("/proc/nowhere/cache.sqlite"), MOST).unwrap_err();
        assert!(matches!(error, CacheError::Io { .. }), "{error:?}");
        let error = Cache::open(Path::new("/dev/full"), MOST).unwrap_err();
        assert!(matches!(error, CacheError::Database { .. } | CacheError::Damaged(_)), "{error:?}");
    }
}
