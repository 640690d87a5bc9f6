//! Journals that were cut off, damaged, taken, or cannot be written.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use nix_culprit_core::event::{Mode, Purpose, Remaining};
use nix_culprit_core::outcome::Verdict;
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::report::Timestamp;
use proptest::prelude::*;

use super::super::fake::{Truth, commit, path};
use super::*;

fn purpose(at: usize) -> Purpose {
    Purpose { words: format!("pkgs {at} “\u{1f600}\n”"), commit: Some(commit(at)) }
}

fn finished(at: usize, truth: &Truth) -> Event {
    Event::ProbeFinished {
        key: format!("key {at}"),
        purpose: purpose(at),
        mode: Mode::Fast,
        observation: truth.observation(),
    }
}

/// One of each kind that is kept.
fn events() -> Vec<Event> {
    let days = [1_692_957_600, 1_693_957_600].map(Timestamp::from_unix);
    let time = Some(Duration::from_millis(1500));
    let remaining = Remaining { suspects: 9, steps: 4, time, dates: Some(days.into()) };
    vec![
        Event::Started {
            flake: "/home/me/flake".to_owned(),
            nix: "Nix 2.34.8".to_owned(),
            memory: Bytes(u64::MAX),
            time: Duration::from_secs(600),
            layers: "polling".to_owned(),
        },
        Event::Target { attr: vec!["devShells".to_owned(), "x86_64-linux".to_owned(), "a.b".to_owned()] },
        Event::Ends { good: "old".to_owned(), bad: "new".to_owned(), changes: 2 },
        Event::Isolated { input: path("a/b"), how: "it fails with this one alone".to_owned() },
        Event::Searching { input: path("a/b"), suspects: 12 },
        Event::ProbeStarted {
            key: "key 1".to_owned(),
            purpose: purpose(1),
            mode: Mode::Faithful,
            remaining: Some(remaining),
        },
        finished(1, &Truth::Bad),
        Event::Judged { purpose: purpose(1), verdict: Verdict::Bad },
        finished(2, &Truth::Broken("undefined variable 'lib'")),
        Event::Judged { purpose: purpose(2), verdict: Verdict::Skip("undefined variable 'lib'".to_owned()) },
        Event::Warned { text: "mind the gap".to_owned() },
        finished(3, &Truth::Good),
        Event::Judged { purpose: purpose(3), verdict: Verdict::Good },
        Event::Finished { answer: "it was 3".to_owned() },
    ]
}

fn told(path: &Path, events: &[Event]) {
    let mut journal = Journal::open(path).unwrap();
    for event in events {
        journal.tell(event);
    }
    journal.check().unwrap();
}

fn events_of(path: &Path) -> Vec<Event> {
    read(path).unwrap().into_iter().map(|entry| entry.event).collect()
}

#[test]
fn every_event_is_read_back_as_it_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let fetching = Event::Fetching { url: "u".to_owned(), phase: "Receiving".to_owned(), percent: Some(3) };
    told(&path, &[fetching]);
    told(&path, &events());
    assert_eq!(events_of(&path), events(), "all but the progress of a fetch is kept");
    let journal = Journal::open(&path).unwrap();
    assert_eq!(journal.known("key 1"), Some(&Truth::Bad.observation()));
    assert_eq!(journal.target().unwrap(), ["devShells", "x86_64-linux", "a.b"]);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), events().len());
}

#[test]
fn probes_that_came_to_no_end_of_their_own_are_not_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    for (class, remembered) in [
        (Class::Interrupted, false),
        (Class::NixUnusable, false),
        (Class::FetchFailure, false),
        (Class::Killed, false),
        (Class::TimeOut, true),
        (Class::HashMismatch, true),
        (Class::BuildFailure, true),
    ] {
        told(&path, &[finished(class as usize, &Truth::Ends(class))]);
        let journal = Journal::open(&path).unwrap();
        assert_eq!(journal.known(&format!("key {}", class as usize)).is_some(), remembered, "{class}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_journal_that_was_cut_off_anywhere_keeps_its_whole_lines(cut: prop::sample::Index) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        told(&path, &events());
        let content = fs::read(&path).unwrap();
        let cut = cut.index(content.len() + 1);
        fs::write(&path, &content[..cut]).unwrap();
        let whole = content[..cut].iter().filter(|byte| **byte == b'\n').count();
        prop_assert_eq!(&events_of(&path), &events()[..whole]);
        // What is told next begins a line of its own.
        told(&path, &[finished(9, &Truth::Good)]);
        let mut expected = events()[..whole].to_vec();
        expected.push(finished(9, &Truth::Good));
        prop_assert_eq!(&events_of(&path), &expected);
    }

    #[test]
    fn damage_before_the_end_names_the_line(line in 0..13_usize, junk in "[^\n{}]{1,20}") {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        told(&path, &events());
        let content = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<&str> = content.lines().collect();
        lines[line] = &junk;
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        for error in [read(&path).unwrap_err(), Journal::open(&path).unwrap_err()] {
            let expected = format!("line {} of the journal {} is not readable", line + 1, path.display());
            prop_assert_eq!(error.to_string(), expected);
        }
    }
}

#[test]
fn a_second_process_is_kept_out_until_the_first_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let first = Journal::open(&path).unwrap();
    let error = Journal::open(&path).unwrap_err();
    assert!(matches!(&error, JournalError::InUse(taken) if *taken == path), "{error}");
    assert!(read(&path).unwrap().is_empty(), "reading needs no lock");
    drop(first);
    Journal::open(&path).unwrap();
}

/// A journal that is no file on a disk.
fn journal_in(path: &Path) -> Journal {
    Journal {
        path: path.to_owned(),
        file: OpenOptions::new().append(true).open(path).unwrap(),
        disk: Disk::default(),
        known: BTreeMap::new(),
        settled: BTreeMap::new(),
        remembered: BTreeSet::new(),
        explained: BTreeMap::new(),
        target: None,
        failure: None,
        is_sound: true,
    }
}

#[test]
fn what_does_not_reach_the_disk_is_told_with_the_next_probe_or_at_the_end() {
    // It takes everything, and has no disk.
    let mut journal = journal_in(Path::new("/dev/null"));
    journal.tell(&finished(1, &Truth::Good));
    journal.check().unwrap();
    journal.tell(&finished(2, &Truth::Good));
    assert_eq!(journal.check().unwrap_err().to_string(), "could not use the journal /dev/null");
    assert_eq!((journal.known("key 1").is_some(), journal.known("key 2")), (true, None));
    let mut journal = journal_in(Path::new("/dev/null"));
    journal.tell(&finished(1, &Truth::Good));
    let end = events().into_iter().find(|event| matches!(event, Event::Finished { .. })).unwrap();
    journal.tell(&end);
    assert!(journal.check().is_err());
}

#[test]
fn a_full_disk_is_told_and_nothing_is_written_after_it() {
    let mut journal = journal_in(Path::new("/dev/full"));
    journal.check().unwrap();
    journal.tell(&finished(1, &Truth::Good));
    journal.tell(&finished(2, &Truth::Good));
    let error = journal.check().unwrap_err();
    assert_eq!(error.to_string(), "could not use the journal /dev/full");
    let JournalError::Io { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(journal.known("key 1"), None, "what was not written is not known");
}

#[test]
fn a_journal_that_cannot_be_opened_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("absent").join("journal.jsonl");
    assert!(Journal::open(&path).unwrap_err().to_string().ends_with("absent/journal.jsonl"));
    assert!(read(&path).is_err());
    let path = folder.path().join("folder");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Io { .. })));
}
