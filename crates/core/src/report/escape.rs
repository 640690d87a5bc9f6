//! Makes texts from strangers inert: on one line, without hidden characters, as Markdown code, as
//! shell words. Must not shorten what a program reads, only what people read.

use std::fmt::Write as _;

/// Says where Markdown code stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a paragraph or a list.
    Text,
    /// In a cell of a table, where a pipe would end the cell.
    Cell,
}

/// Says whether a character is hidden, or changes how its neighbours are shown.
///
/// Control characters, the line separators, the bidirectional controls, zero-width characters, the
/// tag characters and their like.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Returns the text on one line of at most `most` characters, with hidden characters made visible.
///
/// White space becomes one space, any other hidden character its number, such as `<U+202E>`; what is
/// left out at the end is shown by `…`.
#[must_use]
pub fn line(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in text.split(|c: char| c.is_whitespace()).filter(|word| !word.is_empty()) {
        let space = usize::from(!out.is_empty());
        for (index, c) in word.chars().enumerate() {
            let mut shown = String::new();
            if index == 0 && space == 1 {
                shown.push(' ');
            }
            push_visible(&mut shown, c);
            let width = shown.chars().count();
            if length + width > most {
                // Room for the ellipsis.
                while length >= most && out.pop().is_some() {
                    length -= 1;
                }
                out.push('…');
                return out;
            }
            length += width;
            out.push_str(&shown);
        }
    }
    out
}

fn push_visible(out: &mut String, c: char) {
    if hidden(c) {
        let _ = write!(out, "<U+{:04X}>", u32::from(c));
    } else {
        out.push(c);
    }
}

/// Returns the text as a Markdown code span of at most `most` characters inside.
///
/// In a code span nothing is interpreted: no HTML, no emphasis, no mention, no `#123`, no bare link.
#[must_use]
pub fn code(text: &str, place: Place, most: usize) -> String {
    let mut text = line(text, most);
    if place == Place::Cell {
        // A pipe ends a cell even inside code, and `\|` is read differently by different renderers.
        text = text.replace('|', "│");
    }
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    if longest_run(&text) > 8 {
        // Nobody means such a run, and its fences would double the length.
        text = text.replace('`', "'");
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Returns the text as a Markdown code block of at most `most` characters inside.
#[must_use]
pub fn block(text: &str, most: usize) -> String {
    let body = lines(text, most);
    let fence = "`".repeat(longest_run(&body).max(2) + 1);
    format!("{fence}text\n{body}{fence}\n")
}

/// Returns the lines of a text, at most `most` characters in all, with hidden characters made visible.
#[must_use]
pub fn lines(text: &str, most: usize) -> String {
    let mut body = String::new();
    let mut left = most;
    for source in text.lines() {
        let mut shown = String::new();
        for c in source.trim_end().chars() {
            if c == '\t' { shown.push(c) } else { push_visible(&mut shown, c) }
        }
        let length = shown.chars().count() + 1;
        if length > left {
            body.extend(shown.chars().take(left.saturating_sub(2)));
            body.push_str("…\n");
            break;
        }
        left -= length;
        body.push_str(&shown);
        body.push('\n');
    }
    body
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Returns `[label](url)` if the URL is a plain web address, else the label alone.
///
/// `label` must be our own words or already inert.
#[must_use]
pub fn link(label: &str, url: Option<&str>) -> String {
    match url.and_then(web_address) {
        Some(url) => format!("[{label}]({url})"),
        None => label.to_owned(),
    }
}

/// Returns the URL if it is an https address of ordinary length, made of harmless characters.
#[must_use]
pub fn web_address(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://")?;
    let host = rest.split('/').next().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '/' | ':' | '%' | '+' | '=');
    let harmless = rest.chars().all(|c| plain(c) || matches!(c, '?' | '&' | '#'));
    (harmless && host.contains('.') && url.len() <= 300).then_some(url)
}

/// Returns the text as one word of a POSIX shell; NUL, which no argument can hold, is dropped.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let text = text.replace('\0', "");
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_shows_what_would_be_hidden() {
        assert_eq!(line("a\n\tb \u{202e}c\u{1b}[0m", 80), "a b <U+202E>c<U+001B>[0m");
        assert_eq!(line("abcdef", 4), "abc…");
        assert_eq!(line("abcd", 4), "abcd");
        assert_eq!(line("ab\u{202e}", 4), "ab…");
    }

    #[test]
    fn code_is_fenced_by_more_backticks_than_it_holds() {
        assert_eq!(code("a `b` ``c``", Place::Text, 80), "``` a `b` ``c`` ```");
        assert_eq!(code("a|b", Place::Cell, 80), "`a│b`");
        assert_eq!(code("a|b", Place::Text, 80), "`a|b`");
        assert_eq!(code("\n", Place::Text, 80), "(empty)");
    }

    #[test]
    fn a_block_cannot_be_left_from_inside() {
        assert_eq!(block("x\n````\n</details>\u{7}", 80), "`````text\nx\n````\n</details><U+0007>\n`````\n");
        assert_eq!(block("abcdefgh\nx", 6), "```text\nabcd…\n```\n");
    }

    #[test]
    fn only_plain_web_addresses_become_links() {
        assert_eq!(link("x", Some("https://a.b/c/d?e=f#g")), "[x](https://a.b/c/d?e=f#g)");
        for url in
            ["http://a.b/", "javascript:alert(1)", "https://a.b/)x", "https://a.b/ x", "https://u@a.b/", "https:///x"]
        {
            assert_eq!(link("x", Some(url)), "x", "{url}");
        }
    }

    proptest! {
        #[test]
        fn a_line_keeps_its_length_and_hides_nothing(text in any::<String>(), most in 1usize..60) {
            let shown = line(&text, most);
            prop_assert!(shown.chars().count() <= most);
            prop_assert!(!shown.chars().any(hidden));
        }

        #[test]
        fn a_code_span_holds_no_run_as_long_as_its_fence(text in "[`a |\\\\\n]{0,30}") {
            let span = code(&text, Place::Cell, 80);
            let fence = span.chars().take_while(|c| *c == '`').count();
            let inside = &span[fence..span.len() - fence];
            prop_assert!(longest_run(inside) < fence.max(1));
            prop_assert!(!span.contains(['|', '\n']));
        }
    }
}
