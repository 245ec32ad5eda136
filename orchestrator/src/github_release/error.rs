//! Why a release is not on GitHub.

use super::{NotARepository, NotAnApi};
use hub_client::ClientError;
use release_types::{Platform, ProductName, Sha256Digest};
use std::fmt;
use std::path::PathBuf;

/// An asset that has other bytes on GitHub than here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differing {
    /// Its name.
    pub name: String,
    /// Bytes on GitHub.
    pub there_size: u64,
    /// The digest on GitHub.
    pub there: Sha256Digest,
    /// Bytes here.
    pub here_size: u64,
    /// The digest here.
    pub here: Sha256Digest,
}

impl fmt::Display for Differing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            there_size,
            there,
            here_size,
            here,
        } = self;
        write!(
            f,
            "{name} has sha256 {there} in {there_size} bytes there, and {here} in {here_size} here"
        )
    }
}

/// Why a release is not on GitHub, or not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum GithubReleaseError {
    /// No repository was named.
    #[error("no repository was named: neither --repository nor GITHUB_REPOSITORY is given")]
    NoRepository,
    /// What names it cannot.
    #[error(transparent)]
    Repository(#[from] NotARepository),
    /// The API's address cannot be used.
    #[error(transparent)]
    Api(#[from] NotAnApi),
    /// There is no credential.
    #[error("there is no credential for GitHub: neither GITHUB_TOKEN nor GH_TOKEN is set")]
    NoToken,
    /// The credential cannot stand in a header.
    #[error(
        "the credential for GitHub cannot be sent: it holds a space or a character outside ASCII"
    )]
    Token,
    /// The release that is staged says of no tag.
    #[error("what is staged is of no tag")]
    NoTag,
    /// No tag was named.
    #[error("no tag was named whose notes could be looked for")]
    NoTagNamed,
    /// The changelog cannot be read.
    #[error("cannot read the changelog {}", path.display())]
    Changelog {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nobody has said what is new.
    #[error("there are no notes for {tag}: {why}")]
    NoNotes {
        /// The release.
        tag: String,
        /// Where was looked.
        why: String,
    },
    /// More than GitHub takes.
    #[error(
        "the notes are {characters} characters long, and GitHub takes {limit} beside what marks a draft"
    )]
    LongNotes {
        /// How many there are.
        characters: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A release on GitHub is one folder.
    #[error("{} and {} are both called {name}, and a release on GitHub has one file of a name", first.display(), second.display())]
    SameName {
        /// The name.
        name: String,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A name of which GitHub would keep nothing.
    #[error("{0} has no name for GitHub, which keeps letters, digits and . _ - + @ alone")]
    Name(String),
    /// A file that GitHub does not take.
    #[error("{name} has {size} bytes, and GitHub takes less than {limit}")]
    TooLarge {
        /// Its name.
        name: String,
        /// Bytes.
        size: u64,
        /// The bound, in bytes.
        limit: u64,
    },
    /// More files than GitHub takes.
    #[error("there are {files} files, and a release on GitHub has {limit} at most")]
    TooMany {
        /// How many there are.
        files: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A pre-release is never the latest release.
    #[error("{0} is a pre-release, which GitHub never calls the latest release")]
    NeverLatest(String),
    /// The list of digests cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something that is required is not staged.
    #[error("nothing was released: {} is missing", listed(missing))]
    Incomplete {
        /// What is missing.
        missing: Vec<(ProductName, Platform)>,
    },
    /// GitHub shows this credential no such repository.
    #[error("GitHub shows this credential no repository {0}")]
    Unseen(String),
    /// The tag is not there.
    #[error("{repository} has no tag {tag} on GitHub")]
    NoSuchTag {
        /// The repository.
        repository: String,
        /// The tag.
        tag: String,
    },
    /// The tag is of another commit.
    #[error("the tag {tag} is at {there} on GitHub, and what is staged was built from {built}")]
    OtherCommit {
        /// The tag.
        tag: String,
        /// The commit on GitHub, or what else it points at.
        there: String,
        /// The commit that was built.
        built: String,
    },
    /// Nobody knows which draft is meant.
    #[error("{tag} has several drafts on GitHub that others have made: {}", urls.join(", "))]
    SeveralDrafts {
        /// The tag.
        tag: String,
        /// Where they are.
        urls: Vec<String>,
    },
    /// The release has other files of these names.
    #[error("{tag} has other bytes on GitHub: {}", told(differing))]
    Conflict {
        /// The tag.
        tag: String,
        /// Which.
        differing: Vec<Differing>,
    },
    /// GitHub has other bytes than it was sent.
    #[error("GitHub has stored other bytes than were sent: {}", told(differing))]
    Altered {
        /// Which.
        differing: Vec<Differing>,
    },
    /// GitHub has given a file another name.
    #[error("GitHub has called {sent} {named}; the file was taken back")]
    Renamed {
        /// The name it was sent under.
        sent: String,
        /// The name it was given.
        named: String,
    },
    /// Others have changed the release each time it was complete.
    #[error("{tag} on GitHub has been changed by others again and again meanwhile")]
    Unsettled {
        /// The tag.
        tag: String,
    },
    /// GitHub could not be asked or said no.
    #[error(transparent)]
    Client(#[from] ClientError),
}

fn told(differing: &[Differing]) -> String {
    let texts: Vec<String> = differing.iter().map(Differing::to_string).collect();
    texts.join("; ")
}

fn listed(missing: &[(ProductName, Platform)]) -> String {
    let texts = missing
        .iter()
        .map(|(product, on)| format!("{product} for {on}"));
    texts.collect::<Vec<_>>().join(", ")
}

impl GithubReleaseError {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoRepository => "name it: --repository owner/name",
            Self::NoToken | Self::Token => {
                "in a job of GitHub Actions: env: { GITHUB_TOKEN: ${{ github.token }} }, and permissions: { contents: write }; elsewhere a token that may write the repository's contents"
            }
            Self::NoTagNamed => "atlas-release github-release <group>-v<version> --check-notes",
            Self::NoNotes { .. } => {
                "add a section to the changelog, such as `## 1.4.0` or `## runner 1.4.0`, name another file with --changelog, or give the notes: --notes or --notes-file"
            }
            Self::LongNotes { .. } => "give shorter ones: --notes or --notes-file",
            Self::SameName { .. } | Self::Name(_) => {
                "give it another name, by the last column of its manifest"
            }
            Self::Incomplete { .. } => {
                "bring the dist folders of all machines here, and name each with --dist-dir; --require says what is needed"
            }
            Self::Unseen(_) => {
                "check --repository and GITHUB_REPOSITORY; GitHub says the same of what is not there and of what the credential may not see"
            }
            Self::NoSuchTag { .. } => "push it: git push origin <tag>",
            Self::OtherCommit { .. } => {
                "a released tag does not move: build what it is at, or release another version"
            }
            Self::SeveralDrafts { .. } => "delete all but one of them",
            Self::Conflict { .. } => {
                "published bytes never change: release a new version; where it is a draft that an earlier build has left, delete it on GitHub"
            }
            Self::Altered { .. } => {
                "GitHub has not kept what it was given; in a draft delete these files there and run it again, and what was published already release as a new version"
            }
            Self::Client(ClientError::Unauthorized { .. }) => {
                "GITHUB_TOKEN, or GH_TOKEN without it, has to hold a token that has not expired"
            }
            Self::Client(
                ClientError::Forbidden { .. } | ClientError::Refused { status: 404, .. },
            ) => {
                "the token has to be allowed to write the repository's contents; in a job of GitHub Actions: permissions: { contents: write }"
            }
            Self::Client(ClientError::Redirected { .. }) => {
                "the repository may have been renamed: name it as it is called now with --repository"
            }
            _ => return None,
        };
        Some(text.to_owned())
    }
}
