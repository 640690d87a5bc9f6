//! Errors as people read them: what happened, to what, why, and what to do next.

use std::error::Error;

use super::{Paint, Printer};

/// Prints an error with its causes, and a hint if there is one.
pub fn report_error(printer: Printer, error: &dyn Error, hint: Option<&str>) {
    printer.error(&format!("{} {error}", Paint::Bad.over("error:")));
    let mut cause = error.source();
    while let Some(inner) = cause {
        printer.error(&format!("  {} {inner}", Paint::Dim.over("because:")));
        cause = inner.source();
    }
    if let Some(hint) = hint {
        for (index, line) in hint.lines().enumerate() {
            let head = if index == 0 { "hint:" } else { "     " };
            printer.error(&format!("{} {line}", Paint::Warning.over(head)));
        }
    }
}
