//! One release of several machines: who uploads, who shows it, and what has to be there.

use crate::base_hub::{is_upload, shows, two_machines, with_dists};
use crate::hub_server::{TestHub, is_registration};
use crate::support::*;
use serde_json::{Value, json};
use std::path::Path;
use test_support::{Fault, Proxy, Seen, copy_tree};

const OTHER: &str = "windows-arm64";

fn hub() -> (TestHub, Proxy) {
    let port = Proxy::bind();
    let hub = TestHub::start_as(Some(port.url()));
    let proxy = port.serve(hub.address, |_| Fault::None);
    (hub, proxy)
}

fn count(proxy: &Proxy, which: fn(&Seen) -> bool) -> usize {
    proxy.seen().iter().filter(|seen| which(seen)).count()
}

/// Whether everything, or nothing, of the release is shown.
#[track_caller]
fn all_or_nothing(hub: &TestHub) -> bool {
    let here = platform();
    let all = ["alpha", "beta"].iter().flat_map(|product| {
        [here.as_str(), OTHER].map(|on| shows(&hub.url(), product, "0.1.0", on))
    });
    let all: Vec<bool> = all.collect();
    assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
    all[0]
}

#[test]
fn nothing_is_shown_before_all_that_is_required_is_there() {
    let (sandbox, dists) = two_machines();
    let (hub, proxy) = hub();
    let require = format!("{},{OTHER}", platform());
    let publish = |dist: &Path| {
        let line = format!("publish --require {require} --format json");
        let run = hub.publishes(with_dists(&sandbox, &line, &[dist]));
        run.env("ATLAS_HUB_URL", proxy.url()).run()
    };
    let first = publish(&dists[0]).exits(6);
    first.says(&[
        "the release is not complete, so nothing of it was made visible",
        "alpha 0.1.0 stable windows-arm64 was never registered",
        "beta 0.1.0 stable windows-arm64 was never registered",
        "hint: nobody sees anything of it",
    ]);
    assert!(!all_or_nothing(&hub));
    assert!(!dists[0].join("demo-0.1.0/receipt.json").exists());
    // The other machine is the last one, and shows and proves what both have uploaded.
    let told = receipt(&publish(&dists[1]).exits(0));
    assert!(all_or_nothing(&hub));
    assert_eq!(told["assets"].as_array().unwrap().len(), 4);
    let uploads = count(&proxy, is_upload);
    // Now the first finds everything done.
    let again = receipt(&publish(&dists[0]).exits(0));
    assert_eq!(count(&proxy, is_upload), uploads);
    let ids = |receipt: &Value| {
        let mut ids: Vec<String> = receipt["assets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|asset| asset["download_id"].to_string())
            .collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&again), ids(&told));
}

#[test]
fn what_is_staged_is_finished_by_its_name_alone() {
    let (sandbox, dists) = two_machines();
    let (hub, proxy) = hub();
    let run = |line: &str, dists: &[std::path::PathBuf]| {
        let run = hub.publishes(with_dists(&sandbox, line, dists)).cwd("/");
        run.env("ATLAS_HUB_URL", proxy.url()).run()
    };
    for dist in &dists {
        let staged = run(
            "publish --stage-only --format json",
            std::slice::from_ref(dist),
        );
        let staged = staged.exits(0);
        let told = events(&staged).pop().unwrap();
        assert_eq!(
            (&told["event"], &told["drafts"]),
            (&json!("staged"), &json!(true))
        );
        assert_eq!(told["products"], json!(["alpha", "beta"]));
        let command = told["command"].as_str().unwrap();
        let begins = "atlas-release publish --finish demo-v0.1.0 --require ";
        assert!(command.starts_with(begins), "{command}");
        assert!(told["published"].is_null(), "{told}");
        assert!(!all_or_nothing(&hub));
    }
    let uploads = count(&proxy, is_upload);
    let line = format!(
        "publish --finish demo-v0.1.0 --product alpha --product beta --require {}",
        platform()
    );
    // What was never staged keeps all of it back.
    run(&format!("{line},{OTHER},linux-arm64"), &[])
        .exits(6)
        .says(&["alpha 0.1.0 stable linux-arm64 was never registered"]);
    assert!(!all_or_nothing(&hub));
    let finish = || receipt(&run(&format!("{line},{OTHER} --format json"), &[]).exits(0));
    let told = finish();
    assert!(all_or_nothing(&hub));
    assert_eq!(told["assets"].as_array().unwrap().len(), 4);
    assert_eq!(told["latest"], true);
    assert_eq!(count(&proxy, is_upload), uploads);
    // Once more, and nothing changes.
    assert_eq!(finish()["assets"], told["assets"]);
    // Who stages it now is told that there is nothing to be shown.
    let here = std::slice::from_ref(&dists[0]);
    let staged = run("publish --stage-only --format json", here).exits(0);
    let told = events(&staged).pop().unwrap();
    assert_eq!(
        (&told["event"], &told["published"]),
        (&json!("staged"), &json!(true))
    );
    let staged = run("publish --stage-only", here).exits(0);
    assert!(!staged.stdout.contains("staged "), "{staged}");
    for says in [
        "published alpha, beta 0.1.0 for",
        "to finish nothing: it was published already, and stays as it is",
    ] {
        assert!(staged.stdout.contains(says), "{staged}");
    }
    // Outside of a workspace only flags say what is required.
    run("publish --finish demo-v0.1.0 --product alpha", &[])
        .exits(2)
        .says(&["--finish without files needs --require"]);
    run("publish --finish demo-v0.1.0", &[])
        .exits(2)
        .says(&["outside of a workspace, needs --product and --require"]);
}

#[test]
fn the_workspace_says_what_is_required_and_which_products_there_are() {
    let project = Project::new();
    let here = platform();
    project.fixture.edit(
        "Cargo.toml",
        "# Quick",
        &format!(
            "[workspace.metadata.atlas-release]\nrequire = [\"{here}\", \"{OTHER}\"]\n\n# Quick"
        ),
    );
    project.fixture.commit("require two platforms");
    project.fixture.tag("demo-v0.1.0");
    let (hub, proxy) = hub();
    let run = |line: &str| {
        let run = hub.publishes(project.atlas(line));
        run.env("ATLAS_HUB_URL", proxy.url()).run()
    };
    // It goes along with what is built.
    project.quick("build demo-v0.1.0").run().exits(0);
    let staged = run("publish --stage-only --format json").exits(0);
    let told = events(&staged).pop().unwrap();
    let command = told["command"].as_str().unwrap();
    assert!(
        command.ends_with(&format!("--require {here},{OTHER}")),
        "{command}"
    );
    run("publish")
        .exits(6)
        .says(&["windows-arm64 was never registered"]);
    let dist = project.sandbox.dist_dir();
    let elsewhere = project.sandbox.root().join("elsewhere");
    std::fs::rename(&dist, &elsewhere).unwrap();
    run("publish --finish demo-v0.1.0")
        .exits(6)
        .says(&["beta 0.1.0 stable windows-arm64 was never registered"]);
    // A flag counts for more.
    let line = format!("publish --finish demo-v0.1.0 --require {here} --format json");
    let told = receipt(&run(&line).exits(0));
    assert_eq!(told["products"], json!(["alpha", "beta"]));
    run("publish --finish none-v0.1.0")
        .exits(2)
        .says(&["there is no group `none`"]);
    project.fixture.edit("Cargo.toml", OTHER, "amiga-x64");
    run("publish --finish demo-v0.1.0").exits(2).says(&[
        "[workspace.metadata.atlas-release]",
        "`amiga-x64` is not a platform",
    ]);
}

#[test]
fn folders_of_several_machines_are_merged_or_refused() {
    let (sandbox, dists) = two_machines();
    let (hub, proxy) = hub();
    let run = |line: &str, dists: &[&Path]| {
        let run = hub.publishes(with_dists(&sandbox, line, dists));
        run.env("ATLAS_HUB_URL", proxy.url()).run()
    };
    let [here, there] = [&*dists[0], &*dists[1]];
    // A platform that is there twice, file by file the same, is there once.
    let third = sandbox.root().join("third");
    copy_tree(here, &third);
    let told = receipt(&run("publish --format json", &[here, there, &third, here]).exits(0));
    assert_eq!(told["assets"].as_array().unwrap().len(), 4);
    assert!(here.join("demo-0.1.0/receipt.json").is_file());
    let read = receipt(&run("verify --format json", &[there, here]).exits(0));
    assert_eq!(read["assets"].as_array().unwrap().len(), 4);

    let platform_dir = third.join("demo-0.1.0").join(platform());
    let name = format!("beta-{}", platform());
    let before = digest(&platform_dir.join(&name));
    let size = std::fs::metadata(platform_dir.join(&name)).unwrap().len();
    std::fs::write(platform_dir.join(&name), "other bytes").unwrap();
    let after = digest(&platform_dir.join(&name));
    let record = platform_dir.join("release.json");
    let text = std::fs::read_to_string(&record).unwrap();
    let text = text.replace(&before, &after);
    let mut value: Value = serde_json::from_str(&text).unwrap();
    for artifact in value["artifacts"].as_array_mut().unwrap() {
        if artifact["size"] == size && artifact["sha256"] == *after {
            artifact["size"] = json!("other bytes".len());
        }
    }
    std::fs::write(&record, value.to_string()).unwrap();
    let sums = ["alpha", "beta"].map(|product| {
        let name = format!("{product}-{}", platform());
        format!("{}  {name}\n", digest(&platform_dir.join(&name)))
    });
    let sums = sums.concat() + &format!("{}  release.json\n", digest(&record));
    std::fs::write(platform_dir.join("SHA256SUMS"), sums).unwrap();
    let first = here.join("demo-0.1.0").join(platform());
    let said = proxy.seen().len();
    run("publish", &[here, &third]).exits(2).says(&[
        &first.to_string_lossy(),
        &platform_dir.to_string_lossy(),
        &format!("both hold {}", platform()),
        &name,
    ]);
    assert_eq!(proxy.seen().len(), said);
    // A folder without the release is a download that failed.
    let nowhere = sandbox.root().join("nowhere");
    run("publish demo-v0.1.0", &[here, &nowhere])
        .exits(2)
        .says(&["there is no release at", "nowhere"]);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let (sandbox, dists) = two_machines();
    let hub = TestHub::start();
    for (line, says) in [
        ("publish --stage-only --finish", "cannot be used with"),
        (
            "publish --finish demo-v9.9.9 --product alpha --require",
            "a value is required",
        ),
        (
            "publish --finish demo-v9.9.9 --product alpha --require amiga",
            "`amiga` is not a platform",
        ),
        (
            "publish --finish demo-v9.9.9 --product alpha --require linux-x64 --notes a",
            "belong to what is staged",
        ),
        ("publish --product alpha", "--manifest <FILE>"),
        (
            "build demo-v0.1.0",
            "--dist-dir can be given several times for `sign`, `publish`, `verify` and `github-release` alone",
        ),
    ] {
        let run = hub.publishes(with_dists(&sandbox, line, &dists));
        run.run().exits(2).says(&[says]);
    }
    assert_eq!(hub.stored(), Vec::<String>::new());
    // A manifest's files are staged and finished as well.
    std::fs::write(sandbox.root().join("app"), "bytes").unwrap();
    std::fs::write(sandbox.root().join("m"), "app|linux|x64|binary").unwrap();
    let line = "publish --stage-only --manifest m --product alpha --version 1.0.0 --format json";
    let run = hub.publishes(atlas(&sandbox, line)).run().exits(0);
    let told = events(&run).pop().unwrap();
    let command = told["command"].as_str().unwrap();
    let expected =
        "atlas-release publish --finish alpha-v1.0.0 --product alpha --require linux-x64,OTHERS";
    assert_eq!(command, expected);
    let line = command
        .trim_start_matches("atlas-release ")
        .replace(",OTHERS", "");
    hub.publishes(atlas(&sandbox, &line)).run().exits(0);
    assert!(shows(&hub.url(), "alpha", "latest", "linux-x64"));
}

#[test]
fn the_date_of_a_staged_release_is_the_one_it_was_staged_with() {
    let (sandbox, dists) = two_machines();
    let (hub, proxy) = hub();
    let date = "2026-01-02T03:04:05Z";
    for dist in &dists {
        let run = with_dists(&sandbox, "publish --stage-only --notes new", &[dist]);
        let run = hub.publishes(run).args(["--published-at", date]);
        run.run().exits(0);
    }
    let line = format!(
        "publish --finish demo-v0.1.0 --product alpha --product beta --require {},{OTHER} --format json",
        platform()
    );
    let none: [&Path; 0] = [];
    let run = hub.publishes(with_dists(&sandbox, &line, &none).cwd("/"));
    let told = receipt(&run.env("ATLAS_HUB_URL", proxy.url()).run().exits(0));
    assert!(all_or_nothing(&hub));
    assert_eq!(told["published_at"], date);
    assert_eq!(count(&proxy, is_registration), 0);
}
