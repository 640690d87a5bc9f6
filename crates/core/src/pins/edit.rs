//! Changing one text in a JSON document, and no other byte of it.

use std::ops::Range;

/// Replaces the text at a path of names; none where there is no text.
///
/// The document must be valid: of what is not, anything may come.
pub(super) fn set_string(document: &str, path: &[&str], value: &str) -> Option<String> {
    let range = find(document.as_bytes(), path)?;
    if !document.get(range.clone())?.starts_with('"') {
        return None;
    }
    let value = serde_json::to_string(value).ok()?;
    Some(format!("{}{value}{}", document.get(..range.start)?, document.get(range.end..)?))
}

/// Finds the value at a path; of names that are there twice the last one counts.
fn find(bytes: &[u8], path: &[&str]) -> Option<Range<usize>> {
    let mut start = skip_space(bytes, 0);
    for name in path {
        start = member(bytes, start, name)?;
    }
    Some(start..skip_value(bytes, start)?)
}

/// Finds the value of a name in the object that begins at `at`.
fn member(bytes: &[u8], at: usize, name: &str) -> Option<usize> {
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    let mut at = skip_space(bytes, at + 1);
    let mut found = None;
    while bytes.get(at) == Some(&b'"') {
        let end = skip_string(bytes, at)?;
        let key: String = serde_json::from_slice(bytes.get(at..end)?).ok()?;
        let colon = skip_space(bytes, end);
        let value = skip_space(bytes, colon + 1);
        if key == name {
            found = Some(value);
        }
        let after = skip_space(bytes, skip_value(bytes, value)?);
        at = skip_space(bytes, after + 1);
    }
    found
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

fn skip_string(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn skip_value(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match bytes.get(at)? {
            b'"' => at = skip_string(bytes, at)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
                continue;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            b',' | b':' => {
                at += 1;
                continue;
            }
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            _ => {
                while bytes.get(at).is_some_and(|b| !b.is_ascii_whitespace() && !b",:]}".contains(b)) {
                    at += 1;
                }
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}
