//! Code signing, tried here: what the tools of Windows and macOS are called with, what becomes of secrets, and
//! what is told when something fails.

use crate::signing_machine::{CA, CERTIFICATE, KEY, LOGIN, Machine, PASSWORD, THUMB, TIME_URL};
use crate::support::digest;
use atlas_release::code_sign::{CodeSigned, Ready};
use atlas_release::error::{Error, ExitCode};
use atlas_release::products::CodeSignSettings;
use process::Runner;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn is_signed(signed: &CodeSigned) {
    for ((path, before), name) in signed.files.iter().zip(["one", "two"]) {
        let text = fs::read_to_string(path).unwrap();
        assert_eq!(text, format!("program {name}\nsigned\n"));
        let original = format!("program {name}\n");
        assert_eq!(before.size, original.len() as u64);
        assert_ne!(before.sha256.to_string(), digest(path));
    }
}

#[tokio::test]
async fn signtool_is_told_a_thumbprint_and_never_a_password() {
    let machine = Machine::windows();
    let signed = machine.sign().await.unwrap();
    is_signed(&signed);
    // What cargo has made is as it was.
    assert_eq!(machine.read("one"), "program one\n");
    assert_eq!(machine.read("password"), PASSWORD);
    assert_eq!(machine.read("pfx"), CERTIFICATE);
    let calls = machine.tools.calls("signtool");
    let start = format!("sign /fd sha256 /td sha256 /tr {TIME_URL} /s My /sha1 {THUMB} ");
    assert_eq!(calls.len(), 2);
    assert!(
        calls[0].starts_with(&start) && calls[0].ends_with("/one.exe"),
        "{calls:?}"
    );
    let seen = machine.read("signtool.env");
    assert!(
        !seen.contains("WIN_") && !seen.contains("hunter2"),
        "{seen}"
    );
    let scripts = machine.tools.calls("powershell").join("\n");
    assert_eq!(scripts.matches("-NoProfile").count(), 3, "{scripts}");
    let json = serde_json::to_value(&signed.signing).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "tools": [{"name": "signtool", "version": "10.0.22621.3233"}],
            "identity": "CN=Example Ltd, C=DE",
            "certificate": THUMB,
            "timestamp": TIME_URL,
        })
    );
    drop(signed);
    machine.nothing_stays();
    // The certificate that the user has had all along was neither imported nor removed.
    assert!(!machine.read("store").contains(CA));
}

#[tokio::test]
async fn what_fails_on_windows_is_told_and_put_away() {
    let machine = Machine::windows();
    machine.set("wrong");
    machine
        .fails(
            ExitCode::Signing,
            &[
                "`powershell` failed",
                "The network password *** is not correct",
            ],
        )
        .await;
    fs::remove_file(machine.path("wrong")).unwrap();
    machine.set("lazy");
    machine
        .fails(
            ExitCode::Signing,
            &["`signtool` reported success and left", "one.exe as it was"],
        )
        .await;
    let path = std::env::join_paths([Path::new("/nowhere")]).unwrap();
    let mut bare = Machine::windows();
    bare.world.env.set("PATH", path);
    let error = Error::from(bare.ready().unwrap_err());
    assert_eq!(error.exit_code(), ExitCode::Tool);
    assert_eq!(
        error.to_string(),
        "there are credentials to sign code with, and `signtool` was not found"
    );
    assert!(error.hint().unwrap().contains("Windows SDK"));
    // Where the SDK has it, it is found off PATH.
    let kit = bare.path("programs/Windows Kits/10/bin/10.0.22621.0/x64");
    fs::create_dir_all(&kit).unwrap();
    fs::write(kit.join("signtool.exe"), "").unwrap();
    bare.world
        .env
        .set("ProgramFiles(x86)", bare.path("programs"));
    let error = bare.ready().unwrap_err().to_string();
    assert!(error.contains("`powershell` was not found"), "{error}");
    let mut broken = Machine::windows();
    broken.world.env.set("WIN_B64_PFX", "hunter2!");
    let error = Error::from(broken.ready().unwrap_err());
    assert_eq!(error.exit_code(), ExitCode::Signing);
    assert_eq!(error.to_string(), "WIN_B64_PFX holds no base64");
}

#[tokio::test]
async fn an_interrupted_run_leaves_no_certificate() {
    let mut machine = Machine::windows();
    machine.set("slow");
    let cancel = CancellationToken::new();
    machine.world.runner = Runner::new(cancel.clone());
    let signing = machine.path("signing");
    let store = machine.path("store");
    let interrupt = async {
        while !signing.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(store.exists());
        cancel.cancel();
    };
    let (signed, ()) = tokio::join!(machine.sign(), interrupt);
    let error = Error::from(signed.unwrap_err());
    assert_eq!(error.exit_code(), ExitCode::Interrupted);
    machine.nothing_stays();

    // Also when nobody waits for it any more.
    fs::remove_file(machine.path("signing")).unwrap();
    machine.world.runner = Runner::default();
    let gone = async {
        while !signing.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        signed = machine.sign() => panic!("{signed:?}"),
        () = gone => {}
    }
    machine.nothing_stays();
}

#[tokio::test]
async fn security_reads_passwords_from_its_input_and_apples_notary_is_asked() {
    let machine = Machine::macos();
    let signed = machine.sign().await.unwrap();
    is_signed(&signed);
    assert_eq!(machine.read("imported"), "the certificate");
    assert_eq!(machine.read("p8"), KEY);
    assert_eq!(machine.read("dir-mode").trim(), "700");
    let modes = machine.read("modes");
    let modes: Vec<_> = modes
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .collect();
    assert_eq!(modes.len(), 2);
    for (mode, path) in modes {
        assert_eq!(mode, "600", "{path}");
        assert!(!Path::new(path).exists(), "{path}");
    }
    let told = machine.read("told");
    let import = told
        .lines()
        .find(|line| line.starts_with("import"))
        .unwrap();
    assert!(
        import.contains(r#"-P "hunter2 \"pa\\ss' $(x)" -T /usr/bin/codesign"#),
        "{import}"
    );
    let security = machine.tools.calls("security");
    let lists: Vec<_> = security
        .iter()
        .filter(|call| call.contains(" -s "))
        .collect();
    assert!(
        lists[0].ends_with(&format!("atlas-release-sign.keychain-db {LOGIN}")),
        "{security:?}"
    );
    assert_eq!(
        *security.last().unwrap(),
        format!("list-keychains -d user -s {LOGIN}")
    );
    assert!(
        security
            .iter()
            .any(|call| call.starts_with("delete-keychain "))
    );
    let calls = machine.tools.calls("codesign");
    assert_eq!(calls.len(), 4);
    assert!(
        calls[0].starts_with(&format!("--force --sign {THUMB} --keychain ")),
        "{calls:?}"
    );
    assert!(
        calls[0].contains(" --timestamp --options runtime "),
        "{calls:?}"
    );
    assert!(calls[1].starts_with("--verify --strict "), "{calls:?}");
    let seen = machine.read("codesign.env");
    assert!(!seen.contains("APPLE_"), "{seen}");
    let notary = machine.tools.calls("xcrun");
    assert!(
        notary[1].contains("--key-id ABC123 --issuer 69a6de70-0000 --wait"),
        "{notary:?}"
    );
    // Bare programs cannot hold the notary's word.
    assert!(
        notary.iter().all(|call| !call.contains("stapler")),
        "{notary:?}"
    );
    let json = serde_json::to_value(&signed.signing).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "tools": [
                {"name": "codesign", "version": "macOS 14.5"},
                {"name": "notarytool", "version": "1.0.0 (38)"},
            ],
            "identity": "Developer ID Application: Example (ABCDE12345)",
            "certificate": THUMB,
            "timestamp": "apple",
            "notarization": "2efe-52ef",
        })
    );
    drop(signed);
    machine.nothing_stays();
}

#[tokio::test]
async fn what_fails_on_macos_is_told_and_put_away() {
    let mut machine = Machine::macos();
    machine.set("refused");
    machine
        .fails(
            ExitCode::Signing,
            &[
                "`codesign` failed",
                "***: The timestamp service is not available",
            ],
        )
        .await;
    fs::remove_file(machine.path("refused")).unwrap();
    machine.set("invalid");
    machine
        .fails(
            ExitCode::Signing,
            &[
                "has not accepted the programs (Invalid)",
                "secure timestamp",
            ],
        )
        .await;
    machine.settings.macos.as_mut().unwrap().identity = Some("Nobody".to_owned());
    machine
        .fails(
            ExitCode::Signing,
            &["no identity called \"Nobody\" but Developer ID"],
        )
        .await;
    machine
        .world
        .env
        .set("APPLE_CERTIFICATE_PASSWORD", "hunter2\nquit");
    let error = machine.ready().unwrap_err().to_string();
    assert!(
        error.contains("line break") && !error.contains("hunter2"),
        "{error}"
    );
    machine
        .world
        .env
        .set("APPLE_CERTIFICATE_PASSWORD", PASSWORD);
    fs::remove_file(machine.path("bin/codesign")).unwrap();
    let error = Error::from(machine.ready().unwrap_err());
    assert_eq!(error.exit_code(), ExitCode::Tool);
    assert!(error.hint().unwrap().contains("xcode-select"));
}

#[test]
fn runs_of_one_user_keep_out_of_each_others_way() {
    // A certificate is in the store once, and goes with the first run that removes it.
    let machine = Machine::windows();
    machine.sign_twice();
    let scripts = machine.tools.calls("powershell");
    let steps = ["EphemeralKeySet", "PersistKeySet", "DeleteKey"];
    let order = scripts.iter().map(|script| {
        let step = steps.iter().find(|step| script.contains(**step));
        *step.unwrap()
    });
    assert_eq!(order.collect::<Vec<_>>(), [steps, steps].concat());
    machine.nothing_stays();

    let machine = Machine::macos();
    machine.sign_twice();
    assert_eq!(machine.read("listed").trim(), format!("\"{LOGIN}\""));
    machine.nothing_stays();
}

#[tokio::test]
async fn keychains_that_others_list_meanwhile_stay_listed() {
    let machine = Machine::macos();
    // Of another program, or of a run on another volume: nothing keeps these apart.
    let other = "/Users/me/other.keychain-db";
    let adds =
        format!("grep -q other \"$ROOT/listed\" || echo '    \"{other}\"' >> \"$ROOT/listed\"\n");
    fs::write(machine.path("during"), adds).unwrap();
    machine.sign().await.unwrap();
    let listed = machine.read("listed");
    let listed: Vec<&str> = listed
        .lines()
        .map(|line| line.trim().trim_matches('"'))
        .collect();
    assert_eq!(listed, [LOGIN, other]);
    machine.nothing_stays();
}

#[test]
fn without_credentials_nothing_is_signed_unless_it_has_to_be() {
    let mut machine = Machine::windows();
    machine.world.env.set("WIN_PFX_PASSWORD", "");
    match machine.ready().unwrap() {
        Ready::Unsigned(why) => assert!(why.to_string().ends_with("WIN_PFX_PASSWORD is not set")),
        other => panic!("{other:?}"),
    }
    machine.settings.windows.as_mut().unwrap().required = true;
    let error = Error::from(machine.ready().unwrap_err());
    assert_eq!(error.exit_code(), ExitCode::Signing);
    assert!(
        error
            .to_string()
            .starts_with("code signing is required, and programs for windows-x64")
    );
    machine.settings = CodeSignSettings::default();
    assert!(matches!(machine.ready().unwrap(), Ready::Off));
    // Nothing was run, whatever was found.
    assert!(machine.tools.calls("powershell").is_empty());
}
