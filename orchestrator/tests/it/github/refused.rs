//! What is refused, and that nothing is changed then.

use super::server::{Fault, Seen};
use super::*;

#[track_caller]
fn unchanged(github: &FakeGitHub) {
    assert_eq!(github.seen(Seen::changes), []);
}

#[test]
fn other_bytes_of_the_same_name_are_a_conflict_before_anything_is_sent() {
    for draft in [false, true] {
        let (github, sandbox) = (github(), machine(TAG));
        let files: [(&str, &[u8]); 2] =
            [("alpha-linux-x64", b"runs"), ("beta-linux-x64", b"other")];
        github.state().has(TAG, draft, "", &files);
        let [there, here] = [&b"other"[..], b"serves"].map(|b| Sha256Digest::of(b).to_string());
        let says =
            format!("beta-linux-x64 has sha256 {there} in 5 bytes there, and {here} in 6 bytes");
        let says = says.trim_end_matches(" bytes").to_owned();
        ran(&github, &sandbox, "")
            .exits(6)
            .says(&[&says, "hint: published bytes never change"]);
        unchanged(&github);
    }
}

#[test]
fn the_tag_has_to_be_there_and_at_the_commit_that_was_built() {
    let (github, sandbox) = (FakeGitHub::start(), machine(TAG));
    ran(&github, &sandbox, "").exits(6).says(&[
        "octo/demo has no tag demo-v1.4.0 on GitHub",
        "hint: push it",
    ]);
    let other = "f".repeat(40);
    github.state().tags.insert(TAG.to_owned(), other.clone());
    ran(&github, &sandbox, "")
        .exits(6)
        .says(&[&format!("is at {other} on GitHub"), COMMIT]);
    unchanged(&github);
    // An annotated one points at it by a tag.
    let mut state = github.state();
    state.tags.insert(TAG.to_owned(), COMMIT.to_owned());
    state.annotated = true;
    drop(state);
    ran(&github, &sandbox, "").exits(0);
    let run = ran(&github, &sandbox, "--repository octo/other").exits(6);
    run.says(&["shows this credential no repository octo/other"]);
}

#[test]
fn a_credential_that_may_not_is_told_what_it_lacks() {
    let (github, sandbox) = (github(), machine(TAG));
    for status in [403, 404] {
        github.state().denied = Some(status);
        ran(&github, &sandbox, "").exits(6).says(&[
            "Resource not accessible",
            "hint: the token has to be allowed to write",
        ]);
        assert!(github.state().releases.is_empty());
    }
    let run = release(&github, &sandbox, "")
        .env("GITHUB_TOKEN", "ghs_another")
        .run();
    run.exits(6)
        .says(&["does not accept the credential (401)", "hint: GITHUB_TOKEN"]);
    let run = release(&github, &sandbox, "").env("GITHUB_TOKEN", "").run();
    run.exits(2)
        .says(&["neither GITHUB_TOKEN nor GH_TOKEN is set"]);
    github.state().denied = None;
    let run = release(&github, &sandbox, "")
        .env("GITHUB_TOKEN", "")
        .env("GH_TOKEN", TOKEN);
    ended(run.start(), &github).exits(0);
}

#[test]
fn the_credential_goes_nowhere_else() {
    // An upload address on another machine.
    let (github, sandbox) = (github(), machine(TAG));
    github.state().uploads = "https://uploads.github.com.example".to_owned();
    ran(&github, &sandbox, "")
        .exits(6)
        .says(&["uploads.github.com.example", "is refused"]);
    // A redirect, as of a repository that was renamed.
    let storage = github.state().storage.clone();
    let moved = vec![("location", format!("{storage}/repositories/1"))];
    let github = tagged(FakeGitHub::with(move |seen, _| {
        let hit = seen.path.contains("/git/ref/");
        hit.then(|| Fault::Answer(301, moved.clone(), "Moved Permanently"))
    }));
    ran(&github, &sandbox, "").exits(6).says(&[
        "which is not followed",
        "hint: the repository may have been renamed",
    ]);
    unchanged(&github);
}

#[test]
fn two_drafts_of_other_people_are_one_too_many() {
    let (github, sandbox) = (github(), machine(TAG));
    for _ in 0..2 {
        github.state().has(TAG, true, "mine", &[]);
    }
    ran(&github, &sandbox, "")
        .exits(6)
        .says(&["several drafts on GitHub", "hint: delete all but one"]);
    unchanged(&github);
}

#[test]
fn what_cannot_be_released_is_told_before_anybody_is_asked() {
    let (github, sandbox) = (github(), machine(TAG));
    for (line, says) in [
        ("--repository nothing", "`nothing` names no repository"),
        ("--github-api http://github.example.com", "over plain http"),
        (
            "--github-api https://me:pass@github.example.com",
            "must not hold a user name",
        ),
        ("demo-v9.9.9", "there is no release"),
        ("--changelog nowhere.md", "cannot read the changelog"),
        (
            "--changelog dist/demo-1.4.0/linux-x64/SHA256SUMS",
            "has no section of this version",
        ),
        ("--latest never", "invalid value 'never'"),
    ] {
        ran(&github, &sandbox, line).exits(2).says(&[says]);
    }
    std::fs::remove_file(sandbox.root().join("CHANGELOG.md")).unwrap();
    ran(&github, &sandbox, "")
        .exits(2)
        .says(&["there is no CHANGELOG.md", "hint: add a section"]);
    // What marks a draft has to have its place beside them.
    let long = "x".repeat(124_890);
    std::fs::write(sandbox.root().join("notes"), long).unwrap();
    for line in [
        "--notes-file notes",
        "demo-v1.4.0 --notes-file notes --check-notes",
    ] {
        ran(&github, &sandbox, line)
            .exits(2)
            .says(&["are 124890 characters long, and GitHub takes 124889"]);
    }
    let run = release(&github, &sandbox, "")
        .env("GITHUB_REPOSITORY", "")
        .run();
    run.exits(2).says(&["no repository was named"]);
    assert_eq!(github.seen(|_| true), []);
}

#[test]
fn a_dry_run_shows_all_and_asks_nobody() {
    let (github, sandbox) = (github(), machine(TAG));
    let run = release(&github, &sandbox, "--dry-run")
        .env("GITHUB_TOKEN", "")
        .run()
        .exits(0);
    run.says(&[
        "would upload alpha-linux-x64 (4 bytes, sha256",
        "would upload SHA256SUMS",
        "- faster",
    ]);
    assert_eq!(github.seen(|_| true), []);
}

#[test]
fn notes_are_looked_for_before_anything_is_built() {
    let (github, sandbox) = (github(), machine(TAG));
    std::fs::remove_dir_all(sandbox.dist_dir()).unwrap();
    ran(&github, &sandbox, &format!("{TAG} --check-notes"))
        .exits(0)
        .says(&["- faster"]);
    ran(&github, &sandbox, "demo-v9.9.9 --check-notes")
        .exits(2)
        .says(&["has no section of this version", "hint: add a section"]);
    ran(&github, &sandbox, "--check-notes")
        .exits(2)
        .says(&["no tag was named", "hint: "]);
    assert_eq!(github.seen(|_| true), []);
}

/// What is new in one group is not told of another.
#[test]
fn a_section_of_another_group_is_none() {
    let (github, sandbox) = (github(), machine(TAG));
    let project = Project::new();
    let root = project.fixture.root();
    let check = || {
        let line = format!("{TAG} --check-notes");
        ended(release(&github, &sandbox, &line).cwd(root).start(), &github)
    };
    let text = "# Changelog\n\n## 1.4.0 (other)\n\n- another's\n";
    std::fs::write(root.join("CHANGELOG.md"), text).unwrap();
    check()
        .exits(2)
        .says(&["has no section of this version", "hint: add a section"]);
    let text = format!("{text}\n## 1.4.0\n\n- own\n");
    std::fs::write(root.join("CHANGELOG.md"), text).unwrap();
    let run = check().exits(0).says(&["- own"]);
    assert!(!run.stderr.contains("another's"), "{run}");
}
