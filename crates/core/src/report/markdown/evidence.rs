//! The changes of the lock file and every probe, as tables.

use super::super::model::{LockedAt, Probe, Subject};
use super::super::words;
use super::{MOST, Page};
use crate::ids::CommitId;
use crate::outcome::Verdict;
use crate::quantity::show_duration;

impl Page<'_> {
    pub(super) fn lock_changes(&mut self) {
        let changes = &self.report.lock_changes;
        if changes.is_empty() {
            return;
        }
        let count = words::counted(changes.len(), "change");
        self.put(&format!("\n<details><summary>{count} in the lock file</summary>\n"));
        self.put("| input | what | good end | bad end |\n|---|---|---|---|");
        for change in changes.iter().take(40) {
            let input = self.cell(&change.input.to_string(), 60);
            let (from, to) = (locked_at(change.from.as_ref()), locked_at(change.to.as_ref()));
            self.put(&format!("| {input} | {} | {from} | {to} |", words::change(change.kind)));
        }
        if changes.len() > 40 {
            self.put(&format!("\n{} more in report.json.", changes.len() - 40));
        }
        self.put("\n</details>");
    }

    /// Writes the evidence table; when not all rows fit, the first two and the last ones stay.
    pub(super) fn evidence(&mut self) {
        /// Room for the table's head and what comes after it.
        const FRAME: usize = 600;
        let probes = &self.report.probes;
        if probes.is_empty() {
            return;
        }
        let room = MOST.saturating_sub(self.length() + FRAME);
        let (head, tail) = probes.split_at(probes.len().min(2));
        let head: Vec<_> = head.iter().map(|probe| self.row(probe)).collect();
        let mut used: usize = head.iter().map(|row| row.chars().count()).sum();
        // From the newest back, and no further than there is room: a case can have thousands.
        let mut newest = Vec::new();
        for row in tail.iter().rev().map(|probe| self.row(probe)) {
            used += row.chars().count();
            if used > room {
                break;
            }
            newest.push(row);
        }
        newest.reverse();
        let settled = probes.iter().filter(|probe| probe.settled_by.is_some()).count();
        let remembered = probes.iter().filter(|probe| probe.remembered).count();
        let count = words::probes(probes.len() - settled - remembered, settled, remembered);
        self.put(&format!("\n<details><summary>Evidence: {count}</summary>\n"));
        if newest.len() < tail.len() {
            let left_out = words::counted(tail.len() - newest.len(), "row");
            self.put(&format!("{left_out} after the second left out to keep this short; report.json has all.\n"));
        }
        self.put(
            "| probed | date | title | verdict | reason | peak | time | mode |\n|---|---|---|---|---|---|---|---|",
        );
        self.out.push_str(&head.concat());
        self.out.push_str(&newest.concat());
        self.put("\n</details>");
    }

    fn row(&self, probe: &Probe) -> String {
        let (subject, date, title) = match &probe.subject {
            Subject::Commit { revision, date, title } => {
                (format!("`{}`", revision.short()), date.day(), self.cell(title, 80))
            }
            Subject::GoodLock | Subject::BadLock => (words::subject(&probe.subject), String::new(), String::new()),
            Subject::Inputs { .. } | Subject::Corrected { .. } => {
                (self.cell(&words::subject(&probe.subject), 120), String::new(), String::new())
            }
        };
        let reason = match &probe.verdict {
            Verdict::Skip(reason) => self.cell(reason, 120),
            Verdict::Good | Verdict::Bad => probe.observation.outcome.class.words().to_owned(),
        };
        let (peak, wall) = (probe.observation.peak, show_duration(probe.observation.wall));
        let (verdict, mode) = (words::verdict(&probe.verdict), words::mode(probe.mode));
        if let Some(by) = &probe.settled_by {
            let by = by.short();
            return format!("| {subject} | {date} | {title} | {verdict} | {reason} | | | not run: as `{by}` |\n");
        }
        let mode = if probe.remembered { "not run: from an earlier case" } else { mode };
        format!("| {subject} | {date} | {title} | {verdict} | {reason} | {peak} | {wall} | {mode} |\n")
    }
}

fn locked_at(at: Option<&LockedAt>) -> String {
    let Some(at) = at else { return "none".to_owned() };
    let revision = at.revision.as_ref().map(CommitId::short).map(|short| format!("`{short}`"));
    let parts: Vec<_> = revision.into_iter().chain(at.date.map(|date| date.day())).collect();
    if parts.is_empty() { "no revision".to_owned() } else { parts.join(" ") }
}
