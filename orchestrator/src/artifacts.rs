//! Local files that are to be published, and the ways there are to name them: a staged release, or
//! a manifest of somebody else's making.

use hub_client::open_regular;
use release_types::bundles::other_version;
use release_types::{
    FileName, Kind, ManifestError, ManifestRow, ObjectKey, ObjectKeyError, Platform, ProductName,
    Sha256Digest, artifact_key, parse_manifest,
};
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A file that is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalArtifact {
    /// The product it belongs to.
    pub product: ProductName,
    /// The platform it is for.
    pub platform: Platform,
    /// What it is for.
    pub kind: Kind,
    /// The name it is published under.
    pub filename: FileName,
    /// The key it is stored under.
    pub key: ObjectKey,
    /// Where it is.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// When it had last been written to when its digest was computed, where the system says so.
    pub modified: Option<SystemTime>,
}

/// Files by what one call to the Hub is about: a product on a platform.
pub fn by_platform(
    artifacts: &[LocalArtifact],
) -> BTreeMap<(&ProductName, Platform), Vec<&LocalArtifact>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for artifact in artifacts {
        let key = (&artifact.product, artifact.platform);
        groups.entry(key).or_default().push(artifact);
    }
    groups
}

/// Why a manifest's files cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The manifest cannot be read.
    #[error("cannot read the manifest {}", path.display())]
    Read {
        /// The manifest.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A row is wrong.
    #[error("{}: {source}", path.display())]
    Row {
        /// The manifest.
        path: PathBuf,
        /// The line and what is wrong with it.
        source: ManifestError,
    },
    /// A row's file cannot be read.
    #[error("{}: line {line}: cannot read the file {}", manifest.display(), path.display())]
    File {
        /// The manifest.
        manifest: PathBuf,
        /// The line.
        line: usize,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A row's file is something that cannot be published.
    #[error("{}: line {line}: {} {why}", manifest.display(), path.display())]
    Unfit {
        /// The manifest.
        manifest: PathBuf,
        /// The line.
        line: usize,
        /// The file.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// A name says that the file is of another version.
    #[error("{}: line {line}: {} is by its name of version {found}, not {expected}; --allow-other-versions takes it all the same", manifest.display(), path.display())]
    OtherVersion {
        /// The manifest.
        manifest: PathBuf,
        /// The line.
        line: usize,
        /// The file.
        path: PathBuf,
        /// What its name, or the one that it is published under, says.
        found: String,
        /// What it is to be published as.
        expected: semver::Version,
    },
    /// The file of a signature's row is not there.
    #[error("{}: line {line}: the signature {} is missing", manifest.display(), path.display())]
    NoSignature {
        /// The manifest.
        manifest: PathBuf,
        /// The line.
        line: usize,
        /// The file.
        path: PathBuf,
    },
    /// A row makes no key.
    #[error("{}: line {line}", manifest.display())]
    Key {
        /// The manifest.
        manifest: PathBuf,
        /// The line.
        line: usize,
        /// Why not.
        source: ObjectKeyError,
    },
}

impl ArtifactError {
    /// The same of rows that stand elsewhere than in the file that they were read from.
    pub fn in_rows_of(mut self, name: &str) -> Self {
        let (Self::Read { path, .. }
        | Self::Row { path, .. }
        | Self::File { manifest: path, .. }
        | Self::Unfit { manifest: path, .. }
        | Self::OtherVersion { manifest: path, .. }
        | Self::NoSignature { manifest: path, .. }
        | Self::Key { manifest: path, .. }) = &mut self;
        *path = name.into();
        self
    }
}

/// Reads a manifest and every file it names.
///
/// Relative paths start at `base`.
///
/// # Errors
/// The first row that is wrong, with its line.
pub fn from_manifest(
    manifest: &Path,
    base: &Path,
    product: &ProductName,
    version: &semver::Version,
) -> Result<Vec<LocalArtifact>, ArtifactError> {
    from_manifest_of(manifest, base, (product, version), |_| true)
}

/// The same for the rows of some kinds alone; the files of others need not be there.
///
/// # Errors
/// The first row that is wrong, with its line.
pub fn from_manifest_of(
    manifest: &Path,
    base: &Path,
    (product, version): (&ProductName, &semver::Version),
    wanted: impl Fn(Kind) -> bool,
) -> Result<Vec<LocalArtifact>, ArtifactError> {
    let rows = read_rows(manifest)?;
    let mut artifacts = Vec::with_capacity(rows.len());
    for row in rows.into_iter().filter(|row| wanted(row.kind)) {
        let path = base.join(&row.path);
        let at = |why| ArtifactError::Unfit {
            manifest: manifest.to_owned(),
            line: row.line,
            path: path.clone(),
            why,
        };
        let io = |source| ArtifactError::File {
            manifest: manifest.to_owned(),
            line: row.line,
            path: path.clone(),
            source,
        };
        let meta = match std::fs::metadata(&path) {
            Err(error)
                if row.kind == Kind::Signature && error.kind() == std::io::ErrorKind::NotFound =>
            {
                return Err(ArtifactError::NoSignature {
                    manifest: manifest.to_owned(),
                    line: row.line,
                    path,
                });
            }
            meta => meta.map_err(io)?,
        };
        if !meta.is_file() {
            return Err(at("is not a file"));
        }
        if meta.len() == 0 {
            return Err(at("is empty"));
        }
        let (size, sha256) = digest_file(&path).map_err(io)?;
        let key =
            artifact_key(product, version, row.platform, &row.filename).map_err(|source| {
                ArtifactError::Key {
                    manifest: manifest.to_owned(),
                    line: row.line,
                    source,
                }
            })?;
        artifacts.push(LocalArtifact {
            product: product.clone(),
            platform: row.platform,
            kind: row.kind,
            filename: row.filename,
            key,
            path,
            size,
            sha256,
            modified: meta.modified().ok(),
        });
    }
    Ok(artifacts)
}

/// A row whose file is called, here or where it is published, after another version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherVersion {
    /// The line, from 1.
    pub line: usize,
    /// The file.
    pub path: PathBuf,
    /// What the name says.
    pub found: String,
}

/// The rows whose files' names say another version than this: who says the version of files that others have
/// made may have others beside them, of last time. It may as well be that of a system or a library.
///
/// # Errors
/// When the manifest cannot be read.
pub fn other_versions(
    manifest: &Path,
    base: &Path,
    version: &semver::Version,
) -> Result<Vec<OtherVersion>, ArtifactError> {
    let mut others = Vec::new();
    for row in read_rows(manifest)? {
        let path = base.join(&row.path);
        let here = path.file_name().unwrap_or_default().to_string_lossy();
        let found =
            other_version(&here, version).or_else(|| other_version(row.filename.as_str(), version));
        if let Some(found) = found
            && matches!(row.kind, Kind::Binary | Kind::Installer)
        {
            let line = row.line;
            others.push(OtherVersion { line, path, found });
        }
    }
    Ok(others)
}

/// Where a manifest's rows of kind `signature` say that their files are, whether or not they are there.
///
/// # Errors
/// When it cannot be read.
pub fn read_signature_paths(
    manifest: &Path,
    base: &Path,
    product: &ProductName,
) -> Result<BTreeMap<(ProductName, Platform, String), PathBuf>, ArtifactError> {
    let mut rows = read_rows(manifest)?;
    rows.retain(|row| row.kind == Kind::Signature);
    let named = rows.into_iter().map(|row| {
        let key = (product.clone(), row.platform, row.filename.to_string());
        (key, base.join(row.path))
    });
    Ok(named.collect())
}

/// A manifest's rows.
///
/// # Errors
/// When it cannot be read, or a row is wrong.
pub fn read_rows(manifest: &Path) -> Result<Vec<ManifestRow>, ArtifactError> {
    let text = read_text(manifest, DOCUMENT_LIMIT).map_err(|source| ArtifactError::Read {
        path: manifest.to_owned(),
        source,
    })?;
    parse_manifest(&text).map_err(|source| ArtifactError::Row {
        path: manifest.to_owned(),
        source,
    })
}

/// The longest document that is read into memory, in bytes: some hundred thousand rows.
pub const DOCUMENT_LIMIT: u64 = 16 * 1024 * 1024;

/// Reads a text file of at most `limit` bytes; a pipe or a device, which may never end, is none.
///
/// # Errors
/// What the system says, or that it is no such file.
pub fn read_text(path: &Path, limit: u64) -> std::io::Result<String> {
    let file = open_regular(path)?;
    if file.metadata()?.len() > limit {
        let why = format!("it is longer than {limit} bytes");
        return Err(std::io::Error::other(why));
    }
    let mut bytes = Vec::new();
    // It may grow meanwhile.
    file.take(limit).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let before = String::from_utf8_lossy(before);
        let line = before.rsplit('\n').next().unwrap_or_default();
        let place = NotText {
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        };
        std::io::Error::new(std::io::ErrorKind::InvalidData, place)
    })
}

/// Bytes that are no text, and where the first of them stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: what stands there is no UTF-8")]
pub struct NotText {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

/// A file's length in bytes and its digest; memory does not grow with the file.
///
/// # Errors
/// What the system says.
pub fn digest_file(path: &Path) -> std::io::Result<(u64, Sha256Digest)> {
    let mut file = open_regular(path)?;
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((size, Sha256Digest::from_hasher(hasher)));
        }
        hasher.update(&buffer[..read]);
        size += read as u64;
    }
}
