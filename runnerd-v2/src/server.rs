//! What the daemon answers, over whatever listener it is given. It knows nothing of sockets and
//! signals.

use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use axum::{Json, Router};
use build_version::BuildInfo;
use runner_ipc::{API, DaemonStatus, STATUS_PATH};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long running requests may go on once the server was told to stop.
const DRAIN: Duration = Duration::from_secs(3);

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every request was answered.
    Drained,
    /// Some were still running when their time was up.
    CutOff,
}

#[derive(Debug, Clone, Copy)]
struct Daemon {
    build: BuildInfo,
    started: Instant,
}

/// Everything that can be asked of a daemon that is this build and has started now.
pub fn router(build: BuildInfo) -> Router {
    Router::new()
        .route(STATUS_PATH, get(status))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Daemon {
            build,
            started: Instant::now(),
        })
}

/// Serves until `shutdown` is done; then accepts nothing more, and returns when the requests that
/// are running are answered or three seconds have passed.
pub async fn serve<L>(
    listener: L,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Ended
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let (stopping, stopped) = oneshot::channel();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async {
        shutdown.await;
        // Nobody waits for this any more only when the server has ended by itself.
        if stopping.send(()).is_ok() {
            tracing::info!("stopping");
        }
    });
    let cut_off = async {
        match stopped.await {
            Ok(()) => tokio::time::sleep(DRAIN).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        done = serving => match done {
            Ok(()) => Ended::Drained,
            Err(error) => {
                tracing::error!(%error, "the server failed");
                Ended::CutOff
            }
        },
        () = cut_off => Ended::CutOff,
    }
}

async fn status(State(daemon): State<Daemon>) -> Json<DaemonStatus> {
    Json(DaemonStatus {
        version: daemon.build.semver(),
        commit: daemon.build.commit().map(str::to_owned),
        target: daemon.build.target().to_owned(),
        pid: std::process::id(),
        uptime_seconds: daemon.started.elapsed().as_secs(),
        api: API,
    })
}

async fn not_found(uri: Uri) -> Response {
    refusal(StatusCode::NOT_FOUND, format!("there is no {}", uri.path()))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    refusal(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{} does not take {method}", uri.path()),
    )
}

fn refusal(status: StatusCode, error: String) -> Response {
    (status, Json(serde_json::json!({ "error": error }))).into_response()
}
