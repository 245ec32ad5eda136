//! `sign` and `signer`.

use super::args::{FilesArgs, SignCommand, SignerCommand, StagedArgs};
use super::common::App;
use super::goods::{goods, named_tag};
use super::signatures::{Batch, How, check_signatures, keys_for};
use crate::artifacts::{from_manifest_of, read_signature_paths};
use crate::dist;
use crate::error::Error;
use crate::events::Event;
use crate::outcome::Outcome;
use crate::settings::SettingsError;
use crate::sign::{self, SignError};
use release_types::{Kind, ProductName};
use secrecy::SecretString;
use std::path::{Path, PathBuf};

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

pub(super) async fn sign(app: &App<'_>, args: SignCommand) -> Result<(), Error> {
    if args.check {
        return check_alone(app, args).await;
    }
    let secret = sign::secret(app.world)?.ok_or(SignError::NoKey)?;
    let own = secret.key.public().clone();
    let named = args.key.public_key.as_deref();
    let keys = app.keys(named).await?.own(Some(&own));
    let minisig = args.minisig || keys.minisig();
    let how = How {
        secret: &secret,
        keys: &keys,
        signer: args.signer,
        minisig,
    };
    match (args.manifest, args.product, args.version) {
        (Some(manifest), Some(product), Some(version)) => {
            let manifest = app.world.absolute(&manifest);
            let base = match args.base_dir {
                Some(dir) => app.world.absolute(&dir),
                None => manifest.parent().map(Path::to_owned).unwrap_or_default(),
            };
            keys.accept([&product], &own)?;
            let subject = (manifest.clone(), base, product, version);
            let batch = app.reading(move || of_manifest(subject)).await?;
            app.reporter
                .stage("signing", format!("{}", manifest.display()));
            let signed = how.sign(app, batch).await?;
            app.reading(move || Ok(sign::into_manifest(&manifest, &signed, minisig)?))
                .await
        }
        _ => {
            let tag = named_tag(app, args.tag)?;
            let dist_dirs = app.dist_dirs();
            let _locks = app.lock_dist_dirs(&dist_dirs)?;
            for dist_dir in dist_dirs {
                let release = dist::find(&dist_dir, tag.as_ref())?;
                for dir in dist::platforms_of(&release)? {
                    how.sign_folder(app, &dir).await?;
                }
            }
            Ok(())
        }
    }
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
        },
    };
    let goods = goods(app, staged).await?;
    let own = sign::secret(app.world)?;
    let own = own.as_ref().map(|secret| secret.key.public());
    let keys = keys_for(app, &goods, args.key.public_key.as_deref()).await?;
    let keys = keys.own(own);
    let products = goods.products();
    if products.iter().all(|product| keys.of(product).is_none()) {
        app.reporter.warn(
            "no public key is known, so whether signatures are good was not looked at: name one with --public-key, or `public-key` in [workspace.metadata.atlas-release]"
                .to_owned(),
        );
    }
    check_signatures(app, &goods, keys).await
}

/// What a manifest names, but for signatures, which may be missing.
fn of_manifest(
    (manifest, base, product, version): (PathBuf, PathBuf, ProductName, semver::Version),
) -> Result<Batch, Error> {
    let wanted = |kind| kind != Kind::Signature;
    let artifacts = from_manifest_of(&manifest, &base, (&product, &version), wanted)?;
    Ok(Batch {
        paths: read_signature_paths(&manifest, &base, &product)?,
        artifacts,
        version,
    })
}
