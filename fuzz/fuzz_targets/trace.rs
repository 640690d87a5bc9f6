//! The trace of an error, in every format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nix_culprit_core::outcome::LogFormat;
use nix_culprit_core::profile::read_trace;

fuzz_target!(|bytes: &[u8]| {
    for log in [LogFormat::Text, LogFormat::InternalJson, LogFormat::TracedJson] {
        let trace = read_trace(bytes, log);
        let _ = (trace.cycle(), trace.cycle_of_calls());
    }
});
