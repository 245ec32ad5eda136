//! How the clients of one build reach its server, and nobody else does.

use super::super::ToolchainError;
use super::super::probe::scratch_in;
use crate::context::World;
use crate::system;
use process::Env;
use release_types::Os;
use std::path::{Path, PathBuf};

/// The variables by which a client finds its server.
const SOCKET_VAR: &str = "SCCACHE_SERVER_UDS";
const PORT_VAR: &str = "SCCACHE_SERVER_PORT";

/// The longest path of a socket, in bytes, with what ends it: macOS takes 104, Linux 108.
const LONGEST: usize = 103;

/// As many bytes as a fresh folder and the socket add to the folder for temporary files: `/ar-`,
/// six letters and `/s`.
const ADDED: usize = 12;

/// A fresh folder for the socket and the server's log.
pub(super) fn folder(world: &World) -> Result<tempfile::TempDir, ToolchainError> {
    scratch_in(parent(world.host.os, world.temp_dir()))
}

/// The folder for temporary files, or, where a socket in it would have too long a path, `/tmp`,
/// which every Unix has.
fn parent(os: Os, temporary: PathBuf) -> PathBuf {
    match os {
        Os::Windows => temporary,
        _ if temporary.as_os_str().len() + ADDED <= LONGEST => temporary,
        _ => PathBuf::from("/tmp"),
    }
}

/// The address of a server that nobody else uses: a socket in a fresh folder, or, where there are
/// no such sockets, a port that is free now.
pub(super) fn address(os: Os, dir: &Path) -> Result<Env, ToolchainError> {
    if os == Os::Windows {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|source| ToolchainError::Io {
                path: dir.to_owned(),
                source,
            })?
            .port();
        return Ok([(PORT_VAR, port.to_string())].into_iter().collect());
    }
    Ok([(SOCKET_VAR, dir.join("s").into_os_string())]
        .into_iter()
        .collect())
}

/// Whether somebody listens at the address.
pub(super) fn answers(address: &Env) -> bool {
    if let Some(socket) = address.get(SOCKET_VAR) {
        return system::listens_on_socket(Path::new(socket));
    }
    let port = address
        .get(PORT_VAR)
        .and_then(|port| port.to_str()?.parse().ok());
    port.is_some_and(system::listens_on_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_has_a_short_path() {
        let dir = |length: usize| PathBuf::from(format!("/{}", "d".repeat(length - 1)));
        for os in [Os::Linux, Os::Macos] {
            assert_eq!(parent(os, dir(91)), dir(91));
            assert_eq!(parent(os, dir(92)), Path::new("/tmp"));
        }
        assert_eq!(parent(Os::Windows, dir(200)), dir(200));
        let mut world = World::capture(process::Runner::default()).unwrap();
        let temporary = tempfile::tempdir().unwrap();
        world.host = release_types::Platform::new(Os::Linux, world.host.arch);
        world.env = [("TMPDIR", temporary.path())].into_iter().collect();
        let folder = folder(&world).unwrap();
        assert_eq!(folder.path().parent(), Some(temporary.path()));
        let name = folder.path().file_name().unwrap();
        assert_eq!("/".len() + name.len() + "/s".len(), ADDED);
    }
}
