//! The installers of `atlas-release` itself: made of this workspace, installed, run and removed.

use crate::support::*;
use std::path::Path;
use std::time::Duration;
use test_support::Sandbox;
use test_support::roots::{dpkg, rpm};

#[test]
fn this_program_is_installed_runs_and_goes() {
    let sandbox = Sandbox::new();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    // Kept between runs of the tests, and apart from that of the other real programs: this is about what is
    // packed and not about how fast it runs, and optimizing all that the Hub is made of takes most of the time.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("own-installers");
    let line = "build cli-v9.9.9-rc.1 --channel beta --allow-untagged --allow-dirty --no-mold \
                --no-sccache --no-install";
    atlas(&sandbox, line)
        .arg("--target-dir")
        .arg(target)
        .cwd(repository)
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .within(Duration::from_secs(1800))
        .run()
        .exits(0);
    let dir = sandbox.dist_dir().join("cli-9.9.9-rc.1").join(platform());
    let installer = |ending: &str| {
        let path = dir.join(format!("atlas-release-installer-{}.{ending}", platform()));
        path.to_str().unwrap().to_owned()
    };
    let (debian, fedora) = (sandbox.root().join("debian"), sandbox.root().join("fedora"));
    dpkg(&sandbox, &debian, &["--install", &installer("deb")]).exits(0);
    rpm(
        &sandbox,
        &fedora,
        &["--install", "--nodeps", &installer("rpm")],
    )
    .exits(0);
    for root in [&debian, &fedora] {
        let program = root.join("usr/bin/atlas-release");
        let run = sandbox.invoke(&program).arg("--version").run().exits(0);
        assert_eq!(run.stdout, "atlas-release 9.9.9-rc.1\n");
        for file in [
            "bash-completion/completions/atlas-release",
            "fish/vendor_completions.d/atlas-release.fish",
            "man/man1/atlas-release.1.gz",
            "man/man1/atlas-release-build.1.gz",
        ] {
            assert!(root.join("usr/share").join(file).is_file(), "{file}");
        }
    }
    dpkg(&sandbox, &debian, &["--remove", "atlas-release"]).exits(0);
    rpm(&sandbox, &fedora, &["--erase", "atlas-release"]).exits(0);
    assert!(!debian.join("usr").exists());
    assert!(!fedora.join("usr/bin/atlas-release").exists());
}
