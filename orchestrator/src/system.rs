//! What only the operating system can do, and what differs between Unix and Windows: one thin
//! function for each, and no decisions. Where something has no counterpart on a system, it does
//! nothing there and says so in its description.

use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;

/// Whether this process may write to the system's own folders. On Windows that is a matter of the
/// shell that it was started from, and it is never root.
pub fn is_root() -> bool {
    #[cfg(unix)]
    return rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    false
}

/// Whether a file or folder belongs to the user that this process runs as; always, where files say
/// nothing of the kind.
pub fn is_own(metadata: &std::fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        metadata.uid() == rustix::process::geteuid().as_raw()
    }
    #[cfg(not(unix))]
    {
        let _any = metadata;
        true
    }
}

/// Sets the permissions of a file or folder; nothing, where there are no modes.
///
/// # Errors
/// What the system says.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
    }
    #[cfg(not(unix))]
    {
        tracing::trace!(path = %path.display(), mode, "this system has no modes");
        Ok(())
    }
}

/// The permissions of a file or folder; none, where there are no modes.
///
/// # Errors
/// What the system says.
pub fn mode(path: &Path) -> io::Result<Option<u32>> {
    let permissions = std::fs::metadata(path)?.permissions();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        Ok(Some(permissions.mode() & 0o777))
    }
    #[cfg(not(unix))]
    {
        drop(permissions);
        Ok(None)
    }
}

/// What tells a file from another one that has come into its place, or from itself before a change that
/// left its times as they were.
pub type Identity = (u64, i64, i64);

/// A file's; where the system has no such thing, always the same.
pub fn identity(metadata: &std::fs::Metadata) -> Identity {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
    }
    #[cfg(not(unix))]
    {
        let _any = metadata;
        (0, 0, 0)
    }
}

/// Whether these are of one file, also where it has several names; never, where files say nothing of the kind.
pub fn is_same_file(one: &std::fs::Metadata, other: &std::fs::Metadata) -> bool {
    let known = |file| shared_file(file, 0);
    known(one).is_some() && known(one) == known(other)
}

/// What all names of one file have in common, where it has more than `names` of them; nothing, where files say nothing
/// of the kind.
pub fn shared_file(metadata: &std::fs::Metadata, names: u64) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        (metadata.nlink() > names).then(|| (metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        let _any = (metadata, names);
        None
    }
}

/// Whether a locked file cannot be read by others, nor by its holder through another handle.
pub fn locks_keep_readers_out() -> bool {
    cfg!(not(unix))
}

/// Opens a file to read and write, of which this process decides alone what is in it: a link in its
/// place is not followed, and a pipe not waited for, where the system can be told so.
///
/// # Errors
/// What the system says; when it is `new` and there is something already, that.
pub fn open_own(path: &Path, new: bool) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create_new(new);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    options.open(path)
}

/// Whether something takes bytes without keeping them: a pipe, or a device such as `/dev/null` or a terminal.
/// Nothing does, where there are no such files.
pub fn takes_bytes(metadata: &std::fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        let kind = metadata.file_type();
        kind.is_fifo() || kind.is_char_device()
    }
    #[cfg(not(unix))]
    {
        let _any = metadata;
        false
    }
}

/// Opens something that takes bytes. A pipe that nobody reads is an error, and is not waited for; whoever reads one
/// slowly is.
///
/// # Errors
/// What the system says.
pub fn open_to_write(path: &Path) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
        let file = options.open(path)?;
        fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}

/// Brings the names in a folder to the disk; nothing on Windows, where folders cannot be opened so.
///
/// # Errors
/// What the system says.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return std::fs::File::open(dir)?.sync_all();
    #[cfg(not(unix))]
    {
        tracing::trace!(dir = %dir.display(), "folders are not synced here");
        Ok(())
    }
}

/// Puts each of two files or folders into the other's place, at one moment. False, and nothing done, where
/// the system or its file system cannot; never on Windows.
///
/// # Errors
/// What else the system says.
pub fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(true),
            Err(Errno::NOSYS | Errno::INVAL | Errno::NOTSUP | Errno::XDEV) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    {
        tracing::trace!(one = %one.display(), other = %other.display(), "nothing is exchanged here");
        Ok(false)
    }
}

/// Makes a folder and those above it, open to their owner alone from the first moment, where there
/// are modes. One that is there stays as it is.
///
/// # Errors
/// What the system says.
pub fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(dir)
}

/// Makes a new file that only its owner can get at, where there are modes; elsewhere its folder
/// decides.
///
/// # Errors
/// What the system says, also that something of this name is there, a link to nothing included.
pub fn create_private_file(path: &Path) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// Whether nobody can read what is written to standard output: it is `/dev/null`, which stands also
/// in the place of one that this program was started without. Never, where there is no such device.
pub fn output_is_discarded() -> bool {
    #[cfg(unix)]
    {
        use rustix::fs::{FileType, fstat, stat};
        let (Ok(out), Ok(null)) = (fstat(std::io::stdout()), stat("/dev/null")) else {
            return false;
        };
        let is_device = FileType::from_raw_mode(out.st_mode) == FileType::CharacterDevice;
        is_device && out.st_rdev == null.st_rdev
    }
    #[cfg(not(unix))]
    false
}

/// Gives a program a second name: by a link, and on Windows, where links need a right of their own,
/// by a hard link or a copy.
///
/// # Errors
/// What the system says.
pub fn alias(program: &Path, name: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::symlink(program, name);
    #[cfg(not(unix))]
    match std::fs::hard_link(program, name) {
        Ok(()) => Ok(()),
        Err(_) => std::fs::copy(program, name).map(drop),
    }
}

/// Whether somebody listens on a Unix socket; nobody does where there are none.
pub fn listens_on_socket(path: &Path) -> bool {
    #[cfg(unix)]
    return std::os::unix::net::UnixStream::connect(path).is_ok();
    #[cfg(not(unix))]
    {
        tracing::trace!(path = %path.display(), "this system has no such sockets");
        false
    }
}

/// Whether somebody listens on a port of this machine.
pub fn listens_on_port(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// The process's umask, which children inherit, until this is dropped; nothing on Windows.
#[derive(Debug)]
#[must_use]
pub struct Umask {
    #[cfg(unix)]
    before: rustix::fs::Mode,
}

impl Umask {
    /// Sets it. It is the whole process's, so only one may be in force at a time.
    pub fn set(mask: u32) -> Self {
        #[cfg(unix)]
        return Self {
            before: rustix::process::umask(rustix::fs::Mode::from_bits_truncate(mask as _)),
        };
        #[cfg(not(unix))]
        {
            tracing::trace!(mask, "this system has no umask");
            Self {}
        }
    }
}

#[cfg(unix)]
impl Drop for Umask {
    fn drop(&mut self) {
        rustix::process::umask(self.before);
    }
}

/// How somebody asks a program to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndSignal {
    /// From the keyboard.
    Interrupt,
    /// By another program, or because the terminal has gone away.
    Terminate,
}

/// Lets a write beyond the limit for a file's size (`RLIMIT_FSIZE`) fail, as one to a full disk does,
/// instead of ending this process; children are ended by it as ever. Needs the async runtime.
///
/// # Errors
/// What the system says.
pub fn outlive_file_limits() -> io::Result<()> {
    // Its number everywhere but on MIPS. A handler that does nothing is enough, and stays when what it
    // would report to is dropped.
    #[cfg(all(unix, not(any(target_arch = "mips", target_arch = "mips64"))))]
    {
        use tokio::signal::unix::{SignalKind, signal};
        const SIGXFSZ: i32 = 25;
        drop(signal(SignalKind::from_raw(SIGXFSZ))?);
    }
    Ok(())
}

/// Waits for a signal that asks the program to end.
pub async fn asked_to_end() -> EndSignal {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = (
            signal(SignalKind::terminate()),
            signal(SignalKind::hangup()),
        );
        if let (Ok(mut terminate), Ok(mut hangup)) = signals {
            return tokio::select! {
                () = interrupt => EndSignal::Interrupt,
                _ = terminate.recv() => EndSignal::Terminate,
                // The terminal has gone away; what was started in it must not go on unseen.
                _ = hangup.recv() => EndSignal::Terminate,
            };
        }
    }
    interrupt.await;
    EndSignal::Interrupt
}
