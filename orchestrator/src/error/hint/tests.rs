use super::*;
use crate::doctor::{Lacking, Remedy};

#[test]
fn what_cannot_be_typed_is_said_how() {
    let hint = |setting: &str| {
        let error = ReproduceError::NoLeave(vec![setting.to_owned()]);
        Error::from(error).hint().unwrap_or_default()
    };
    assert!(hint("CARGO_ENCODED_RUSTFLAGS=-C\\u{1f}a").ends_with(r"shells write as $'\x1f'"));
    assert!(hint("RUSTFLAGS=-C a").ends_with("--trust-record"));
}

#[test]
fn many_marked_files_are_named_by_git_alone() {
    let files = vec!["a b".to_owned(); MANY + 1];
    assert!(unmark(&files[..1]).ends_with("--no-skip-worktree -- 'a b'`"));
    let all = unmark(&files);
    assert!(
        all.contains("-- FILE` and") && all.contains("`git ls-files -v`"),
        "{all}"
    );
}

#[test]
fn each_tool_that_is_lacking_has_a_way_that_leads_somewhere() {
    let lacking = |tool: &str, remedy| Lacking {
        tool: tool.to_owned(),
        remedy,
    };
    let error = Error::NotReady(vec![
        lacking("mold", Remedy::Setup),
        lacking(
            "makensis",
            Remedy::Declared("choco install nsis".to_owned()),
        ),
        lacking("minisign", Remedy::Unsaid),
        lacking("cargo", Remedy::Shown),
    ]);
    insta::assert_snapshot!(error.hint().unwrap_or_default(), @r"
    `atlas-release setup` installs mold
          makensis: choco install nsis
          install minisign as its makers say; `install` beside its name in [package.metadata.atlas-release.tools] can say how
          what is wrong with cargo stands above
    ");
}
