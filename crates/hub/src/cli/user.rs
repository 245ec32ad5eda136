//! `atlas-hub user`: administrators and pack creators, and their credentials.

use super::{CliError, DataDirArg, print, print_credential};
use build_version::BuildInfo;
use clap::Subcommand;
use hub::{Earlier, Roster, UserName};
use jiff::{Span, Timestamp, tz::TimeZone};
use release_types::UserRole;
use std::str::FromStr;

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
    /// Deploy tokens that the user has issued go on working: they are the Hub's, or a pack's.
    #[command(after_help = "\
Example:
  atlas-hub user disable operator --data-dir /var/lib/atlas-hub")]
    Disable {
        /// Whom.
        name: UserName,
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
#[derive(Debug, clap::Args)]
pub(super) struct Expires {
    /// When the credential stops working: a time such as 2030-01-31T12:00:00Z, or a span from now
    /// such as 90d, 12h or 1y. Never, when absent.
    #[arg(long, value_name = "TIME")]
    expires: Option<Expiry>,
}

#[derive(Debug, Clone, Copy)]
enum Expiry {
    At(Timestamp),
    After(Span),
}

impl FromStr for Expiry {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        match text.parse() {
            Ok(time) => Ok(Self::At(time)),
            Err(no_time)
                if text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('-') =>
            {
                Err(no_time)
            }
            Err(_) => text.parse().map(Self::After),
        }
    }
}

impl Expires {
    fn resolve(&self, now: Timestamp) -> Result<Option<Timestamp>, CliError> {
        let end = match self.expires {
            None => return Ok(None),
            Some(Expiry::At(time)) => time,
            // Days and longer are counted in UTC.
            Some(Expiry::After(span)) => {
                let end = now.to_zoned_datetime(TimeZone::UTC).checked_add(span);
                end.map_err(|error| CliError::Usage(format!("--expires: {error}")))?
                    .timestamp()
            }
        };
        Ok(Some(end))
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
            eprintln!(
                "the line on stdout is the credential of {name}; it {end} and is shown this once"
            );
            Ok(())
        }
        User::List(dir) => {
            let roster = Roster::open(dir.config(build)?).await?;
            let users = roster.users().await;
            roster.close().await;
            let users = users?;
            eprintln!("{}", COLUMNS.join("\t"));
            users.iter().try_for_each(|user| {
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
                print(&format!(
                    "{}\t{role}\t{state}\t{credentials}\t{used}\t{ends}",
                    user.name
                ))
            })
        }
        User::Disable { name, dir } => {
            let roster = Roster::open(dir.config(build)?).await?;
            let disabled = roster.disable_user(&name).await;
            roster.close().await;
            disabled?;
            eprintln!("user {name}: disabled");
            Ok(())
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
            eprintln!(
                "the line on stdout is a credential of {name}; it {end} and is shown this once"
            );
            Ok(())
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> Option<String> {
        let now: Timestamp = "2028-02-29T10:00:00Z".parse().unwrap();
        let expires = Some(text.parse().ok()?);
        let end = Expires { expires }.resolve(now).ok()?;
        end.map(|end| end.to_string())
    }

    #[test]
    fn a_credential_expires_at_a_time_or_after_a_span() {
        for (text, end) in [
            ("2030-01-31T12:00:00Z", "2030-01-31T12:00:00Z"),
            ("2030-01-31T12:00:00+02:00", "2030-01-31T10:00:00Z"),
            ("90d", "2028-05-29T10:00:00Z"),
            ("12h", "2028-02-29T22:00:00Z"),
            ("1y", "2029-02-28T10:00:00Z"),
        ] {
            assert_eq!(resolved(text).as_deref(), Some(end), "{text}");
        }
        for bad in ["", "soon", "2030-01-31", "7", "90000y"] {
            assert_eq!(resolved(bad), None, "{bad}");
        }
    }
}
