//! Why a package cannot be made.

use std::io;
use std::path::PathBuf;

/// Why a package cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A part of its description is something that no package can hold.
    #[error("the {field} `{}` {why}", value.escape_debug())]
    Unfit {
        /// Which part.
        field: &'static str,
        /// What it is.
        value: String,
        /// Why it cannot be held.
        why: &'static str,
    },
    /// The package cannot be written, or a file that belongs into it cannot be read.
    #[error("cannot make {}", path.display())]
    Io {
        /// The package.
        path: PathBuf,
        /// What the system said; of a file that cannot be read, with its name.
        source: io::Error,
    },
    /// What writes `.rpm` files has refused.
    #[error("cannot make {}", path.display())]
    Rpm {
        /// The package.
        path: PathBuf,
        /// Why.
        source: ::rpm::Error,
    },
}
