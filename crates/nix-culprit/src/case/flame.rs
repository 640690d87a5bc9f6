//! The flame graph of a profile: an SVG file that a browser shows.
//!
//! Owns what a frame is called in it. The drawing is a library's.

use std::io;

use inferno::flamegraph::{Options, from_lines};
use nix_culprit_core::profile::{Frame, Profile, What};
use nix_culprit_core::text::printable;

use super::instrumented::Folders;

/// The name of the file, in the folder of a case and of a report.
pub const FILE: &str = "flamegraph.svg";

/// Draws a profile. Deep stacks that repeat are cut to a few turns; places are told by input.
///
/// # Errors
/// When there is nothing to draw.
pub fn draw(profile: &Profile, folders: &Folders) -> io::Result<Vec<u8>> {
    let lines = profile.samples.folded(&profile.frames, |frame| label(frame, folders));
    let mut options = Options::default();
    options.title = "What was evaluated at the bad end".to_owned();
    options.count_name = "samples".to_owned();
    // The order of colours is to be the same every time.
    options.deterministic = true;
    let mut svg = Vec::new();
    from_lines(&mut options, lines.iter().map(String::as_str), &mut svg).map_err(io::Error::other)?;
    Ok(svg)
}

fn label(frame: &Frame, folders: &Folders) -> String {
    let what = match &frame.what {
        What::Function(Some(name)) => name.clone(),
        What::Function(None) => "function".to_owned(),
        What::Primop(name) => format!("builtins.{name}"),
        What::Functor => "functor".to_owned(),
        What::Derivation(name) => return printable(&format!("derivation {name}")),
        What::Attribute(name) => format!("attribute {name}"),
        What::Other(text) => text.clone(),
    };
    let place = frame.position.as_ref().map(|position| {
        let shown = folders.split(&position.file).map(|(input, path)| {
            let input = if input.0.is_empty() { "flake".to_owned() } else { input.to_string() };
            format!("{input}/{path}")
        });
        format!(" ({}:{})", shown.unwrap_or_else(|| "nix".to_owned()), position.line)
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
}
