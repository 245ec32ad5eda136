//! What the names of a manifest's files say of their version.

use super::args::NamesArgs;
use super::common::App;
use crate::artifacts::{ArtifactError, other_versions};
use crate::error::Error;
use crate::products;
use crate::sign::Keys;
use release_types::ProductName;
use std::path::Path;

/// Looks whether the names of a manifest's files say the version that they are to be taken as: another one is
/// refused for a launcher, where nobody allows it, and else told by a warning. A launcher's files are called after their
/// version by the tools that make them; in the name of anything else it may as well be that of a system or a library.
///
/// # Errors
/// When the manifest cannot be read, or a name is refused.
pub(super) async fn look_at_names(
    app: &App<'_>,
    (manifest, base): (&Path, &Path),
    (product, version): (&ProductName, &semver::Version),
    names: &NamesArgs,
) -> Result<(), Error> {
    let is_refused = !names.allow_other_versions && is_tauris(app, product).await;
    let (at, from, of) = (manifest.to_owned(), base.to_owned(), version.clone());
    let others = app.reading(move || Ok(other_versions(&at, &from, &of)?));
    for other in others.await? {
        if is_refused {
            let refused = ArtifactError::OtherVersion {
                manifest: manifest.to_owned(),
                line: other.line,
                path: other.path,
                found: other.found,
                expected: version.clone(),
            };
            return Err(refused.into());
        }
        let (path, found) = (other.path.display(), &other.found);
        app.reporter.warn(format!(
            "{path} is by its name of version {found}, and is taken as one of {product} {version}"
        ));
    }
    Ok(())
}

/// Whether Tauri's tools make a product, as far as the workspace here says. Of one that cannot be read whoever looks
/// for its keys tells.
async fn is_tauris(app: &App<'_>, product: &ProductName) -> bool {
    let dir = app.world.cwd.clone();
    let settings = app.reading(move || Ok(products::signing(&dir)?)).await;
    Keys::of_workspace(settings.unwrap_or_default()).is_tauris(product)
}
