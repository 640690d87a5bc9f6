//! Takes the user's secrets out of texts: names in home paths, credentials in URLs, tokens.
//!
//! Knows nothing of formats; making a text inert is [`super::escape`]'s part.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What stands in the place of a secret.
pub(super) const HIDDEN: &str = "REDACTED";

static CREDENTIALS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^/?#\s'\x22<>]+)@").expect("a constant pattern")
});

static PARAMETER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?P<name>[?&;](?:[a-z0-9_.-]*(?:token|secret|password|passwd|signature|credential|api[_-]?key)|sig|pwd|auth|key)=)[^&#;\s'\x22<>]+",
    )
    .expect("a constant pattern")
});

static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?P<name>\b(?:bearer|basic|access-tokens\s*=\s*\S+?=|authorization:\s*\w+|private-token:)\s*)[A-Za-z0-9+/_.=:-]{8,}")
        .expect("a constant pattern")
});

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"\b(?:gh[opsur]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|gl[a-z]{2,5}-[A-Za-z0-9_-]{16,}|AKIA[0-9A-Z]{16}|xox[abprs]-[A-Za-z0-9-]{10,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)",
    )
    .expect("a constant pattern")
});

/// Homes of people on Linux (also on ostree systems) and macOS; `per-user` is Nix's own.
static HOME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?P<path>(?:/var)?/(?:home|Users)/|/per-user/)(?P<name>[^/\s'\x22`:;,)\]}<>?#&]+)")
        .expect("a constant pattern")
});

/// Takes the user's secrets out of texts; the default one knows no home but the usual places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redactor {
    home: Option<String>,
}

impl Redactor {
    /// Takes the user's home folder; one that is empty or `/` is of no use and is ignored.
    #[must_use]
    pub fn for_home(home: &str) -> Self {
        let home = home.trim_end_matches('/');
        Self { home: (home.len() > 1 && home.starts_with('/')).then(|| home.to_owned()) }
    }

    /// Returns the home folder.
    #[must_use]
    pub fn home(&self) -> Option<&str> {
        self.home.as_deref()
    }

    /// Returns the text with home folders as `~` and without credentials.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let known = self.replace_home(text, "~");
        let homes = HOME.replace_all(&known, |found: &Captures<'_>| {
            if &found["path"] == "/per-user/" { format!("/per-user/{HIDDEN}") } else { "~".to_owned() }
        });
        credentials(&homes)
    }

    /// Does that for a text of which at most `most` characters will be shown.
    pub(super) fn start(&self, text: &str, most: usize) -> String {
        // Cut before the costly step, but far enough behind what is shown to leave no half token.
        let end = text.char_indices().nth(most + 2_000).map_or(text.len(), |(at, _)| at);
        self.text(&text[..end])
    }

    /// Replaces the known home folder, where it stands as a whole path, by `by`.
    pub(super) fn replace_home<'t>(&self, text: &'t str, by: &str) -> Cow<'t, str> {
        let Some(home) = &self.home else { return Cow::Borrowed(text) };
        let mut done = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(home.as_str()) {
            let (before, after) = (&rest[..at], &rest[at + home.len()..]);
            let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
            // `/root` is no home in `/mnt/root` or `/rootfs`; the third slash of `file:///root` is fine.
            let whole = !before.ends_with(goes_on) && !after.starts_with(goes_on);
            done.push_str(before);
            done.push_str(if whole { by } else { home });
            rest = after;
        }
        if done.is_empty() && rest.len() == text.len() {
            return Cow::Borrowed(text);
        }
        done.push_str(rest);
        Cow::Owned(done)
    }
}

/// Returns the text without credentials in URLs, secret parameters and well-known kinds of tokens.
#[must_use]
pub fn credentials(text: &str) -> String {
    let text = CREDENTIALS.replace_all(text, |found: &Captures<'_>| {
        // `ssh://git@host` names an account that all share.
        let user = if &found["user"] == "git" { "git" } else { HIDDEN };
        format!("{}{user}@", &found["scheme"])
    });
    let text = PARAMETER.replace_all(&text, |found: &Captures<'_>| format!("{}{HIDDEN}", &found["name"]));
    let text = HEADER.replace_all(&text, |found: &Captures<'_>| format!("{}{HIDDEN}", &found["name"]));
    TOKEN.replace_all(&text, HIDDEN).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_and_the_rest_of_a_url_stays() {
        for (before, after) in [
            ("https://u:p@host/x", "https://REDACTED@host/x"),
            ("git+https://x-access-token@host/x?rev=1", "git+https://REDACTED@host/x?rev=1"),
            ("https://a:p@ss@host/x", "https://REDACTED@host/x"),
            ("git+ssh://git@host/x", "git+ssh://git@host/x"),
            ("https://host/x@y?ref=z", "https://host/x@y?ref=z"),
            ("https://h/a.tgz?private_token=abc&rev=1", "https://h/a.tgz?private_token=REDACTED&rev=1"),
            ("https://h/a?X-Amz-Signature=ab12#f", "https://h/a?X-Amz-Signature=REDACTED#f"),
            ("token ghp_0123456789abcdef0123 ends", "token REDACTED ends"),
            ("glpat-0123456789abcdef0123", "REDACTED"),
            ("Authorization: Bearer abcdefghijkl", "Authorization: Bearer REDACTED"),
            ("access-tokens = github.com=abcdefgh12", "access-tokens = github.com=REDACTED"),
            ("mailto a@b and lib@1.0", "mailto a@b and lib@1.0"),
        ] {
            assert_eq!(credentials(before), after);
        }
    }

    #[test]
    fn home_folders_become_a_tilde() {
        let redactor = Redactor::for_home("/root/");
        for (before, after) in [
            ("at /root/src/flake.nix:3", "at ~/src/flake.nix:3"),
            ("file:///root", "file://~"),
            ("/rootfs and /mnt/root stay", "/rootfs and /mnt/root stay"),
            ("/home/alice/x:/Users/Bob Smith", "~/x:~ Smith"),
            ("/var/home/alice/x", "~/x"),
            ("/nix/var/nix/profiles/per-user/alice/p", "/nix/var/nix/profiles/per-user/REDACTED/p"),
            ("path '/home/alice' does not exist", "path '~' does not exist"),
        ] {
            assert_eq!(redactor.text(before), after);
        }
        assert_eq!(Redactor::for_home("/").text("a/b"), "a/b");
    }
}
