//! What was tried to make the target evaluate again, and which part of the culprit suffices.

use super::super::{extract, helps};
use super::Page;
use crate::correct::{Correction, Step};
use crate::hunks::PATCH;

impl Page<'_> {
    pub(super) fn corrections(&mut self) {
        let report = self.report;
        let Some(corrections) = &report.corrections else { return };
        self.heading("Corrections tried");
        if corrections.works.is_empty() {
            self.put(&format!("None of what was tried helps ({}).\n", helps::totals(corrections)));
        }
        for (number, correction) in (1..).zip(corrections.works.iter().take(5)) {
            self.correction(number, correction);
        }
        if corrections.works.len() > 5 {
            self.put(&format!("\n{} more that work are in report.json.", corrections.works.len() - 5));
        }
        for failed in corrections.failed.iter().take(10) {
            let line = format!("- does not help: {}: {}", self.code(&failed.what, 200), self.code(&failed.why, 200));
            self.put(&line);
        }
        for untried in corrections.untried.iter().take(10) {
            let line = format!("- not tried: {}: {}", self.code(&untried.what, 200), self.code(&untried.why, 200));
            self.put(&line);
        }
        let left = corrections.failed.len().saturating_sub(10) + corrections.untried.len().saturating_sub(10);
        if left > 0 {
            self.put(&format!("- and {left} more (see report.json)"));
        }
    }

    pub(super) fn extract(&mut self) {
        let report = self.report;
        let Some(found) = &report.extract else { return };
        self.heading("What of the culprit suffices");
        self.put(&format!("{} ({}).\n", extract::headline(found), extract::totals(found)));
        for hunk in found.hunks.iter().take(8) {
            let place = self.code(&extract::place(hunk), 200);
            self.put(&format!("- {place}"));
            let lines: Vec<String> = extract::lines(hunk).take(8).collect();
            if !lines.is_empty() {
                for line in self.block(&lines.join("\n"), 1280).lines() {
                    self.put(&format!("  {line}"));
                }
            }
        }
        let left = found.hunks.len().saturating_sub(8)
            + found.hunks.iter().take(8).map(|hunk| extract::lines(hunk).count().saturating_sub(8)).sum::<usize>();
        if left > 0 {
            self.put(&format!("- and {left} more (see {PATCH})"));
        }
        let basis = extract::basis(found, report.direction, &|text| self.code(text, 200));
        let proof = extract::proof(found, &|text| self.code(text, 200));
        self.put(&format!("\nHow small: {basis}.\n\nConfirmed {proof}."));
    }

    fn correction(&mut self, number: usize, correction: &Correction) {
        let words = correction.action.words(&|text| self.code(text, 200));
        self.put(&format!("{number}. {words}"));
        for step in correction.steps.iter().take(4) {
            let line = match step {
                Step::Command { command } => self.code(command, 500),
                Step::Write { file, text } => format!("in {}: {}", self.code(file, 100), self.code(text, 500)),
                Step::Do { what } => self.code(what, 300),
            };
            self.put(&format!("   - {line}"));
        }
        let measured = helps::measured(correction, self.report);
        self.put(&format!("   - {measured}"));
        let proof = helps::proof(correction, &|text| self.code(text, 300));
        self.put(&format!("   - {proof}"));
        if let Some(derivations) = correction.derivations {
            self.put(&format!("   - {}", helps::derivations(derivations)));
        }
        for note in correction.notes.iter().take(4) {
            let note = self.code(note, 300);
            self.put(&format!("   - {note}"));
        }
    }
}
