//! The version of a build: how it gets into a program, and how it is read back.
//!
//! - A package's build script calls [`emit`], which takes the version from `ATLAS_BUILD_VERSION`
//!   or, failing that, from the package's manifest.
//! - The program says who it is with [`build_info!`], once, in its `main.rs`.
//! - [`read_marker`] finds the version in a finished executable, also in one that this machine
//!   cannot run.
//!
//! Which version a release should have, and what to do when an executable carries another one, is
//! for callers to decide. Every program links this crate and test fixtures compile it again and
//! again, so it depends on `semver` alone and writes its two error types by hand.

mod emit;
mod info;
mod marker;

pub use emit::emit;
pub use info::BuildInfo;
pub use marker::{MarkerError, read_marker};

/// What [`build_info!`] expands to; nothing here is meant to be called by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::info::from_marker;
    pub use crate::marker::{OVERHEAD, frame};
}

/// The [`BuildInfo`] of the program with this name, in a package whose build script calls
/// [`emit`].
///
/// Each place that this is written puts one marker into the executable, and [`read_marker`] accepts
/// exactly one. So it belongs into a program's `main.rs`, never into a library that other programs
/// link; a library is handed the value.
///
/// ```ignore
/// let build = build_version::build_info!("atlas-runner");
/// println!("{build}"); // atlas-runner 1.4.0
/// ```
#[macro_export]
macro_rules! build_info {
    ($name:expr) => {{
        const VERSION: &str = env!(
            "BUILD_VERSION_VERSION",
            "build_info! needs a build script that calls build_version::emit()"
        );
        // Referenced below as well: `#[used]` alone keeps it from the compiler, not from a linker
        // that collects unreferenced sections.
        #[used]
        static MARKER: [u8; VERSION.len() + $crate::__private::OVERHEAD] =
            $crate::__private::frame(VERSION);
        $crate::__private::from_marker(
            $name,
            &MARKER,
            env!("BUILD_VERSION_COMMIT"),
            env!("BUILD_VERSION_TARGET"),
            env!("BUILD_VERSION_RUSTC"),
        )
    }};
}
