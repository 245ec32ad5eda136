//! The Hub as its clients and its operator meet it: a real server on a port of its own, real HTTP,
//! the real `atlas-hub`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

#[cfg(unix)]
mod backups;
// Uses signals and a shell, as `help` does.
#[cfg(unix)]
mod binary;
mod builds;
mod catalogue;
mod collecting;
mod connections;
mod database;
mod described;
#[cfg(unix)]
mod disabling;
#[cfg(unix)]
mod full_disk;
#[cfg(unix)]
mod gone_folder;
#[cfg(unix)]
mod help;
mod identity;
#[cfg(unix)]
mod install;
mod keys;
mod leaks;
mod lifecycle;
mod limits;
mod lists;
mod misuse;
#[cfg(unix)]
mod names;
#[cfg(unix)]
mod observed;
mod oidc;
#[cfg(all(unix, feature = "postgres"))]
mod on_postgres;
#[cfg(all(unix, feature = "s3"))]
mod on_s3;
#[cfg(unix)]
mod operated;
#[cfg(unix)]
mod operator;
#[cfg(unix)]
mod outages;
mod packs;
#[cfg(feature = "page")]
mod page;
#[cfg(all(target_os = "linux", feature = "page"))]
mod page_commands;
#[cfg(feature = "page")]
mod page_people;
mod publishing;
mod races;
mod ranges;
mod reading;
#[cfg(unix)]
mod served;
mod short;
mod storage;
#[cfg(unix)]
mod strays;
mod support;
#[cfg(target_os = "linux")]
mod synced;
#[cfg(all(unix, feature = "tls"))]
mod tls;
mod tokens;
mod updates;
mod uploads;
