//! The check for other platforms can fail.

use process::{Command, Env};
use std::path::Path;

/// Two copies of the workspace with a planted mistake are compiled; the script says what it found.
#[test]
fn a_wrong_type_for_windows_or_macos_is_found() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package has a parent folder");
    let output = Command::new(root.join("ci/cross-check"))
        .arg("--self-test")
        .envs(&Env::capture())
        .cwd(root)
        .output_blocking()
        .unwrap();
    let stdout = output.stdout_text();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    for cfg in ["windows", "target_os = \"macos\""] {
        let found = format!("a wrong type under cfg({cfg}) is found");
        assert!(stdout.contains(&found), "{stdout}\n{stderr}");
    }
}
