//! `sign` and `signer`.

use super::args::{FilesArgs, SignCommand, SignerCommand, StagedArgs};
use super::code_sign::sign_files;
use super::common::App;
use super::goods::{named_tag, place, signed_goods};
use super::names::look_at_names;
use crate::context::World;
use crate::dist;
use crate::error::Error;
use crate::events::Event;
use crate::outcome::Outcome;
use crate::settings::SettingsError;
use crate::sign::{self, Batch, SignError, Signing};
use release_types::{Os, ProductName, Tag};
use secrecy::SecretString;
use std::path::{Path, PathBuf};

/// What the names of manifests end with.
const ENDING: &str = ".manifest";

pub(super) async fn signer(app: &App<'_>, command: SignerCommand) -> Result<(), Error> {
    let SignerCommand::Generate { output } = command;
    let path = app.world.absolute(&output);
    let password = app.world.env.text(sign::PASSWORD_VAR);
    let password = password.map_err(SettingsError::from)?;
    let password = password.map(|text| SecretString::from(text.to_owned()));
    if password.is_none() {
        app.reporter.warn(format!(
            "{} is not set: whoever gets hold of the secret key can sign with it",
            sign::PASSWORD_VAR
        ));
    }
    let made = app
        .reading(move || Ok(sign::generate(&path, password.as_ref())?))
        .await?;
    let made = Outcome::SigningKey(made);
    app.reporter.event(Event::Outcome(Box::new(made)));
    Ok(())
}

pub(super) async fn sign(app: &App<'_>, mut args: SignCommand) -> Result<(), Error> {
    let folder = take_manifest(app.world, &mut args)?;
    if args.check {
        return check_alone(app, args).await;
    }
    if let (None, Some(manifest), Some(product), Some(version)) =
        (&folder, &args.manifest, &args.product, &args.version)
    {
        let (manifest, base) = place(app.world, manifest, args.base_dir.as_deref());
        look_at_names(app, (&manifest, &base), (product, version), &args.names).await?;
    }
    if args.code {
        code_sign_alone(app, &args, folder.is_some()).await?;
    }
    let secret = match sign::secret(app.world)? {
        Some(secret) => secret,
        None if args.code => {
            let why = format!(
                "{} is not set, so there are no signatures for updaters",
                sign::KEY_VAR
            );
            app.reporter.warn(why);
            return Ok(());
        }
        None => return Err(SignError::NoKey.into()),
    };
    let own = secret.key.public().clone();
    let named = args.key.public_key.as_deref();
    let keys = app.keys(named).await?.own(Some(&own));
    let minisig = args.minisig || keys.minisig();
    let signing = Signing {
        world: app.world,
        reporter: app.reporter.as_ref(),
        secret: &secret,
        keys: &keys,
        signer: args.signer.into(),
        minisig,
    };
    if let Some(dir) = folder {
        // <dist>/<release>/<platform>
        let dist_dir = dir.ancestors().nth(2).unwrap_or(&dir).to_owned();
        let _locks = app.lock_dist_dirs(&[dist_dir])?;
        let dirs = app.reading(move || Ok(with_universal(dir))).await?;
        signing.folders(&dirs).await?;
        return Ok(());
    }
    match (args.manifest, args.product, args.version) {
        (Some(manifest), Some(product), Some(version)) => {
            let (manifest, base) = place(app.world, &manifest, args.base_dir.as_deref());
            keys.accept([&product], &own)?;
            let batch = batch(app, (&manifest, base), (product, version), minisig).await?;
            app.reporter
                .stage("signing", format!("{}", manifest.display()));
            Ok(signing.manifest(&manifest, batch).await?)
        }
        _ => {
            let tag = named_tag(app, args.tag)?;
            let dist_dirs = app.dist_dirs();
            let _locks = app.lock_dist_dirs(&dist_dirs)?;
            let mut dirs = Vec::new();
            for dist_dir in dist_dirs {
                let release = dist::find(&dist_dir, tag.as_ref())?;
                dirs.extend(dist::platforms_of(&release)?);
            }
            signing.folders(&dirs).await?;
            Ok(())
        }
    }
}

/// Takes a manifest that stands in the place of a tag for what it is, and what is not said of it from where
/// it lies. The platform's folder, when it is that of a staged build, which is then signed as such.
fn take_manifest(world: &World, args: &mut SignCommand) -> Result<Option<PathBuf>, SettingsError> {
    let is_file = |named: &str| world.absolute(Path::new(named)).is_file();
    // What reads as a tag is one, whatever lies in this folder.
    let is_manifest =
        |named: &str| named.parse::<Tag>().is_err() && (named.ends_with(ENDING) || is_file(named));
    let Some(named) = args.tag.take_if(|named| is_manifest(named)) else {
        let is_said = args.product.is_some() || args.version.is_some() || args.base_dir.is_some();
        return match args.manifest.is_none() && is_said {
            true => Err(SettingsError::Flags(
                "--product, --version and --base-dir say what a manifest does not, and none is named"
                    .to_owned(),
            )),
            false => Ok(None),
        };
    };
    let path = world.absolute(Path::new(&named));
    args.manifest = Some(path.clone());
    let product = path
        .file_name()
        .and_then(|name| name.to_str()?.strip_suffix(ENDING));
    let product = product.and_then(|name| name.parse().ok());
    let is_bare = args.product.is_none() && args.base_dir.is_none();
    args.product = args.product.take().or(product);
    if args.product.is_none() {
        let why =
            format!("{named} is not called <product>{ENDING}: name its product with --product");
        return Err(SettingsError::Flags(why));
    }
    if args.version.is_some() {
        return Ok(None);
    }
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    match dist::read_record_file(&folder.join(dist::RELEASE_FILE)) {
        Ok(record) if is_bare => {
            args.version = Some(record.version);
            Ok(Some(folder))
        }
        _ => Err(SettingsError::Flags(format!(
            "{named} does not say of which version its files are: name it with --version"
        ))),
    }
}

/// A platform's folder, and that of macOS on the other processor beside it, of the same release: universal files lie in
/// both, and have one signature.
fn with_universal(dir: PathBuf) -> Vec<PathBuf> {
    let read = |dir: &Path| dist::read_record_file(&dir.join(dist::RELEASE_FILE)).ok();
    let (own, release) = (read(&dir), dir.parent());
    let beside = release.and_then(|release| dist::platforms_of(release).ok());
    let mut dirs = vec![dir];
    if let Some(own) = own.filter(|own| own.platform.os == Os::Macos) {
        let mut beside = beside.unwrap_or_default();
        beside.retain(|other| {
            let record = read(other);
            let is_one = record.is_some_and(|it| {
                it.platform.os == Os::Macos && (&it.tag, &it.commit) == (&own.tag, &own.commit)
            });
            is_one && !dirs.contains(other)
        });
        dirs.extend(beside);
    }
    dirs
}

/// `sign --code`: the operating system's own signatures of a manifest's files.
async fn code_sign_alone(app: &App<'_>, args: &SignCommand, is_staged: bool) -> Result<(), Error> {
    let (Some(manifest), Some(product), Some(version), false) =
        (&args.manifest, &args.product, &args.version, is_staged)
    else {
        let why = "--code is for the files of a manifest: what `build` has staged is signed by it";
        return Err(SettingsError::Flags(why.to_owned()).into());
    };
    let (manifest, base) = place(app.world, manifest, args.base_dir.as_deref());
    if manifest.with_file_name(dist::RELEASE_FILE).exists() {
        let why = format!(
            "{} is of a staged build, whose files are as `{}` says: build it again with what --code signs with",
            manifest.display(),
            dist::RELEASE_FILE
        );
        return Err(SettingsError::Flags(why).into());
    }
    let of = (product.clone(), version.clone());
    let batch = batch(app, (&manifest, base), of, false).await?;
    sign_files(app, &manifest, &batch.artifacts).await
}

/// `sign --check`: what `publish` looks at before it sends anything.
async fn check_alone(app: &App<'_>, args: SignCommand) -> Result<(), Error> {
    let staged = StagedArgs {
        tag: args.tag,
        manifest: args.manifest,
        product: args.product.into_iter().collect(),
        files: FilesArgs {
            version: args.version,
            base_dir: args.base_dir,
            // It is not looked at; a version that names none is signed like any other.
            channel: Some(release_types::Channel::Stable),
            names: args.names,
        },
    };
    let own = sign::secret(app.world)?;
    let own = own.as_ref().map(|secret| secret.key.public());
    let named = args.key.public_key.as_deref();
    let (goods, keys) = signed_goods(app, staged, (named, own)).await?;
    let products = goods.products();
    if products.iter().all(|product| keys.of(product).is_none()) {
        app.reporter.warn(
            "no public key is known, so whether signatures are good was not looked at: name one with --public-key, or `public-key` in [workspace.metadata.atlas-release]"
                .to_owned(),
        );
    }
    Ok(())
}

/// What a manifest names, but for signatures, which may be missing.
async fn batch(
    app: &App<'_>,
    (manifest, base): (&Path, PathBuf),
    (product, version): (ProductName, semver::Version),
    minisig: bool,
) -> Result<Batch, Error> {
    let manifest = manifest.to_owned();
    app.reading(move || {
        let from = (manifest.as_path(), base.as_path());
        Ok(Batch::to_sign(from, &product, version, minisig)?)
    })
    .await
}
