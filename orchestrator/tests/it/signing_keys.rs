//! Keys to sign with: where they come from, when `release` needs them, and that they are seen nowhere.

use crate::hub_server::TestHub;
use crate::signing::{KEY, Pair, assets};
use crate::support::*;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use std::fs;
use test_support::{Fault, Finished, Proxy, Sandbox, tree};

const PASSWORD: &str = "TAURI_SIGNING_PRIVATE_KEY_PASSWORD";

/// A workspace that has a public key, and a tag.
fn with_public_key(pair: &Pair) -> Project {
    let project = Project::new();
    let section = format!(
        "\n[workspace.metadata.atlas-release]\npublic-key = \"{}\"\n",
        pair.public.to_tauri()
    );
    let manifest = fs::read_to_string(project.fixture.root().join("Cargo.toml")).unwrap();
    project.fixture.write("Cargo.toml", &(manifest + &section));
    project.fixture.commit("have a key");
    project.fixture.tag("demo-v0.1.0");
    project
}

#[test]
fn a_workspace_with_a_key_releases_signed_programs_alone() {
    let pair = Pair::new();
    let project = with_public_key(&pair);
    let hub = TestHub::start();
    let proxy = Proxy::bind().serve(hub.address, |_| Fault::None);
    let command = "release demo-v0.1.0 --format json";
    let released = || {
        hub.publishes(project.quick(command))
            .env("ATLAS_HUB_URL", proxy.url())
    };
    let id = pair.public.id().to_string();
    let plan = project.quick("plan demo-v0.1.0").run().exits(0).stdout;
    assert!(plan.contains(&format!("for the public key {id}")), "{plan}");
    let run = released().run().exits(5);
    run.says(&["alpha has the public key", &id, "signer generate"]);
    let run = Pair::new().signs(released()).run().exits(5);
    run.says(&["nobody would accept its signatures", &id]);
    assert_eq!(proxy.seen(), [], "nothing was asked");
    assert!(!project.staged("demo-0.1.0").exists(), "nothing was built");

    // What is built without a signature is not published either.
    project.quick("build demo-v0.1.0").run().exits(0);
    let publish = || {
        let run = hub.publishes(project.atlas("publish demo-v0.1.0"));
        run.env("ATLAS_HUB_URL", proxy.url())
    };
    publish().run().exits(5).says(&["2 files are not signed"]);
    // Nor where there is no workspace: the record of the build has the key.
    let run = publish().cwd(project.sandbox.root()).run().exits(5);
    run.says(&["2 files are not signed", "atlas-release sign"]);
    assert_eq!(proxy.seen(), [], "nothing was asked");

    let run = pair.signs(released()).run().exits(0);
    let told = receipt(&run);
    let kinds: Vec<&str> = told["assets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|asset| asset["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["binary", "signature", "binary", "signature"]);
    // The same again changes nothing, here and on the Hub.
    let staged = tree(&project.staged("demo-0.1.0"));
    let run = pair.signs(released()).run().exits(0);
    assert!(
        events_of(&run, "uploaded")
            .iter()
            .all(|one| one["unchanged"] == true)
    );
    assert_eq!(receipt(&run)["assets"], told["assets"]);
    let now = tree(&project.staged("demo-0.1.0"));
    let same = |name: &str| staged.get(name) == now.get(name);
    let names = ["alpha", "beta"].map(|name| format!("{name}-{}.sig", platform()));
    assert!(names.iter().all(|name| same(name)), "signed once more");
    // A machine that has nothing of it signs anew, and keeps what is published.
    fs::remove_dir_all(project.sandbox.dist_dir()).unwrap();
    let run = pair.signs(released()).run().exits(0);
    assert_eq!(receipt(&run)["assets"], told["assets"]);
    let notes = events_of(&run, "note");
    let kept = |note: &&Value| {
        note.to_string()
            .contains("another signature of the same bytes")
    };
    assert_eq!(notes.iter().filter(kept).count(), 2, "{run}");
    let now = tree(&project.staged("demo-0.1.0"));
    let same = |name: &str| staged.get(name) == now.get(name);
    assert!(
        names.iter().all(|name| same(name)),
        "the Hub's lie here too"
    );
}

#[test]
fn a_signed_release_that_is_refused_leaves_the_published_one() {
    let (pair, project) = (Pair::new(), Project::new());
    let release = || {
        let run = project.quick("release demo-v1.0.0 --local");
        pair.signs(run).run()
    };
    release().exits(0);
    let folder = project.sandbox.dist_dir().join("demo-1.0.0");
    let before = tree(&folder);
    assert!(before.contains_key("receipt.json"));
    project.fixture.change("again");
    let run = release().exits(6);
    run.says(&[
        "published already with other bytes",
        "dist/ holds the earlier build again",
    ]);
    let now = tree(&folder);
    let names =
        |tree: &std::collections::BTreeMap<String, _>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&now), names(&before));
    assert!(now == before, "the published build is another one");
}

#[test]
fn a_build_script_does_not_see_the_secret_key() {
    let (pair, project) = (Pair::new(), Project::new());
    let seen = project.sandbox.root().join("seen-by-the-build");
    let script = format!(
        "fn main() {{ build_version::emit(); std::fs::write({seen:?}, format!(\"{{:?}}\", std::env::vars_os().collect::<Vec<_>>())).unwrap(); }}\n"
    );
    project.fixture.write("beta/build.rs", &script);
    project.fixture.commit("look around");
    let run = project.quick("release demo-v1.0.0 --local");
    let run = pair.signs(run).env(PASSWORD, "not-needed-here");
    run.run().exits(0).says(&["signing demo-v1.0.0"]);
    let text = fs::read_to_string(seen).unwrap();
    assert!(text.contains("OUT_DIR"), "{text}");
    for secret in [
        "TAURI_SIGNING",
        "not-needed-here",
        pair.secret.expose_secret(),
    ] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_release_is_signed_where_there_is_a_key_and_nobody_asks_for_one() {
    let project = Project::tagged("demo-v0.1.0");
    let (pair, hub) = (Pair::new(), TestHub::start());
    let run = pair
        .signs(hub.publishes(project.quick("release demo-v0.1.0")))
        .run()
        .exits(0);
    run.says(&["signing demo-v0.1.0"]);
    assert_eq!(assets(&hub, "alpha", "0.1.0").len(), 2);
}

#[test]
fn the_secret_key_is_seen_nowhere() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let password = SecretString::from("correct-horse-battery".to_owned());
    let pair = signatures::generate(Some(&password)).unwrap();
    let secret = pair.secret.expose_secret();
    fs::write(sandbox.root().join("key"), secret).unwrap();
    let sign = |key: &str, password: &str| {
        let run = atlas(&sandbox, "sign -vv --format json").env(KEY, key);
        run.env(PASSWORD, password).run()
    };
    let runs = [
        sign(secret, "correct-horse-battery").exits(0),
        sign("key", "correct-horse-battery").exits(0),
        sign(secret, "wrong-horse").exits(5),
        sign(secret, "").exits(5),
        sign(&secret[..200], "correct-horse-battery").exits(5),
        sign("/no/such/key", "").exits(5),
    ];
    runs[2]
        .clone()
        .says(&["the password is not the secret key's"]);
    runs[3].clone().says(&["no password was given", PASSWORD]);
    runs[4].clone().says(&["it is no secret key"]);
    for run in &runs {
        for stream in [&run.stdout, &run.stderr] {
            for secret in [&secret[..60], "correct-horse", "wrong-horse"] {
                assert!(!stream.contains(secret), "{run}");
            }
        }
    }
    for (name, bytes) in tree(&sandbox.dist_dir()) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(&secret[..60]), "{name}");
    }
    atlas(&sandbox, "sign")
        .run()
        .exits(5)
        .says(&["TAURI_SIGNING_PRIVATE_KEY is not set"]);
}

#[test]
fn a_pair_of_keys_is_made_and_never_written_over() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    let generate = |name: &str| {
        atlas(
            &sandbox,
            &format!("signer generate --format json --output {name}"),
        )
    };
    let run = generate("atlas.key").env(PASSWORD, "p4ss").run().exits(0);
    let made = events_of(&run, "signing-key").pop().unwrap();
    assert_eq!(made["encrypted"], true);
    let file = sandbox.root().join("atlas.key");
    let text = fs::read_to_string(&file).unwrap();
    assert!(!run.stdout.contains(&text) && !run.stderr.contains(&text));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let public = fs::read_to_string(sandbox.root().join("atlas.key.pub")).unwrap();
    assert_eq!(public, made["public_key"].as_str().unwrap());
    generate("atlas.key")
        .run()
        .exits(2)
        .says(&["atlas.key.pub is there already"]);
    fs::remove_file(sandbox.root().join("atlas.key.pub")).unwrap();
    generate("atlas.key")
        .run()
        .exits(2)
        .says(&["atlas.key is there already"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    let run = generate("open.key").run().exits(0);
    let warned = &events_of(&run, "warning")[0]["message"];
    let warned = warned.as_str().unwrap();
    assert!(warned.contains("is not set: whoever gets hold of the secret key"));

    // The pair works.
    staged_release(&sandbox);
    let sign = atlas(&sandbox, "sign").env(KEY, "atlas.key");
    sign.env(PASSWORD, "p4ss").run().exits(0);
    let check = atlas(&sandbox, "sign --check").args(["--public-key", &public]);
    check.run().exits(0).says(&["checked"]);
    let run = atlas(&sandbox, "sign --check --public-key open.key.pub").run();
    run.exits(5).says(&["it was made with the key"]);
    let run = atlas(&sandbox, "sign --check --public-key nonsense").run();
    run.exits(2)
        .says(&["--public-key is neither a public key nor a file"]);
}

#[test]
fn a_plan_says_what_signing_adds_and_nothing_of_the_key() {
    let project = Project::tagged("demo-v0.1.0");
    let pair = Pair::new();
    let secret = pair.secret.expose_secret();
    let plan = |line: &str| project.quick(&format!("plan demo-v0.1.0 --local {line}"));
    let file = format!("alpha-{}.sig", platform());
    let run = plan("").run().exits(0);
    let none = "signing   no key: TAURI_SIGNING_PRIVATE_KEY is not set; with one there would be";
    assert!(run.stdout.contains(none), "{run}");
    assert!(run.stdout.contains(&format!("file {file}\n")), "{run}");
    let calls = |run: &Finished| {
        let calls = events_of(run, "plan")[0]["calls"].to_string();
        calls.contains(&file)
    };
    let run = plan("--format json").run().exits(0);
    assert!(!calls(&run), "{run}");
    // What it holds is not looked at, and so not shown.
    for key in [secret, "of-nobody"] {
        let run = plan("").env(KEY, key).run().exits(0);
        let with = "signing   with the key that TAURI_SIGNING_PRIVATE_KEY holds or names";
        assert!(run.stdout.contains(with), "{run}");
        assert!(!format!("{run}").contains(key), "{run}");
        let run = plan("--format json").env(KEY, key).run().exits(0);
        assert!(calls(&run), "{run}");
        let signing = events_of(&run, "plan")[0]["signing"].clone();
        assert_eq!(signing["has_key"], true);
        let files = signing["files"].as_array().unwrap();
        assert_eq!((files.len(), &files[0]["filename"]), (2, &json!(file)));
        assert!(!format!("{run}").contains(key), "{run}");
    }
}
