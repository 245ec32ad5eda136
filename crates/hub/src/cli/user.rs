//! `atlas-hub user`: administrators and pack creators, and their credentials.

use super::moment::Moment;
use super::output::{print_all, say};
use super::{CliError, DataDirArg, print_credential};
use build_version::BuildInfo;
use clap::{Args, Subcommand};
use hub::{Disabling, Earlier, IssuedDeployToken, Roster, UserName};
use jiff::Timestamp;
use release_types::UserRole;

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Adds a user and prints the credential on stdout, this one time.
    ///
    /// Also the way back in when every credential is lost.
    #[command(after_help = "\
Example:
  (umask 077; atlas-hub user add operator --role admin --data-dir /var/lib/atlas-hub > credential)")]
    Add {
        /// What to call the user.
        name: UserName,
        /// `admin` may do everything, `creator` what the packs allow that have the user as a
        /// member.
        #[arg(long)]
        role: UserRole,
        #[command(flatten)]
        expires: Expires,
        #[command(flatten)]
        dir: DataDirArg,
    },
    /// Prints the users, one a line: name, role, `active` or `disabled`, number of credentials in
    /// force, when one was last used, and when the last of them expires; with tabs between them. What
    /// the columns are stands above them, on stderr.
    #[command(after_help = "\
Example:
  atlas-hub user list --data-dir /var/lib/atlas-hub")]
    List(DataDirArg),
    /// Stops all of a user's credentials at once and for ever.
    ///
    /// Deploy tokens that the user has issued go on working, since they are the Hub's or a pack's.
    /// They are printed, one a line: id, beginning, name, `app` or the pack, when it was last used, and
    /// when it expires; with tabs between them. What the columns are stands above them, on stderr.
    #[command(after_help = "\
Example:
  atlas-hub user disable operator --data-dir /var/lib/atlas-hub")]
    Disable {
        /// Whom.
        name: UserName,
        /// Revoke these deploy tokens, too. Also for a user who is disabled already.
        #[arg(long)]
        revoke_issued: bool,
        /// Also when no other administrator has a credential in force.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        dir: DataDirArg,
    },
    /// Issues a further credential to a user and prints it on stdout, this one time.
    #[command(after_help = "\
Example:
  (umask 077; atlas-hub user token operator --rotate --data-dir /var/lib/atlas-hub > credential)")]
    Token {
        /// Whose.
        name: UserName,
        /// Revoke the credentials that the user has had so far.
        #[arg(long)]
        rotate: bool,
        #[command(flatten)]
        expires: Expires,
        #[command(flatten)]
        dir: DataDirArg,
    },
}

/// When a credential stops working.
#[derive(Debug, Args)]
pub(super) struct Expires {
    /// When the credential stops working: a time such as 2030-01-31T12:00:00Z, or a span from now
    /// such as 90d, 12h or 1y. Never, when absent.
    #[arg(long, value_name = "TIME")]
    expires: Option<Moment>,
}

impl Expires {
    fn resolve(&self, now: Timestamp) -> Result<Option<Timestamp>, CliError> {
        let end = self.expires.map(|end| end.after(now)).transpose();
        end.map_err(|error| CliError::Usage(format!("--expires: {error}")))
    }
}

pub(super) async fn execute(command: User, build: BuildInfo) -> Result<(), CliError> {
    match command {
        User::Add {
            name,
            role,
            expires,
            dir,
        } => {
            let (place, config) = (dir.place(), dir.config(build)?);
            let expires_at = expires.resolve(config.clock.now())?;
            let roster = Roster::open(config).await?;
            let added = roster.add_user(&name, role, expires_at).await;
            roster.close().await;
            print_credential(&added?, &name, &place)?;
            let end = end(expires_at);
            say!("the line on stdout is the credential of {name}; it {end} and is shown this once");
            Ok(())
        }
        User::List(dir) => {
            let roster = Roster::open(dir.config(build)?).await?;
            let users = roster.users().await;
            roster.close().await;
            let users = users?;
            say!("{}", COLUMNS.join("\t"));
            print_all(users.iter().map(|user| {
                let state = match user.disabled_at {
                    None => "active",
                    Some(_) => "disabled",
                };
                let (role, credentials) = (user.role, user.credentials);
                let used = user.last_used_at.map(|at| format!("{at:.0}"));
                let used = used.as_deref().unwrap_or("never");
                let ends = match user.expires_at {
                    Some(at) => format!("{at:.0}"),
                    None if credentials == 0 => "-".to_owned(),
                    None => "never".to_owned(),
                };
                format!(
                    "{}\t{role}\t{state}\t{credentials}\t{used}\t{ends}",
                    user.name
                )
            }))
        }
        User::Disable {
            name,
            revoke_issued,
            force,
            dir,
        } => {
            let place = dir.place();
            let roster = Roster::open(dir.config(build)?).await?;
            let how = Disabling {
                revoke_issued,
                even_the_last: force,
            };
            let issued = roster.disable_user(&name, how).await;
            roster.close().await;
            disabled(&name, &issued?, revoke_issued, &place)
        }
        User::Token {
            name,
            rotate,
            expires,
            dir,
        } => {
            let (place, config) = (dir.place(), dir.config(build)?);
            let expires_at = expires.resolve(config.clock.now())?;
            let earlier = if rotate {
                Earlier::Revoke
            } else {
                Earlier::Keep
            };
            let roster = Roster::open(config).await?;
            let issued = roster.issue_credential(&name, expires_at, earlier).await;
            roster.close().await;
            print_credential(&issued?, &name, &place)?;
            let end = end(expires_at);
            say!("the line on stdout is a credential of {name}; it {end} and is shown this once");
            Ok(())
        }
    }
}

/// Tells what has come of a user's end, and of the deploy tokens that the user had issued.
fn disabled(
    name: &UserName,
    issued: &[IssuedDeployToken],
    revoked: bool,
    place: &str,
) -> Result<(), CliError> {
    say!("user {name}: disabled");
    if issued.is_empty() {
        return Ok(());
    }
    let count = issued.len();
    match revoked {
        true => say!("deploy tokens that {name} had issued and that are revoked: {count}"),
        false => {
            say!("deploy tokens that {name} has issued and that go on working: {count}");
            say!(
                "hint: `atlas-hub user disable '{name}' --revoke-issued {place}` revokes them all; \
                 `atlas-release token revoke` one of them"
            );
        }
    }
    say!("{}", ISSUED.join("\t"));
    let time = |time: Option<Timestamp>| time.map(|at| format!("{at:.0}"));
    print_all(issued.iter().map(|token| {
        let called = token.name.as_deref().unwrap_or("-").escape_debug();
        let of = token.pack.as_ref().map_or("app", |pack| pack.as_str());
        let used = time(token.last_used_at);
        let ends = time(token.expires_at);
        let [used, ends] = [&used, &ends].map(|time| time.as_deref().unwrap_or("never"));
        let (id, prefix) = (&token.id, &token.token_prefix);
        format!("{id}\t{prefix}\t{called}\t{of}\t{used}\t{ends}")
    }))
}

/// What `user disable` prints of each deploy token.
const ISSUED: [&str; 6] = ["id", "begins with", "name", "of", "last used", "expires"];

/// What `user list` prints of each user.
const COLUMNS: [&str; 6] = [
    "name",
    "role",
    "state",
    "credentials",
    "last used",
    "expires",
];

/// When a credential stops working, in words.
fn end(expires_at: Option<Timestamp>) -> String {
    match expires_at {
        Some(at) => format!("expires at {at:.0}"),
        None => "never expires".to_owned(),
    }
}
