//! `atlas-hub trust`: jobs of GitHub Actions that may publish without a token.

use super::output::{print_all, say};
use super::{CliError, DataDirArg, usage};
use build_version::BuildInfo;
use clap::{Args, Subcommand};
use hub::{Environment, Issuer, OwnerId, Repository, Roster, TrustRule, TrustedJob, WorkflowFile};
use release_types::{PackId, ProductName};

#[derive(Debug, Subcommand)]
pub(super) enum Trust {
    /// Lets a workflow publish products, or make builds of packs, and prints the rule's id.
    ///
    /// Its jobs show an ID token (`permissions: id-token: write`) and get a deploy token for 15 minutes.
    /// Where a rule for the same jobs is there already, it is for these products and packs too.
    #[command(after_help = "\
Example:
  atlas-hub trust add --repository octo/tool --owner-id 65 --workflow release.yml \\
      --environment release --product cli --data-dir /var/lib/atlas-hub

The owner's id: gh api repos/octo/tool --jq .owner.id")]
    Add(Box<AddArgs>),
    /// Prints the rules, one a line: id, repository, owner's id, workflow, environment, what it is for,
    /// issuer, with a tab between them. What the columns are stands above them, on stderr.
    #[command(after_help = "\
Example:
  atlas-hub trust list --data-dir /var/lib/atlas-hub")]
    List(DataDirArg),
    /// Removes a rule. Tokens that jobs have got by it stop working.
    #[command(after_help = "\
Example:
  atlas-hub trust remove 5bd1… --data-dir /var/lib/atlas-hub")]
    Remove {
        /// Its id, as `trust list` prints it.
        id: String,
        #[command(flatten)]
        dir: DataDirArg,
    },
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The repository that the workflow is in.
    #[arg(long, value_name = "OWNER/NAME")]
    repository: Repository,
    /// The number of the repository's owner. A name can come to be somebody else's, this cannot.
    #[arg(long, value_name = "NUMBER")]
    owner_id: OwnerId,
    /// The workflow's file in .github/workflows.
    #[arg(long, value_name = "FILE")]
    workflow: WorkflowFile,
    /// The environment that the job has to run in; any, or none, when left out.
    #[arg(long, value_name = "NAME")]
    environment: Option<Environment>,
    /// A product that the job may publish. Can be repeated.
    #[arg(
        long = "product",
        value_name = "NAME",
        required_unless_present = "packs"
    )]
    products: Vec<ProductName>,
    /// A pack that the job may make builds of. Can be repeated.
    #[arg(long = "pack", value_name = "ID")]
    packs: Vec<PackId>,
    /// Who says what the job is: for GitHub Enterprise another one than GitHub's. The server has to take
    /// its word, too (`serve --oidc-issuer`).
    #[arg(long, value_name = "URL", default_value_t = Issuer::github())]
    issuer: Issuer,
    #[command(flatten)]
    dir: DataDirArg,
}

pub(super) async fn execute(command: Trust, build: BuildInfo) -> Result<(), CliError> {
    match command {
        Trust::Add(args) => add(*args, build).await,
        Trust::List(dir) => {
            let roster = Roster::open(dir.config(build)?).await?;
            let rules = roster.trust().await;
            roster.close().await;
            let rules = rules?;
            say!("{}", COLUMNS.join("\t"));
            print_all(rules.iter().map(line))
        }
        Trust::Remove { id, dir } => {
            let roster = Roster::open(dir.config(build)?).await?;
            let removed = roster.remove_trust(&id).await;
            roster.close().await;
            removed?;
            say!("rule {id}: removed; tokens by it work no more");
            Ok(())
        }
    }
}

async fn add(args: AddArgs, build: BuildInfo) -> Result<(), CliError> {
    if args.products.is_empty() && args.packs.is_empty() {
        return Err(usage("give at least one --product or --pack"));
    }
    let job = TrustedJob {
        issuer: args.issuer,
        repository: args.repository,
        owner_id: args.owner_id,
        workflow: args.workflow,
        environment: args.environment,
    };
    let named = format!("{} {}", job.repository, job.workflow);
    let roster = Roster::open(args.dir.config(build)?).await?;
    let added = roster.add_trust(job, args.products, args.packs).await;
    roster.close().await;
    let added = added?;
    let done = match added.is_new {
        true => "is trusted",
        false => "is trusted already",
    };
    say!("{named}: {done}");
    print_all([added.id])
}

/// What `trust list` prints of each rule.
const COLUMNS: [&str; 7] = [
    "id",
    "repository",
    "owner's id",
    "workflow",
    "environment",
    "for",
    "issuer",
];

fn line(rule: &TrustRule) -> String {
    let TrustedJob {
        issuer,
        repository,
        owner_id,
        workflow,
        environment,
    } = &rule.job;
    let environment = environment.as_ref().map_or("-", |name| name.as_str());
    let products = rule.products.iter().map(|name| format!("product:{name}"));
    let packs = rule.packs.iter().map(|id| format!("pack:{id}"));
    let targets: Vec<String> = products.chain(packs).collect();
    let targets = targets.join(",");
    let id = &rule.id;
    format!("{id}\t{repository}\t{owner_id}\t{workflow}\t{environment}\t{targets}\t{issuer}")
}
