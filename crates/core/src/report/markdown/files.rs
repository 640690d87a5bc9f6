//! The files beside the report that are shown within it, as far as there is room: the minimal reproducer and the replay script.

use super::super::{escape, replay};
use super::{MOST, Page};

/// The most characters of a replay script that is shown within the report.
const SCRIPT: usize = 24_000;

/// The most characters of a reproducer's files.
const REPRODUCER: usize = 14_000;

/// The characters that a replay script within the report leaves for the evidence.
const EVIDENCE: usize = 12_000;

impl Page<'_> {
    /// Shows a smaller project that fails in the same way, with as many of its files as there is room for.
    pub(super) fn reproducer(&mut self) {
        let Some(small) = &self.report.reproducer else { return };
        self.heading("Minimal reproducer");
        let words = small.words(|text| self.code(text, 300));
        let command = self.code(&small.command, 500);
        self.put(&format!("{words}. In a folder with these files: {command}\n"));
        self.put("<details><summary>its files</summary>\n");
        let mut left = REPRODUCER.min(MOST.saturating_sub(self.length() + EVIDENCE));
        let mut shown = 0;
        for file in &small.files {
            let path = self.code(&file.path, 100);
            // A file that was cut would be another one.
            let whole = file.text.as_ref().map(|text| (text, self.block(text, REPRODUCER))).filter(|(text, block)| {
                block.lines().count() == text.lines().count() + 2 && !block.ends_with("…\n```\n")
            });
            let part = match whole {
                Some((_, block)) if block.chars().count() + 400 <= left => format!("{path}:\n\n{block}"),
                Some(_) | None => {
                    format!("{path} is in report.json, or in the folder that `nix-culprit reduce` wrote\n")
                }
            };
            let length = part.chars().count();
            if length > left {
                break;
            }
            (left, shown) = (left - length, shown + 1);
            self.put(&part);
        }
        if shown < small.files.len() {
            self.put(&format!("and {} more\n", small.files.len() - shown));
        }
        self.put("</details>");
    }

    pub(super) fn replay(&mut self) {
        let Some(script) = replay::render(self.report, self.redactor) else { return };
        self.heading("How to see it again");
        self.put("With plain git and nix, in the flake's folder, which is only read: `sh replay.sh` (the file beside the report).");
        // What would look different here than in the file cannot be pasted from here.
        let block = escape::block(&script, SCRIPT);
        let is_told = block.contains(&script) && self.redactor.text(&script) == script;
        if is_told && self.length() + block.chars().count() + EVIDENCE <= MOST {
            self.put(&format!("\n<details><summary>replay.sh</summary>\n\n{block}\n</details>"));
        }
    }
}
