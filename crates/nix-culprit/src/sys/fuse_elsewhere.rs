//! Where mounting would need a library of others, nothing is mounted.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Refuses.
pub(super) fn mount(_at: &Path) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Refuses.
pub(super) fn mount_by_helper(at: &Path) -> io::Result<OwnedFd> {
    mount(at)
}

/// There is no mount.
pub(super) fn detach(_at: &Path) -> io::Result<()> {
    Ok(())
}

/// There is no mount.
pub(super) fn connection(_at: &Path) -> Option<u32> {
    None
}

/// There is no mount.
pub(super) fn abort(_at: &Path, _connection: Option<u32>) -> io::Result<()> {
    Ok(())
}
