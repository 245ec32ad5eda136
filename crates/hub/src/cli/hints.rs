//! What to do about a command that has failed.

use super::CliError;
use hub::{BackupError, HubError, RosterError};

/// What to do about it, where that is known.
pub(super) fn hint(error: &CliError) -> Option<String> {
    match error {
        CliError::Hub(HubError::NotInitialized { path }) => Some(format!(
            "run `atlas-hub init --data-dir {}` first",
            path.display()
        )),
        CliError::Initialized { place, .. } => Some(format!(
            "`atlas-hub user list {place}` shows who has credentials; `atlas-hub user token <NAME> \
             {place}` makes another"
        )),
        CliError::CredentialLost { name, place, .. } => Some(format!(
            "`atlas-hub user token '{name}' --rotate {place}` makes another credential and \
             revokes the lost one"
        )),
        CliError::Roster(error) => roster_hint(error).map(str::to_owned),
        CliError::Damaged { .. } => Some(
            "publish the same files again (`atlas-release publish` sends what cannot be read back), \
             or put each of them back from a backup; a pack's build is put back, or made anew"
                .to_owned(),
        ),
        CliError::Hub(HubError::Locked { .. }) => Some(
            "wait for it or end it; `user`, `pack`, `product`, `trust`, `audit`, `check` and `backup` work \
             beside a server"
                .to_owned(),
        ),
        CliError::Hub(HubError::Listen { .. }) => Some(
            "another program may listen there: choose another port, or 0 for a free one"
                .to_owned(),
        ),
        CliError::Hub(HubError::Migrate(_))
        | CliError::Backup(BackupError::Hub(HubError::Migrate(_))) => Some(
            "a newer atlas-hub may have had it: run one that is at least as new, or go back to a \
             backup from before"
                .to_owned(),
        ),
        CliError::Backup(BackupError::NotEmpty { .. }) => {
            Some("name a folder that is empty or does not exist yet".to_owned())
        }
        CliError::Backup(BackupError::NoBackup { .. }) => Some(
            "name the folder that `atlas-hub backup` wrote and that has a manifest.json; one without \
             was not finished"
                .to_owned(),
        ),
        CliError::Hub(error) | CliError::Backup(BackupError::Hub(error))
            if error.is_storage_full() =>
        {
            Some(
                "make room on that disk, or give it more: `atlas-hub serve` and `atlas-hub gc` remove what \
                 no upload has by themselves, the rest is for you to move away"
                    .to_owned(),
            )
        }
        CliError::RefusedNames { .. } => Some(
            "what has such a name is stored and cannot be asked for: publish it anew under another one"
                .to_owned(),
        ),
        CliError::PlainUrl(_) => Some(
            "begin --public-url with https; where a proxy does TLS and speaks plain HTTP to the Hub, \
             leave --tls-cert and --tls-key out"
                .to_owned(),
        ),
        CliError::Usage(_)
        | CliError::Hub(_)
        | CliError::Backup(_)
        | CliError::Stdout(_)
        | CliError::Signals(_) => None,
    }
}

fn roster_hint(error: &RosterError) -> Option<&'static str> {
    match error {
        RosterError::UserExists(_) => {
            Some("`atlas-hub user token` issues a further credential to a user")
        }
        RosterError::NoUser(_) => {
            Some("`atlas-hub user list` shows who there is, `atlas-hub user add` adds somebody")
        }
        RosterError::Disabled(_) => {
            Some("that is for ever: add a user of another name with `atlas-hub user add`")
        }
        RosterError::LastAdmin(_) => Some(
            "add another one before with `atlas-hub user add <NAME> --role admin`, or give --force: that \
             command makes an administrator at any time, on this machine",
        ),
        RosterError::NoPack(_) => {
            Some("`atlas-hub pack list` shows which there are, `atlas-hub pack add` adds one")
        }
        RosterError::NoProduct(_) => {
            Some("`atlas-hub product list` shows which there are, `atlas-hub product add` adds one")
        }
        RosterError::NoRule(_) => Some("`atlas-hub trust list` shows which there are"),
        RosterError::NoMember { .. } => Some("`atlas-hub pack member list` shows who is"),
        RosterError::Hub(_) | RosterError::Expired => None,
    }
}
