//! Our own heap: what is freed goes back to the system.
//!
//! The C library keeps the more for itself the larger what was freed: hashing a commit of 40,000 files left 50 MB that
//! nothing used, while evaluations needed them.

/// Has large blocks given back as soon as they are freed, instead of at sizes that the C library learns.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        /// Its own default, which it raises unless it was set.
        const THRESHOLD: libc::c_int = 128 << 10;
        #[expect(unsafe_code, reason = "std does not know whose heap it is")]
        // SAFETY: it takes two numbers and keeps the second; at worst it changes nothing.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, THRESHOLD);
            libc::mallopt(libc::M_TRIM_THRESHOLD, THRESHOLD);
        }
    }
}
