//! How many files this process may have open, which sockets are too.

/// What each connection can take: its socket and a file.
#[cfg(unix)]
const EACH: u64 = 2;

/// For the catalogue, the log, listeners, and what comes and goes.
#[cfg(unix)]
const OTHERS: u64 = 100;

/// Lets this process open what so many connections take, as far as the system allows; how many
/// connections that is enough for.
#[cfg(unix)]
pub(super) fn allow(connections: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = OTHERS + EACH * connections as u64;
    // None is no limit.
    let Some(mut current) = current.filter(|current| *current < wanted) else {
        return connections;
    };
    let most = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = Rlimit {
        current: Some(most),
        maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => current = most,
        Err(error) => tracing::debug!(%error, "the limit for open files stays"),
    }
    let enough = enough_for(current).min(connections);
    if enough < connections {
        tracing::warn!(
            connections = enough,
            "fewer connections than --max-connections, for want of open files: raise `ulimit -Hn`"
        );
    }
    enough
}

/// Other systems have no such limit for sockets.
#[cfg(not(unix))]
pub(super) fn allow(connections: usize) -> usize {
    connections
}

#[cfg(unix)]
fn enough_for(files: u64) -> usize {
    let connections = files.saturating_sub(OTHERS) / EACH;
    usize::try_from(connections.max(1)).unwrap_or(usize::MAX)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn so_many_files_are_enough_for_so_many_connections() {
        for (files, connections) in [(0, 1), (101, 1), (1024, 462), (2100, 1000)] {
            assert_eq!(enough_for(files), connections, "{files}");
        }
    }
}
