//! Tauri's real tool, as `ci/deps --full` installs it: its keys sign here, its signatures verify here, and
//! `sign --signer tauri` runs it.

use crate::support::*;
use signatures::Signature;
use std::fs;
use std::path::{Path, PathBuf};
use test_support::{Fixture, Sandbox, tree};

const KEY: &str = "TAURI_SIGNING_PRIVATE_KEY";
const PASSWORD: &str = "TAURI_SIGNING_PRIVATE_KEY_PASSWORD";

/// The tool. One that is missing fails the test.
fn tauri() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let program = target.join("tauri-cli/node_modules/.bin/tauri");
    assert!(
        program.is_file(),
        "{}: run ci/deps --full",
        program.display()
    );
    program
}

/// Makes a pair of keys with the tool; the files' names.
fn generate(sandbox: &Sandbox, password: Option<&str>) -> (PathBuf, PathBuf) {
    let file = sandbox.root().join(match password {
        Some(_) => "with.key",
        None => "without.key",
    });
    let mut run = sandbox.invoke(tauri()).args(["signer", "generate", "--ci"]);
    if let Some(password) = password {
        run = run.args(["--password", password]);
    }
    run.arg("--write-keys").arg(&file).run().exits(0);
    (file.clone(), file.with_extension("key.pub"))
}

#[test]
fn keys_of_the_real_tool_sign_here() {
    for password in [None, Some("correct horse")] {
        let sandbox = Sandbox::new();
        let staged = staged_release(&sandbox);
        let (secret, public) = generate(&sandbox, password);
        let sign = atlas(&sandbox, "sign").env(KEY, secret);
        let sign = sign.env(PASSWORD, password.unwrap_or_default());
        sign.run().exits(0);
        let check = atlas(&sandbox, "sign --check").arg("--public-key");
        let check = check.arg(&public);
        check.run().exits(0).says(&["checked"]);
        let files = tree(&staged).into_keys();
        assert_eq!(files.filter(|name| name.ends_with(".sig")).count(), 2);
    }
}

#[test]
fn the_real_tool_signs_in_the_launchers_folder() {
    let sandbox = Sandbox::new();
    let fixture = Fixture::without_git(&sandbox);
    let (secret, public) = generate(&sandbox, Some("correct horse"));
    let public = fs::read_to_string(public).unwrap();
    let config = format!("{{\"plugins\":{{\"updater\":{{\"pubkey\":\"{public}\"}}}}}}");
    fixture.write("apps/launcher/src-tauri/tauri.conf.json", &config);
    let manifest = fs::read_to_string(fixture.root().join("Cargo.toml")).unwrap();
    let section =
        "\n[workspace.metadata.atlas-release.products.launcher]\nfolder = \"apps/launcher\"\n";
    fixture.write("Cargo.toml", &(manifest + section));
    let bundles = "target/release/bundle/appimage";
    fixture.write(&format!("{bundles}/App_1.4.0.AppImage"), "the application");
    fixture.write(&format!("{bundles}/App_1.4.0.AppImage.tar.gz"), "packed");
    fixture.write(
        "launcher.manifest",
        &format!(
            "{bundles}/App_1.4.0.AppImage|linux|x64|installer\n\
             {bundles}/App_1.4.0.AppImage.tar.gz|linux|x64|binary\n"
        ),
    );
    let bin = fixture.root().join("node_modules/.bin");
    fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(tauri(), bin.join("tauri")).unwrap();
    let goods = "--manifest launcher.manifest --product launcher --version 1.4.0";
    let run = |line: &str| {
        let run = atlas(&sandbox, &format!("{line} {goods}")).cwd(fixture.root());
        run.env(KEY, &secret).env(PASSWORD, "correct horse")
    };
    run("sign --signer tauri").run().exits(0).says(&["signed"]);
    run("sign --check").run().exits(0).says(&["checked"]);
    // The native signer leaves them alone, and says no more where it has to sign one itself.
    run("sign").run().exits(0).says(&["kept"]);
    let file = fixture.root().join(bundles).join("App_1.4.0.AppImage");
    let text = fs::read_to_string(file.with_extension("AppImage.sig")).unwrap();
    let signature: Signature = text.parse().unwrap();
    let said = signature
        .verify(&public.parse().unwrap(), fs::File::open(&file).unwrap())
        .unwrap();
    assert_eq!(said.file.as_deref(), Some("App_1.4.0.AppImage"));
    assert_eq!(said.version.as_deref(), Some("1.4.0"));
    assert_eq!(said.product, None);
}
