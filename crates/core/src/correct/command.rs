//! Commands by which the user makes a correction.

use crate::ids::InputPath;
use crate::report::escape::shell_word;

/// Returns the command that locks an input to a flake reference.
#[must_use]
pub fn lock_command(input: &InputPath, reference: &str) -> String {
    format!("nix flake lock --override-input {} {}", word(&input.to_string()), word(reference))
}

/// Quotes a word for a shell, if it needs that.
#[must_use]
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | ':' | '.' | '_' | '-' | '+');
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { shell_word(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_read_is_quoted() {
        let Ok(input) = "overlay/pkgs".parse();
        assert_eq!(lock_command(&input, "github:o/r/5a"), "nix flake lock --override-input overlay/pkgs github:o/r/5a");
        let Ok(input) = "a b".parse();
        let command = lock_command(&input, "git+file:///x?ref=main&rev=5a");
        assert_eq!(command, "nix flake lock --override-input 'a b' 'git+file:///x?ref=main&rev=5a'");
    }
}
