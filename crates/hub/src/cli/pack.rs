//! `atlas-hub pack`: packs and who looks after them.

use super::output::{print_all, say};
use super::{CliError, DataDirArg};
use build_version::BuildInfo;
use clap::{Args, Subcommand};
use hub::{Roster, UserName};
use release_types::{MemberRole, PackId};

#[derive(Debug, Subcommand)]
pub(super) enum Pack {
    /// Adds a pack, unless it exists.
    #[command(after_help = "\
Example:
  atlas-hub pack add my-pack --data-dir /var/lib/atlas-hub")]
    Add {
        /// 1 to 64 letters, digits, `-` and `_`.
        pack: PackId,
        #[command(flatten)]
        dir: DataDirArg,
    },
    /// Prints the packs, one a line.
    #[command(after_help = "\
Example:
  atlas-hub pack list --data-dir /var/lib/atlas-hub")]
    List(DataDirArg),
    /// Looks after the members of a pack, who issue its deploy tokens.
    #[command(
        subcommand,
        after_help = "\
Example:
  atlas-hub pack member add my-pack operator --role creator --data-dir /var/lib/atlas-hub"
    )]
    Member(Member),
}

#[derive(Debug, Subcommand)]
pub(super) enum Member {
    /// Makes a user a member, or gives a member another role.
    #[command(after_help = "\
Example:
  atlas-hub pack member add my-pack operator --role creator --data-dir /var/lib/atlas-hub")]
    Add {
        #[command(flatten)]
        member: MemberArgs,
        /// What the user is to the pack.
        #[arg(long)]
        role: MemberRole,
        #[command(flatten)]
        dir: DataDirArg,
    },
    /// Takes a user out of a pack.
    #[command(after_help = "\
Example:
  atlas-hub pack member remove my-pack operator --data-dir /var/lib/atlas-hub")]
    Remove {
        #[command(flatten)]
        member: MemberArgs,
        #[command(flatten)]
        dir: DataDirArg,
    },
    /// Prints the members, one a line: name and role, with a tab between them. What the columns are stands
    /// above them, on stderr.
    #[command(after_help = "\
Example:
  atlas-hub pack member list my-pack --data-dir /var/lib/atlas-hub")]
    List {
        /// Of which pack.
        pack: PackId,
        #[command(flatten)]
        dir: DataDirArg,
    },
}

#[derive(Debug, Args)]
pub(super) struct MemberArgs {
    /// Of which pack.
    pack: PackId,
    /// Who.
    user: UserName,
}

pub(super) async fn execute(command: Pack, build: BuildInfo) -> Result<(), CliError> {
    match command {
        Pack::Add { pack, dir } => {
            let roster = Roster::open(dir.config(build)?).await?;
            let added = roster.add_pack(&pack).await;
            roster.close().await;
            let done = if added? { "added" } else { "is there already" };
            say!("pack {pack}: {done}");
            Ok(())
        }
        Pack::List(dir) => {
            let roster = Roster::open(dir.config(build)?).await?;
            let packs = roster.packs().await;
            roster.close().await;
            print_all(packs?)
        }
        Pack::Member(member) => execute_member(member, build).await,
    }
}

async fn execute_member(command: Member, build: BuildInfo) -> Result<(), CliError> {
    match command {
        Member::Add { member, role, dir } => {
            let MemberArgs { pack, user } = member;
            let roster = Roster::open(dir.config(build)?).await?;
            let added = roster.add_member(&pack, &user, role).await;
            roster.close().await;
            added?;
            say!("pack {pack}: {user} is {role}");
            Ok(())
        }
        Member::Remove { member, dir } => {
            let MemberArgs { pack, user } = member;
            let roster = Roster::open(dir.config(build)?).await?;
            let removed = roster.remove_member(&pack, &user).await;
            roster.close().await;
            removed?;
            say!("pack {pack}: {user} is no member any more");
            Ok(())
        }
        Member::List { pack, dir } => {
            let roster = Roster::open(dir.config(build)?).await?;
            let members = roster.members(&pack).await;
            roster.close().await;
            let members = members?;
            say!("name\trole");
            print_all(members.iter().map(|(name, role)| format!("{name}\t{role}")))
        }
    }
}
