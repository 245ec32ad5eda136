//! Code signing: between a build and its staging, and of files that a manifest names.

use super::build::Signing;
use super::common::App;
use crate::artifacts::{DOCUMENT_LIMIT, LocalArtifact, read_text};
use crate::build::Built;
use crate::code_sign::{self, CodeSigned, Ready, SignedFiles, Signer, in_place};
use crate::error::Error;
use crate::plan::Plan;
use crate::products::CodeSignSettings;
use crate::settings::SettingsError;
use crate::{dist, products};
use release_types::Platform;
use std::path::Path;

/// What signs the files for each of some platforms, if anything does.
pub(super) fn ready<'a>(
    app: &App<'_>,
    platforms: impl Iterator<Item = (&'a CodeSignSettings, Platform)>,
    signing: Signing,
) -> Result<Vec<Option<Box<Signer>>>, Error> {
    let mut signers = Vec::new();
    for (settings, platform) in platforms {
        let ready = match signing {
            Signing::AsConfigured => code_sign::ready(app.world, settings, platform)?,
            Signing::Never => Ready::Off,
        };
        signers.push(match ready {
            Ready::Off => None,
            Ready::Unsigned(why) => {
                app.reporter.warn(why.to_string());
                None
            }
            Ready::Signs(signer) => Some(signer),
        });
    }
    Ok(signers)
}

/// Signs copies of what was built, or takes those that an earlier run has signed.
pub(super) async fn sign_code(
    app: &App<'_>,
    plan: &Plan,
    built: &mut Built,
    signer: &Signer,
) -> Result<CodeSigned, Error> {
    let signed = signed_programs(app, plan, built, signer).await?;
    for (product, (path, _)) in built.products.iter_mut().zip(&signed.files) {
        product.executable.clone_from(path);
    }
    Ok(signed)
}

async fn signed_programs(
    app: &App<'_>,
    plan: &Plan,
    built: &Built,
    signer: &Signer,
) -> Result<CodeSigned, Error> {
    let what = format!("{} for {} with {}", plan.tag, plan.platform, signer.tool());
    app.reporter.stage("code signing", what);
    if let Some(kept) = dist::code_signed_before(plan, built, signer) {
        app.reporter.note(format!(
            "{} has the same programs, code-signed for {}: they are kept",
            plan.staging.display(),
            kept.signing.identity
        ));
        return Ok(kept);
    }
    let files = built.products.iter().map(|product| {
        let name = product.planned.filename.to_string();
        (product.executable.clone(), name)
    });
    let files: Vec<_> = files.collect();
    let signed = signer.sign(app.world, &files).await?;
    let signing = &signed.signing;
    app.reporter.note(format!(
        "code-signed for {}, with the time of {}",
        signing.identity, signing.timestamp
    ));
    Ok(signed)
}

/// Signs files that a manifest names where they lie, and says what was done in a document beside the
/// manifest.
pub(super) async fn sign_files(
    app: &App<'_>,
    manifest: &Path,
    artifacts: &[LocalArtifact],
) -> Result<(), Error> {
    let dir = app.world.cwd.clone();
    let settings = app
        .reading(move || Ok(products::signing(&dir)?))
        .await?
        .code;
    let document = manifest.with_extension("code-signing.json");
    let mut done = read_document(&document)?;
    let before = done.clone();
    let reporter = app.reporter.as_ref();
    let signed = in_place(app.world, &settings, (&mut done, artifacts), reporter).await;
    // What was signed before something failed is signed.
    if done != before {
        let json = serde_json::to_vec_pretty(&done).map_err(std::io::Error::from);
        let written = json.and_then(|json| dist::write_atomically(&document, &json));
        written.map_err(|source| Error::Io {
            path: document.clone(),
            source,
        })?;
    }
    match signed? {
        true => Ok(()),
        false => Err(SettingsError::Flags(
            "--code signs as `windows-sign` and `macos-sign` in [workspace.metadata.atlas-release] say, and there is neither for these files"
                .to_owned(),
        )
        .into()),
    }
}

/// What an earlier run has signed.
fn read_document(path: &Path) -> Result<SignedFiles, Error> {
    if !path.exists() {
        return Ok(SignedFiles::default());
    }
    let text = read_text(path, DOCUMENT_LIMIT).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    let read = SignedFiles::read(&text);
    Ok(read.map_err(|why| SettingsError::Flags(format!("{}: {why}", path.display())))?)
}
