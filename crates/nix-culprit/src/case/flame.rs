//! Flame graphs of a profile, and of two: SVG files that a browser shows.
//!
//! Owns what a frame is called in them. The drawing is a library's.

use std::io;

use inferno::differential;
use inferno::flamegraph::{Options, from_lines};
use nix_culprit_core::explain::without_version;
use nix_culprit_core::profile::{Frame, Profile, What};
use nix_culprit_core::text::printable;

use super::instrumented::Folders;

/// The name of the file, in the folder of a case and of a report.
pub const FILE: &str = "flamegraph.svg";
/// The name of the one that shows the bad end against the good one.
pub const DIFFERENCE: &str = "flamegraph-difference.svg";

/// Draws a profile. Deep stacks that repeat are cut to a few turns; places are told by input.
///
/// # Errors
/// When there is nothing to draw.
pub fn draw(profile: &Profile, folders: &Folders) -> io::Result<Vec<u8>> {
    let lines = profile.samples.folded(&profile.frames, |frame| label(frame, folders, Detail::All));
    drawn(&lines.join("\n"), "What was evaluated at the bad end")
}

/// Draws the bad end's profile; red is what it has more of than the good one, blue what it has less of.
///
/// Lines and versions are left out, as they differ between commits.
///
/// # Errors
/// When there is nothing to draw.
pub fn draw_difference(good: (&Profile, &Folders), bad: (&Profile, &Folders)) -> io::Result<Vec<u8>> {
    let folded = |(profile, folders): (&Profile, &Folders)| {
        let lines = profile.samples.folded(&profile.frames, |frame| label(frame, folders, Detail::Lasting));
        lines.join("\n")
    };
    let (good, bad) = (folded(good), folded(bad));
    let mut both = Vec::new();
    let options = differential::Options::default();
    differential::from_readers(options, good.as_bytes(), bad.as_bytes(), &mut both).map_err(io::Error::other)?;
    drawn(&String::from_utf8_lossy(&both), "The bad end against the good one: red is more, blue is less")
}

fn drawn(lines: &str, title: &str) -> io::Result<Vec<u8>> {
    let mut options = Options::default();
    title.clone_into(&mut options.title);
    options.count_name = "samples".to_owned();
    // The order of colours is to be the same every time.
    options.deterministic = true;
    let mut svg = Vec::new();
    from_lines(&mut options, lines.lines(), &mut svg).map_err(io::Error::other)?;
    Ok(svg)
}

/// How much of a frame is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// All of it.
    All,
    /// What stays the same from commit to commit, as long as nobody changes it.
    Lasting,
}

fn label(frame: &Frame, folders: &Folders, detail: Detail) -> String {
    let what = match &frame.what {
        What::Function(Some(name)) => name.clone(),
        What::Function(None) => "function".to_owned(),
        What::Primop(name) => format!("builtins.{name}"),
        What::Functor => "functor".to_owned(),
        What::Derivation(name) => {
            let name = if detail == Detail::All { name } else { without_version(name) };
            return printable(&format!("derivation {name}"));
        }
        What::Attribute(name) => format!("attribute {name}"),
        What::Other(text) => text.clone(),
    };
    let place = frame.position.as_ref().map(|position| {
        let shown = folders.split(&position.file).map(|(input, path)| {
            let input = if input.0.is_empty() { "flake".to_owned() } else { input.to_string() };
            format!("{input}/{path}")
        });
        let shown = shown.unwrap_or_else(|| "nix".to_owned());
        match detail {
            Detail::All => format!(" ({shown}:{})", position.line),
            Detail::Lasting => format!(" ({shown})"),
        }
    });
    printable(&format!("{what}{}", place.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use nix_culprit_core::profile::FoldedReader;

    use super::*;

    #[test]
    fn a_profile_becomes_a_picture_in_which_nothing_of_it_is_markup() {
        let mut reader = FoldedReader::default();
        reader.feed(b"/x.nix:1:2:f;/x.nix:3:4:<script>&\"x;/n:1:1:primop derivationStrict:a 3\n/x.nix:1:2:f 2\n");
        let svg = draw(&reader.finish(), &Folders::default()).unwrap();
        let text = String::from_utf8(svg).unwrap();
        assert!(text.contains("derivation a") && text.contains("f (nix:1)"), "{text}");
        assert!(!text.contains("<script>&"), "{text}");
        assert!(draw(&FoldedReader::default().finish(), &Folders::default()).is_err());
    }

    #[test]
    fn two_profiles_become_a_picture_of_what_is_more_and_what_is_less() {
        let profile = |text: &str| {
            let mut reader = FoldedReader::default();
            reader.feed(text.as_bytes());
            reader.finish()
        };
        let stack = |line: u32, version: u32, count: u32| {
            format!("/x.nix:{line}:2:f;/n:1:1:primop derivationStrict:a-{version} {count}\n/x.nix:{line}:2:<g> 5\n")
        };
        let (good, bad) = (profile(&stack(1, 1, 10)), profile(&stack(9, 2, 400)));
        let folders = Folders::default();
        let difference = |one, other| {
            let svg = draw_difference((one, &folders), (other, &folders)).unwrap();
            String::from_utf8(svg).unwrap()
        };
        let more = difference(&good, &bad);
        // A line that moved and a version that changed are the same frame.
        assert!(more.contains(">derivation a (4") && more.contains(">f (nix) (4"), "{more}");
        assert!(more.contains("fill=\"rgb(255,") && more.contains("&lt;g&gt;"), "{more}");
        assert!(difference(&bad, &good).contains(",255)\""));
    }
}
