//! What the programs are made of: asked of cargo before it builds them, given to the shim in object files,
//! and looked for in what came out.

use super::{BuildError, cargo};
use crate::auditable::{self, ListError};
use crate::context::World;
use crate::dependencies::{self, Dependencies, Lock, Mark};
use crate::documents::Form;
use crate::events::{Event, Reporter};
use crate::plan::{Plan, PlannedProduct};
use crate::progress;
use crate::shim::list_name;
use crate::toolchain::Toolchain;
use process::Stream;
use std::collections::BTreeSet;
use std::path::Path;

/// Finds out what each program of the plan is made of, in the plan's order, and puts the lists that the
/// shim is to link into a new folder `dir`. Nothing is asked where nobody wants to know.
pub(super) async fn prepare(
    world: &World,
    plan: &Plan,
    toolchain: &mut Toolchain,
    dir: &Path,
    reporter: &dyn Reporter,
) -> Result<Vec<Dependencies>, BuildError> {
    let auditable = toolchain.policy.auditable;
    let mut documents = plan.products.iter().flat_map(|product| &product.documents);
    let has_bill = documents.any(|document| document.form == Form::Sbom);
    if !auditable && !has_bill {
        return Ok(Vec::new());
    }
    let made_of = ask(world, plan, toolchain, reporter).await?;
    if auditable {
        std::fs::create_dir_all(dir).map_err(write_error(dir))?;
        for (planned, of) in plan.products.iter().zip(&made_of) {
            let object = object(plan, of).map_err(list_error(planned))?;
            let path = dir.join(list_name(&planned.package, &planned.bin));
            std::fs::write(&path, object).map_err(write_error(&path))?;
        }
        toolchain.policy.lists = Some(dir.to_owned());
    }
    Ok(made_of)
}

/// Lets cargo forget what it has built of some packages, so that it builds them anew: a program that is up to date
/// for cargo may hold the list of an earlier build, which is nothing that cargo looks at.
pub(super) async fn forget(
    world: &World,
    plan: &Plan,
    toolchain: &Toolchain,
    packages: &BTreeSet<&str>,
    reporter: &dyn Reporter,
) -> Result<(), BuildError> {
    let mut command = cargo(world, plan, toolchain)
        .args(["clean", "--release", "--locked", "--target", plan.target])
        // A cache has nothing to do here, and cannot fail then.
        .env("RUSTC_WRAPPER", "")
        .env("CARGO_TARGET_DIR", &plan.target_dir);
    for package in packages {
        command = command.args(["--package", package]);
    }
    let hear = |line: process::Line| match progress::is_bar(&line.text) {
        true => {}
        false => reporter.event(Event::Cargo { line: line.text }),
    };
    let status = world.runner.lines(&command, hear).await;
    reporter.progress_ended();
    match status? {
        status if status.success() => Ok(()),
        status => Err(BuildError::Cargo { status }),
    }
}

/// Asks cargo, which resolves for this call what it will for the build: the same packages, target and
/// settings. What it has to download for that it downloads now.
async fn ask(
    world: &World,
    plan: &Plan,
    toolchain: &Toolchain,
    reporter: &dyn Reporter,
) -> Result<Vec<Dependencies>, BuildError> {
    let mark = Mark::new();
    let mut command = cargo(world, plan, toolchain)
        .args(["tree", "--locked", "--edges", "normal,build"])
        .args(["--charset", "ascii", "--prefix", "indent"])
        .args(["--format", &mark.format(), "--target", plan.target])
        // A cache has nothing to do here, and cannot fail then.
        .env("RUSTC_WRAPPER", "")
        .env("CARGO_TARGET_DIR", &plan.target_dir);
    for product in &plan.products {
        command = command.args(["--package", &product.package]);
    }
    let mut tree = String::new();
    let hear = |line: process::Line| match line.stream {
        Stream::Stdout => tree.extend([&line.text, "\n"]),
        Stream::Stderr if progress::is_bar(&line.text) => {}
        Stream::Stderr => reporter.event(Event::Cargo { line: line.text }),
    };
    let status = world.runner.lines(&command, hear).await;
    reporter.progress_ended();
    match status? {
        status if status.success() => {}
        status => return Err(BuildError::Tree { status }),
    }
    let path = plan.root.join("Cargo.lock");
    let lock = std::fs::read_to_string(&path);
    let lock = lock.map_err(|source| BuildError::Read { path, source })?;
    let packages = plan.products.iter().map(|product| product.package.as_str());
    let packages: Vec<&str> = packages.collect();
    let lock = Lock::parse(&lock)?;
    Ok(dependencies::read(&tree, &mark, &packages, &lock)?)
}

fn object(plan: &Plan, of: &Dependencies) -> Result<Vec<u8>, ListError> {
    let list = auditable::compressed(&auditable::list(of))?;
    auditable::object_file(plan.platform, &list)
}

pub(super) fn list_error(planned: &PlannedProduct) -> impl FnOnce(ListError) -> BuildError + use<> {
    let (product, bin) = (planned.product.clone(), planned.bin.clone());
    |source| BuildError::List {
        product,
        bin,
        source,
    }
}

fn write_error(path: &Path) -> impl FnOnce(std::io::Error) -> BuildError + use<> {
    let path = path.to_owned();
    |source| BuildError::Write { path, source }
}
