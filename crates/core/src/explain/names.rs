//! By which names code may call the package of a derivation.

/// Returns the names by which code may call the package of a derivation, likeliest first.
///
/// `python3.11-setuptools-2.1.0` is `python3.11-setuptools` or `setuptools`; `openssl-3.0.9` is `openssl`.
#[must_use]
pub fn names_of(derivation: &str) -> Vec<String> {
    let name = without_version(derivation);
    let mut names = vec![name];
    // `python3.11-`, `perl5.38.2-`, `ruby3.1-`: the interpreter, with its version, in front.
    if let Some((first, rest)) = name.split_once('-')
        && first.contains(|c: char| c.is_ascii_digit())
        && !rest.is_empty()
    {
        names.push(rest);
    }
    // A suffix that says what kind of thing it is: `-hook`, `-unwrapped`.
    for at in 0..names.len() {
        if let Some((front, _)) = names[at].rsplit_once('-')
            && front.contains('-')
        {
            names.push(front);
        }
    }
    let mut known: Vec<String> = Vec::new();
    for name in names.into_iter().filter(|name| name.len() > 1) {
        if !known.iter().any(|other| other == name) {
            known.push(name.to_owned());
        }
    }
    known
}

/// Cuts the version off, as Nix does: from the first dash that no letter follows.
#[must_use]
pub fn without_version(derivation: &str) -> &str {
    let mut dashes = derivation.match_indices('-').map(|(at, _)| at);
    let version = |at: &usize| derivation[at + 1..].chars().next().is_none_or(|c| !c.is_alphabetic());
    dashes.find(version).map_or(derivation, |at| &derivation[..at])
}

/// Tells where a line names something: as a whole word, and not in a comment.
#[must_use]
pub fn mentions(line: &str, name: &str) -> Option<usize> {
    let end = line.find('#').filter(|at| line[..*at].matches('"').count().is_multiple_of(2)).unwrap_or(line.len());
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '\'' | '-' | '/');
    line[..end].match_indices(name).map(|(at, _)| at).find(|at| {
        let before = line[..*at].chars().next_back();
        let after = line[at + name.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_has_the_names_that_code_calls_it_by() {
        for (derivation, expected) in [
            ("python3.11-setuptools-2.1.0", vec!["python3.11-setuptools", "setuptools"]),
            ("openssl-3.0.9", vec!["openssl"]),
            ("setuptools-build-hook-hook", vec!["setuptools-build-hook-hook", "setuptools-build-hook"]),
            ("perl5.38.2-URI-5.21", vec!["perl5.38.2-URI", "URI"]),
            ("gtk+3-3.24", vec!["gtk+3"]),
            ("x", vec![]),
            ("", vec![]),
            ("-", vec![]),
            ("é-ü-1", vec!["é-ü"]),
        ] {
            assert_eq!(names_of(derivation), expected, "{derivation}");
        }
    }

    #[test]
    fn a_name_is_mentioned_as_a_whole_word_only() {
        assert_eq!(mentions("  wheel", "wheel"), Some(2));
        assert_eq!(mentions("  (super.wheel)", "wheel"), Some(9));
        assert_eq!(mentions("  wheel-bin wheel2 my-wheel ./wheel", "wheel"), None);
        assert_eq!(mentions("a # wheel", "wheel"), None);
        assert_eq!(mentions("\"#\" wheel", "wheel"), Some(4));
        assert_eq!(mentions("wheel wheel", ""), None);
    }
}
