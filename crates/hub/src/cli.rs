//! The command line of `atlas-hub`: arguments to settings, settings to the library, its answer to
//! an exit code. stdout is data, one thing a line; everything else goes to stderr.

mod descriptors;
mod hints;
mod log;
mod moment;
mod operate;
mod output;
mod pack;
mod product;
mod serve;
mod trust;
mod user;

use build_version::BuildInfo;
use clap::{ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use hub::{
    BackupError, BucketConfig, DatabaseUrl, Hub, HubConfig, HubError, RosterError, StatementTimes,
    UserName,
};
use log::LogFormat;
use operate::Operate;
use output::{say, write_line};
use process::Env;
use secrecy::{ExposeSecret as _, SecretString};
use serve::ServeArgs;
use std::path::PathBuf;
use std::process::ExitCode;
use url::Url;

/// Runs a Distribution Hub: what release automation publishes to and programs update from.
#[derive(Debug, Parser)]
#[command(name = "atlas-hub", after_help = EXIT_CODES)]
struct Cli {
    /// Say more; twice for everything.
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
    /// How the log on stderr is written.
    #[arg(long, value_enum, default_value_t, global = true)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

/// The exit code for what is this machine's fault.
pub(crate) const MACHINE_FAILED: u8 = 9;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a defect in atlas-hub
  2  usage: a flag, a setting, or a data directory that is not initialized
  8  what is stored, or a backup, is not what it was
  9  this machine: disk, permissions, an address that cannot be listened on, or a data directory
     that another process has or whose catalogue is lost";

const INIT_HELP: &str = r#"Example:
  (umask 077; atlas-hub init --data-dir /var/lib/atlas-hub > admin-credential)

Whoever has the credential can issue tokens. Every user of a machine can read the
arguments of its programs, so give it to them in another way:
  printf 'authorization: Bearer %s\n' "$(cat admin-credential)" |
    curl -H @- -H 'content-type: application/json' -d '{"name":"ci"}' \
      http://127.0.0.1:8080/api/v1/deploy/app-tokens"#;

#[derive(Debug, Subcommand)]
enum Command {
    /// Creates a Hub and prints its first administrator's credential on stdout, this one time.
    #[command(after_help = INIT_HELP)]
    Init(DataDirArg),
    /// Serves the Distribution API until SIGTERM or SIGINT.
    ///
    /// When it is ready it prints `listening on http://<address>` on stdout.
    #[command(after_help = "\
Example:
  atlas-hub serve --data-dir /var/lib/atlas-hub --listen 0.0.0.0:8080 \\
      --public-url https://hub.example.com")]
    Serve(Box<ServeArgs>),
    /// Looks after administrators and pack creators. Works while the server runs, too.
    #[command(
        subcommand,
        after_help = "\
Example:
  atlas-hub user list --data-dir /var/lib/atlas-hub"
    )]
    User(user::User),
    /// Looks after packs and their members. Works while the server runs, too.
    #[command(
        subcommand,
        after_help = "\
Example:
  atlas-hub pack add my-pack --data-dir /var/lib/atlas-hub"
    )]
    Pack(pack::Pack),
    /// Looks after the products that can be released. Works while the server runs, too.
    #[command(
        subcommand,
        after_help = "\
Example:
  atlas-hub product list --data-dir /var/lib/atlas-hub"
    )]
    Product(product::Product),
    /// Looks after jobs of GitHub Actions that may publish without a token. Works while the server
    /// runs, too.
    #[command(
        subcommand,
        after_help = "\
Example:
  atlas-hub trust list --data-dir /var/lib/atlas-hub"
    )]
    Trust(trust::Trust),
    #[command(flatten)]
    Operate(Operate),
}

#[derive(Debug, Args)]
struct DataDirArg {
    /// The folder that holds everything the Hub keeps, but for the catalogue with --database and the
    /// stored bytes with --storage.
    #[arg(long, value_name = "FOLDER", required_unless_present = "database")]
    data_dir: Option<PathBuf>,
    /// A PostgreSQL database that holds the catalogue: postgres://USER@HOST/NAME. With a password
    /// in it, give it as the environment variable, which other users of the machine cannot read.
    ///
    /// Several Hubs can have one, each with a data directory of its own. `user`, `pack`, `product`,
    /// `trust` and `audit` then need no data directory.
    #[arg(
        long,
        value_name = "URL",
        env = "ATLAS_HUB_DATABASE",
        hide_env_values = true
    )]
    database: Option<DatabaseUrl>,
    /// A bucket that holds the stored bytes: s3://BUCKET/PREFIX, of any store that speaks as S3 does.
    ///
    /// Where it is and with which key is taken from AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY and their like. Several Hubs that have one database can have it.
    #[arg(long, value_name = "URL", env = "ATLAS_HUB_STORAGE")]
    storage: Option<String>,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CliError {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(transparent)]
    Roster(RosterError),
    #[error("{} is initialized already; nothing was changed", path.display())]
    Initialized { path: PathBuf, place: String },
    #[error("the credential is lost: it could not be written to stdout")]
    CredentialLost {
        name: UserName,
        place: String,
        source: std::io::Error,
    },
    #[error("cannot write to stdout")]
    Stdout(#[source] std::io::Error),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error("{damaged} of {all} are not what was published")]
    Damaged { damaged: usize, all: String },
    #[error("this version refuses names that an earlier one took: {count}")]
    RefusedNames { count: usize },
    #[error("--public-url {0} is plain HTTP, and with --tls-cert the Hub takes TLS alone")]
    PlainUrl(Url),
    #[error("signals cannot be received")]
    Signals(#[source] std::io::Error),
}

/// Runs the command that this process was started with.
pub(crate) async fn run(build: BuildInfo) -> ExitCode {
    let program = Cli::command().version(build.version());
    let matches = program.long_version(all_of(build)).get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let statements = log::start(cli.verbose, cli.log_format);
    let result = match outlive_file_limits() {
        Ok(()) => execute(cli.command, build, statements).await,
        Err(error) => Err(CliError::Signals(error)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::from(exit_code(&error))
        }
    }
}

/// All that the program knows of its build, without its name, which stands before it. For as long as the
/// process lives, which is what the parser asks of it.
fn all_of(build: BuildInfo) -> &'static str {
    let all: &'static str = Box::leak(build.to_text().into_boxed_str());
    let version = all.strip_prefix(build.name()).map(str::trim_start);
    version.unwrap_or(all)
}

async fn execute(
    command: Command,
    build: BuildInfo,
    statements: StatementTimes,
) -> Result<(), CliError> {
    match command {
        Command::Init(dir) => init(dir, build).await,
        Command::Serve(args) => serve::serve(*args, build, statements).await,
        Command::User(command) => user::execute(command, build).await,
        Command::Pack(command) => pack::execute(command, build).await,
        Command::Product(command) => product::execute(command, build).await,
        Command::Trust(command) => trust::execute(command, build).await,
        Command::Operate(command) => operate::run(command, build).await,
    }
}

/// What the first administrator is called.
const FIRST: &str = "admin";

async fn init(dir: DataDirArg, build: BuildInfo) -> Result<(), CliError> {
    let place = dir.place();
    let config = dir.config(build)?;
    let path = config.data_dir.clone();
    let hub = Hub::open(config).await?;
    if hub.is_initialized().await? {
        hub.close().await;
        return Err(CliError::Initialized { path, place });
    }
    let name: UserName = FIRST.parse().map_err(usage)?;
    let credential = hub.add_admin(FIRST).await?;
    hub.close().await;
    print_credential(&credential, &name, &place)?;
    say!("created a Hub in {}", path.display());
    say!("the line on stdout is its administrator's credential; it is shown this once");
    Ok(())
}

/// Lets a write beyond the limit for a file's size (`RLIMIT_FSIZE`) fail, which is answered as a
/// full disk is, instead of ending this process.
fn outlive_file_limits() -> std::io::Result<()> {
    // Its number everywhere but on MIPS. A handler that does nothing is enough, and stays when
    // what it would report to is dropped.
    #[cfg(all(unix, not(any(target_arch = "mips", target_arch = "mips64"))))]
    {
        use tokio::signal::unix::{SignalKind, signal};
        const SIGXFSZ: i32 = 25;
        drop(signal(SignalKind::from_raw(SIGXFSZ))?);
    }
    Ok(())
}

impl DataDirArg {
    fn config(self, build: BuildInfo) -> Result<HubConfig, HubError> {
        let mut config = HubConfig::new(self.data_dir.unwrap_or_default());
        config.database = self.database.filter(|url| !url.is_empty());
        let storage = self.storage.filter(|url| !url.is_empty());
        let bucket = storage.map(|url| BucketConfig::from_env(url, &Env::capture()));
        config.bucket = bucket.transpose()?;
        config.version = build.version().to_owned();
        Ok(config)
    }

    /// How to name the same Hub again.
    fn place(&self) -> String {
        match (&self.data_dir, &self.database) {
            (_, Some(url)) if !url.is_empty() => "--database …".to_owned(),
            (Some(path), _) => format!("--data-dir {}", path.display()),
            (None, _) => String::new(),
        }
    }
}

fn usage(error: impl std::fmt::Display) -> CliError {
    CliError::Usage(error.to_string())
}

fn print_credential(
    credential: &SecretString,
    name: &UserName,
    place: &str,
) -> Result<(), CliError> {
    write_line(credential.expose_secret()).map_err(|source| CliError::CredentialLost {
        name: name.clone(),
        place: place.to_owned(),
        source,
    })
}

fn report(error: &CliError) {
    say!("error: {}", hub::error_chain(error));
    if let Some(hint) = hints::hint(error) {
        say!("hint: {hint}");
    }
}

impl From<RosterError> for CliError {
    fn from(error: RosterError) -> Self {
        match error {
            RosterError::Hub(error) => Self::Hub(error),
            other => Self::Roster(other),
        }
    }
}

fn exit_code(error: &CliError) -> u8 {
    match error {
        CliError::Usage(_)
        | CliError::PlainUrl(_)
        | CliError::Initialized { .. }
        | CliError::Roster(_)
        | CliError::Backup(BackupError::NotEmpty { .. }) => 2,
        CliError::Damaged { .. }
        | CliError::RefusedNames { .. }
        | CliError::Backup(BackupError::Damaged { .. } | BackupError::NoBackup { .. }) => 8,
        CliError::CredentialLost { .. } | CliError::Stdout(_) | CliError::Signals(_) => {
            MACHINE_FAILED
        }
        CliError::Hub(error) | CliError::Backup(BackupError::Hub(error)) => match error {
            HubError::Config(_) | HubError::NotInitialized { .. } => 2,
            HubError::Listen { .. }
            | HubError::Locked { .. }
            | HubError::Io { .. }
            | HubError::Bucket { .. }
            | HubError::Database(_)
            | HubError::Migrate(_)
            | HubError::Corrupt { .. }
            | HubError::StillReading
            | HubError::Random(_) => MACHINE_FAILED,
            HubError::SqliteTooOld { .. } | HubError::Task(_) => 1,
        },
    }
}
