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
        r"(?i)(?P<name>[?&;](?:[a-z0-9_.-]*(?:token|secret|password|passwd|signature|credential|api[_-]?key|access[_-]?key(?:[_-]?id)?)|sig|pwd|auth|key)=)[^&#;\s'\x22<>]+",
    )
    .expect("a constant pattern")
});

static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?P<name>\b(?:bearer|basic|authorization:\s*\w+|private-token:)\s*)[A-Za-z0-9+/_.=:-]{8,}")
        .expect("a constant pattern")
});

/// What `nix.conf` has: a token for each host.
static TOKENS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?P<name>\baccess-tokens\s*=)(?P<all>(?:\s*[^\s='\x22]+=[^\s'\x22]+)+)")
        .expect("a constant pattern")
});

/// What a netrc file has.
static NETRC: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?P<name>\bmachine\s+\S+\s+login\s+)\S+(?:(?P<then>\s+password\s+)\S+)?")
        .expect("a constant pattern")
});

/// An account at a host, as in addresses of mail and of ssh.
static ACCOUNT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?P<user>[A-Za-z0-9][A-Za-z0-9._%+-]*)@(?P<host>[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)*\.(?P<last>[A-Za-z]{2,}))\b")
        .expect("a constant pattern")
});

/// How units of systemd end: `getty@tty1.service` is no account.
const UNITS: [&str; 8] = ["service", "socket", "target", "mount", "timer", "slice", "path", "device"];

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"\b(?:gh[opsur]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|gl[a-z]{2,5}-[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{20,}|pypi-AgE[A-Za-z0-9_-]{16,}|dckr_pat_[A-Za-z0-9_-]{16,}|AKIA[0-9A-Z]{16}|xox[abprs]-[A-Za-z0-9-]{10,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)",
    )
    .expect("a constant pattern")
});

/// Homes of people on Linux (also on ostree systems) and macOS; `per-user` is Nix's own.
static HOME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?P<path>(?:/var)?/(?:home|Users)/|/per-user/)(?P<name>[^/\s'\x22`:;,)\]}<>?#&]+)")
        .expect("a constant pattern")
});

/// Paths on this machine, after what can stand before one.
static LOCAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?P<before>^|[\s'\x22`(=\[,]|\b(?:git\+)?(?:file|path):(?://)?)(?P<path>/[^/\s][^\s'\x22`<>?#,;)\]]*)")
        .expect("a constant pattern")
});

/// Takes the user's secrets out of texts; the default one knows no home but the usual places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redactor {
    home: Option<String>,
    /// The user's name, where the home folder tells it.
    name: Option<String>,
}

impl Redactor {
    /// Takes the user's home folder; one that is empty or `/` is of no use and is ignored.
    #[must_use]
    pub fn for_home(home: &str) -> Self {
        let home = home.trim_end_matches('/');
        let name = HOME.captures(home).filter(|found| found[0].len() == home.len());
        Self {
            home: (home.len() > 1 && home.starts_with('/')).then(|| home.to_owned()),
            name: name.map(|found| found["name"].to_owned()),
        }
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
        accounts(&credentials(&self.without_name(&homes)))
    }

    /// Takes the user's name out of paths on this machine, and out of what home-manager and NixOS call a user.
    fn without_name(&self, text: &str) -> String {
        let Some(name) = &self.name else { return text.to_owned() };
        let paths = LOCAL.replace_all(text, |found: &Captures<'_>| {
            let parts: Vec<&str> =
                found["path"].split('/').map(|part| if part == name.as_str() { HIDDEN } else { part }).collect();
            format!("{}{}", &found["before"], parts.join("/"))
        });
        let mut done = String::new();
        let mut rest = &*paths;
        while let Some(at) = rest.find(name.as_str()) {
            let (before, after) = (&rest[..at], &rest[at + name.len()..]);
            let quoted = before.strip_suffix(['"', '\'']).unwrap_or(before);
            let is_user = quoted.ends_with("users.") || quoted.ends_with("homeConfigurations.");
            let ends = !after.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-'));
            let begins = !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'));
            let at_host = after.starts_with('@') && (begins || is_user);
            done.push_str(before);
            done.push_str(if at_host || (is_user && ends) { HIDDEN } else { name });
            rest = after;
            // The machine's own name comes after it, as in `me@box`; longer ones are public addresses.
            let label = |c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-');
            let end = rest.get(1..).and_then(|host| host.find(label)).map_or(rest.len(), |at| at + 1);
            if at_host && end > 1 && !rest[end..].starts_with('.') {
                done.push('@');
                done.push_str(HIDDEN);
                rest = &rest[end..];
            }
        }
        done.push_str(rest);
        done
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
    let text = TOKENS.replace_all(&text, |found: &Captures<'_>| {
        let hosts = found["all"].split_whitespace().map(|pair| pair.split('=').next().unwrap_or_default());
        format!("{}{}", &found["name"], hosts.map(|host| format!(" {host}={HIDDEN}")).collect::<String>())
    });
    let text = NETRC.replace_all(&text, |found: &Captures<'_>| {
        let then = found.name("then").map_or(String::new(), |then| format!("{}{HIDDEN}", then.as_str()));
        format!("{}{HIDDEN}{then}", &found["name"])
    });
    let text = HEADER.replace_all(&text, |found: &Captures<'_>| format!("{}{HIDDEN}", &found["name"]));
    TOKEN.replace_all(&text, HIDDEN).into_owned()
}

/// Returns the text without the names of accounts in addresses of mail and of ssh.
fn accounts(text: &str) -> String {
    let hidden = |found: &Captures<'_>| {
        let is_shared = &found["user"] == "git" || &found["user"] == HIDDEN;
        if is_shared || UNITS.contains(&&found["last"]) {
            return found[0].to_owned();
        }
        format!("{HIDDEN}@{}", &found["host"])
    };
    ACCOUNT.replace_all(text, hidden).into_owned()
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
            ("extra-access-tokens = a.com=abc b.org=PAT:xyz=", "extra-access-tokens = a.com=REDACTED b.org=REDACTED"),
            ("https://x-access-token:gho_x@github.com/a/b", "https://REDACTED@github.com/a/b"),
            ("https://api.h/x?a=1&access_token=abc123", "https://api.h/x?a=1&access_token=REDACTED"),
            ("s3://b/k?AWSAccessKeyId=abc&region=eu", "s3://b/k?AWSAccessKeyId=REDACTED&region=eu"),
            ("git+ssh://alice@git.corp.example/x", "git+ssh://REDACTED@git.corp.example/x"),
            ("alice@git.corp.example: Permission denied", "REDACTED@git.corp.example: Permission denied"),
            ("git@github.com:NixOS/nixpkgs", "git@github.com:NixOS/nixpkgs"),
            ("Ada L <ada.l+nix@mail.example.org>", "Ada L <REDACTED@mail.example.org>"),
            ("machine h login me password pw1", "machine h login REDACTED password REDACTED"),
            ("the unit getty@tty1.service", "the unit getty@tty1.service"),
            ("mailto a@b and lib@1.0 and lib@1.0.tgz", "mailto a@b and lib@1.0 and lib@1.0.tgz"),
        ] {
            assert_eq!(Redactor::default().text(before), after);
        }
    }

    #[test]
    fn the_name_of_the_user_is_not_told_where_it_is_one() {
        let redactor = Redactor::for_home("/home/alice");
        for (before, after) in [
            ("at /srv/alice/flake.nix:3", "at /srv/REDACTED/flake.nix:3"),
            ("git+file:///data/alice?ref=x", "git+file:///data/REDACTED?ref=x"),
            ("path:/data/alice", "path:/data/REDACTED"),
            ("(/run/alice)", "(/run/REDACTED)"),
            (
                r#"homeConfigurations."alice@box".activationPackage"#,
                r#"homeConfigurations."REDACTED@REDACTED".activationPackage"#,
            ),
            ("nix eval .#homeConfigurations.alice.x", "nix eval .#homeConfigurations.REDACTED.x"),
            ("home-manager.users.alice.home", "home-manager.users.REDACTED.home"),
            ("--home alice@box", "--home REDACTED@REDACTED"),
            ("alice@box.example.org", "REDACTED@box.example.org"),
            // Elsewhere it is a word like others.
            (
                "github:alice/flake and https://github.com/alice/flake",
                "github:alice/flake and https://github.com/alice/flake",
            ),
            ("alice-in-wonderland and /srv/alice-1", "alice-in-wonderland and /srv/alice-1"),
            ("pkgs: alice/default.nix:3", "pkgs: alice/default.nix:3"),
        ] {
            assert_eq!(redactor.text(before), after);
        }
        // Whose home tells no name has none that could be hidden.
        assert_eq!(Redactor::for_home("/root").text("/srv/root/x users.root"), "/srv/root/x users.root");
    }

    #[test]
    fn what_is_redacted_once_stays_as_it_is() {
        let redactor = Redactor::for_home("/home/alice");
        for text in [
            "https://u:p@h.example/alice?token=a",
            "access-tokens = a.com=b c.d=e",
            "alice@h.example /srv/alice",
            "machine h login a password b",
        ] {
            let once = redactor.text(text);
            assert_eq!(redactor.text(&once), once);
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
