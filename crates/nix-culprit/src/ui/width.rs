//! Text in columns of a terminal: what wide and combining characters take, and what fits.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How many characters that take no column may follow one that does; more are a mess, or mischief.
const MARKS: usize = 4;

/// Returns how many columns a text without escapes takes at most: terminals differ on joined characters.
#[must_use]
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum::<usize>().max(text.width())
}

/// Returns a text that takes no more than so many columns; what was cut off is shown by `mark`, which takes one.
#[must_use]
pub(super) fn fit(text: &str, most: usize, mark: char) -> String {
    let mut fitting = String::new();
    let (mut marks, mut cut) = (0, 0);
    for c in text.chars() {
        marks = if c.width().unwrap_or(0) == 0 { marks + 1 } else { 0 };
        if marks > MARKS {
            continue;
        }
        fitting.push(c);
        match columns(&fitting) {
            so_far if so_far < most => cut = fitting.len(),
            so_far if so_far > most => {
                fitting.truncate(cut);
                fitting.extend((most > 0).then_some(mark));
                return fitting;
            }
            _ => {}
        }
    }
    fitting
}

/// Returns a text with so many spaces behind it that it takes this many columns.
#[must_use]
pub(super) fn pad(text: &str, wanted: usize) -> String {
    format!("{text}{}", " ".repeat(wanted.saturating_sub(columns(text))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_fits_is_kept_and_what_does_not_is_marked() {
        for (text, most, fitting) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("家家", 4, "家家"),
            ("家家家", 4, "家…"),
            ("家", 1, "…"),
            ("e\u{301}e\u{301}", 2, "e\u{301}e\u{301}"),
            ("e\u{301}e\u{301}e", 2, "e\u{301}…"),
            ("abc", 0, ""),
            ("", 0, ""),
        ] {
            assert_eq!(fit(text, most, '…'), fitting, "{text} in {most}");
        }
        let heap = format!("a{}b", "\u{301}".repeat(500));
        assert_eq!(fit(&heap, 9, '…'), format!("a{}b", "\u{301}".repeat(MARKS)));
        assert_eq!(pad("家", 4), "家  ");
        assert_eq!(pad("abc", 2), "abc");
    }

    proptest! {
        #[test]
        fn nothing_takes_more_columns_than_it_may(text in "[a-z家\u{301}\u{200d}👩🚀❤\u{fe0f}🇩🇪 ]{0,40}", most in 0..30_usize) {
            prop_assert!(columns(&fit(&text, most, '…')) <= most);
            prop_assert!(columns(&pad(&text, most)) >= most);
        }
    }
}
