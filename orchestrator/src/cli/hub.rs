//! `hub serve`: the embedded Hub on its own.

use super::common::App;
use crate::error::Error;
use std::net::SocketAddr;

#[cfg(feature = "hub")]
pub(super) async fn serve(app: &App<'_>, listen: SocketAddr, dry_run: bool) -> Result<(), Error> {
    use crate::events::Event;
    use crate::local_hub;
    let state_dir = app.state_dir()?;
    let dir = local_hub::data_dir(&state_dir);
    if dry_run {
        local_hub::check(&state_dir, listen)?;
        app.reporter
            .note(format!("would serve {} at http://{listen}", dir.display()));
        return Ok(());
    }
    app.reporter.stage("serving", dir.display().to_string());
    let shutdown = app.world.runner.cancellation().clone();
    local_hub::serve(
        &state_dir,
        app.build.version(),
        listen,
        shutdown,
        |address| {
            app.reporter.event(Event::Listening {
                url: format!("http://{address}"),
            });
        },
    )
    .await?;
    Ok(())
}

#[cfg(not(feature = "hub"))]
pub(super) async fn serve(_: &App<'_>, _: SocketAddr, _: bool) -> Result<(), Error> {
    Err(crate::settings::SettingsError::NoEmbeddedHub.into())
}
