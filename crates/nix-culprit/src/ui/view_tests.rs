//! The view at several widths, and with names and messages from strangers.

use nix_culprit_core::event::Purpose;
use nix_culprit_core::explain::Way;
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::report::Timestamp;
use proptest::prelude::*;

use super::*;

const MIB: u64 = 1 << 20;

fn run(words: &str, memory: u64, budget: u64) -> Run {
    let (memory, budget) = (Bytes(memory * MIB), Bytes(budget * MIB));
    Run { key: words.to_owned(), words: words.to_owned(), memory, budget, time: Duration::from_millis(1_250) }
}

fn started(words: &str, remaining: Option<Remaining>) -> Event {
    let purpose = Purpose { words: words.to_owned(), commit: None };
    Event::ProbeStarted { key: words.to_owned(), purpose, mode: Mode::Fast, remaining }
}

/// A search in its middle, with two probes at the same time.
fn searching() -> View {
    let mut view = View::new();
    let days = [1_692_957_600, 1_693_457_600].map(Timestamp::from_unix);
    let time = Some(Duration::from_secs(19));
    let remaining = Remaining { suspects: 145, steps: 6, time, dates: Some(days.into()) };
    let runs = vec![run("pkgs aee23797a036", 182, 256), run("pkgs ce09524572ce", 20, 256)];
    view.note(&Event::Searching { input: "pkgs".parse().unwrap(), suspects: 291 });
    view.note(&started("pkgs aee23797a036", Some(remaining)));
    view.note(&Event::Running { runs });
    view
}

fn plain(view: &View, columns: usize, rows: usize, strokes: Strokes) -> String {
    let lines = view.lines(Duration::from_secs(75), Size { columns, rows }, strokes);
    anstream::adapter::strip_str(&lines.join("\n")).to_string()
}

#[test]
fn a_search_is_shown_at_any_width() {
    let view = searching();
    insta::assert_snapshot!(plain(&view, 120, 30, Strokes::Boxes), @r"
    ⠙ 1:15  searching pkgs, 145 commits left, 2023-08-25 to 2023-08-31, about 6 steps, about 20 s
      pkgs aee23797a036  █████████████████░░░░░░░   182 MiB of 256 MiB    1.2 s
      pkgs ce09524572ce  █░░░░░░░░░░░░░░░░░░░░░░░    20 MiB of 256 MiB    1.2 s
    ");
    insta::assert_snapshot!(plain(&view, 80, 30, Strokes::Boxes), @r"
    ⠙ 1:15  searching pkgs, 145 commits left, 2023-08-25 to 2023-08-31
            about 6 steps, about 20 s
      pkgs aee23797a036  █████████████████░░░░░░░   182 MiB of 256 MiB    1.2 s
      pkgs ce09524572ce  █░░░░░░░░░░░░░░░░░░░░░░░    20 MiB of 256 MiB    1.2 s
    ");
    insta::assert_snapshot!(plain(&view, 40, 30, Strokes::Ascii), @r"
    / 1:15  searching pkgs
      145 commits left
      2023-08-25 to 2023-08-31
      about 6 steps, about 20 s
      pkgs aee23797a~  #######...   182 MiB
      pkgs ce0952457~  ..........    20 MiB
    ");
    insta::assert_snapshot!(plain(&view, 20, 30, Strokes::Ascii), @r"
    / 1:15  searching ~
      145 commits left
      2023-08-25 to 20~
      about 6 steps
      about 20 s
      pkgs aee23797a036
      pkgs ce09524572ce
    ");
}

#[test]
fn a_probe_that_does_not_run_yet_is_shown_and_one_that_has_ended_is_not() {
    let mut view = searching();
    view.note(&started("culprit", None));
    insta::assert_snapshot!(plain(&view, 80, 30, Strokes::Ascii), @r"
    / 1:15  evaluating culprit
      pkgs aee23797a036  #################.......   182 MiB of 256 MiB    1.2 s
      pkgs ce09524572ce  #.......................    20 MiB of 256 MiB    1.2 s
      culprit            ........................  begins
    ");
    let ended = |key: &str| Event::ProbeFinished {
        key: key.to_owned(),
        purpose: Purpose { words: key.to_owned(), commit: None },
        mode: Mode::Fast,
        observation: nix_culprit_core::outcome::Observation {
            outcome: nix_culprit_core::outcome::Outcome {
                class: nix_culprit_core::outcome::Class::Success,
                message: None,
                position: None,
            },
            end: nix_culprit_core::outcome::End::Exited(0),
            peak: Bytes(0),
            wall: Duration::ZERO,
            cpu: None,
            counters: None,
            curve: Vec::new(),
            drv_path: None,
        },
    };
    for key in ["pkgs aee23797a036", "pkgs ce09524572ce", "culprit"] {
        view.note(&ended(key));
    }
    assert_eq!(plain(&view, 80, 30, Strokes::Ascii).lines().count(), 1);
}

#[test]
fn other_work_is_named_with_what_is_known_of_its_end() {
    let mut view = View::new();
    let mut heading = |event: Event| {
        view.note(&event);
        plain(&view, 120, 30, Strokes::Ascii)
    };
    let left = Duration::from_secs(200);
    let shown = [
        heading(Event::Explaining { way: Way::Profile }),
        heading(Event::Correcting { what: "pin pkgs".to_owned() }),
        heading(Event::Fetching { url: "https://x".to_owned(), phase: "Receiving".to_owned(), percent: Some(7) }),
        heading(Event::Reducing { what: "files".to_owned(), size: 50, from: 200, tried: 9, left }),
        heading(Event::Filling { done: 3, of: 12, left: Some(left) }),
    ];
    insta::assert_snapshot!(shown.join("\n"), @r"
    | 1:15  looking why it fails, by a profile of the evaluation, written by Nix
    | 1:15  does it help to pin pkgs?
    | 1:15  fetching https://x, Receiving 7 %
    | 1:15  leaving out files, 50 of 200 bytes (25 %), 9 candidates tried, at most 3:20 more
    | 1:15  filling the table: 3 of 12, about 3 min
    ");
}

#[test]
fn more_probes_than_rows_are_counted() {
    let mut view = View::new();
    view.note(&Event::Running { runs: (0..20).map(|at| run(&format!("pkgs {at}"), at, 40)).collect() });
    for (rows, lines, more) in [(50, 10, "  and 12 more"), (6, 5, "  and 17 more"), (2, 1, ""), (1, 1, "")] {
        let shown = plain(&view, 80, rows, Strokes::Ascii);
        assert_eq!(shown.lines().count(), lines, "{rows} rows: {shown}");
        assert!(shown.ends_with(more), "{rows} rows: {shown}");
    }
}

proptest! {
    #[test]
    fn no_name_breaks_out_of_its_line(
        words in prop::collection::vec("[a-z家e\u{301}\u{202e}\u{1b}\u{9b}\n\r\t👩\u{200d}🚀\\[\\]0-9;JHm ]{0,60}", 0..4),
        columns in 1..130_usize,
        rows in 1..12_usize,
        memory in 0..400_u64,
    ) {
        let mut view = searching();
        let name = words.join("\n");
        view.note(&started(&name, None));
        view.note(&Event::Running { runs: words.iter().map(|words| run(words, memory, 256)).collect() });
        let lines = view.lines(Duration::from_secs(3), Size { columns, rows }, Strokes::Boxes);
        prop_assert!(lines.len() <= rows.saturating_sub(1).max(1));
        for line in lines {
            let plain = anstream::adapter::strip_str(&line).to_string();
            prop_assert!(super::columns(&plain) < columns.max(2), "{plain:?} in {columns}");
            prop_assert!(!plain.contains(|c: char| c.is_control()), "{plain:?}");
            let codes = line.matches('\u{1b}').count();
            prop_assert_eq!(codes % 2, 0, "{:?}", line);
        }
    }
}
