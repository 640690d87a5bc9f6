//! What our own tracer prints among what others print.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nix_culprit_core::profile::{Mark, TracerReader};

fuzz_target!(|bytes: &[u8]| {
    let size = bytes.first().map_or(1, |first| usize::from(*first) + 1);
    let mut whole = TracerReader::new("n");
    whole.feed(bytes);
    let mut chunked = TracerReader::new("n");
    bytes.chunks(size).for_each(|chunk| chunked.feed(chunk));
    assert_eq!((whole.depth(), whole.lines()), (chunked.depth(), chunked.lines()));
    assert_eq!(whole.flush(Mark::default()), chunked.flush(Mark::default()));
});
