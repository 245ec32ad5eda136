//! `sign --signer tauri`: how Tauri's own tool is called. A false one plays it here; the real one signs in
//! the long tier.

use crate::signing::Pair;
use crate::support::*;
use secrecy::ExposeSecret as _;
use signatures::{SigningKey, TrustedComment};
use std::fs;
use std::path::Path;
use test_support::{FakeTools, Fixture, Sandbox};

const GOODS: &str =
    "sign --signer tauri --manifest launcher.manifest --product launcher --version 1.4.0";

/// A workspace with a launcher, whose one file lies in the sandbox's folder.
fn workspace(pair: &Pair) -> (Sandbox, Fixture) {
    let sandbox = Sandbox::new();
    let fixture = Fixture::without_git(&sandbox);
    let config = format!(
        "{{\"plugins\":{{\"updater\":{{\"pubkey\":\"{}\"}}}}}}",
        pair.public.to_tauri()
    );
    fixture.write("apps/launcher/src-tauri/tauri.conf.json", &config);
    let manifest = fs::read_to_string(fixture.root().join("Cargo.toml")).unwrap();
    let section =
        "\n[workspace.metadata.atlas-release.products.launcher]\nfolder = \"apps/launcher\"\n";
    fixture.write("Cargo.toml", &(manifest + section));
    fixture.write("target/App.AppImage", "the application");
    fixture.write(
        "launcher.manifest",
        "target/App.AppImage|linux|x64|binary\n",
    );
    (sandbox, fixture)
}

#[test]
fn it_gets_an_absolute_path_and_the_key_in_its_environment() {
    let pair = Pair::new();
    let (sandbox, fixture) = workspace(&pair);
    let key = SigningKey::open(&pair.secret, None).unwrap();
    let said = TrustedComment::parse("timestamp:1\tfile:App.AppImage\tversion:1.4.0");
    let made = key.sign(&b"the application"[..], &said).unwrap();
    let ready = sandbox.root().join("ready");
    fs::write(&ready, made.to_tauri()).unwrap();
    let tools = FakeTools::new(sandbox.root().join("bin"));
    let seen = sandbox.root().join("seen");
    let script = format!(
        "case \"$*\" in *--help*) echo '--app-version <APP_VERSION>'; env | grep -c PRIVATE > '{seen}.help'; exit 0;; esac\n\
         pwd > '{seen}'; env | grep '^TAURI' >> '{seen}'\n\
         for file; do :; done\ncp '{}' \"$file.sig\"; echo more >> \"$file\"",
        ready.display(),
        seen = seen.display()
    );
    tools.add("tauri", &script);
    let sign = || {
        let run = pair.signs(atlas(&sandbox, GOODS)).cwd(fixture.root());
        run.env("PATH", tools.path_before(sandbox.env()))
    };
    sign().run().exits(0).says(&["signed"]);
    let payload = fixture.root().join("target/App.AppImage");
    let calls = tools.calls("tauri");
    assert_eq!(calls.len(), 2);
    let given = calls[1].strip_prefix("signer sign --app-version 1.4.0 ");
    let given = Path::new(given.unwrap());
    assert!(given.is_absolute(), "{}", given.display());
    assert_eq!(given.file_name(), payload.file_name());
    // It wrote beside that, and nothing of it is left there.
    assert!(!given.exists() && given.parent() != payload.parent());
    // Nor is what it does to its own.
    assert_eq!(fs::read_to_string(&payload).unwrap(), "the application");
    let text = fs::read_to_string(&seen).unwrap();
    let folder = fixture.root().join("apps/launcher");
    assert_eq!(text.lines().next().unwrap(), folder.display().to_string());
    assert!(text.contains(&format!(
        "TAURI_SIGNING_PRIVATE_KEY={}",
        pair.secret.expose_secret()
    )));
    let asked = fs::read_to_string(sandbox.root().join("seen.help")).unwrap();
    assert_eq!(asked.trim(), "0", "help shows what variables are set to");
    let manifest = fs::read_to_string(fixture.root().join("launcher.manifest")).unwrap();
    assert_eq!(
        manifest,
        "target/App.AppImage|linux|x64|binary\n\
         target/App.AppImage.sig|linux|x64|signature|App.AppImage.sig\n"
    );
    // What is good is left alone, whoever has made it; the launcher's own key is what it is checked with.
    sign().run().exits(0).says(&["kept"]);
    assert_eq!(tools.calls("tauri").len(), 2);
    let check = GOODS.replace("--signer tauri", "--check");
    atlas(&sandbox, &check)
        .cwd(fixture.root())
        .run()
        .exits(0)
        .says(&["checked"]);
    // The manifest says where the signature lies. The tool is asked once what it takes, however many there are.
    fixture.write("target/Two/App.AppImage", "the application");
    fixture.write(
        "launcher.manifest",
        "target/App.AppImage|linux|x64|binary\nsigs|linux|x64|signature|App.AppImage.sig\n\
         target/Two/App.AppImage|linux|arm64|binary\n",
    );
    sign().run().exits(0);
    assert!(fixture.root().join("sigs").is_file());
    assert_eq!(tools.calls("tauri").len(), 5);
    let run = Pair::new()
        .signs(atlas(&sandbox, GOODS))
        .cwd(fixture.root())
        .run();
    run.exits(5).says(&["the public key of launcher is"]);
}

/// A key comes with whatever line ends and blanks a secret's store has given it; the tool gets that text, and
/// no line of it comes back.
#[test]
fn no_line_of_a_key_is_shown_however_it_is_broken() {
    let pair = Pair::new();
    let (sandbox, fixture) = workspace(&pair);
    let tauris = pair.secret.expose_secret();
    let forms = signatures::lines_of_all_forms(&pair.secret);
    let own = forms.iter().map(|form| form.expose_secret());
    let own = own.clone().find(|form| form.contains('\n')).unwrap();
    let (comment, body) = own.split_once('\n').unwrap();
    let broken: Vec<&str> = tauris
        .as_bytes()
        .chunks(64)
        .map(|part| str::from_utf8(part).unwrap())
        .collect();
    let tools = FakeTools::new(sandbox.root().join("bin"));
    let seen = sandbox.root().join("seen");
    tools.add(
        "tauri",
        &format!(
            "case \"$*\" in *--help*) exit 0;; esac\n\
             printf %s \"$TAURI_SIGNING_PRIVATE_KEY\" > '{}'\n\
             printf '%s\\n%s\\n' \"$TAURI_SIGNING_PRIVATE_KEY\" \"$TAURI_SIGNING_PRIVATE_KEY_PASSWORD\" |\n\
             while read -r line; do echo \"<$line>\" >&2; done\nexit 1",
            seen.display()
        ),
    );
    for text in [
        format!("\u{20}{comment}\r\n  {body}\t\r\n\r\n"),
        broken.join("\n"),
        broken.join("\r\n  "),
    ] {
        let run = atlas(&sandbox, GOODS).cwd(fixture.root());
        let run = run
            .env("PATH", tools.path_before(sandbox.env()))
            .env("TAURI_SIGNING_PRIVATE_KEY", &text)
            .env(
                "TAURI_SIGNING_PRIVATE_KEY_PASSWORD",
                "first half\n second half ",
            );
        let run = run
            .run()
            .exits(5)
            .says(&["Tauri's tool did not sign", "***"]);
        assert_eq!(fs::read_to_string(&seen).unwrap().trim(), text.trim());
        for line in text.lines().chain(["first half", "second half", body]) {
            let line = line.trim();
            assert!(
                line.is_empty() || !run.stderr.contains(line),
                "{line} in {run}"
            );
        }
    }
}

#[test]
fn what_it_does_wrong_is_told_without_secrets() {
    let pair = Pair::new();
    let (sandbox, fixture) = workspace(&pair);
    let tools = FakeTools::new(sandbox.root().join("bin"));
    let sign = || {
        let run = pair.signs(atlas(&sandbox, GOODS)).cwd(fixture.root());
        run.env("PATH", tools.path_before(sandbox.env())).run()
    };
    tools.add(
        "tauri",
        "case \"$*\" in *--help*) exit 0;; esac\necho \"bad key $TAURI_SIGNING_PRIVATE_KEY\" >&2; exit 1",
    );
    let run = sign()
        .exits(5)
        .says(&["Tauri's tool did not sign", "bad key ***"]);
    assert!(!run.stderr.contains(pair.secret.expose_secret()), "{run}");
    assert!(
        tools
            .calls("tauri")
            .iter()
            .all(|call| !call.contains("app-version"))
    );
    tools.add("tauri", "exit 0");
    sign()
        .exits(5)
        .says(&["is no good signature", "there is no signature"]);
    // It is looked for where npm puts it, and then on PATH.
    let path = test_support::path_without(&sandbox.root().join("path"), &["tauri"]);
    let run = pair.signs(atlas(&sandbox, GOODS)).cwd(fixture.root());
    let run = run.env("PATH", path).run();
    run.exits(3)
        .says(&["`tauri` was not found", "@tauri-apps/cli"]);
    let other = GOODS.replace("--product launcher", "--product alpha");
    let run = pair
        .signs(atlas(&sandbox, &other))
        .cwd(fixture.root())
        .run();
    run.exits(2).says(&["alpha has none", "products.<PRODUCT>"]);
}
