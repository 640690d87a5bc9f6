//! What was found: the changes of the lock that matter, the commit, why it fails, and how that was confirmed.

use super::super::model::{Commit, Confirmation, NotFound, SearchResult, SearchedInput};
use super::super::why::tell;
use super::super::{escape, words};
use super::Page;
use crate::explain::{Strokes, draw};

impl Page<'_> {
    pub(super) fn result(&mut self) {
        let report = self.report;
        self.heading("What was found");
        if let Some(input) = &report.input {
            let (path, url) = (self.code(&input.path.to_string(), 100), self.code(&input.repository, 300));
            self.put(&format!("- input: {path} ({url}): {}", words::isolation(input.isolation)));
        }
        self.matters();
        match &report.result {
            SearchResult::Culprit { commit } => {
                self.commit(words::first_commit(report.direction), commit);
            }
            SearchResult::OneOf { commits } => {
                self.put(&format!("- {}:", words::one_of(report.direction, commits.len())));
                for commit in commits.iter().take(25) {
                    let line = format!("  - {}, {}", self.hash(commit), self.code(&commit.title, 120));
                    self.put(&line);
                }
                if commits.len() > 25 {
                    self.put(&format!("  - and {} more (see report.json)", commits.len() - 25));
                }
            }
            SearchResult::Jumps { measure, step, jumps, rest } => {
                self.put(&format!("- {}", words::jumps(measure, *step, jumps.len(), *rest)));
                for jump in jumps.iter().take(20) {
                    let line = format!("  - {}, {}", self.hash(&jump.commit), self.code(&jump.commit.title, 120));
                    let skipped = words::counted(jump.skipped, "commit");
                    let or = if jump.skipped == 0 {
                        String::new()
                    } else {
                        format!("; it may be one of the {skipped} before it, too")
                    };
                    let confirmed = words::confirmed(jump.confirmation.as_ref(), |text| self.code(text, 300));
                    let jumped = words::jumped(measure, jump.before, jump.after);
                    self.put(&format!("{line}{or}: {jumped}; {confirmed}"));
                }
                if jumps.len() > 20 {
                    self.put(&format!("  - and {} more (see report.json)", jumps.len() - 20));
                }
            }
            SearchResult::Inputs => {}
            SearchResult::NixVersion { good, bad } => {
                let words = words::nix_version(good, bad, |text| self.code(text, 80));
                self.put(&format!("- {words}"));
            }
            SearchResult::NotFound { why } => {
                let words = words::not_found(why, |text| self.code(text, 400));
                self.put(&format!("- no commit: {words}"));
                if let NotFound::OnlyTogether { searched, .. } = why {
                    searched.iter().take(10).for_each(|one| self.together(one));
                }
            }
            SearchResult::Unfinished { suspects, why } => {
                let left = suspects.map(|n| format!("; {} still possible", words::counted(n, "commit")));
                let why = self.code(why, 400);
                self.put(&format!("- **not finished**: {why}{}", left.unwrap_or_default()));
            }
        }
    }

    /// Says which changes of the lock matter, and which do not.
    fn matters(&mut self) {
        let Some(matters) = &self.report.matters else { return };
        for set in words::sets(self.report).iter().take(5) {
            self.put(&format!("- {}:", words::set(set)));
            for member in set.changes.iter().take(10) {
                let change = self.code(&member.change, 300);
                let without = words::without(member).map(|words| format!(" ({})", self.code(&words, 200)));
                self.put(&format!("  - {change}{}", without.unwrap_or_default()));
            }
            if set.changes.len() > 10 {
                self.put(&format!("  - and {} more (see report.json)", set.changes.len() - 10));
            }
        }
        for (what, inputs) in
            [("do not matter", &matters.idle), ("whether these matter was not tried", &matters.untried)]
        {
            if !inputs.is_empty() {
                let names = self.code(&words::names(inputs), 600);
                self.put(&format!("- {what}: {names}"));
            }
        }
    }

    /// Says what was found in the history of one of several inputs.
    fn together(&mut self, one: &SearchedInput) {
        let input = self.code(&one.input.to_string(), 100);
        let line = match &one.result {
            SearchResult::Culprit { commit } => format!("{}: {}", self.hash(commit), self.code(&commit.title, 300)),
            SearchResult::OneOf { commits } => format!("one of {}", words::counted(commits.len(), "commit")),
            SearchResult::NotFound { why } => words::not_found(why, |text| self.code(text, 400)),
            SearchResult::Unfinished { why, .. } => self.code(why, 400),
            SearchResult::Inputs | SearchResult::Jumps { .. } | SearchResult::NixVersion { .. } => return,
        };
        let confirmed = match &one.confirmation {
            Some(Confirmation::Faithful { .. }) => "; confirmed by the user's own command",
            Some(Confirmation::FastOnly { .. }) => "; in fast mode only",
            Some(Confirmation::NotConfirmed { .. }) => "; **not confirmed** by the user's own command",
            None => "",
        };
        self.put(&format!("  - in {input}, the others as at the bad end: {line}{confirmed}"));
    }

    fn hash(&self, commit: &Commit) -> String {
        let label = format!("`{}`", commit.revision.short());
        format!("{} ({})", escape::link(&label, commit.url.as_deref()), commit.date.day())
    }

    fn commit(&mut self, what: &str, commit: &Commit) {
        let hash = self.hash(commit);
        let title = self.code(&commit.title, 300);
        self.put(&format!("- {what}: {hash}: {title}"));
        self.put(&format!("  - full hash: `{}`", commit.revision));
        if let Some(files) = words::files(commit, 10) {
            let files = self.code(&files, 800);
            self.put(&format!("  - {files}"));
        }
        if let Some(evaluated) = words::evaluated(commit, 10) {
            let evaluated = self.code(&evaluated, 800);
            self.put(&format!("  - {evaluated}"));
        }
        if let Some(pull) = &commit.pull_request {
            let label = escape::link(&format!("pull request {}", pull.number), pull.url.as_deref());
            let title = pull.title.as_ref().map(|title| format!(": {}", self.code(title, 300))).unwrap_or_default();
            self.put(&format!("  - {label}{title}"));
        }
        if let Some(merge) = &commit.merge {
            self.put(&format!("  - merged by `{}`", merge.short()));
        }
    }

    pub(super) fn why(&mut self) {
        let Some(explanation) = &self.report.explanation else { return };
        self.heading(words::why(self.report));
        let input = self.report.input.as_ref().map(|input| &input.path);
        let told = tell(explanation, input, &|text| self.code(text, 300));
        for sentence in told.sentences.iter().take(24) {
            self.put(&format!("- {sentence}"));
        }
        if let Some(cycle) = told.cycle {
            let block = self.block(&draw(cycle, Strokes::Ascii).join("\n"), 8_000);
            self.put(&format!("\n{block}"));
        }
    }

    pub(super) fn confirmation(&mut self) {
        let Some(confirmation) = &self.report.confirmation else { return };
        self.heading("How it was confirmed");
        match confirmation {
            Confirmation::Faithful { culprit, parent, inputs } => {
                let (culprit, parent) = (self.seen(culprit), self.seen(parent));
                let how = words::inputs(*inputs).map(|words| format!("; {words}")).unwrap_or_default();
                self.put(&format!(
                    "The user's own command was run on the commit and on its parent, all other inputs alike{how}:\n"
                ));
                self.put(&format!("- parent: {parent}"));
                self.put(&format!("- commit: {culprit}"));
            }
            Confirmation::FastOnly { why } => {
                let why = self.code(why, 400);
                self.put(&format!("In fast mode only; the user's own command was not run: {why}"));
            }
            Confirmation::NotConfirmed { why } => {
                let why = self.code(why, 400);
                self.put(&format!("**Not confirmed** by the user's own command: {why}"));
            }
        }
    }
}
