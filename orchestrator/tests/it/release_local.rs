//! `release --local`: the whole way on one machine, and its second and third time.

use crate::hub_server::{get, release, serves};
use crate::support::*;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use test_support::Signal;

/// Of each asset of a receipt, what must not change when the release is made again.
pub fn ids(receipt: &Value) -> Vec<(Value, Value)> {
    let assets = receipt["assets"].as_array().unwrap();
    let id = |asset: &Value| (asset["sha256"].clone(), asset["download_id"].clone());
    assets.iter().map(id).collect()
}

#[test]
fn one_command_ends_with_a_receipt_for_both_products() {
    let project = Project::new();
    let run = project
        .quick("release demo-v1.0.0 --local --format json")
        .run()
        .exits(0);
    assert_eq!(run.stderr, "");
    let receipt = receipt(&run);
    assert_eq!(receipt["products"], json!(["alpha", "beta"]));
    assert_eq!(receipt["version"], "1.0.0");
    assert_eq!(receipt["channel"], "stable");
    assert_eq!(receipt["latest"], true);
    assert_eq!(receipt["platforms"].as_array().unwrap().len(), 1);
    let staged = project.staged("demo-1.0.0");
    let assets = receipt["assets"].as_array().unwrap();
    assert_eq!(assets.len(), 2);
    for (asset, product) in assets.iter().zip(["alpha", "beta"]) {
        let name = format!("{product}-{}", platform());
        let file = staged.join(&name);
        assert_eq!(asset["product"], product);
        assert_eq!(asset["filename"], name);
        assert_eq!(asset["kind"], "binary");
        assert_eq!(asset["size"], file.metadata().unwrap().len());
        assert_eq!(asset["sha256"], digest(&file));
        let id = asset["download_id"].as_str().unwrap();
        assert!(id.starts_with("dl_") && id.len() == 35, "{id}");
    }
    // The same receipt lies beside the builds.
    let path = project.sandbox.dist_dir().join("demo-1.0.0/receipt.json");
    let kept: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut told = receipt;
    told.as_object_mut().unwrap().remove("event");
    assert_eq!(kept, told);
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(project.sandbox.state_dir()), 0o700);
    assert_eq!(project.sandbox.processes(), Vec::<String>::new());
}

#[test]
fn people_are_told_every_step_and_how_to_serve_it() {
    let project = Project::new();
    let _redacted = redacted(&project.sandbox);
    let run = project
        .quick("release demo-v1.0.0 --local --uploads 1")
        .run();
    let mut lines: Vec<&str> = run.stderr.lines().collect();
    // Cargo's own lines come in any order, or because another test runs cargo too.
    lines.retain(|line| {
        let line = line.trim_start();
        !line.starts_with("Compiling") && !line.starts_with("Blocking waiting")
    });
    insta::assert_snapshot!(lines.join("\n"), @r"
      building alpha, beta for [TRIPLE]
      Finished `release` profile [unoptimized] target(s) in [TIME]
         built [SANDBOX]/dist/demo-1.0.0/[PLATFORM]/alpha-[PLATFORM] [SIZE] bytes, sha256 [SHA256]
         built [SANDBOX]/dist/demo-1.0.0/[PLATFORM]/beta-[PLATFORM] [SIZE] bytes, sha256 [SHA256]
    publishing 1.0.0 to http://[ADDRESS]
      uploaded artifacts/alpha/1.0.0/[OS]/[ARCH]/alpha-[PLATFORM] ([SIZE] bytes)
      uploaded artifacts/beta/1.0.0/[OS]/[ARCH]/beta-[PLATFORM] ([SIZE] bytes)
    registered alpha for [PLATFORM]
    registered beta for [PLATFORM]
     verifying 1.0.0 at http://[ADDRESS]
      verified alpha-[PLATFORM] read back, sha256 [SHA256]
      verified beta-[PLATFORM] read back, sha256 [SHA256]
    ");
    // The example in README.md has the same lines.
    let readme = include_str!("../../../README.md");
    let example = readme.split("```text\n").nth(1).unwrap();
    let names = |text: &str| -> Vec<String> {
        let lines = text.lines().take(4);
        lines
            .map(|l| l.split(' ').next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(example), names(&run.stdout));
    let stdout = run.stdout.replace(ATLAS_RELEASE, "[ATLAS_RELEASE]");
    insta::assert_snapshot!(stdout, @r"
    receipt   alpha, beta 1.0.0 on channel stable, verified [TIME]
    source    demo-v1.0.0 at [COMMIT]
    hub       http://[ADDRESS]
    latest    this version
      alpha    [PLATFORM] alpha-[PLATFORM] ([SIZE] bytes)
               sha256 [SHA256]
               http://[ADDRESS]/api/v1/download/[DOWNLOAD ID]
      beta     [PLATFORM] beta-[PLATFORM] ([SIZE] bytes)
               sha256 [SHA256]
               http://[ADDRESS]/api/v1/download/[DOWNLOAD ID]

    The embedded Hub ended with this run. To serve the release again:
      [ATLAS_RELEASE] hub serve --state-dir [SANDBOX]/state --listen [ADDRESS]
    ");
}

#[test]
fn the_printed_command_serves_the_release_again() {
    let project = Project::new();
    let run = project
        .quick("release demo-v1.0.0 --local --format json")
        .run()
        .exits(0);
    let receipt = receipt(&run);
    let command = receipt["serve_command"].as_str().unwrap();
    let hub = project
        .sandbox
        .invoke("/bin/sh")
        .args(["-c", &format!("exec {command}")])
        .start();
    let line = hub.stdout_line("listening on");
    let url = line.strip_prefix("listening on ").unwrap();
    assert_eq!(receipt["hub"], url);
    for (product, asset) in ["alpha", "beta"].iter().zip(0..) {
        let staged = project.staged("demo-1.0.0");
        let staged = staged.join(format!("{product}-{}", platform()));
        let latest = release(url, product, "latest").unwrap();
        assert_eq!(latest["assets"][0]["sha256"], digest(&staged));
        serves(url, product, "latest", &staged);
        // The receipt's own address leads there, too.
        let (status, bytes) = get(receipt["assets"][asset]["url"].as_str().unwrap());
        assert_eq!(status, 200);
        assert!(bytes == std::fs::read(&staged).unwrap());
    }
    hub.signal(Signal::Terminate);
    hub.finish().exits(0);
}

#[test]
fn hub_serve_takes_a_free_port_and_tells_programs_its_address() {
    let project = Project::new();
    project
        .atlas("hub serve --listen 127.0.0.1:0")
        .run()
        .exits(2)
        .says(&["holds no Hub", "hint: a release with --local"]);
    assert!(!project.sandbox.state_dir().exists());
    project.quick("release demo-v1.0.0 --local").run().exits(0);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    project
        .atlas(&format!(
            "hub serve --listen {}",
            taken.local_addr().unwrap()
        ))
        .run()
        .exits(9)
        .says(&[
            "Address already in use",
            "hint: another program may listen there",
        ]);
    project
        .atlas("hub serve --listen 0.0.0.0:0")
        .run()
        .exits(2)
        .says(&["is not a loopback address"]);
    let hub = project
        .atlas("hub serve --listen 127.0.0.1:0 --format json")
        .start();
    let line: Value = serde_json::from_str(&hub.stdout_line("listening")).unwrap();
    assert!(release(line["url"].as_str().unwrap(), "alpha", "1.0.0").is_some());
    // While it runs, nobody else writes to its data.
    project
        .quick("release demo-v1.0.1 --local")
        .run()
        .exits(9)
        .says(&[
            &format!("process {}", hub.id()),
            "hint: wait for it or end it",
        ]);
    hub.signal(Signal::Interrupt);
    let run = hub.finish().exits(0);
    assert_eq!(events_of(&run, "listening").len(), 1);
}

#[test]
fn the_same_bytes_again_change_nothing() {
    let project = Project::new();
    let command = "release demo-v1.0.0 --local --format json";
    let first = project.quick(command).run().exits(0);
    for event in ["uploaded", "registered"] {
        let events = events_of(&first, event);
        assert_eq!(events.len(), 2);
        assert!(events.iter().all(|e| e["unchanged"] == false), "{first}");
    }
    let second = project.quick(command).run().exits(0);
    for event in ["uploaded", "registered"] {
        let events = events_of(&second, event);
        assert_eq!(events.len(), 2);
        assert!(events.iter().all(|e| e["unchanged"] == true), "{second}");
    }
    let (first, second) = (receipt(&first), receipt(&second));
    assert_eq!(ids(&first), ids(&second));
    assert_eq!(first["published_at"], second["published_at"]);
}

#[test]
fn a_finished_release_is_finished_however_old_it_is() {
    let project = Project::new();
    for tag in ["demo-v1.0.0", "demo-v1.1.0"] {
        let command = format!("release {tag} --local");
        project.quick(&command).run().exits(0);
    }
    let again = project
        .atlas("publish demo-v1.0.0 --local --format json")
        .run()
        .exits(0);
    let registered = events_of(&again, "registered");
    assert!(registered.iter().all(|event| event["unchanged"] == true));
    assert_eq!(receipt(&again)["latest"], false);
}

#[test]
fn other_bytes_are_refused_and_a_snapshot_is_the_way_out() {
    let project = Project::tagged("demo-v1.0.0");
    let first = project
        .quick("release demo-v1.0.0 --local --format json")
        .run()
        .exits(0);
    let first = receipt(&first);
    let old = std::fs::read(
        project
            .staged("demo-1.0.0")
            .join(format!("alpha-{}", platform())),
    );
    let commit = project.fixture.change("again");
    // Somebody moves the tag, which git allows.
    project.fixture.git(&["tag", "--force", "demo-v1.0.0"]);
    let second = project
        .quick("release demo-v1.0.0 --local --format json")
        .run()
        .exits(6);
    let alpha = format!("alpha-{}", platform());
    let built = events_of(&second, "built");
    let built = built
        .iter()
        .find(|event| event["product"] == "alpha")
        .unwrap();
    let built = built["sha256"].as_str().unwrap().to_owned();
    let published = first["assets"][0]["sha256"].as_str().unwrap();
    assert_ne!(built, published);
    // Programs read it from the last event, people from standard error.
    let last = events(&second).pop().unwrap();
    assert_eq!(
        (&last["event"], &last["code"]),
        (&json!("error"), &json!(6))
    );
    for text in [last["message"].as_str().unwrap(), &second.stderr] {
        for part in [&alpha, &built, published] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
    second.says(&["hint:", "--snapshot"]);
    project
        .fixture
        .git(&["tag", "--force", "demo-v1.0.0", "HEAD~1"]);
    // What is published is still at hand, and nothing tells of what was refused.
    assert_eq!(
        digest(&project.staged("demo-1.0.0").join(&alpha)),
        published
    );
    let receipt_file = project.sandbox.dist_dir().join("demo-1.0.0/receipt.json");
    let kept: Value = serde_json::from_slice(&std::fs::read(receipt_file).unwrap()).unwrap();
    assert_eq!(ids(&kept), ids(&first));
    project.atlas("verify demo-v1.0.0 --local").run().exits(0);

    let snapshot = project
        .quick("release demo --snapshot --local --format json")
        .run()
        .exits(0);
    let snapshot = receipt(&snapshot);
    let version = format!("1.0.1-dev.1+g{}", &commit[..12]);
    assert_eq!(snapshot["version"], version.as_str());
    assert_eq!(snapshot["channel"], "dev");

    let hub = project.atlas("hub serve").start();
    let line = hub.stdout_line("listening on");
    let url = line.strip_prefix("listening on ").unwrap();
    let id = first["assets"][0]["download_id"].as_str().unwrap();
    let (status, bytes) = get(&format!("{url}/api/v1/download/{id}"));
    assert_eq!(status, 200);
    assert!(bytes == old.unwrap(), "the first bytes are still served");
    let version = version.replace('+', "%2B");
    let staged = project.staged(&format!("demo-1.0.1-dev.1+g{}", &commit[..12]));
    serves(
        url,
        "alpha",
        &format!("latest/{}?channel=dev#", platform_path()),
        &staged.join(&alpha),
    );
    assert!(release(url, "alpha", &version).is_none(), "not on stable");
}

#[test]
fn an_older_version_needs_backport_and_leaves_latest_alone() {
    let project = Project::new();
    let release_of = |tag: &str, more: &str| {
        project
            .quick(&format!("release {tag} --local --format json {more}"))
            .run()
    };
    release_of("demo-v1.1.0", "").exits(0);
    release_of("demo-v1.0.5", "").exits(2).says(&[
        "alpha 1.0.5 is older than 1.1.0, which is the newest on channel stable",
        "hint: use --backport",
    ]);
    // Refused before the build: nothing of it was staged.
    assert!(!project.sandbox.dist_dir().join("demo-1.0.5").exists());

    let newest = "2030-01-01T00:00:00Z";
    release_of(
        "demo-v1.0.5",
        &format!("--backport --published-at {newest}"),
    )
    .exits(2)
    .says(&["a backport could become the newest"]);
    let run = release_of("demo-v1.0.5", "--backport").exits(0);
    let receipt = receipt(&run);
    assert_eq!(receipt["version"], "1.0.5");
    assert_eq!(receipt["latest"], false);

    let hub = project.atlas("hub serve").start();
    let line = hub.stdout_line("listening on");
    let url = line.strip_prefix("listening on ").unwrap();
    for product in ["alpha", "beta"] {
        let latest = release(url, product, "latest").unwrap();
        let old = release(url, product, "1.0.5").unwrap();
        assert_eq!(latest["version"], "1.1.0");
        let time = |release: &Value| -> jiff::Timestamp {
            release["published_at"].as_str().unwrap().parse().unwrap()
        };
        assert!(time(&old) < time(&latest), "{old} {latest}");
    }
}

#[test]
fn plans_and_dry_runs_change_nothing() {
    let project = Project::tagged("demo-v1.0.0");
    let before = project.everything();
    let plans = [
        "plan demo-v1.0.0 --local --format json",
        "build demo-v1.0.0 --dry-run --format json",
        "release demo-v1.0.0 --local --dry-run --format json",
    ]
    .map(|line| {
        let run = project.quick(line).run().exits(0);
        let events = events(&run);
        assert_eq!(events.len(), 1, "{run}");
        assert_eq!(events[0]["event"], "plan");
        events[0].clone()
    });
    project.is_still(&before);
    // A plan says what `release` will do, and `build` ends before the Hub.
    assert_eq!(plans[0], plans[2]);
    assert_eq!(plans[1]["calls"], json!([]));
    let keys: Vec<&Value> = plans[0]["products"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["key"])
        .collect();
    let key = |product| {
        json!(format!(
            "artifacts/{product}/1.0.0/{}/{product}-{}",
            platform_path(),
            platform()
        ))
    };
    assert_eq!(keys, [&key("alpha"), &key("beta")]);

    project.quick("release demo-v1.0.0 --local").run().exits(0);
    let before = project.everything();
    project
        .atlas("publish demo-v1.0.0 --local --dry-run")
        .run()
        .exits(0)
        .says(&["would publish artifacts/alpha/1.0.0/"]);
    project
        .atlas("hub serve --dry-run")
        .run()
        .exits(0)
        .says(&["would serve"]);
    project.is_still(&before);
}
