//! Flame graphs in the page: drawings of our own, made of the frames of those beside the report.
//!
//! Reads nothing of an SVG document but where frames lie, their colours and their texts, so that nothing else of it
//! (scripts, styles, links) can come into the page.

use maud::{Markup, html};
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use super::{Extras, Ink};

/// The largest document that is read, in bytes.
const LARGEST: usize = 32 << 20;
/// The most frames that are shown: those that take most.
const MOST: usize = 2_500;
/// The size of a drawing and of its rows, in pixels.
const WIDTH: f64 = 1_180.0;
const ROW: f64 = 16.0;

/// One frame of a flame graph.
#[derive(Debug, Default, Clone, PartialEq)]
struct Frame {
    /// Where it begins and how wide it is, in percent.
    left: f64,
    width: f64,
    /// Where its upper edge is, in pixels.
    top: f64,
    colour: [u8; 3],
    /// What it is, and its share.
    title: String,
    /// What of its name has room in it.
    label: String,
}

/// Shows the flame graphs that there are.
pub(super) fn figures(extras: Extras<'_>, ink: &Ink<'_>) -> Markup {
    html! {
        @if let Some(svg) = extras.flamegraph {
            (figure("flames", "flamegraph.svg", "What was on the stack while the bad end was evaluated; wider is more often", svg, ink))
        }
        @if let Some(svg) = extras.difference {
            (figure("difference", "flamegraph-difference.svg", "The bad end against the good one: red is more, blue is less", svg, ink))
        }
    }
}

fn figure(id: &str, file: &str, caption: &str, svg: &[u8], ink: &Ink<'_>) -> Markup {
    let mut frames = if svg.len() > LARGEST { Vec::new() } else { frames(svg) };
    if frames.is_empty() {
        return html! { p { "The flame graph could not be put into this page; it lies beside it as " (file) "." } };
    }
    frames.sort_by(|one, other| other.width.total_cmp(&one.width));
    let left_out = frames.len().saturating_sub(MOST);
    frames.truncate(MOST);
    // From the root at the top down, so that what is widest is seen without scrolling.
    let root = frames.iter().map(|frame| frame.top).fold(0.0, f64::max);
    let height = frames.iter().map(|frame| root - frame.top + ROW).fold(0.0, f64::max);
    html! {
        figure {
            div.scroll.flames tabindex="0" role="region" aria-label=(format!("Flame graph: {file}")) {
                svg.flames viewBox=(format!("0 0 {WIDTH} {height:.0}")) role="img" aria-labelledby=(format!("{id}-title")) {
                    @for frame in &frames { (drawn(frame, root, ink)) }
                }
            }
            figcaption id=(format!("{id}-title")) {
                (caption) ". A frame tells its name and its share when it is pointed at; " (file) " beside this page can be searched."
                @if left_out > 0 { " The " (left_out) " narrowest frames are left out here." }
            }
        }
    }
}

fn drawn(frame: &Frame, root: f64, ink: &Ink<'_>) -> Markup {
    let (x, y, width) = (frame.left * WIDTH / 100.0, root - frame.top, frame.width * WIDTH / 100.0);
    let [red, green, blue] = frame.colour;
    html! {
        g {
            title { (ink.line(&frame.title, 200)) }
            rect x=(format!("{x:.1}")) y=(format!("{y:.0}")) width=(format!("{width:.1}")) height="15" rx="2"
                fill=(format!("#{red:02x}{green:02x}{blue:02x}")) {}
            @if !frame.label.is_empty() {
                text x=(format!("{:.1}", x + 3.0)) y=(format!("{:.0}", y + 11.0)) { (ink.line(&frame.label, 200)) }
            }
        }
    }
}

/// Returns the frames of a document as inferno draws it: a group of title, rectangle and text for each; what is unlike
/// that is left out.
fn frames(svg: &[u8]) -> Vec<Frame> {
    let mut reader = Reader::from_reader(svg);
    let mut frames = Vec::new();
    let mut frame: Option<Frame> = None;
    let mut within = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => match tag.name().as_ref() {
                b"g" => frame = Some(Frame::default()),
                name => within = name.to_vec(),
            },
            Ok(Event::Empty(tag)) if tag.name().as_ref() == b"rect" => {
                if let Some(frame) = &mut frame {
                    place(frame, &tag);
                }
            }
            Ok(Event::Text(text)) => push(frame.as_mut(), &within, &String::from_utf8_lossy(&text)),
            Ok(Event::GeneralRef(name)) => {
                let char = name.resolve_char_ref().ok().flatten().map(String::from);
                let word = resolve_predefined_entity(&String::from_utf8_lossy(&name)).map(str::to_owned);
                push(frame.as_mut(), &within, &char.or(word).unwrap_or_default());
            }
            Ok(Event::End(tag)) => {
                within.clear();
                if tag.name().as_ref() == b"g" {
                    frames.extend(frame.take().filter(|frame| frame.width > 0.0));
                }
            }
            Ok(Event::Eof) | Err(_) => return frames,
            Ok(_) => {}
        }
    }
}

fn push(frame: Option<&mut Frame>, within: &[u8], text: &str) {
    match (frame, within) {
        (Some(frame), b"title") => frame.title.push_str(text),
        (Some(frame), b"text") => frame.label.push_str(text),
        (Some(_) | None, _) => {}
    }
}

fn place(frame: &mut Frame, tag: &BytesStart<'_>) {
    for attribute in tag.attributes().flatten() {
        let value = String::from_utf8_lossy(&attribute.value);
        let number = |value: &str| value.parse().ok().filter(|number: &f64| (0.0..1e6).contains(number));
        let percent = |value: &str| value.strip_suffix('%').and_then(number).filter(|number| *number <= 100.0);
        match attribute.key.as_ref() {
            b"x" => frame.left = percent(&value).unwrap_or_default(),
            b"width" => frame.width = percent(&value).unwrap_or_default(),
            b"y" => frame.top = number(&value).unwrap_or_default(),
            b"fill" => frame.colour = colour(&value).unwrap_or_default(),
            _ => {}
        }
    }
}

/// Reads `rgb(1,2,3)`.
fn colour(text: &str) -> Option<[u8; 3]> {
    let parts: Vec<u8> =
        text.strip_prefix("rgb(")?.strip_suffix(')')?.split(',').map_while(|part| part.trim().parse().ok()).collect();
    parts.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Redactor;
    use proptest::prelude::*;

    fn group(left: &str, width: &str, name: &str) -> String {
        format!(
            "<g><title>{name} (3 samples, 50.00%)</title><rect x=\"{left}\" y=\"53\" width=\"{width}\" height=\"15\" \
             fill=\"rgb(242,10,32)\"/><text x=\"1%\" y=\"63.50\">{name}</text></g>"
        )
    }

    #[test]
    fn a_frame_has_its_place_its_colour_and_its_texts() {
        let svg = format!("<svg><text>title</text>{}</svg>", group("10.5%", "50%", "a &lt;b&gt; &#x26; c"));
        let expected = Frame {
            left: 10.5,
            width: 50.0,
            top: 53.0,
            colour: [242, 10, 32],
            title: "a <b> & c (3 samples, 50.00%)".to_owned(),
            label: "a <b> & c".to_owned(),
        };
        assert_eq!(frames(svg.as_bytes()), [expected]);
    }

    #[test]
    fn what_is_no_frame_is_left_out() {
        for text in [
            "<svg><script>alert(1)</script><g onload=\"x\"><image/></g></svg>".to_owned(),
            group("0%", "101%", "a"),
            group("0%", "NaN%", "a"),
            group("0%", "5", "a"),
            "<g><rect".to_owned(),
        ] {
            assert_eq!(frames(text.as_bytes()), [], "{text}");
        }
        assert_eq!(colour("url(#x)"), None);
    }

    #[test]
    fn the_widest_frames_are_shown_and_the_others_counted() {
        let narrow = group("1%", "0.01%", "narrow").repeat(MOST);
        let svg = format!("<svg>{narrow}{}{}</svg>", group("0%", "90%", "wide"), group("0%", "80%", "half"));
        let redactor = Redactor::default();
        let page = figure("flames", "f.svg", "c", svg.as_bytes(), &Ink(&redactor)).into_string();
        assert_eq!(page.matches("<rect").count(), MOST);
        assert!(page.contains(">wide<") && page.contains("The 2 narrowest frames are left out"), "{page}");
    }

    proptest! {
        #[test]
        fn no_document_makes_it_panic(text in "(<g>|</g>|<rect |x=\"|%\"|/>|&|#x|;|<!|\\[|<title>|[a-z0-9\u{0}é])*") {
            frames(text.as_bytes());
        }
    }
}
