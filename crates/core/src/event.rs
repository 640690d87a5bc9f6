//! What happens during an investigation, and where it is told.
