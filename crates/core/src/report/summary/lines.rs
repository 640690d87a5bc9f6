//! Rows of a label and wrapped text, and what a style means.

/// The width that lines are wrapped to; only what has no space in it, such as a link, may exceed it.
pub const WIDTH: usize = 80;

/// The width of a label.
pub(super) const LABEL: usize = 12;

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Nothing special.
    Plain,
    /// What the reader looks for.
    Strong,
    /// Something good.
    Good,
    /// Something bad.
    Bad,
    /// Of less weight.
    Dim,
}

/// A piece of text in one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// What it means.
    pub style: Style,
    /// The text, without control characters.
    pub text: String,
}

/// One line of the summary.
pub type Line = Vec<Segment>;

/// Returns the summary's lines as text without styles; each ends in a newline.
#[must_use]
pub fn plain(lines: &[Line]) -> String {
    let mut out = String::new();
    for line in lines {
        line.iter().for_each(|segment| out.push_str(&segment.text));
        out.push('\n');
    }
    out
}

/// Collects rows of a label and wrapped text.
#[derive(Default)]
pub(super) struct Lines {
    done: Vec<Line>,
    column: usize,
}

impl Lines {
    pub(super) fn row(&mut self, label: &'static str) -> &mut Self {
        self.done.push(vec![Segment { style: Style::Dim, text: format!("{label:<LABEL$}") }]);
        self.column = LABEL;
        self
    }

    pub(super) fn next_line(&mut self) -> &mut Self {
        self.row("")
    }

    /// Leaves one empty line, unless there is one already.
    pub(super) fn blank(&mut self) {
        if self.done.last().is_some_and(|line| !line.is_empty()) {
            self.done.push(Line::new());
        }
    }

    pub(super) fn add(&mut self, style: Style, text: &str) -> &mut Self {
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let width = word.chars().count();
            if self.column > LABEL && self.column + 1 + width > WIDTH {
                self.row("");
            }
            let space = if self.column > LABEL { " " } else { "" };
            self.column += space.len() + width;
            if let Some(line) = self.done.last_mut() {
                let has_text = line.len() > 1;
                match line.last_mut() {
                    Some(last) if last.style == style && has_text => {
                        last.text.push_str(space);
                        last.text.push_str(word);
                    }
                    _ => line.push(Segment { style, text: format!("{space}{word}") }),
                }
            }
        }
        self
    }

    /// Puts text on a line of its own that is not wrapped, so that it can be copied.
    pub(super) fn whole(&mut self, text: &str) -> &mut Self {
        self.row("");
        if let Some(line) = self.done.last_mut() {
            line.push(Segment { style: Style::Plain, text: text.to_owned() });
        }
        self.column = WIDTH;
        self
    }

    /// Adds a line as it is, cut to the width.
    pub(super) fn verbatim(&mut self, style: Style, text: &str) {
        let short: String = text.chars().take(WIDTH).collect();
        let text = short.trim_end().to_owned();
        // A line of one segment would be taken for a label without text.
        let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
        let segment = |text: &str| Segment { style, text: text.to_owned() };
        self.done.push(vec![segment(first), segment(rest)]);
    }

    pub(super) fn finish(mut self) -> Vec<Line> {
        // A label without text would be a defect of the case; do not show trailing space for it.
        self.done.retain(|line| line.is_empty() || line.len() > 1);
        self.done
    }
}
