//! From the model of a case to what people read.
