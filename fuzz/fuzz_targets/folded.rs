//! Folded stacks: the same is read in whatever chunks, and nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nix_culprit_core::profile::{FoldedReader, Mark};

fuzz_target!(|bytes: &[u8]| {
    let size = bytes.first().map_or(1, |first| usize::from(*first) + 1);
    let mut whole = FoldedReader::default();
    whole.feed(bytes);
    let mut chunked = FoldedReader::default();
    bytes.chunks(size).for_each(|chunk| chunked.feed(chunk));
    assert_eq!(whole.cycle(), chunked.cycle());
    let finding = whole.flush(Mark::default());
    assert_eq!(finding, chunked.flush(Mark::default()));
    let (whole, chunked) = (whole.finish(), chunked.finish());
    assert_eq!((whole.lines, whole.passed_over), (chunked.lines, chunked.passed_over));
    let folded = whole.samples.folded(&whole.frames, ToString::to_string);
    assert_eq!(folded, chunked.samples.folded(&chunked.frames, ToString::to_string));
});
