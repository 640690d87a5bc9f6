//! Where there are no namespaces, nobody can have one.

/// The way into a namespace, which does not exist here.
#[derive(Debug, Clone)]
pub enum Namespace {}

/// Says which setting of the machine forbids namespaces: there are none.
#[must_use]
pub const fn forbidden_by(_proc: &std::path::Path) -> Option<String> {
    None
}
