//! Text of strangers (titles, names, messages) made safe to print.
//!
//! Owns what counts as printable. Must not shorten, wrap, colour or translate.

/// Returns the text on one line, without escape sequences, control characters, or characters that
/// reorder or hide others; line breaks and tabs become single spaces.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for part in printable_lines(text).split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(part);
    }
    line
}

/// Does what [`printable`] does, but keeps line breaks and the spaces in a line.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => out.push('\n'),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\t' | '\r' => out.push(' '),
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_control_sequence(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut chars),
            '\u{2028}' | '\u{2029}' => out.push(' '),
            c if c.is_control() || is_misleading(c) => {}
            c => out.push(c),
        }
    }
    out
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Skips what follows an ESC: forms of ECMA-48.
fn skip_escape(chars: &mut Chars<'_>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_control_sequence(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            chars.next();
            skip_string(chars);
        }
        Some(' '..='/') => {
            while chars.next_if(|c| matches!(c, ' '..='/')).is_some() {}
            chars.next_if(|c| matches!(c, '0'..='~'));
        }
        Some('0'..='~') => {
            chars.next();
        }
        Some(_) | None => {}
    }
}

/// Skips parameters, intermediates and the final character of a control sequence.
fn skip_control_sequence(chars: &mut Chars<'_>) {
    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    chars.next_if(|c| matches!(c, '@'..='~'));
}

/// Skips a command string up to its end; one that has no end in its line ends with the line, so
/// that a title cannot hide what is printed after it.
fn skip_string(chars: &mut Chars<'_>) {
    while let Some(c) = chars.next_if(|c| *c != '\n') {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' if chars.next_if_eq(&'\\').is_some() => return,
            _ => {}
        }
    }
}

/// Tells characters that reorder their neighbours or take no room; the joiners of emoji and of
/// Indic and Persian spelling stay.
fn is_misleading(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// Returns an error with its causes in one line.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn colours_titles_and_links_of_a_terminal_are_taken_out() {
        assert_eq!(printable("\x1b[31;1mred\x1b[0m"), "red");
        assert_eq!(printable("a\x1b]0;owned\x07b"), "ab");
        assert_eq!(printable("a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b"), "alinkb");
        assert_eq!(printable("a\u{9b}2Jb\u{9d}0;x\u{9c}c"), "abc");
        assert_eq!(printable("a\x1bcb\x1b(0c\x1b"), "abc");
        assert_eq!(printable("bell\x07 back\x08\x7f\0"), "bell back");
    }

    #[test]
    fn a_string_without_end_hides_only_its_own_line() {
        assert_eq!(printable_lines("a\x1b]0;hidden\nshown"), "a\nshown");
    }

    #[test]
    fn characters_that_reorder_or_hide_are_taken_out() {
        assert_eq!(printable("a\u{202e}b\u{2066}c\u{200b}d\u{e0041}"), "abcd");
        assert_eq!(printable("ü ☃ 家 👩\u{200d}🚀"), "ü ☃ 家 👩\u{200d}🚀");
    }

    #[test]
    fn one_line_has_no_breaks_and_lines_keep_theirs() {
        assert_eq!(printable(" a\r\n\tb  c\u{2028}d\r"), "a b c d");
        assert_eq!(printable_lines("a\r\n  b\rc"), "a\n  b c");
    }

    proptest! {
        #[test]
        fn nothing_that_steers_a_terminal_is_left(text in "[\\x00-\\x7f\u{80}-\u{a0}\u{202a}-\u{2069}a-z]*") {
            let line = printable(&text);
            prop_assert!(line.chars().all(|c| !c.is_control() && !is_misleading(c)));
            prop_assert_eq!(printable(&line), line);
        }
    }
}
