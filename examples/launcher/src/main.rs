//! The smallest Tauri application that updates itself from a Hub: a window that says which version it is,
//! and a look for a newer one when it starts.
#![cfg_attr(windows, windows_subsystem = "windows")]

use tauri_plugin_updater::UpdaterExt as _;

fn main() -> Result<(), tauri::Error> {
    let context = tauri::generate_context!();
    // Without a window and a display: for scripts that look what was installed.
    if std::env::args().nth(1).as_deref() == Some("--version") {
        println!("{}", context.package_info().version);
        return Ok(());
    }
    tauri::Builder::default()
        .plugin(tauri_plugin_updater::Builder::new().build())
        .setup(|app| {
            let handle = app.handle().clone();
            tauri::async_runtime::spawn(async move {
                if let Err(error) = update(&handle).await {
                    eprintln!("no update: {error}");
                }
            });
            Ok(())
        })
        .run(context)
}

/// Installs a newer version, if the Hub has one that is signed with the key in `tauri.conf.json`.
async fn update(app: &tauri::AppHandle) -> tauri_plugin_updater::Result<()> {
    if let Some(update) = app.updater()?.check().await? {
        update.download_and_install(|_, _| {}, || {}).await?;
        app.restart();
    }
    Ok(())
}
