//! A Unix domain socket that only its owner can open: made in a folder nobody else can enter and
//! moved to its place when its mode is right, so that there is no moment in which it is more open.
//!
//! Taking and giving back happen under a lock on the socket's folder, which a daemon holds for that
//! moment only; that one is alive is seen by its accepting connections.

use super::BindError;
use axum::serve::Listener;
use runner_ipc::Endpoint;
use std::fs::{self, DirBuilder, File, Metadata, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};

/// The folder in which a socket is made. Short, because it adds to the length of the path that is
/// bound; `runner-ipc` leaves five bytes for it and the name below.
const STAGING: &str = ".new";

/// The socket's name in that folder.
const STAGED: &str = "s";

/// How often, with a pause between, a lock is tried before giving up: five seconds in all.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// How long a listener may take to accept a connection. One that takes longer is there all the same.
const PROBE: Duration = Duration::from_secs(1);

/// How long to wait after a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Takes an endpoint: makes its folder (mode 0700) and its socket (mode 0600). A socket that nobody
/// listens on any more is replaced.
///
/// # Errors
/// When somebody listens there, or others could get at the folder, or the system refuses a step.
pub async fn bind(endpoint: &Endpoint) -> Result<(PeerListener, Claim), BindError> {
    let path = endpoint.path();
    let dir = folder(path);
    let own = rustix::process::geteuid().as_raw();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(io_error("create the folder", dir))?;
    secure_folder(dir, own, endpoint.is_default())?;

    let _lock = lock(dir).await?;
    check_free(endpoint).await?;
    let staging = dir.join(STAGING);
    // What a daemon left that was killed at this point.
    clear(&staging)?;
    let made = make(&staging, path);
    clear(&staging)?;
    let (listener, socket) = made?;
    let claim = Claim {
        path: path.to_owned(),
        socket: identity(&socket),
    };
    Ok((PeerListener { listener, own }, claim))
}

/// Sees to it that nobody but us, and root, can put anything into the folder.
///
/// A folder that others can write to is refused also where its sticky bit is set, as in `/tmp`:
/// they could be the first to take a name in it. One that others can only look into is safe enough,
/// since the socket itself is closed to them, but better closed too. The default folder is this
/// program's alone, so it is. Of a folder that was named we do not know who else needs it, whether
/// it is a service manager's or somebody's project, so its mode stays and the log says so.
fn secure_folder(dir: &Path, own: u32, is_default: bool) -> Result<(), BindError> {
    // Held open, so that what is changed is what was looked at.
    let held = File::open(dir).map_err(io_error("open the folder", dir))?;
    let found = held
        .metadata()
        .map_err(io_error("look at the folder", dir))?;
    let mode = found.mode() & 0o7777;
    if found.uid() != own {
        return Err(BindError::ForeignFolder {
            dir: dir.to_owned(),
            owner: found.uid(),
            own,
        });
    }
    if mode & 0o022 != 0 {
        return Err(BindError::OpenFolder {
            dir: dir.to_owned(),
            mode,
        });
    }
    if mode & 0o077 == 0 {
        return Ok(());
    }
    if is_default {
        tracing::info!(dir = %dir.display(), mode = format_args!("{mode:04o}"), "closing the folder to other users");
        return held
            .set_permissions(Permissions::from_mode(0o700))
            .map_err(io_error("set the mode of the folder", dir));
    }
    tracing::warn!(
        dir = %dir.display(),
        mode = format_args!("{mode:04o}"),
        "other users may look into the folder of the socket, though not use the socket"
    );
    Ok(())
}

/// The lock ends with the value.
async fn lock(dir: &Path) -> Result<File, BindError> {
    let file = File::open(dir).map_err(io_error("open the folder", dir))?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_PAUSE).await,
            Err(TryLockError::Error(source)) => {
                return Err(io_error("lock the folder", dir)(source));
            }
        }
    }
    Err(BindError::Locked {
        dir: dir.to_owned(),
    })
}

/// Whether the place is empty, or has a socket that nobody listens on.
async fn check_free(endpoint: &Endpoint) -> Result<(), BindError> {
    let path = endpoint.path();
    match metadata(path)? {
        None => return Ok(()),
        Some(found) if !found.file_type().is_socket() => {
            return Err(BindError::NotASocket {
                path: path.to_owned(),
            });
        }
        Some(_) => {}
    }
    let running = |pid| {
        Err(BindError::AlreadyRunning {
            endpoint: endpoint.clone(),
            pid,
        })
    };
    match tokio::time::timeout(PROBE, UnixStream::connect(path)).await {
        Ok(Ok(stream)) => running(stream.peer_cred().ok().and_then(|peer| peer.pid())),
        Ok(Err(error)) => match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Ok(()),
            // Its queue is full.
            io::ErrorKind::WouldBlock => running(None),
            _ => Err(io_error("connect to the socket", path)(error)),
        },
        Err(_) => running(None),
    }
}

fn make(staging: &Path, path: &Path) -> Result<(UnixListener, Metadata), BindError> {
    DirBuilder::new()
        .mode(0o700)
        .create(staging)
        .map_err(io_error("create the folder", staging))?;
    let staged = staging.join(STAGED);
    let listener = UnixListener::bind(&staged).map_err(io_error("bind the socket", &staged))?;
    fs::set_permissions(&staged, Permissions::from_mode(0o600))
        .map_err(io_error("set the mode of the socket", &staged))?;
    let socket = fs::symlink_metadata(&staged).map_err(io_error("look at the socket", &staged))?;
    fs::rename(&staged, path).map_err(io_error("move the new socket to", path))?;
    Ok((listener, socket))
}

fn clear(staging: &Path) -> Result<(), BindError> {
    let staged = staging.join(STAGED);
    absent_or(fs::remove_file(&staged)).map_err(io_error("remove the socket", &staged))?;
    absent_or(fs::remove_dir(staging)).map_err(io_error("remove the folder", staging))
}

/// A socket at its place. It stays there when this is dropped; see [`Claim::release`].
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    socket: (u64, u64),
}

impl Claim {
    /// Removes the socket, unless another daemon has put its own there since.
    ///
    /// # Errors
    /// When the system refuses to remove it.
    pub async fn release(self) -> Result<(), BindError> {
        let dir = folder(&self.path);
        if metadata(&self.path)?.is_none() {
            return Ok(());
        }
        let _lock = lock(dir).await?;
        match metadata(&self.path)? {
            Some(found) if identity(&found) == self.socket => {
                absent_or(fs::remove_file(&self.path))
                    .map_err(io_error("remove the socket", &self.path))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Accepts connections of the user that runs the daemon and of root, and ends all others.
#[derive(Debug)]
pub struct PeerListener {
    listener: UnixListener,
    own: u32,
}

impl Listener for PeerListener {
    type Io = UnixStream;
    type Addr = ();

    async fn accept(&mut self) -> (UnixStream, ()) {
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::error!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            match stream.peer_cred() {
                Ok(peer) if may_connect(peer.uid(), self.own) => return (stream, ()),
                Ok(peer) => tracing::warn!(uid = peer.uid(), "refused another user's connection"),
                Err(error) => tracing::warn!(%error, "refused a connection of an unknown user"),
            }
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

const fn may_connect(peer: u32, own: u32) -> bool {
    peer == own || peer == 0
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if dir != Path::new("") => dir,
        Some(_) | None => Path::new("."),
    }
}

fn metadata(path: &Path) -> Result<Option<Metadata>, BindError> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("look at the socket", path)(error)),
    }
}

/// What tells one file from every other that exists at the same time.
fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

fn absent_or(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BindError {
    let path = path.to_owned();
    move |source| BindError::Io { what, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_user_and_root_may_connect() {
        assert!(may_connect(1000, 1000) && may_connect(0, 1000) && may_connect(0, 0));
        assert!(!may_connect(1001, 1000) && !may_connect(1000, 0));
    }

    #[test]
    fn a_path_of_one_name_is_in_the_current_folder() {
        assert_eq!(folder(Path::new("runnerd.sock")), Path::new("."));
        assert_eq!(folder(Path::new("/run/runnerd.sock")), Path::new("/run"));
    }
}
