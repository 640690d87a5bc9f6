//! Errors as people read them: what happened, to what, why, and what to do next.

use std::error::Error;

use nix_culprit_core::text::printable_lines;

use super::{Paint, Printer};

/// Returns an error's text without what a terminal would act on: names and paths in it may come from strangers.
fn harmless(error: &dyn Error) -> String {
    printable_lines(&error.to_string())
}

/// Prints an error with its causes, and a hint if there is one.
pub fn report_error(printer: Printer, error: &dyn Error, hint: Option<&str>) {
    printer.error(&format!("{} {}", Paint::Bad.over("error:"), harmless(error)));
    let mut cause = error.source();
    while let Some(inner) = cause {
        printer.error(&format!("  {} {}", Paint::Dim.over("because:"), harmless(inner)));
        cause = inner.source();
    }
    if let Some(hint) = hint {
        for (index, line) in printable_lines(hint).lines().enumerate() {
            let head = if index == 0 { "hint:" } else { "     " };
            printer.error(&format!("{} {line}", Paint::Warning.over(head)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_cannot_write_to_the_terminal_what_it_acts_on() {
        let error = std::io::Error::other("input `\x1b]0;x\x07nix\u{202e}pkgs`\nis gone");
        assert_eq!(harmless(&error), "input `nixpkgs`\nis gone");
    }
}
