//! The report of a case from its journal alone, also of a case that has not come to its end.
//!
//! Owns what the events say together, and the probes' place in the report. Must not read any file.

use std::collections::BTreeMap;
use std::time::Duration;

use super::model::{Probe, Report, SearchResult, Skipped, Subject, Totals};
use crate::event::Event;
use crate::ids::CommitId;
use crate::outcome::Verdict;

/// What is said of a case that was stopped, or that still runs.
const NO_END: &str = "the case has not come to its end; `nix-culprit resume` goes on with it";

/// Returns what the events of a journal tell, each with the seconds since 1970 at which it was written; nothing where
/// the case had not begun to evaluate.
///
/// A case that was gone on with after its end and stopped again is told as it was at its end.
#[must_use]
pub fn report<'e>(entries: impl IntoIterator<Item = (u64, &'e Event)>) -> Option<Report> {
    let mut told = Told::default();
    entries.into_iter().for_each(|(at, event)| told.take(at, event));
    told.finished.take().or_else(|| told.unfinished())
}

#[derive(Default)]
struct Told<'e> {
    /// The report at the last end of the case.
    finished: Option<Report>,
    draft: Option<&'e Report>,
    /// The probes since the case was last begun or gone on with.
    run: Vec<&'e Probe>,
    /// All probes, in the order in which they were first told.
    all: Vec<&'e Probe>,
    suspects: Option<usize>,
    /// When this run of the case began, and what came last of it.
    times: Option<(u64, u64)>,
    /// The time that earlier runs took.
    before: u64,
}

impl<'e> Told<'e> {
    fn take(&mut self, at: u64, event: &'e Event) {
        match event {
            Event::Started { .. } => {
                self.before += self.seconds();
                self.times = Some((at, at));
                self.run.clear();
            }
            Event::Learned { report } => self.draft = Some(report),
            Event::Noted { probe } => {
                self.run.push(probe);
                if !self.all.contains(&&**probe) {
                    self.all.push(probe);
                }
            }
            Event::ProbeStarted { remaining: Some(remaining), .. } => self.suspects = Some(remaining.suspects),
            Event::Finished { .. } => {
                self.finished = self.concluded().or(self.finished.take());
            }
            Event::Ends { .. }
            | Event::ProbeStarted { remaining: None, .. }
            | Event::ProbeFinished { .. }
            | Event::Remembered { .. }
            | Event::Settled { .. }
            | Event::Target { .. }
            | Event::Judged { .. }
            | Event::Isolated { .. }
            | Event::Searching { .. }
            | Event::Explaining { .. }
            | Event::Explained { .. }
            | Event::Correcting { .. }
            | Event::Reducing { .. }
            | Event::Filling { .. }
            | Event::Running { .. }
            | Event::Fetching { .. }
            | Event::Warned { .. } => {}
        }
        if let Some((_, last)) = &mut self.times {
            *last = at;
        }
    }

    fn seconds(&self) -> u64 {
        self.times.map_or(0, |(began, last)| last.saturating_sub(began))
    }

    /// Returns what was found, if the search came to an end. What is probed after it tries corrections.
    fn concluded(&self) -> Option<Report> {
        let mut report = self.draft.filter(|report| !matches!(report.result, SearchResult::Unfinished { .. }))?.clone();
        let Totals { probes, settled, remembered, .. } = report.totals;
        report.probes = self.run.iter().take(probes + settled + remembered).copied().cloned().collect();
        Some(report)
    }

    fn unfinished(self) -> Option<Report> {
        if let Some(report) = self.concluded() {
            return Some(report);
        }
        let mut report = self.draft?.clone();
        report.result = SearchResult::Unfinished { suspects: self.suspects, why: NO_END.to_owned() };
        report.take_probes(self.all.iter().copied().cloned().collect());
        report.totals.wall = Duration::from_secs(self.before.saturating_add(self.seconds()));
        Some(report)
    }
}

impl Report {
    /// Takes all probes: tells of which commits nothing can be said, and counts what was run.
    pub fn take_probes(&mut self, probes: Vec<Probe>) {
        let settled = probes.iter().filter(|probe| probe.settled_by.is_some()).count();
        let remembered = probes.iter().filter(|probe| probe.remembered).count();
        self.totals.probes = probes.len() - settled - remembered;
        (self.totals.settled, self.totals.remembered) = (settled, remembered);
        self.skipped = skipped(&probes);
        self.probes = probes;
    }
}

/// Groups the commits of which nothing can be said by reason; what another probe of a commit told counts.
fn skipped(probes: &[Probe]) -> Vec<Skipped> {
    let told = |wanted: &CommitId| {
        probes.iter().any(|probe| match (&probe.verdict, &probe.subject) {
            (Verdict::Good | Verdict::Bad, Subject::Commit { revision, .. }) => revision == wanted,
            _ => false,
        })
    };
    let mut by_reason: BTreeMap<&str, Vec<CommitId>> = BTreeMap::new();
    for probe in probes {
        if let (Verdict::Skip(reason), Subject::Commit { revision, .. }) = (&probe.verdict, &probe.subject)
            && !told(revision)
        {
            by_reason.entry(reason).or_default().push(revision.clone());
        }
    }
    by_reason.into_iter().map(|(reason, commits)| Skipped { reason: reason.to_owned(), commits }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::event::{Mode, Purpose, Remaining};
    use crate::quantity::Bytes;

    fn started() -> Event {
        let (flake, nix, layers) = ("/f".to_owned(), "2.34".to_owned(), "polling".to_owned());
        Event::Started { flake, nix, memory: Bytes(1), time: Duration::from_secs(1), layers }
    }

    /// What the case of a report writes down, without its end.
    fn events(report: &Report) -> Vec<Event> {
        let mut draft = report.clone();
        draft.probes.clear();
        draft.result = SearchResult::Unfinished { suspects: None, why: "nothing yet".to_owned() };
        let learned = Event::Learned { report: Box::new(draft) };
        let noted = report.probes.iter().map(|probe| Event::Noted { probe: Box::new(probe.clone()) });
        [started(), learned].into_iter().chain(noted).collect()
    }

    fn end(report: &Report) -> [Event; 2] {
        let mut whole = report.clone();
        whole.probes.clear();
        [Event::Learned { report: Box::new(whole) }, Event::Finished { answer: String::new() }]
    }

    fn told(events: &[Event]) -> Option<Report> {
        report((100..).zip(events))
    }

    /// Returns all samples that came to an end, with totals that fit their probes.
    fn concluded() -> Vec<(&'static str, Report)> {
        let mut all = samples::all();
        all.retain(|(_, report)| !matches!(report.result, SearchResult::Unfinished { .. }));
        for (_, report) in &mut all {
            let skipped = report.skipped.clone();
            report.take_probes(report.probes.clone());
            report.skipped = skipped;
        }
        all
    }

    #[test]
    fn a_finished_case_is_told_as_it_was_and_a_journal_line_keeps_it() {
        for (name, whole) in concluded() {
            let events = [events(&whole), end(&whole).to_vec()].concat();
            let lines: Vec<String> = events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
            let events: Vec<Event> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(told(&events), Some(whole), "{name}");
        }
    }

    #[test]
    fn a_case_that_was_stopped_while_it_tried_corrections_tells_what_was_found() {
        let whole = samples::normal();
        let [found, _] = end(&whole);
        let tried = Event::Noted { probe: Box::new(whole.probes[0].clone()) };
        assert_eq!(told(&[events(&whole), vec![found, tried]].concat()), Some(whole));
    }

    #[test]
    fn a_case_without_end_tells_its_probes_and_how_far_it_is() {
        let whole = samples::normal();
        let mut events = events(&whole);
        let remaining = Some(Remaining { suspects: 12, steps: 4, time: None, dates: None });
        let purpose = Purpose { words: "p".to_owned(), commit: None };
        events.push(Event::ProbeStarted { key: "k".to_owned(), purpose, mode: Mode::Fast, remaining });
        // Gone on with: what is known is told once more, and nothing comes after it.
        let again = [events.clone(), events.clone()].concat();
        for (events, seconds) in [(&events, events.len() - 1), (&again, again.len() - 2)] {
            let report = told(events).unwrap();
            assert_eq!(report.probes, whole.probes);
            assert_eq!(report.totals.probes, whole.totals.probes);
            assert_eq!(report.totals.wall.as_secs(), seconds as u64);
            assert!(matches!(report.result, SearchResult::Unfinished { suspects: Some(12), .. }));
        }
    }

    #[test]
    fn what_was_begun_again_and_stopped_takes_nothing_back() {
        let whole = samples::normal();
        let events = [events(&whole), end(&whole).to_vec(), vec![started()]].concat();
        assert_eq!(told(&events), Some(whole));
        assert_eq!(told(&[started()]), None);
        assert_eq!(told(&[]), None);
    }

    #[test]
    fn a_commit_that_another_probe_told_of_is_not_skipped() {
        let probe = |commit: &str, verdict: Verdict| {
            let mut probe = samples::normal().probes[3].clone();
            let Subject::Commit { revision, .. } = &mut probe.subject else { unreachable!("a commit's probe") };
            *revision = samples::id(commit);
            Probe { verdict, ..probe }
        };
        let skip = || Verdict::Skip("offline".to_owned());
        let probes = [probe("a", Verdict::Bad), probe("b", skip()), probe("a", skip()), probe("c", skip())];
        let skipped = skipped(&probes);
        assert_eq!(skipped.len(), 1);
        assert_eq!(skipped[0].commits, ["b", "c"].map(samples::id));
    }
}
