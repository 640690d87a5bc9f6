//! Addresses as text: their parts, percent-encoding, and how they are shown without credentials.
//!
//! Owns the syntax. Must not know which kinds of flake reference there are.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An address that may hold a credential: shown without it, used as it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Url(String);

impl Url {
    /// Makes an address of a text, whatever it holds.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the address as it is, for use, never for people.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Returns the scheme in front of the first `:`, when there is one.
    #[must_use]
    pub fn scheme(&self) -> Option<&str> {
        split_scheme(&self.0).map(|(scheme, _)| scheme)
    }

    /// Returns the host without user and port; none for an address without one.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        let authority = self.authority()?;
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        (!host.is_empty()).then_some(host)
    }

    /// Returns the path, still percent-encoded, without query and fragment.
    #[must_use]
    pub fn path(&self) -> &str {
        let rest = split_scheme(&self.0).map_or(self.0.as_str(), |(_, rest)| rest);
        let rest = match rest.strip_prefix("//") {
            Some(rest) => &rest[rest.find(['/', '?', '#']).unwrap_or(rest.len())..],
            None => rest,
        };
        &rest[..rest.find(['?', '#']).unwrap_or(rest.len())]
    }

    fn authority(&self) -> Option<&str> {
        let rest = split_scheme(&self.0)?.1.strip_prefix("//")?;
        Some(&rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())])
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({})", shown(&self.0))
    }
}

/// Returns a text as people may see it: credentials of the addresses in it are `***`, control characters `�`.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = rest.find("://") {
        let (before, after) = rest.split_at(found + 3);
        result.push_str(before);
        let end = after.find(|c: char| matches!(c, '/' | '?' | '#' | '"') || c.is_whitespace()).unwrap_or(after.len());
        match after[..end].rfind('@') {
            Some(at) => {
                let scheme = before[..found].rsplit(|c: char| !is_scheme_char(c)).next().unwrap_or_default();
                let user = after[..at].split(':').next().unwrap_or_default();
                if scheme.ends_with("ssh") {
                    result.push_str(user);
                    result.push_str(if user.len() < at { ":***" } else { "" });
                } else {
                    result.push_str("***");
                }
                rest = &after[at..];
            }
            None => rest = after,
        }
    }
    result.push_str(rest);
    hide_secrets_of_query(&result).chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn hide_secrets_of_query(text: &str) -> String {
    const SECRET: [&str; 7] = ["token", "passw", "secret", "auth", "signature", "credential", "api_key"];
    let mut result = String::with_capacity(text.len());
    let mut parts = text.split_inclusive(['?', '&']);
    result.push_str(parts.next().unwrap_or_default());
    for part in parts {
        match part.split_once('=') {
            Some((name, value))
                if SECRET.iter().any(|word| name.to_ascii_lowercase().contains(word))
                    || name.eq_ignore_ascii_case("sig") =>
            {
                let end = value.find(|c: char| matches!(c, '&' | '?' | '#' | '"') || c.is_whitespace());
                result.push_str(name);
                result.push_str("=***");
                result.push_str(&value[end.unwrap_or(value.len())..]);
            }
            _ => result.push_str(part),
        }
    }
    result
}

fn is_scheme_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-')
}

/// Splits `scheme:rest`; none when there is no scheme.
pub(crate) fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let valid = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_scheme_char);
    valid.then_some((scheme, rest))
}

/// Splits `address?name=value&…` into the address and the decoded parameters, in their order.
pub(crate) fn split_query(text: &str) -> (&str, Vec<(String, String)>) {
    let Some((address, query)) = text.split_once('?') else { return (text, Vec::new()) };
    let pair = |part: &str| part.split_once('=').map(|(name, value)| (decode(name), decode(value)));
    (address, query.split('&').filter_map(pair).collect())
}

/// Puts parameters behind an address.
pub(crate) fn with_query(address: &str, query: &[(String, String)]) -> String {
    let mut result = address.to_owned();
    for (index, (name, value)) in query.iter().enumerate() {
        result.push(if index == 0 { '?' } else { '&' });
        result.push_str(&encode(name, ":@/"));
        result.push('=');
        result.push_str(&encode(value, ":@/"));
    }
    result
}

/// Undoes percent-encoding; what is no valid encoding stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut result = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        let digits = bytes.get(index + 1..index + 3).and_then(|two| std::str::from_utf8(two).ok());
        let code = digits.filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        match code.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(decoded) if byte == b'%' => {
                result.push(decoded);
                index += 3;
            }
            _ => {
                result.push(byte);
                index += 1;
            }
        }
    }
    String::from_utf8(result).unwrap_or_else(|_| text.to_owned())
}

/// Percent-encodes all but unreserved characters, `!$&'()*+,;` without `&` and `+`, and those in `keep`.
pub(crate) fn encode(text: &str, keep: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "-._~!$'()*,;".contains(c) || (c.is_ascii() && keep.contains(c)) {
            result.push(c);
        } else {
            result.push_str(&format!("%{byte:02X}"));
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn credentials_and_control_characters_are_not_shown() {
        for (raw, expected) in [
            ("https://ghp_abc@github.com/o/r", "https://***@github.com/o/r"),
            ("git+https://me:pw@host/r?rev=1", "git+https://***@host/r?rev=1"),
            ("ssh://git@host/r", "ssh://git@host/r"),
            ("git+ssh://git:pw@host/r", "git+ssh://git:***@host/r"),
            ("https://h/x.tar.gz?a=1&access_token=abc&b=2", "https://h/x.tar.gz?a=1&access_token=***&b=2"),
            ("https://h/x?private_token=abc#frag", "https://h/x?private_token=***#frag"),
            ("cannot get https://u:p@h/a and https://v@w/b", "cannot get https://***@h/a and https://***@w/b"),
            ("https://a@b@host/", "https://***@host/"),
            ("x\x1b[31m", "x\u{fffd}[31m"),
            ("https://host/@scope/x", "https://host/@scope/x"),
        ] {
            assert_eq!(shown(raw), expected, "{raw}");
            assert!(!format!("{:?}", Url::new(raw)).contains("abc"));
        }
    }

    #[test]
    fn an_address_is_taken_apart() {
        let url = Url::new("https://me@host.org:8443/a/b?x=1#f");
        assert_eq!((url.scheme(), url.host(), url.path()), (Some("https"), Some("host.org"), "/a/b"));
        let file = Url::new("file:///srv/r");
        assert_eq!((file.scheme(), file.host(), file.path()), (Some("file"), None, "/srv/r"));
        assert_eq!(Url::new("./x").scheme(), None);
    }

    proptest! {
        #[test]
        fn encoding_is_undone_by_decoding(text in "\\PC{0,20}") {
            prop_assert_eq!(decode(&encode(&text, "")), text);
        }

        #[test]
        fn a_password_is_never_shown(user in "[a-z]{0,5}", host in "[a-z]{1,5}", path in "\\PC{0,10}") {
            let text = format!("https://{user}:hunter2@{host}/{path}");
            prop_assert!(!shown(&text).contains("hunter2"));
        }

        #[test]
        fn any_text_is_shown_and_taken_apart(text in ".{0,40}") {
            let url = Url::new(text.clone());
            let _ = (url.scheme(), url.host(), url.path().len(), split_query(&text));
            prop_assert!(!shown(&text).contains('\x1b'));
        }
    }
}
