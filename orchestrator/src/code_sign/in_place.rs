//! Signing files that others have made where they lie.

use super::files::{SignedFile, SignedFiles, put_in_place, takes};
use super::{CodeSignError, Ready, ready};
use crate::artifacts::{LocalArtifact, digest_file};
use crate::context::World;
use crate::events::Reporter;
use crate::products::CodeSignSettings;
use release_types::Platform;
use std::collections::BTreeSet;
use std::path::Path;

/// Signs files that a manifest names, but for those that are as an earlier run has left them, and notes what
/// was done. Whether there are settings for any of them.
///
/// # Errors
/// As [`ready`] and [`Signer::sign`](super::Signer::sign); what was signed until then is noted.
pub async fn in_place(
    world: &World,
    settings: &CodeSignSettings,
    (done, artifacts): (&mut SignedFiles, &[LocalArtifact]),
    reporter: &dyn Reporter,
) -> Result<bool, CodeSignError> {
    let fits = |file: &&LocalArtifact| takes(file.platform.os, file.kind, file.filename.as_str());
    let files: Vec<&LocalArtifact> = artifacts.iter().filter(fits).collect();
    let platforms: BTreeSet<Platform> = files.iter().map(|file| file.platform).collect();
    let mut is_asked_for = files.is_empty();
    for platform in platforms {
        let ready = ready(world, settings, platform)?;
        is_asked_for |= !matches!(ready, Ready::Off);
        let signer = match ready {
            Ready::Off => continue,
            Ready::Unsigned(why) => {
                reporter.warn(why.to_string());
                continue;
            }
            Ready::Signs(signer) => signer,
        };
        let is_done = |file: &LocalArtifact| {
            // A bundle for both processors has been signed for the first of them.
            let mut known = done.files.iter().filter(|known| {
                known.platform.os == platform.os && known.filename == file.filename
            });
            let now = digest_file(&file.path).ok().map(|(_, now)| now);
            known.any(|known| Some(known.sha256) == now && signer.would_make(&known.code_signing))
        };
        let of_platform = files.iter().filter(|file| file.platform == platform);
        let new: Vec<&LocalArtifact> = of_platform.copied().filter(|file| !is_done(file)).collect();
        if new.is_empty() {
            reporter.note(format!("the files for {platform} are code-signed already"));
            continue;
        }
        reporter.stage("code signing", format!("{platform} with {}", signer.tool()));
        let copies: Vec<_> = new
            .iter()
            .map(|file| (file.path.clone(), file.filename.to_string()))
            .collect();
        let signed = signer.sign(world, &copies).await?;
        for (file, (path, before_signing)) in new.iter().zip(&signed.files) {
            let (_, sha256) = digest_file(path).map_err(io(path))?;
            put_in_place(path, &file.path)?;
            done.note(SignedFile {
                platform,
                filename: file.filename.clone(),
                sha256,
                before_signing: *before_signing,
                code_signing: signed.signing.clone(),
            });
            reporter.note(format!(
                "{} is code-signed for {}",
                file.path.display(),
                signed.signing.identity
            ));
        }
    }
    Ok(is_asked_for)
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> CodeSignError + use<> {
    let path = path.to_owned();
    move |source| CodeSignError::Io { path, source }
}
