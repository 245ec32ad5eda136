//! What a release on GitHub is made of, and what a second run makes of it.

use super::server::Seen;
use super::*;

#[test]
fn a_release_is_a_draft_until_every_file_is_there() {
    let (github, sandbox) = (github(), machine(TAG));
    let run = ran(&github, &sandbox, "--format json").exits(0);
    is_whole(&github, &sandbox);
    let changes = github.seen(Seen::changes);
    assert_eq!(changes.len(), FILES + 2, "{changes:?}");
    assert_eq!(
        (changes[0].method.as_str(), changes[0].is_upload()),
        ("POST", false)
    );
    assert!(changes[1..=FILES].iter().all(Seen::is_upload));
    // It stands for all others, so it claims the release.
    assert_eq!(changes[1].query, "name=SHA256SUMS");
    assert_eq!(changes[FILES + 1].method, "PATCH");
    {
        let state = github.state();
        let found = state.of_tag(TAG)[0];
        assert_eq!(
            (found.name.as_str(), found.body.as_str()),
            (TAG, "- faster")
        );
        assert_eq!((found.prerelease, state.latest), (false, Some(found.id)));
        let sums = found.assets.iter().find(|asset| asset.name == "SHA256SUMS");
        let sums = String::from_utf8(sums.unwrap().bytes.clone()).unwrap();
        let names: Vec<&str> = sums.lines().map(|line| &line[66..]).collect();
        let all = [
            "alpha-linux-x64",
            "alpha-windows-x64.exe",
            "beta-linux-x64",
            "beta-windows-x64.exe",
        ];
        assert_eq!(names, all);
        assert!(sums.starts_with(&Sha256Digest::of(b"runs").to_string()));
    }
    let told = released(&run);
    assert_eq!(
        (&told["latest"], &told["unchanged"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        (&told["tag"], &told["commit"]),
        (&json!(TAG), &json!(COMMIT))
    );
    let url = told["assets"][0]["url"].as_str().unwrap();
    assert!(
        url.ends_with("/releases/download/demo-v1.4.0/alpha-linux-x64"),
        "{url}"
    );

    // Again, for a person: nothing is changed.
    let run = ran(&github, &sandbox, TAG).exits(0);
    assert_eq!(github.seen(Seen::changes).len(), changes.len());
    assert!(
        run.stdout.contains("a release that was there already"),
        "{run}"
    );
    let run = ran(&github, &sandbox, "--format json").exits(0);
    let again = released(&run);
    assert_eq!(again["unchanged"], true);
    assert_eq!(again["assets"], told["assets"]);
    assert!(
        events_of(&run, "uploaded")
            .iter()
            .all(|one| one["unchanged"] == true)
    );
}

#[test]
fn the_folders_of_several_machines_are_one_release() {
    let (github, sandbox) = (github(), machine(TAG));
    let other = sandbox.root().join("other/demo-1.4.0");
    std::fs::create_dir_all(&other).unwrap();
    let here = sandbox.dist_dir().join("demo-1.4.0/windows-x64");
    std::fs::rename(&here, other.join("windows-x64")).unwrap();
    // Half of it is not shown where all is required.
    ran(&github, &sandbox, "--require linux-x64,windows-x64")
        .exits(6)
        .says(&[
            "alpha for windows-x64, beta for windows-x64 is missing",
            "hint: bring the dist",
        ]);
    assert_eq!(github.seen(|_| true), []);
    let more = sandbox.root().join("other");
    let line = format!(
        "--require linux-x64,windows-x64 --dist-dir {}",
        more.display()
    );
    ran(&github, &sandbox, &line).exits(0);
    std::fs::rename(other.join("windows-x64"), here).unwrap();
    is_whole(&github, &sandbox);
}

#[test]
fn what_a_killed_run_has_left_is_gone_on_with() {
    let github = tagged(FakeGitHub::with(|seen, before| {
        let first = seen.is_upload() && before == 0 && seen.query.contains("beta-linux");
        first.then_some(server::Fault::Stand(60_000))
    }));
    // An upload that began a while ago is nobody's.
    github.state().age = 600;
    let sandbox = machine(TAG);
    let run = release(&github, &sandbox, "--uploads 1").start();
    let begun = || {
        let state = github.state();
        let mut assets = state.releases.iter().flat_map(|one| &one.assets);
        assets.any(|asset| asset.name == "beta-linux-x64")
    };
    while !begun() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    // As `kill -9` does.
    drop(run);
    {
        let state = github.state();
        let found = state.of_tag(TAG);
        assert!(found.len() == 1 && found[0].draft);
        assert!(found[0].assets.iter().any(|asset| !asset.uploaded));
    }
    let before = github.seen(Seen::is_upload).len();
    let run = ran(&github, &sandbox, "--format json").exits(0);
    is_whole(&github, &sandbox);
    // Each file of which all had come was left alone.
    assert_eq!(
        github.seen(Seen::is_upload).len(),
        before + FILES - (before - 1)
    );
    let kept = events_of(&run, "uploaded");
    let kept = kept.iter().filter(|one| one["unchanged"] == true).count();
    assert_eq!(kept, before - 1);
}

#[test]
fn a_pre_release_is_marked_and_never_the_latest() {
    let tag = "demo-v1.5.0-beta.1";
    let (github, sandbox) = (github(), machine(tag));
    let told = released(&ran(&github, &sandbox, "--format json").exits(0));
    assert_eq!(
        (&told["prerelease"], &told["latest"]),
        (&json!(true), &json!(false))
    );
    {
        let state = github.state();
        let found = state.of_tag(tag)[0];
        assert!(found.prerelease && state.latest.is_none());
        assert_eq!(found.body, "- not yet");
    }
    ran(&github, &sandbox, "--latest yes")
        .exits(2)
        .says(&["never calls the latest"]);
}

#[test]
fn an_older_version_is_not_the_latest() {
    let (github, sandbox) = (github(), machine(TAG));
    let newer = "demo-v1.10.0".to_owned();
    github.state().tags.insert(newer, COMMIT.to_owned());
    let told = released(&ran(&github, &sandbox, "--format json").exits(0));
    assert_eq!(told["latest"], false);
    assert_eq!(github.state().latest, None);
}

#[test]
fn of_several_groups_the_named_one_has_the_latest_release() {
    for (line, latest, warned) in [
        ("", false, true),
        ("--latest-group demo", true, false),
        ("--latest-group other", false, false),
        ("--latest yes", true, false),
    ] {
        let (github, sandbox) = (github(), machine(TAG));
        github.state().has("other-v7.0.0", false, "", &[]);
        let run = ran(&github, &sandbox, &format!("{line} --format json")).exits(0);
        assert_eq!(released(&run)["latest"], latest, "{line}");
        assert_eq!(!events_of(&run, "warning").is_empty(), warned, "{run}");
    }
    // As the workspace says.
    let project = Project::new();
    let root = project.fixture.root();
    project.fixture.edit(
        "Cargo.toml",
        "[profile.release]",
        "[workspace.metadata.atlas-release]\ngithub-latest = \"demo\"\n\n[profile.release]",
    );
    std::fs::write(root.join("CHANGELOG.md"), CHANGELOG).unwrap();
    let (github, sandbox) = (github(), machine(TAG));
    github.state().has("other-v7.0.0", false, "", &[]);
    let run = release(&github, &sandbox, "--format json")
        .cwd(root)
        .start();
    let run = ended(run, &github).exits(0);
    assert_eq!(released(&run)["latest"], true, "{run}");
}

#[test]
fn a_draft_that_a_person_has_written_is_used_and_its_words_stay() {
    for (line, body) in [("", "my own words"), ("--notes given", "given")] {
        let (github, sandbox) = (github(), machine(TAG));
        let id = github
            .state()
            .has(TAG, true, "my own words", &[("extra.pdf", b"pdf")]);
        ran(&github, &sandbox, line).exits(0);
        let state = github.state();
        let found = state.of_tag(TAG);
        assert_eq!((found.len(), found[0].id, found[0].draft), (1, id, false));
        assert_eq!(found[0].body, body);
        assert_eq!(found[0].assets.len(), FILES + 1);
    }
}

#[test]
fn without_digests_files_are_compared_by_reading_them_back() {
    let (github, sandbox) = (github(), machine(TAG));
    github.state().digests = false;
    ran(&github, &sandbox, "").exits(0);
    is_whole(&github, &sandbox);
    let reads = |seen: &Seen| seen.host == server::Host::Storage;
    assert!(github.seen(reads).len() >= FILES);
    // The same size, and other bytes.
    {
        let mut state = github.state();
        let assets = &mut state.releases[0].assets;
        let found = assets
            .iter_mut()
            .find(|asset| asset.name == "alpha-linux-x64");
        found.unwrap().bytes = b"RUNS".to_vec();
    }
    let [there, here] = [b"RUNS", b"runs"].map(|bytes| Sha256Digest::of(bytes).to_string());
    ran(&github, &sandbox, "").exits(6).says(&[&there, &here]);
}

#[test]
fn files_that_somebody_has_removed_are_added_again() {
    let (github, sandbox) = (github(), machine(TAG));
    ran(&github, &sandbox, "").exits(0);
    github.state().releases[0].assets.remove(1);
    ran(&github, &sandbox, "")
        .exits(0)
        .says(&["is published already without 1 of its files"]);
    is_whole(&github, &sandbox);
}

/// As much as the system says that it had at most, of a run that has sent a large file and waits.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_files() {
    const LARGE: usize = 192 * 1024 * 1024;
    let github = tagged(FakeGitHub::with(|seen, before| {
        let hit = seen.method == "PATCH" && before == 0;
        let wait = vec![("retry-after", "5".to_owned())];
        hit.then_some(server::Fault::Answer(429, wait, "rate limit"))
    }));
    let sandbox = machine_with(TAG, &vec![b'x'; LARGE]);
    let run = release(&github, &sandbox, "").start();
    while github.seen(|seen| seen.method == "PATCH").is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", run.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse::<usize>()
        .unwrap()
        * 1024;
    ended(run, &github).exits(0);
    is_whole(&github, &sandbox);
    assert!(peak < LARGE / 2, "{peak} bytes at most");
}
