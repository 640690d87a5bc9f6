//! `replay.sh`: a POSIX shell script of plain git and nix that sees the two decisive runs again.
//!
//! The script itself is `replay.template.sh`; this fills in values. Every value is one quoted shell
//! word or stands in a quoted here-document: nothing from a flake is ever read as shell code.

use std::fmt::Write as _;

use super::escape::shell_word;
use super::model::{ReplayInput, ReplayRun, ReplaySource, Report};
use super::redact::{HIDDEN, Redactor, credentials};
use crate::outcome::Class;

const TEMPLATE: &str = include_str!("replay.template.sh");
/// Stands for the user's home folder in the lock file that a script carries.
const HOME_MARK: &str = "@REPLAY-HOME@";

/// Returns the script, or nothing when the report has nothing that can be replayed.
///
/// The user's home folder is written as `$HOME`, so that the script still works for the user and
/// does not tell the name.
#[must_use]
pub fn render(report: &Report, redactor: &Redactor) -> Option<String> {
    let input = report.replay.as_ref()?;
    let mut script = String::new();
    for line in TEMPLATE.lines() {
        match line {
            "@VALUES@" => script.push_str(&values(report, input, redactor)),
            "@LOCK@" => script.push_str(&lock(&input.lock, redactor)),
            "@ARGUMENTS@" => script.push_str(&arguments(input, redactor)),
            _ => {
                script.push_str(line);
                script.push('\n');
            }
        }
    }
    Some(script)
}

fn values(report: &Report, input: &ReplayInput, redactor: &Redactor) -> String {
    let limits = &report.environment.limits;
    let (before, after, clone) = match &input.source {
        ReplaySource::References { before, after } => (before.as_str(), after.as_str(), ""),
        ReplaySource::Clone { url } => ("", "", url.as_str()),
    };
    let word = |text: &str| home_word(text, redactor);
    let mut out = String::new();
    for (name, value) in [
        ("INPUT", word(&input.input.to_string())),
        ("INPUT_FOLDER", word(input.dir.as_deref().unwrap_or_default())),
        ("ATTRIBUTE", shell_word(&fragment(&credentials(&input.attribute)))),
        ("CLONE_URL", word(clone)),
        ("FLAKE_REVISION", shell_word(report.flake.revision.as_ref().map_or("", |id| id.as_str()))),
        ("BEFORE", shell_word(input.before.revision.as_str())),
        ("BEFORE_REFERENCE", word(before)),
        ("BEFORE_KIND", shell_word(kind(input.before.outcome.class))),
        ("BEFORE_MESSAGE", shell_word(&expected_message(&input.before))),
        ("AFTER", shell_word(input.after.revision.as_str())),
        ("AFTER_REFERENCE", word(after)),
        ("AFTER_KIND", shell_word(kind(input.after.outcome.class))),
        ("AFTER_MESSAGE", shell_word(&expected_message(&input.after))),
        ("BUDGET_KIB", (limits.memory.0 / 1024).to_string()),
        ("BUDGET_SECONDS", limits.time.as_secs().max(1).to_string()),
    ] {
        let _ = writeln!(out, "{name}={value}");
    }
    out
}

/// Writes the further arguments of each run, as lines of the script's function `run`.
fn arguments(input: &ReplayInput, redactor: &Redactor) -> String {
    let mut out = String::new();
    for frozen in &input.frozen {
        let (path, reference) = (frozen.input.to_string(), &frozen.reference);
        let (path, reference) = (home_word(&path, redactor), home_word(reference, redactor));
        let _ = writeln!(out, "\tset -- \"$@\" --override-input {path} {reference}");
    }
    for argument in &input.arguments {
        let _ = writeln!(out, "\tset -- \"$@\" {}", home_word(argument, redactor));
    }
    out
}

/// Writes the lock file as a here-document whose end mark is none of its lines.
fn lock(text: &str, redactor: &Redactor) -> String {
    let text = credentials(text).replace('\0', "");
    let mut mark = "END_OF_LOCK".to_owned();
    while text.lines().any(|line| line.trim_end_matches('\r') == mark) {
        mark.push('_');
    }
    let body = redactor.replace_home(&text, HOME_MARK);
    let newline = if body.ends_with('\n') { "" } else { "\n" };
    if body == text {
        return format!("\tcat <<'{mark}'\n{body}{newline}{mark}\n");
    }
    format!(
        "\thome=$(printf '%s' \"$HOME\" | sed 's/[&|\\\\]/\\\\&/g')\n\
         \tsed \"s|{HOME_MARK}|$home|g\" <<'{mark}'\n{body}{newline}{mark}\n"
    )
}

/// Quotes a value, with the user's home folder as `"$HOME"` and without credentials.
fn home_word(text: &str, redactor: &Redactor) -> String {
    let text = credentials(text);
    let marked = redactor.replace_home(&text, HOME_MARK);
    if marked == text {
        return shell_word(&text);
    }
    marked.split(HOME_MARK).map(shell_word).collect::<Vec<_>>().join("\"$HOME\"")
}

/// Percent-encodes an attribute path for the part of a flake reference after `#`.
fn fragment(attribute: &str) -> String {
    let mut out = String::new();
    for byte in attribute.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'\'') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Returns the word that the script's function `kind` prints for an outcome.
const fn kind(class: Class) -> &'static str {
    match class {
        Class::Success => "success",
        Class::OutOfMemory => "out-of-memory",
        Class::InfiniteRecursion => "infinite-recursion",
        Class::CallDepth => "call-depth",
        Class::StackOverflow => "stack-overflow",
        Class::TimeOut => "time-out",
        Class::EvaluationError
        | Class::Refused
        | Class::NixTooOld
        | Class::FetchFailure
        | Class::HashMismatch
        | Class::BuildFailure
        | Class::ImportFromDerivation
        | Class::Interrupted
        | Class::NixUnusable
        | Class::Killed => "failure",
    }
}

/// Returns the longest part of the message that another machine and version of Nix prints alike.
///
/// That is: some words in a row of plain ASCII, without paths and secrets.
fn expected_message(run: &ReplayRun) -> String {
    let message = credentials(run.outcome.message.as_deref().unwrap_or_default());
    let mut best = "";
    let mut start = None;
    // Runs are cut from the original text, so that they are found in it again byte by byte.
    for (at, word) in message.split(' ').scan(0, |at, word| {
        let here = *at;
        *at += word.len() + 1;
        Some((here, word))
    }) {
        if word.contains(['/', '~']) || word.contains(HIDDEN) || !word.bytes().all(|b| b.is_ascii_graphic()) {
            start = None;
            continue;
        }
        let from = *start.get_or_insert(at);
        let run = message[from..at + word.len()].trim();
        if run.len() > best.len() && run.len() <= 100 {
            best = run;
        }
    }
    best.to_owned()
}

#[cfg(test)]
mod tests;
