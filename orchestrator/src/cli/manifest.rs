//! `manifest`: for files that other programs have made.

use super::args::{Format, ManifestBuild, ManifestCheck, ManifestCommand, ManifestShow};
use super::common::App;
use crate::error::Error;
use crate::events::{Event, print_line};
use crate::manifest::{
    self, Checked, Described, LeftOut, ManifestsError, Order, Problem, needs_bins, rules,
};
use crate::outcome::Outcome;
use crate::products::{self, Product, ProductsError};
use crate::settings::SettingsError;
use crate::text::first_of;
use release_types::ProductName;
use release_types::bundles::Rules;
use std::path::{Path, PathBuf};

pub(super) async fn manifest(app: &App<'_>, command: ManifestCommand) -> Result<(), Error> {
    match command {
        ManifestCommand::Build(args) => build(app, args).await,
        ManifestCommand::Check(args) => check(app, args).await,
        ManifestCommand::Show(args) => show(app, args).await,
    }
}

async fn build(app: &App<'_>, args: ManifestBuild) -> Result<(), Error> {
    let rules = match needs_bins(&args.product) && !is_bundled(app, &args.product).await? {
        true => rules(&args.product, &declared(app).await?, args.bin)?,
        false if args.bin.is_some() => {
            let why = format!(
                "the files of {} are told by their endings, whatever its program is called: leave out --bin",
                args.product
            );
            return Err(SettingsError::Flags(why).into());
        }
        false => Rules::Bundles,
    };
    let output = args.output.map(|file| app.world.absolute(&file));
    let base = match (args.base_dir, &output) {
        (Some(dir), _) => app.world.absolute(&dir),
        (None, Some(file)) => folder_of(file),
        (None, None) => app.world.cwd.clone(),
    };
    let order = Order {
        rules,
        product: args.product,
        from: args
            .from
            .iter()
            .map(|dir| app.world.absolute(dir))
            .collect(),
        made: None,
        output,
        base,
        cwd: app.world.cwd.clone(),
        named: args.arch,
        require: args.require,
    };
    let (order, built) = app
        .reading(move || {
            let built = manifest::build(&order)?;
            if let Some(file) = &order.output {
                manifest::write(file, &built.text)?;
            }
            Ok((order, built))
        })
        .await?;
    let count = built.rows.len();
    let json = app.global.format == Format::Json;
    if !json {
        say_left_out(app, &built.left_out);
    }
    match (json, &order.output) {
        (true, _) => {
            let mut described = Described::new(order.output, &built.rows);
            described.left_out = Some(built.left_out);
            tell(app, described);
        }
        (false, Some(file)) => app
            .reporter
            .note(format!("{} has {}", file.display(), rows(count))),
        (false, None) => print_line(built.text.trim_end_matches('\n')),
    }
    Ok(())
}

async fn check(app: &App<'_>, args: ManifestCheck) -> Result<(), Error> {
    let file = app.world.absolute(&args.file);
    let base = match args.base_dir {
        Some(dir) => app.world.absolute(&dir),
        None => folder_of(&file),
    };
    let path = file.clone();
    let checked = app
        .reading(move || Ok(manifest::check_file(&path, &base)?))
        .await?;
    let rows_found = sound(app, &file, checked)?;
    match app.global.format {
        Format::Json => tell(app, rows_found),
        _ => {
            let count = rows(rows_found.rows.len());
            let said = format!("{} can be published: {count}", file.display());
            app.reporter.note(said);
        }
    }
    Ok(())
}

async fn show(app: &App<'_>, args: ManifestShow) -> Result<(), Error> {
    let file = app.world.absolute(&args.file);
    let path = file.clone();
    let checked = app.reading(move || Ok(manifest::read_file(&path)?)).await?;
    let described = sound(app, &file, checked)?;
    tell(app, described);
    Ok(())
}

/// What a manifest holds; of one that is wrong, each place is told and the first is not the last.
fn sound(app: &App<'_>, file: &Path, checked: Checked) -> Result<Described, ManifestsError> {
    let Checked { rows, problems } = checked;
    if problems.is_empty() {
        return Ok(Described::new(Some(file.to_owned()), &rows));
    }
    Err(wrong(app, file, problems))
}

/// Tells each place where a manifest is wrong.
pub(super) fn wrong(app: &App<'_>, file: &Path, problems: Vec<Problem>) -> ManifestsError {
    let count = problems.len();
    for problem in problems {
        app.reporter.event(Event::Problem {
            path: file.to_owned(),
            line: problem.line,
            column: problem.column,
            message: problem.message,
        });
    }
    ManifestsError::Wrong {
        path: file.to_owned(),
        problems: count,
    }
}

/// Whether the workspace here says that a product is made by a command of its own, and so of bundles.
async fn is_bundled(app: &App<'_>, product: &ProductName) -> Result<bool, Error> {
    let (dir, product) = (app.world.cwd.clone(), product.clone());
    app.reading(move || Ok(products::signing(&dir)?.products.contains_key(&product)))
        .await
}

/// The products of the workspace here; none where there is no workspace, or none that declares any.
async fn declared(app: &App<'_>) -> Result<Vec<Product>, Error> {
    let mut folders = app.world.cwd.ancestors();
    if !folders.any(|dir| dir.join("Cargo.toml").is_file()) {
        return Ok(Vec::new());
    }
    match products::read(app.world).await {
        Ok(workspace) => Ok(workspace.products),
        // Files are often published where nothing is built.
        Err(ProductsError::Nothing { .. } | ProductsError::NoCargo) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().map(Path::to_owned).unwrap_or_default()
}

fn say_left_out(app: &App<'_>, left_out: &[LeftOut]) {
    let lines = left_out
        .iter()
        .map(|one| format!("{}: {}", one.path, one.why));
    let lines: Vec<String> = lines.collect();
    for line in first_of(&lines) {
        app.reporter.note(format!("left out: {line}"));
    }
}

fn tell(app: &App<'_>, described: Described) {
    let event = Event::Outcome(Box::new(Outcome::Manifest(described)));
    app.reporter.event(event);
}

fn rows(count: usize) -> String {
    match count {
        1 => "1 row".to_owned(),
        count => format!("{count} rows"),
    }
}
