//! How a line that people are to type is read.

/// Returns the words of a command, up to what the shell or the reader is told.
pub(crate) fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut rest = command.chars().peekable();
    while let Some(char) = rest.next() {
        match (char, quote) {
            (char, Some(open)) if char == open => quote = None,
            ('\'' | '"', None) => quote = Some(char),
            ('|' | '>' | ';' | ')', None) => break,
            (' ', None) => {
                words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                if matches!(rest.peek(), Some(' ' | '#')) {
                    break;
                }
            }
            (other, _) => word.push(other),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}
