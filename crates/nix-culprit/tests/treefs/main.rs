//! Commits as directories, through a real mount; needs FUSE, and says so where there is none.

#![expect(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]
#![expect(clippy::print_stdout, reason = "a test that cannot run says why")]

mod alike;
mod alone;
mod ending;
mod expected;
mod fixture;
mod showing;
mod storage;
