//! Packages that a person installs a program from: `.deb`, `.rpm`, and a `.zip` with scripts for
//! PowerShell.
//!
//! The same description and files make the same bytes, on whatever machine: entries are sorted, belong to
//! root, and have the one time that is given. Files are read in pieces; of an `.rpm` its compressed
//! contents are in memory once, and of the others nothing that grows with the files.
//!
//! What belongs into a package, where its files come from and what it is called is for callers to know.
//! No program is run and nothing is signed here.

mod deb;
mod error;
mod files;
mod needs;
mod out;
mod package;
mod rpm;
mod version;
mod windows;
mod zip;

pub use deb::{check_deb, write_deb};
pub use error::PackageError;
pub use files::{Content, Entry, compressed, lay_out};
pub use package::Package;
pub use rpm::{check_rpm, write_rpm};
pub use version::{check_version, core_version, deb_version, rpm_version, sorted_otherwise};
pub use windows::{INSTALL_SCRIPT, UNINSTALL_SCRIPT, windows_scripts};
pub use zip::write_zip;
