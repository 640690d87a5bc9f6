use proptest::prelude::*;
use serde_json::json;

use super::*;

const REV: &str = "5a9dda28aa00b1e1f5a9dda28aa00b1e1f5a9dda";

fn read(text: &str) -> FlakeRef {
    FlakeRef::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn references_are_read_as_nix_locks_them() {
    for (text, attrs) in [
        ("github:o/r", json!({"type":"github","owner":"o","repo":"r"})),
        ("github:o/r/nixos-23.05?dir=x", json!({"type":"github","owner":"o","repo":"r","ref":"nixos-23.05","dir":"x"})),
        ("github:o/r/feature/y", json!({"type":"github","owner":"o","repo":"r","ref":"feature/y"})),
        (
            &format!("gitlab:g%2Fsub/r/{REV}?host=gl.org"),
            json!({"type":"gitlab","owner":"g/sub","repo":"r","rev":REV,"host":"gl.org"}),
        ),
        ("sourcehut:~me/r", json!({"type":"sourcehut","owner":"~me","repo":"r"})),
        (
            &format!("git+https://h/r?ref=main&rev={REV}&dir=d&submodules=1&x=1"),
            json!({"type":"git","url":"https://h/r?x=1","ref":"main","rev":REV,"dir":"d","submodules":true}),
        ),
        ("git+file:///p?shallow=0", json!({"type":"git","url":"file:///p","shallow":false})),
        ("git+ssh://git@h/r.git", json!({"type":"git","url":"ssh://git@h/r.git"})),
        ("git://h/r", json!({"type":"git","url":"git://h/r"})),
        ("path:./x", json!({"type":"path","path":"./x"})),
        ("path:/a%20b?lastModified=3", json!({"type":"path","path":"/a b","lastModified":3})),
        (".", json!({"type":"path","path":"."})),
        ("./x?dir=y", json!({"type":"path","path":"./x","dir":"y"})),
        ("/abs", json!({"type":"path","path":"/abs"})),
        (
            "https://h/x.tar.gz?narHash=sha256-a&k=v",
            json!({"type":"tarball","url":"https://h/x.tar.gz?k=v","narHash":"sha256-a"}),
        ),
        ("tarball+https://h/x", json!({"type":"tarball","url":"https://h/x"})),
        ("file+https://h/x.txt", json!({"type":"file","url":"https://h/x.txt"})),
        ("nixpkgs", json!({"type":"indirect","id":"nixpkgs"})),
        (&format!("nixpkgs/release/{REV}"), json!({"type":"indirect","id":"nixpkgs","ref":"release","rev":REV})),
        ("flake:nixpkgs/b", json!({"type":"indirect","id":"nixpkgs","ref":"b"})),
        ("hg+https://h/r", json!({"type":"hg","url":"https://h/r"})),
    ] {
        let reference = read(text);
        assert_eq!(serde_json::to_value(reference.to_attrs()).unwrap(), attrs, "{text}");
        assert_eq!(read(&reference.to_url()), reference, "{text} -> {}", reference.to_url());
    }
}

#[test]
fn what_is_no_reference_is_refused_without_showing_credentials() {
    insta::assert_snapshot!([
        "", "github:o", "nix pkgs", "nixpkgs/a b", ".#x", "foo://me:pw@h/x", "github:o/r?rev=abc", "github:o/r?x=1",
        "github:o/r/a?ref=b", "path:.?lastModified=x",
    ].map(|text| FlakeRef::parse(text).unwrap_err().to_string()).join("\n"), @r"
    the flake reference is empty
    `github:o` is no flake reference: it needs an owner and a repository, like `github:owner/repository`
    `nix pkgs` is no flake reference: it is neither a name in the registry, nor an address, nor a path (paths start with `./` or `/`)
    `nixpkgs/a b` is no flake reference: what stands behind the first `/` is no branch, tag or commit
    `.#x` is no flake reference: it has a fragment (`#…`)
    `foo://***@h/x` is no flake reference: unknown scheme `foo`
    `github:o/r?rev=abc` is no flake reference: its `rev` is no full commit hash
    `github:o/r?x=1` is no flake reference: it has a parameter that such references do not have
    `github:o/r/a?ref=b` is no flake reference: it names two branches or tags
    `path:.?lastModified=x` is no flake reference: a parameter should be a number
    ");
    let attrs = |value| FlakeRef::from_attrs(&Attrs(serde_json::from_value(value).unwrap())).unwrap_err().to_string();
    assert_eq!(attrs(json!({})), "the attribute `type` is missing from a reference of type `?`");
    assert_eq!(attrs(json!({"type":"git"})), "the attribute `url` is missing from a reference of type `git`");
    assert_eq!(
        attrs(json!({"type":"github","owner":1})),
        "the attribute `owner` is missing from a reference of type `github`"
    );
}

#[test]
fn a_reference_tells_where_git_can_clone_it() {
    for (text, url) in [
        ("github:o/r/x", Some("https://github.com/o/r.git")),
        ("github:o/r?host=ghe.org", Some("https://ghe.org/o/r.git")),
        ("gitlab:g%2Fs/r", Some("https://gitlab.com/g/s/r.git")),
        ("sourcehut:~me/r", Some("https://git.sr.ht/~me/r")),
        ("sourcehut:~me/r?host=hg.sr.ht", None),
        ("git+file:///srv/a%20b?ref=x", Some("/srv/a b")),
        ("git+https://u:p@h/r?dir=x", Some("https://u:p@h/r")),
        ("git+ssh://git@h/r", Some("ssh://git@h/r")),
        ("https://github.com/o/r/archive/main.tar.gz", Some("https://github.com/o/r.git")),
        ("https://h/r.tar.gz", None),
        ("path:/x", None),
        ("nixpkgs", None),
    ] {
        assert_eq!(read(text).clone_url().as_deref(), url, "{text}");
    }
}

#[test]
fn links_are_made_where_the_host_is_known() {
    let commit = REV.parse().unwrap();
    for (text, link, pull_request) in [
        ("github:o/r", "https://github.com/o/r/commit/", Some("https://github.com/o/r/pull/7")),
        ("git+https://tok@github.com/o/r.git", "https://github.com/o/r/commit/", Some("https://github.com/o/r/pull/7")),
        ("git+ssh://git@github.com/o/r", "https://github.com/o/r/commit/", Some("https://github.com/o/r/pull/7")),
        ("gitlab:g%2Fs/r", "https://gitlab.com/g/s/r/-/commit/", Some("https://gitlab.com/g/s/r/-/merge_requests/7")),
        (
            "git+https://gitlab.gnome.org/a/b/c",
            "https://gitlab.gnome.org/a/b/c/-/commit/",
            Some("https://gitlab.gnome.org/a/b/c/-/merge_requests/7"),
        ),
        ("sourcehut:~me/r", "https://git.sr.ht/~me/r/commit/", None),
        (
            "https://github.com/o/r/archive/x.tar.gz",
            "https://github.com/o/r/commit/",
            Some("https://github.com/o/r/pull/7"),
        ),
    ] {
        let web = read(text).web().unwrap_or_else(|| panic!("{text}"));
        assert_eq!(web.commit_url(&commit), format!("{link}{REV}"), "{text}");
        assert_eq!(web.pull_request_url(7).as_deref(), pull_request, "{text}");
    }
    let scp = json!({"type":"git","url":"git@github.com:o/r.git"});
    let scp = FlakeRef::from_attrs(&Attrs(serde_json::from_value(scp).unwrap())).unwrap();
    assert_eq!(scp.web().unwrap().repository_url(), "https://github.com/o/r");
    for text in ["git+https://example.org/o/r", "git+file:///github.com/o/r", "git+https://github.com/o", "path:."] {
        assert_eq!(read(text).web(), None, "{text}");
    }
}

#[test]
fn the_commit_is_found_wherever_a_reference_has_it() {
    for text in [
        format!("github:o/r/{REV}"),
        format!("git+file:///p?rev={REV}"),
        format!("path:/p?rev={REV}"),
        format!("https://h/x.tar.gz?rev={REV}"),
        format!("https://github.com/o/r/archive/{REV}.tar.gz"),
    ] {
        assert_eq!(read(&text).rev().map(|rev| rev.to_string()).as_deref(), Some(REV), "{text}");
    }
    assert_eq!(read("github:o/r/main").rev(), None);
}

#[test]
fn people_are_shown_neither_credentials_nor_hashes() {
    let reference = read("git+https://me:hunter2@h/r?ref=x&access_token=hunter2");
    assert_eq!(reference.to_string(), "git+https://***@h/r?access_token=***&ref=x");
    assert!(reference.to_url().contains("hunter2") && !format!("{reference:?}").contains("hunter2"));
    assert_eq!(read("https://h/x.tar.gz?narHash=sha256-a").to_string(), "https://h/x.tar.gz");
}

proptest! {
    #[test]
    fn attributes_are_kept_without_loss(
        kind in "git|github|gitlab|path|tarball|file|indirect|weird",
        extra in prop::collection::btree_map("[a-z]{1,6}|rev|ref|dir|host|url|path|owner|repo|id|narHash",
            prop_oneof!["\\PC{0,8}".prop_map(|t| json!(t)), any::<u64>().prop_map(|n| json!(n)), any::<bool>().prop_map(|b| json!(b)),
                Just(json!(REV)), Just(json!([1, {"a": null}]))], 0..8),
    ) {
        let mut attrs = Attrs(extra);
        attrs.set("type", Some(kind));
        if let Ok(reference) = FlakeRef::from_attrs(&attrs) {
            prop_assert_eq!(reference.to_attrs(), attrs);
            let _ = (reference.to_string(), reference.clone_url(), reference.web(), reference.rev());
            prop_assert!(reference.same_place(&reference));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,30}|(github|git\\+https|path|flake|https):[a-z/?=&%.#@:]{0,20}") {
        if let Ok(reference) = FlakeRef::parse(&text) {
            let _ = (reference.to_url(), reference.clone_url(), reference.web(), reference.rev());
            let again = FlakeRef::from_attrs(&reference.to_attrs()).unwrap();
            prop_assert_eq!(again.to_attrs(), reference.to_attrs());
        }
    }
}
