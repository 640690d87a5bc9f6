//! A smaller project that fails in the same way, as the report shows it. How it was made is not known here.

use serde::{Deserialize, Serialize};

use crate::outcome::{Class, Outcome};
use crate::quantity::counted;

/// The most of a reproducer that a report keeps, in bytes of all files together.
const MOST: usize = 400_000;

/// A smaller project that fails in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reproducer {
    /// What it ends in, as the whole project did.
    pub outcome: Outcome,
    /// What is to be typed in its folder.
    pub command: String,
    /// The size of the whole project, in bytes.
    pub from: usize,
    /// Its own size, in bytes.
    pub size: usize,
    /// Why it is not known to fail in the same way by the user's own command; absent where it was seen to.
    pub doubt: Option<String>,
    /// Its files, by path.
    pub files: Vec<SmallFile>,
}

/// A file of a reproducer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SmallFile {
    /// Where it is, from the folder of the project.
    pub path: String,
    /// What it holds; absent where that is no text, or too much.
    pub text: Option<String>,
}

impl Reproducer {
    /// Takes files, and of their contents as much as a report has room for: the smallest first.
    pub fn take_files(&mut self, files: impl IntoIterator<Item = (String, Vec<u8>)>) {
        let mut files: Vec<(String, Vec<u8>)> = files.into_iter().collect();
        files.sort_by_key(|(_, content)| content.len());
        let mut left = MOST;
        self.files = files
            .into_iter()
            .map(|(path, content)| {
                let text = String::from_utf8(content).ok().filter(|text| text.len() <= left);
                left -= text.as_ref().map_or(0, String::len);
                SmallFile { path, text }
            })
            .collect();
        self.files.sort_by(|one, other| one.path.cmp(&other.path));
    }

    /// Tells whether it reproduces an outcome: of the same kind, and with the same message where that says what failed.
    #[must_use]
    pub fn shows(&self, outcome: &Outcome) -> bool {
        let class = outcome.class;
        let said = class.is_runaway() || self.outcome.message == outcome.message;
        said && self.outcome.class == class && class != Class::Success
    }

    /// Says how small it is and how well that is known; `inert` makes texts of strangers fit for a rendering.
    pub(super) fn words(&self, inert: impl Fn(&str) -> String) -> String {
        let (files, size, from) = (counted(self.files.len(), "file"), self.size, self.from);
        let known = match &self.doubt {
            None => format!("it ends in the same way by the user's own command: {}", self.outcome.class),
            Some(why) => format!("not confirmed by the user's own command: {}", inert(why)),
        };
        format!("{files} with {size} bytes, reduced from {from}; {known}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reproducer(class: Class, message: &str) -> Reproducer {
        let outcome = Outcome { class, message: Some(message.to_owned()), position: None };
        Reproducer { outcome, command: String::new(), from: 9, size: 3, doubt: None, files: Vec::new() }
    }

    #[test]
    fn the_smallest_files_are_kept_and_all_are_named() {
        let mut all = reproducer(Class::OutOfMemory, "");
        let file = |name: &str, content: Vec<u8>| (name.to_owned(), content);
        let large = vec![b'x'; MOST];
        all.take_files([file("b", large), file("a", b"1".to_vec()), file("c", vec![0xff]), file("d", b"2".to_vec())]);
        let kept: Vec<_> = all.files.iter().map(|file| (file.path.as_str(), file.text.as_deref())).collect();
        assert_eq!(kept, [("a", Some("1")), ("b", None), ("c", None), ("d", Some("2"))]);
    }

    #[test]
    fn it_is_of_a_case_that_fails_in_the_same_way() {
        let shows = |one: (Class, &str), other: (Class, &str)| {
            reproducer(one.0, one.1).shows(&reproducer(other.0, other.1).outcome)
        };
        let (memory, error) = (Class::OutOfMemory, Class::EvaluationError);
        assert!(shows((memory, "a"), (memory, "b")));
        assert!(shows((error, "a"), (error, "a")));
        assert!(!shows((error, "a"), (error, "b")));
        assert!(!shows((memory, "a"), (error, "a")));
        assert!(!shows((Class::Success, ""), (Class::Success, "")));
    }
}
