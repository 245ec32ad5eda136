//! What an operator looks after a Hub with: the audit, checks, leftovers, backups.

use super::moment::PastMoment;
use super::output::{print_all, say};
use super::{CliError, DataDirArg};
use build_version::BuildInfo;
use clap::{Args, Subcommand, ValueEnum};
use hub::{AuditEntry, Checked, Collection, Hub, HubConfig, Inspection};
use jiff::{SignedDuration, Timestamp};
use std::path::PathBuf;

/// How long what nobody has released is kept.
#[derive(Debug, Args)]
pub(super) struct KeepArgs {
    /// How many hours an upload has to become part of a release before it is removed.
    #[arg(long, value_name = "HOURS", default_value_t = 7 * 24)]
    keep_unregistered: u32,
    /// How many hours a draft has to be finalized before it is removed, and its uploads with it.
    #[arg(long, value_name = "HOURS", default_value_t = 30 * 24)]
    keep_drafts: u32,
}

impl KeepArgs {
    pub(super) fn apply(&self, config: &mut HubConfig) {
        config.keep_unregistered = SignedDuration::from_hours(self.keep_unregistered.into());
        config.keep_drafts = SignedDuration::from_hours(self.keep_drafts.into());
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Operate {
    /// Prints who changed what, one change a line, the newest last. Works beside a running server.
    #[command(after_help = "\
Example:
  atlas-hub audit --data-dir /var/lib/atlas-hub --since 7d --format json")]
    Audit {
        #[command(flatten)]
        dir: DataDirArg,
        /// Leaves out what is older: than a time such as 2026-01-31T12:00:00Z, a day such as
        /// 2026-01-31, or a span back from now such as 2h or 7d.
        #[arg(long, value_name = "TIME")]
        since: Option<PastMoment>,
        /// How many of the newest changes to print.
        #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
        limit: u32,
        /// How each is written.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Compares every file of every release, and every pack's build, with its digest, and prints those
    /// that differ. Works beside a running server.
    #[command(after_help = "\
Example:
  atlas-hub check --data-dir /var/lib/atlas-hub")]
    Check {
        #[command(flatten)]
        dir: DataDirArg,
        /// Looks at lengths alone.
        #[arg(long)]
        quick: bool,
    },
    /// Removes drafts that nobody has finalized, uploads that no release has taken, and bytes that
    /// no upload has; prints them.
    ///
    /// A server does the same every hour.
    #[command(after_help = "\
Example:
  atlas-hub gc --dry-run --data-dir /var/lib/atlas-hub")]
    Gc {
        #[command(flatten)]
        dir: DataDirArg,
        /// Only prints what would go.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        keep: KeepArgs,
        /// Also removes bytes that the catalogue does not know where it was put back from a
        /// backup, and so may not know releases that were made later.
        #[arg(long)]
        forget_unknown: bool,
    },
    /// Copies a Hub to an empty folder, whole and as it is at one moment. Works beside a running
    /// server. The copy holds the Hub's secrets: keep it as safe. Bytes in a bucket are not copied.
    #[command(after_help = "\
Example:
  atlas-hub backup /backup/hub-monday --data-dir /var/lib/atlas-hub")]
    Backup {
        /// The folder to make.
        folder: PathBuf,
        #[command(flatten)]
        dir: DataDirArg,
        /// Gives the bytes a second name instead of copying them, where the file system can.
        #[arg(long)]
        link: bool,
    },
    /// Makes a Hub from a backup, in an empty folder, when every byte of it is right.
    #[command(after_help = "\
Example:
  atlas-hub restore /backup/hub-monday --data-dir /var/lib/atlas-hub-new")]
    Restore {
        /// The backup.
        folder: PathBuf,
        #[command(flatten)]
        dir: DataDirArg,
    },
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

pub(super) async fn run(command: Operate, build: BuildInfo) -> Result<(), CliError> {
    match command {
        Operate::Audit {
            dir,
            since,
            limit,
            format,
        } => {
            let config = dir.config(build)?;
            let since = since.map(|since| since.before(config.clock.now()));
            let since = since.transpose()?;
            let hub = Inspection::open(&config).await?;
            let entries = hub.audit(since, limit).await;
            hub.close().await;
            let entries = entries?;
            let lines = entries.iter().map(|entry| match format {
                Format::Human => Ok(line(entry)),
                Format::Json => {
                    serde_json::to_string(entry).map_err(|error| CliError::Stdout(error.into()))
                }
            });
            print_all(lines.collect::<Result<Vec<_>, _>>()?)
        }
        Operate::Check { dir, quick } => {
            let hub = Inspection::open(&dir.config(build)?).await?;
            let checked = hub.check(quick).await;
            hub.close().await;
            let checked = checked?;
            print_all(checked.damaged.iter().map(|damage| {
                let (name, sha256, why) = (&damage.name, damage.sha256, damage.why);
                format!("{name}: {why} ({sha256})")
            }))?;
            print_all(&checked.refused_names)?;
            let damaged = checked.damaged.len();
            let all = looked_at(&checked);
            if damaged > 0 {
                return Err(CliError::Damaged { damaged, all });
            }
            let verb = if checked.files + checked.builds == 1 {
                "is"
            } else {
                "are"
            };
            say!("{all} {verb} what was published");
            match checked.refused_names.len() {
                0 => Ok(()),
                count => Err(CliError::RefusedNames { count }),
            }
        }
        Operate::Gc {
            dir,
            dry_run,
            keep,
            forget_unknown,
        } => {
            let mut config = dir.config(build)?;
            keep.apply(&mut config);
            config.collect_on_open = false;
            config.make_room = !dry_run;
            let hub = Hub::open_initialized(config).await?;
            let how = Collection {
                dry_run,
                forget_unknown,
            };
            let collected = hub.collect(how).await;
            hub.close().await;
            let collected = collected?;
            let drafts = collected
                .drafts
                .iter()
                .map(|draft| format!("draft {draft}"));
            let keys = collected.unregistered.iter().map(ToString::to_string);
            print_all(drafts.chain(keys).chain(collected.unknown.iter().cloned()))?;
            let done = if dry_run {
                "would be removed"
            } else {
                "removed"
            };
            say!(
                "{done}: {} drafts, {} uploads, {} files that no upload has, {} bytes",
                collected.drafts.len(),
                collected.unregistered.len(),
                collected.unknown.len(),
                collected.bytes
            );
            if collected.kept > 0 {
                say!(
                    "kept: {} files that the catalogue does not know, since it was put back from \
                     a backup; --forget-unknown removes them",
                    collected.kept
                );
            }
            Ok(())
        }
        Operate::Backup { folder, dir, link } => {
            let hub = Inspection::open(&dir.config(build)?).await?;
            let backup = hub.backup(&folder, link, Timestamp::now()).await;
            hub.close().await;
            let backup = backup?;
            let (blobs, bytes) = (backup.blobs.len(), backup.bytes());
            match &backup.bucket {
                None => say!("{}: {blobs} stored files, {bytes} bytes", folder.display()),
                Some(bucket) => say!(
                    "{}: the catalogue, {bytes} bytes; the stored files stay in {bucket} and are \
                     not in this backup",
                    folder.display()
                ),
            }
            Ok(())
        }
        Operate::Restore { folder, dir } => {
            let config = dir.config(build)?;
            if config.database.is_some() {
                return Err(CliError::Usage(
                    "a backup holds a catalogue that is a file; what `pg_dump` has copied is put \
                     back by `pg_restore`, and the folder `blobs` by hand, before a Hub is started"
                        .to_owned(),
                ));
            }
            let backup = hub::restore(&folder, &config.data_dir, config.bucket.as_ref()).await?;
            let (dir, at) = (config.data_dir.display(), backup.created_at);
            match &backup.bucket {
                None => {
                    let blobs = backup.blobs.len();
                    say!("{dir}: a Hub with {blobs} stored files, as it was at {at}");
                }
                Some(_) => say!(
                    "{dir}: a catalogue as it was at {at}, whose files are in the bucket; `gc` keeps \
                     what it does not know there until --forget-unknown"
                ),
            }
            Ok(())
        }
    }
}

/// How much a check has looked at.
fn looked_at(checked: &Checked) -> String {
    let (files, builds) = (checked.files, checked.builds);
    let files = match files {
        1 => "1 file of releases".to_owned(),
        _ => format!("{files} files of releases"),
    };
    match builds {
        0 => files,
        1 => format!("{files} and 1 build of packs"),
        _ => format!("{files} and {builds} builds of packs"),
    }
}

/// A change for people. Names are what clients chose, so control characters are shown as such.
fn line(entry: &AuditEntry) -> String {
    let name = entry.actor_name.as_deref().unwrap_or("-").escape_debug();
    format!(
        "{} {} {} by {} {name} ({}) from {} request {}",
        entry.at,
        entry.action,
        entry.object.escape_debug(),
        entry.actor_kind,
        entry.actor_id.as_deref().unwrap_or("-"),
        entry.peer.as_deref().unwrap_or("-"),
        entry.request_id.as_deref().unwrap_or("-"),
    )
}
