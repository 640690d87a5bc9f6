//! What a real terminal (tmux) shows while it runs, and what of it is left at the end.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use nix_culprit_sample::Options;

use crate::machine::{newest_nix, sample_of, say};
use crate::room::{MEMORY, Room, TOOL, eventually, finish};

/// A Nix whose fast evaluation of a certain number holds 48 MiB and waits, so that there is something to look at.
struct Gate {
    folder: PathBuf,
}

impl Gate {
    /// Puts the gate in front of the room's Nix.
    fn before(room: &Room, held: usize) -> Self {
        let folder = room.path("gate");
        fs::create_dir(&folder).unwrap();
        let (at, real) = (folder.display(), room.nix.programs.display());
        for name in ["nix", "nix-instantiate", "nix-store"] {
            let script = format!(
                "#!/bin/sh\ncase \"$*\" in *entry.nix*)\n  n=1; until mkdir '{at}'/$n 2>/dev/null; do n=$((n + 1)); done\n  \
                 if [ $n = {held} ]; then\n    held=$(head -c 50331648 /dev/zero | tr '\\0' x)\n    \
                 until [ -e '{at}'/open ]; do sleep 0.05; done\n  fi;;\nesac\nexec '{real}'/{name} \"$@\"\n"
            );
            let program = folder.join(name);
            fs::write(&program, script).unwrap();
            fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { folder }
    }

    fn nix(&self) -> String {
        self.folder.join("nix").display().to_string()
    }

    fn open(&self) {
        fs::write(self.folder.join("open"), "").unwrap();
    }
}

/// A terminal in which the tool runs.
struct Terminal<'r> {
    room: &'r Room,
    socket: String,
}

impl<'r> Terminal<'r> {
    /// Opens one of this size and runs the tool in it; none where there is no tmux.
    fn open(room: &'r Room, (columns, rows): (u16, u16), set: &[&str], arguments: &[&str]) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            assert!(std::env::var_os("CI").is_none(), "CI has to have tmux");
            say("tmux: not at hand, what a terminal shows is not tested");
            return None;
        }
        let terminal = Self { room, socket: room.path("tmux").display().to_string() };
        let (columns, rows, script) =
            (columns.to_string(), rows.to_string(), "\"$@\"; echo \"ended with $?\"; exec cat");
        let size = ["-f", "/dev/null", "-u", "new-session", "-d", "-x", &columns, "-y", &rows];
        let run = ["sh", "-c", script, "terminal", "env", "-u", "CI"];
        terminal.tmux(&[&size[..], &run, set, &[TOOL], arguments].concat());
        Some(terminal)
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let mut command = self.room.command("tmux");
        let run = finish(command.args(["-S", &self.socket]).args(arguments).spawn().unwrap());
        assert_eq!(run.code, Some(0), "{arguments:?}: {run}");
        run.stdout
    }

    /// Returns all that it shows and showed, with the codes of its colours.
    fn painted(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e", "-S", "-"])
    }

    /// Returns all that it shows and showed.
    fn text(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-S", "-"])
    }

    /// Waits until its text is as wanted, and returns it.
    #[track_caller]
    fn shows(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let mut text = String::new();
        let begun = std::time::Instant::now();
        while begun.elapsed() < std::time::Duration::from_secs(60) {
            text = self.text();
            if wanted(&text) {
                return text;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the terminal never showed {what}:\n{text}");
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _gone = self.room.command("tmux").args(["-S", &self.socket, "kill-server"]).status();
    }
}

/// Tells whether the view is there once, and below all that stays.
fn has_one_view(text: &str) -> bool {
    let below = text.split_once("commits left").map_or("", |(_, below)| below);
    let bars = text.lines().filter(|line| line.contains('░')).count();
    bars == 1 && text.matches("commits left").count() == 1 && below.contains('░') && !below.contains("  good  ")
}

/// Returns what is above the view, without the breaks of its lines.
fn above(text: &str) -> String {
    text.lines().take_while(|line| !line.contains("  searching pkgs")).flat_map(str::split_whitespace).collect()
}

/// Searches with one probe at a time; the third of the search is held.
const SEARCH: &[&str] = &["find", "--memory", MEMORY, "--jobs", "1", "--no-explain", "--no-confirm"];

#[test]
fn a_terminal_shows_the_range_the_steps_and_the_memory_and_nothing_of_it_is_left() {
    let Some(nix) = newest_nix() else { return };
    for (columns, set) in [(80, None), (120, Some("NO_COLOR=1"))] {
        let room = Room::with(&nix, sample_of(&Options { commits: 300, ..Options::default() }));
        let gate = Gate::before(&room, 7);
        let nix = format!("NIX_CULPRIT_NIX={}", gate.nix());
        let set: Vec<&str> = [nix.as_str()].into_iter().chain(set).collect();
        let Some(terminal) = Terminal::open(&room, (columns, 40), &set, SEARCH) else { return };
        eventually("the third probe of the search", || gate.folder.join("7").exists());
        let bar = |text: &str| text.contains("██") && text.contains("░") && text.contains(" MiB of ");
        let text = terminal.shows("the search and a bar", |text| text.contains("commits left") && bar(text));
        assert!(has_one_view(&text), "{text}");
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let left = flat.split_once("searching pkgs, ").unwrap().1;
        let (left, rest) = left.split_once(" commits left, ").unwrap();
        assert!((2..291).contains(&left.parse::<usize>().unwrap()), "{text}");
        let day = |text: &str| text.len() == 10 && text.starts_with("20") && text.matches('-').count() == 2;
        let words: Vec<&str> = rest.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        assert!(day(words[0]) && words[1] == "to" && day(words[2]), "{text}");
        assert_eq!((words[3], words[5]), ("about", "steps"), "{text}");
        // Both a good and a bad probe of the search were measured.
        assert!(rest.contains("a few seconds") || rest.contains(" s ") || rest.contains(" min "), "{text}");
        for verdict in ["  good  success  ", "  bad   out of memory  "] {
            assert!(text.contains(verdict), "no {verdict}: {text}");
        }
        // So much the shell at the gate holds at least.
        terminal.shows("what is held", |text| {
            let held = text.split(" MiB of ").next().unwrap().rsplit(' ').next().unwrap();
            held.parse::<u64>().is_ok_and(|held| held >= 48)
        });
        assert_eq!(terminal.painted().contains("\x1b["), set.len() == 1, "{:?}", terminal.painted());

        let stays = above(&text);
        for columns in ["47", "100", "33"] {
            terminal.tmux(&["resize-window", "-x", columns]);
            // It has to be drawn again to be seen to be right.
            for _ in 0..2 {
                let before = terminal.text();
                terminal.shows("another moment", |text| text != before);
            }
            let right = |text: &str| has_one_view(text) && above(text) == stays;
            terminal.shows(&format!("one view at {columns} columns, below {stays}"), right);
        }
        terminal.tmux(&["resize-window", "-x", "90"]);
        gate.open();
        let text = terminal.shows("the end", |text| text.contains("ended with "));
        assert!(text.contains("ended with 0") && text.contains(&room.sample.culprit[..12]), "{text}");
        for left in ["commits left", "░", "█", "⠋", "⠙", " MiB of "] {
            assert!(!text.contains(left), "{left} is left: {text}");
        }
    }
}

/// Returns the bytes that `probe` writes to a terminal of some kind, while its evaluation is held until `seen`.
fn written(room: &Room, gate: &Gate, set: &[(&str, &str)], options: &str, seen: impl Fn(&str) -> bool) -> String {
    let path = room.path("written");
    for opened in ["open", "1"] {
        let _absent = fs::remove_file(gate.folder.join(opened)).or_else(|_| fs::remove_dir(gate.folder.join(opened)));
    }
    let command = format!("{TOOL} {options} probe --memory {MEMORY}");
    let mut script = room.command("script");
    script.args(["-qefc", &command, "/dev/null"]).env("NIX_CULPRIT_NIX", gate.nix()).env_remove("CI");
    script.envs(set.iter().copied()).stdout(fs::File::create(&path).unwrap());
    let child = script.spawn().unwrap();
    let so_far = || String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
    eventually("the evaluation", || gate.folder.join("1").exists());
    eventually("what is written", || seen(&so_far()));
    gate.open();
    finish(child).exits_with(0);
    so_far()
}

#[test]
fn nothing_moves_where_nobody_looks_or_nothing_can_move() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    room.make_good();
    let gate = Gate::before(&room, 1);
    let moves = |text: &str| text.contains("\x1b[K") || text.contains("evaluating");
    let text = written(&room, &gate, &[("TERM", "xterm")], "", moves);
    assert!(text.contains("MiB of 256 MiB"), "{text:?}");
    // Each draws four times a second if it draws at all.
    let begun = std::cell::Cell::new(None);
    let a_while = |_: &str| {
        let since = begun.get().unwrap_or_else(std::time::Instant::now);
        begun.set(Some(since));
        since.elapsed() > std::time::Duration::from_secs(1)
    };
    for (set, options) in [
        (&[("TERM", "dumb")][..], ""),
        (&[("TERM", "xterm"), ("CI", "1")], ""),
        (&[("TERM", "xterm")], "--quiet"),
        (&[], ""),
    ] {
        begun.set(None);
        let text = written(&room, &gate, set, options, a_while);
        assert!(!moves(&text) && !text.contains("\x1b[J"), "{set:?}: {text:?}");
        assert!(text.contains("good"), "{set:?}: {text:?}");
    }
}
