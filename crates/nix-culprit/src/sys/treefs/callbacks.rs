//! FUSE requests to the tree, and its answers back.
//!
//! Owns the kernel's side of the language: attributes, flags, life times, error numbers. Must not
//! decide what is in a directory; that is `tree`'s part.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags, KernelConfig,
    LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyEntry, ReplyOpen, Request,
};

use super::objects::Mode;
use super::tree::{Answer, Attributes, Forest, Refusal};

/// How long the kernel may believe what it was told of a commit, which can never change.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The number that the FUSE protocol has for "not known" in listings: nodes are made by look-ups only.
const UNKNOWN_NODE: INodeNo = INodeNo(0xffff_ffff);

/// A forest that answers the kernel.
pub(super) struct Callbacks {
    forest: Arc<Forest>,
    uid: u32,
    gid: u32,
    /// Whether the kernel can open files without asking.
    opens_unasked: bool,
}

impl Callbacks {
    /// Answers from this forest; all files belong to our own user.
    pub(super) fn new(forest: Arc<Forest>) -> Self {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Self { forest, uid, gid, opens_unasked: false }
    }

    fn attributes(&self, attributes: Attributes) -> FileAttr {
        // One second after the epoch, as everywhere in a Nix store.
        let time = UNIX_EPOCH + Duration::from_secs(1);
        let (kind, perm) = match attributes.mode {
            Mode::Tree | Mode::Submodule => (FileType::Directory, 0o555),
            Mode::File => (FileType::RegularFile, 0o444),
            Mode::Executable => (FileType::RegularFile, 0o555),
            Mode::Symlink => (FileType::Symlink, 0o777),
        };
        FileAttr {
            ino: INodeNo(attributes.node),
            size: attributes.size,
            blocks: attributes.size.div_ceil(512),
            atime: time,
            mtime: time,
            ctime: time,
            crtime: time,
            kind,
            perm,
            nlink: 1,
            uid: self.uid,
            gid: self.gid,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

impl Filesystem for Callbacks {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let wanted =
            InitFlags::FUSE_CACHE_SYMLINKS | InitFlags::FUSE_PARALLEL_DIROPS | InitFlags::FUSE_EXPLICIT_INVAL_DATA;
        // An old kernel without one of them is merely slower.
        let _had = config.add_capabilities(wanted & config.capabilities());
        self.opens_unasked = config.capabilities().contains(InitFlags::FUSE_NO_OPEN_SUPPORT);
        Ok(())
    }

    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match self.forest.lookup(parent.0, name.as_bytes()) {
            Ok(Answer::Found(found)) => reply.entry(&FOR_EVER, &self.attributes(found), Generation(0)),
            Ok(Answer::Never) => {
                // Node 0 is the protocol's word for an absence that may be remembered.
                let nothing = Attributes { node: 0, mode: Mode::File, size: 0 };
                reply.entry(&FOR_EVER, &self.attributes(nothing), Generation(0));
            }
            Ok(Answer::NotYet) => reply.error(Errno::ENOENT),
            Err(refusal) => reply.error(errno(refusal)),
        }
    }

    fn getattr(&self, _request: &Request, node: INodeNo, _handle: Option<FileHandle>, reply: ReplyAttr) {
        match self.forest.attributes(node.0) {
            Ok(found) => reply.attr(&FOR_EVER, &self.attributes(found)),
            Err(refusal) => reply.error(errno(refusal)),
        }
    }

    fn readlink(&self, _request: &Request, node: INodeNo, reply: ReplyData) {
        match self.forest.target(node.0) {
            Ok(target) => reply.data(&target),
            Err(refusal) => reply.error(errno(refusal)),
        }
    }

    fn open(&self, _request: &Request, _node: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        // "Do not ask again": reading needs no handle, and half of all requests fall away. Nothing is
        // missed by that, because a view's nodes are its own: its first read of each file comes to us.
        if self.opens_unasked {
            reply.error(Errno::ENOSYS);
        } else {
            reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_NOFLUSH);
        }
    }

    fn read(
        &self,
        _request: &Request,
        node: INodeNo,
        _handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.forest.read(node.0) {
            Ok(content) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
                let end = start.saturating_add(size as usize).min(content.len());
                reply.data(&content[start..end]);
            }
            Err(refusal) => reply.error(errno(refusal)),
        }
    }

    fn opendir(&self, _request: &Request, _node: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_CACHE_DIR | FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn readdir(&self, _request: &Request, node: INodeNo, _handle: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let entries = match self.forest.list(node.0) {
            Ok(entries) => entries,
            Err(refusal) => return reply.error(errno(refusal)),
        };
        let own = [(&b"."[..], Mode::Tree), (&b".."[..], Mode::Tree)].into_iter();
        let all = own.chain(entries.iter().map(|entry| (&*entry.name, entry.mode)));
        for (next, (name, mode)) in (1..).zip(all).skip(usize::try_from(offset).unwrap_or(usize::MAX)) {
            let kind = match mode {
                Mode::Tree | Mode::Submodule => FileType::Directory,
                Mode::File | Mode::Executable => FileType::RegularFile,
                Mode::Symlink => FileType::Symlink,
            };
            if reply.add(UNKNOWN_NODE, next, kind, OsStr::from_bytes(name)) {
                break;
            }
        }
        reply.ok();
    }
}

fn errno(refusal: Refusal) -> Errno {
    match refusal {
        Refusal::Stale => Errno::ESTALE,
        Refusal::NotADirectory => Errno::ENOTDIR,
        Refusal::IsADirectory => Errno::EISDIR,
        Refusal::NotALink => Errno::EINVAL,
        Refusal::Unreadable => Errno::EIO,
    }
}
