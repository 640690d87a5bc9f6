//! Text that others wrote, made safe to print on one line.
//!
//! Owns the removal of escape sequences and control characters. Must not interpret what the text says.

/// Returns the text on one line, without escape sequences, control and invisible characters, with each
/// run of white space as one space.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => match chars.next() {
                // A control sequence ends at its first letter or similar.
                Some('[') => {
                    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
                    chars.next_if(|c| matches!(c, '@'..='~'));
                }
                // A command to the terminal, such as a link, ends at BEL or at ESC \.
                Some(']') => {
                    while chars.next_if(|c| !matches!(c, '\x07' | '\x1b' | '\n')).is_some() {}
                    chars.next_if_eq(&'\x07');
                }
                Some(_) | None => {}
            },
            c if c.is_whitespace() || c.is_control() => {
                if !out.is_empty() && !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c if is_invisible(c) => {}
            c => out.push(c),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Returns at most `limit` characters, the last of which is `…` where something was left off.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Marks of zero width and of writing direction, which can make a text look like another.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_and_line_breaks_go() {
        assert_eq!(plain("\x1b[31;1merror:\x1b[0m a\r\n   b\tc "), "error: a b c");
        assert_eq!(plain("\x1b]8;;http://x\x07link\x1b]8;;\x1b\\ end"), "link end");
        assert_eq!(plain("a\u{202e}b\u{200b}c\u{9b}d"), "abc d");
        assert_eq!(plain("\x1b["), "");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shorten("äöüß", 4), "äöüß");
        assert_eq!(shorten("äöüß", 3), "äö…");
    }

    proptest! {
        #[test]
        fn nothing_is_left_that_moves_the_cursor(text in any::<String>()) {
            let once = plain(&text);
            prop_assert!(!once.chars().any(char::is_control));
            prop_assert_eq!(plain(&once), once);
        }
    }
}
