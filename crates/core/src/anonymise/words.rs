//! Words in text, and their exchange.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Whether a backslash takes the next character with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// It does.
    Some,
    /// There are none.
    None,
}

/// What is written as hashes are, and escapes of data files: no words.
static HASH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"sha(?:1|256|512)[-:][0-9A-Za-z+/=]+|\b[0-9a-z]{32,}\b|\b[0-9A-F]{40,}\b")
        .expect("constant, and tested")
});

/// Finds the words of a text: letters, digits and `_`, and within them `-` and `'`, as in names of Nix.
pub(super) fn words(text: &str, escapes: Escapes) -> Vec<Range<usize>> {
    let hashes: Vec<Range<usize>> = HASH.find_iter(text).map(|found| found.range()).collect();
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut word: Option<Range<usize>> = None;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        let end = at + character.len_utf8();
        if character.is_alphanumeric() || character == '_' {
            match &mut word {
                Some(word) => word.end = end,
                None => word = Some(at..end),
            }
            continue;
        }
        // What ends a word may go on with it: `a-b`, but not before a version, `a-1.2`.
        let next = text[end..].chars().next().filter(|next| next.is_alphanumeric() || *next == '_');
        let goes_on = match character {
            '-' => next.is_some_and(|next| !next.is_ascii_digit()),
            '\'' => next.is_some(),
            _ => false,
        };
        if goes_on && word.is_some() {
            continue;
        }
        found.extend(word.take());
        if character == '\\' && escapes == Escapes::Some && characters.next().is_some_and(|(_, next)| next == 'u') {
            let digits = characters.as_str().bytes().take(4).take_while(u8::is_ascii_hexdigit).count();
            (0..digits).for_each(|_| _ = characters.next());
        }
    }
    found.extend(word);
    found.retain(|word| !hashes.iter().any(|hash| hash.start < word.end && word.start < hash.end));
    found
}

/// Exchanges words.
pub(super) fn exchanged(text: &str, escapes: Escapes, table: &BTreeMap<&str, &str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for word in words(text, escapes) {
        if let Some(other) = table.get(&text[word.clone()]) {
            out.push_str(&text[done..word.start]);
            out.push_str(other);
            done = word.end;
        }
    }
    out.push_str(&text[done..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, escapes: Escapes) -> Vec<&str> {
        words(text, escapes).into_iter().map(|word| &text[word]).collect()
    }

    #[test]
    fn words_are_those_of_nix_and_hashes_are_none() {
        for (text, expected) in [
            ("a-b c_d 'e' f'g h- -i", vec!["a-b", "c_d", "e", "f'g", "h", "i"]),
            ("app-1.2 py3-app", vec!["app", "1", "2", "py3-app"]),
            ("https://git.acme.example/x/y.git", vec!["https", "git", "acme", "example", "x", "y", "git"]),
            ("J\u{fc}rgen M\u{fc}ller <j@m.de>", vec!["J\u{fc}rgen", "M\u{fc}ller", "j", "m", "de"]),
            ("hash sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= end", vec!["hash", "end"]),
            ("0123456789abcdef0123456789abcdef01234567", vec![]),
        ] {
            assert_eq!(of(text, Escapes::None), expected, "{text}");
        }
        assert_eq!(of(r"a\nb\u00e9c \\d", Escapes::Some), ["a", "b", "c", "d"]);
        assert_eq!(of(r"a\nb", Escapes::None), ["a", "nb"]);
    }

    #[test]
    fn whole_words_are_exchanged() {
        let table = BTreeMap::from([("acme", "name1"), ("acme-app", "name2")]);
        assert_eq!(exchanged("acme acme-app acmes x-acme", Escapes::None, &table), "name1 name2 acmes x-acme");
    }
}
