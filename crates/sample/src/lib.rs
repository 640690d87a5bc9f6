//! Generates the sample case.
