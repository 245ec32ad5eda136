//! One run, two real targets: this machine's and another one's, each linked by its own C compiler.
//!
//! The pinned toolchain has the standard library of this machine alone, so Debian's Rust compiles
//! it for both, from the source that `ci/cross-check` installs.

use std::path::Path;
use std::time::Duration;
use test_support::{Fixture, Sandbox};

const ATLAS_RELEASE: &str = env!("CARGO_BIN_EXE_atlas-release");

#[test]
fn two_targets_are_one_release() {
    let sandbox = Sandbox::new();
    let fixture = Fixture::new(&sandbox);
    fixture.edit(
        "Cargo.toml",
        "[workspace]",
        "[workspace.metadata.atlas-release]\npass-env = [\"RUSTC_BOOTSTRAP\"]\n\n[workspace]",
    );
    fixture.commit("let cargo compile the standard library");
    fixture.tag("other-v1.4.0");
    let path = sandbox.env().get("PATH").unwrap().to_str().unwrap();
    let run = sandbox
        .invoke(ATLAS_RELEASE)
        .cwd(fixture.root())
        .args(["release", "other-v1.4.0", "--local", "--format", "json"])
        .args(["--no-sccache"])
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .args(["--target", "aarch64-unknown-linux-gnu"])
        .arg("--state-dir")
        .arg(sandbox.state_dir())
        .env("PATH", format!("/usr/bin:{path}"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
        .env(
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
            "aarch64-linux-gnu-gcc",
        )
        .within(Duration::from_secs(900))
        .run()
        .exits(0);
    let last = run.stdout.lines().last().unwrap();
    let receipt: serde_json::Value = serde_json::from_str(last).unwrap();
    let platforms = serde_json::json!([
        {"os": "linux", "arch": "x64"},
        {"os": "linux", "arch": "arm64"},
    ]);
    assert_eq!(receipt["platforms"], platforms, "{run}");
    let programs = receipt["assets"].as_array().unwrap().iter();
    assert_eq!(programs.filter(|one| one["kind"] == "binary").count(), 2);

    let release = fixture.root().join("dist/other-1.4.0");
    let program = |platform: &str| release.join(format!("{platform}/gamma-{platform}"));
    let here = sandbox.invoke(program("linux-x64")).arg("--version").run();
    assert_eq!(here.exits(0).stdout, "gamma 1.4.0\n");
    let there = sandbox
        .invoke(Path::new("/usr/bin/qemu-aarch64-static"))
        .args(["-L", "/usr/aarch64-linux-gnu"])
        .arg(program("linux-arm64"))
        .arg("--version")
        .run();
    assert_eq!(there.exits(0).stdout, "gamma 1.4.0\n");
}
