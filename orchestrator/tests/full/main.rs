//! What takes too long for every change: left out by nextest's default profile, run by `ci/full`.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

#[path = "../it/behind.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod behind;
#[path = "../it/cached.rs"]
#[expect(dead_code, reason = "the other half of the table uses the rest")]
mod cached;
mod caches;
mod cross;
mod fault_table {
    //! What takes minutes of the fault table.

    mod killed;
    mod late;
    #[path = "../../it/fault_table/stage.rs"]
    #[expect(dead_code, reason = "the other rows use the rest")]
    mod stage;
}
#[path = "../it/hub_server.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod hub_server;
mod in_bucket;
mod own_installers;
mod reproducing;
#[path = "../it/support.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;
mod targets;
mod tauri;
