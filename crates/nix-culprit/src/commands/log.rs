//! `log`: the journal of a case as people or git read it.

use std::fs;

use nix_culprit_core::event::{Event, Mode, Purpose};
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::{Observation, Verdict};
use nix_culprit_core::quantity::show_duration;
use nix_culprit_core::text::printable_lines;

use super::{CommandError, Context, Exit};
use crate::case::{CaseDir, Cases, Entry, JournalError, read_journal};
use crate::cli::case::{Log, LogFormat};

pub(super) fn run(args: &Log, context: &Context) -> Result<Exit, CommandError> {
    let cases = Cases::below(&context.dirs.state);
    let text = if args.list {
        printable_lines(&cases.list()?.iter().map(|id| in_a_line(&cases, id) + "\n").collect::<String>())
    } else {
        let (case, _) = cases.find(args.case.as_deref())?;
        match args.format {
            LogFormat::Table => printable_lines(&table(&read_journal(&case.journal())?)),
            LogFormat::Git => git(&case)?,
            LogFormat::Json => raw(&case)?,
        }
    };
    context.printer.result(&text).map_err(CommandError::Print)?;
    Ok(Exit::OK)
}

/// Says of a case which flake it is about, and how far it came.
fn in_a_line(cases: &Cases, id: &str) -> String {
    let (case, settings) = match cases.find(Some(id)) {
        Ok(found) => found,
        Err(error) => return format!("{id}  {error}"),
    };
    let answer = |entry: Entry| if let Event::Finished { answer } = entry.event { Some(answer) } else { None };
    let state = match read_journal(&case.journal()) {
        Ok(entries) => entries.into_iter().rev().find_map(answer).unwrap_or_else(|| "not finished".to_owned()),
        Err(error) => error.to_string(),
    };
    format!("{id}  {}  {state}", settings.flake.display())
}

fn git(case: &CaseDir) -> Result<String, CommandError> {
    fs::read_to_string(case.file("bisect.log")).map_err(|_| CommandError::NoSearch(case.id()))
}

fn raw(case: &CaseDir) -> Result<String, CommandError> {
    let path = case.journal();
    Ok(fs::read_to_string(&path).map_err(|source| JournalError::Io { path, source })?)
}

/// Makes one line a probe, with the notes between them.
fn table(entries: &[Entry]) -> String {
    let mut text = format!(
        "{:<8}  {:<8}  {:<4}  {:<20}  {:>9}  {:>8}  what\n",
        "time", "mode", "says", "outcome", "memory", "took"
    );
    let mut last: Option<(&Purpose, Mode, &Observation)> = None;
    let mut remembered: Option<(&Purpose, Mode, &Observation)> = None;
    let mut settled: Option<(&Purpose, &CommitId, &Observation)> = None;
    for entry in entries {
        let time = jiff::Timestamp::from_second(i64::try_from(entry.at).unwrap_or(0)).unwrap_or_default();
        let clock = time.strftime("%H:%M:%S");
        match &entry.event {
            Event::ProbeFinished { purpose, mode, observation, .. } => last = Some((purpose, *mode, observation)),
            Event::Remembered { purpose, mode, observation, .. } => remembered = Some((purpose, *mode, observation)),
            Event::Settled { purpose, by, observation, .. } => settled = Some((purpose, by, observation)),
            Event::Judged { purpose, verdict } => {
                let (word, reason) = match verdict {
                    Verdict::Good => ("good", ""),
                    Verdict::Bad => ("bad", ""),
                    Verdict::Skip(reason) => ("skip", reason.as_str()),
                };
                // What was made ahead may be judged never. Without a run of its own it was known from before an interruption.
                if let Some((_, mode, seen)) = last.take().filter(|(of, ..)| *of == purpose) {
                    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
                    text.push_str(&format!(
                        "{clock}  {:<8}  {word:<4}  {:<20}  {:>9}  {:>8}  {}{reason}\n",
                        mode.words(),
                        seen.outcome.class.words(),
                        seen.peak.to_string(),
                        show_duration(seen.wall),
                        purpose.words,
                    ));
                } else if let Some((_, mode, seen)) = remembered.take().filter(|(of, ..)| *of == purpose) {
                    text.push_str(&format!(
                        "{clock}  {:<8}  {word:<4}  {:<20}  {:>9}  {:>8}  {}, {}: run in an earlier case\n",
                        "not run",
                        seen.outcome.class.words(),
                        seen.peak.to_string(),
                        "",
                        purpose.words,
                        mode.words(),
                    ));
                } else if let Some((_, by, seen)) = settled.take().filter(|(of, ..)| *of == purpose) {
                    text.push_str(&format!(
                        "{clock}  {:<8}  {word:<4}  {:<20}  {:>9}  {:>8}  {}, as at {}: nothing that it read differs\n",
                        "not run",
                        seen.outcome.class.words(),
                        "",
                        "",
                        purpose.words,
                        by.short(),
                    ));
                }
            }
            Event::Warned { text: note } => text.push_str(&format!("{clock}  note: {note}\n")),
            Event::Isolated { input, how } => text.push_str(&format!("{clock}  the input is {input}: {how}\n")),
            Event::Searching { input, suspects } => {
                text.push_str(&format!("{clock}  searching {suspects} commits of {input}\n"));
            }
            Event::Explained { explanation, .. } => {
                text.push_str(&format!("{clock}  {}\n", explanation.in_a_line()));
            }
            Event::Correcting { what } => text.push_str(&format!("{clock}  does it help to {what}?\n")),
            Event::Finished { answer } => text.push_str(&format!("{clock}  finished: {answer}\n")),
            Event::Started { .. }
            | Event::Noted { .. }
            | Event::Learned { .. }
            | Event::Ends { .. }
            | Event::ProbeStarted { .. }
            | Event::Target { .. }
            | Event::Explaining { .. }
            | Event::Fetching { .. }
            | Event::Filling { .. }
            | Event::Running { .. }
            | Event::Reducing { .. } => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_made_ahead_is_not_taken_for_what_is_judged_next() {
        let purpose = |words: &str| json!({ "words": words, "commit": null });
        let finished = |words: &str, peak: u64| {
            let time = json!({ "secs": 1, "nanos": 0 });
            let outcome = json!({ "class": "success", "message": null, "position": null });
            let observation = json!({
                "outcome": outcome, "end": { "exited": 0 }, "peak": peak << 20, "wall": time, "cpu": time, "curve": [],
                "drv_path": null,
            });
            json!({
                "at": 0, "event": "probe-finished", "key": words, "purpose": purpose(words), "mode": "fast",
                "observation": observation,
            })
        };
        let judged = |words: &str| json!({ "at": 0, "event": "judged", "purpose": purpose(words), "verdict": { "verdict": "good" } });
        let journal = json!([finished("one", 11), judged("one"), finished("ahead", 22), judged("known")]);
        let entries: Vec<Entry> = serde_json::from_value(journal).unwrap();
        let table = table(&entries);
        assert!(table.contains("11 MiB") && table.lines().count() == 2, "{table}");
    }
}
