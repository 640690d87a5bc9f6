//! The NAR hash of a tree, and the store path that Nix gives to a fetched source with this hash.
//!
//! Owns the arithmetic only: the tree's hash is computed where its objects are.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Nix's digits: base 32 without `e`, `o`, `t` and `u`.
const DIGITS: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";

/// The store whose paths are in lock files and derivations, wherever it lies on disk.
const STORE: &str = "/nix/store";

/// The name of every fetched source.
const NAME: &str = "source";

/// The SHA-256 hash of a tree in Nix's archive format.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NarHash(pub [u8; 32]);

impl NarHash {
    /// Returns it in hexadecimal digits, as Nix's registration of paths reads it.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }

    /// Returns it in Nix's base 32, as old pins have it.
    #[must_use]
    pub fn to_base32(&self) -> String {
        base32(&self.0)
    }

    /// Returns the store path of a fetched source with this hash, which holds no references.
    ///
    /// The formula is that of fixed outputs, "recursive" and SHA-256: Nix's manual, "Complete Store Path Calculation".
    #[must_use]
    pub fn source_path(&self) -> StorePath {
        let fingerprint = format!("{NAME}:sha256:{}:{STORE}:{NAME}", self.to_hex());
        let mut folded = [0; 20];
        for (at, byte) in Sha256::digest(fingerprint).into_iter().enumerate() {
            folded[at % 20] ^= byte;
        }
        StorePath(format!("{STORE}/{}-{NAME}", base32(&folded)).into())
    }
}

impl fmt::Display for NarHash {
    /// Shows it as lock files have it: `sha256-` and base 64.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256-{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for NarHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NarHash({self})")
    }
}

/// Says that a text is no NAR hash of SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hash of the form sha256-…")]
pub struct NoNarHash;

impl std::str::FromStr for NarHash {
    type Err = NoNarHash;

    fn from_str(text: &str) -> Result<Self, NoNarHash> {
        let digits = text.strip_prefix("sha256-").ok_or(NoNarHash)?;
        let bytes = STANDARD.decode(digits).map_err(|_| NoNarHash)?;
        Ok(Self(bytes.try_into().map_err(|_| NoNarHash)?))
    }
}

/// A path in the Nix store: `/nix/store/HASH-NAME`, wherever the store lies on disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StorePath(Box<str>);

impl StorePath {
    /// Returns the path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes bytes in Nix's base 32: from the last digit of the first byte on, shown backwards.
fn base32(bytes: &[u8]) -> String {
    let digits = (bytes.len() * 8).div_ceil(5);
    let digit = |at: usize| {
        let (byte, shift) = (at * 5 / 8, at * 5 % 8);
        let two = u16::from(bytes[byte]) | u16::from(bytes.get(byte + 1).copied().unwrap_or_default()) << 8;
        char::from(DIGITS[usize::from(two >> shift) & 31])
    };
    (0..digits).rev().map(digit).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where Nix 2.34 put a commit of the sample, and what its `nix hash path` said of it; the tests on real Nix
    /// compare others.
    #[test]
    fn the_store_path_of_a_source_is_the_one_that_nix_gives() {
        let hash: NarHash = "sha256-djTtB3ZiOeRQzmUy1PvcdDrbIabyPZxZNJOiHVCA3Tw=".parse().unwrap();
        assert_eq!(hash.source_path().as_str(), "/nix/store/2kqj9phy2jzf6lrs62g1wqj0qjfsid8n-source");
        assert_eq!(hash.to_string(), "sha256-djTtB3ZiOeRQzmUy1PvcdDrbIabyPZxZNJOiHVCA3Tw=");
    }

    #[test]
    fn what_is_no_sha256_hash_of_32_bytes_is_refused() {
        for text in ["", "sha256-", "sha256-AAAA", "sha512-FFlVQP1M99TceYSx67o191u7Y2XPDOX1O530AufnA7w=", "sha256-?"] {
            assert_eq!(text.parse::<NarHash>(), Err(NoNarHash), "{text}");
        }
    }
}
