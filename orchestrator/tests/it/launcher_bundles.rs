//! Which bundles are a run's, and of which version: what earlier and later runs leave in the same places is never
//! taken for them.

use crate::launcher::{Launcher, arch};
use crate::support::*;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

const BUNDLES: &str = "target/release/bundle";

/// A command that writes a bundle with these words in it.
fn bundle(name: &str, words: &str) -> String {
    format!("mkdir -p {BUNDLES}/x; echo {words} > '{BUNDLES}/x/{name}'\n")
}

/// Where bundles lie in the workspace.
fn place(launcher: &Launcher, name: &str) -> PathBuf {
    let folder = launcher.project.fixture.root().join("apps/launcher");
    folder.join(BUNDLES).join("x").join(name)
}

#[test]
fn each_targets_bundles_are_those_of_its_own_run() {
    let launcher = Launcher::new("");
    let [own, other] = match platform().as_str() {
        "linux-arm64" => ["linux-arm64", "linux-x64"],
        _ => ["linux-x64", "linux-arm64"],
    };
    let triple = |platform: &str| match platform {
        "linux-x64" => "x86_64-unknown-linux-gnu",
        _ => "aarch64-unknown-linux-gnu",
    };
    let script = format!(
        "rm -rf {BUNDLES}\n{}{}",
        bundle("Demo.AppImage", "\"made by $*\""),
        bundle("Demo_1.0.0.deb", "the same"),
    );
    launcher.does(&script);
    let line = format!(
        "build launcher-v1.0.0 --target {} --target {}",
        triple(own),
        triple(other)
    );
    launcher.atlas(&line).run().exits(0);
    let release = launcher.staged().parent().unwrap().to_owned();
    let made = |platform: &str| {
        let path = release.join(platform).join("Demo.AppImage");
        fs::read_to_string(path).unwrap()
    };
    assert_eq!(
        made(own),
        "made by build --config {\"version\":\"1.0.0\"}\n"
    );
    let flags = format!("--target {}", triple(other));
    assert!(made(other).contains(&flags), "{}", made(other));
    let names = |dir: &PathBuf| {
        let entries = fs::read_dir(dir).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    let staged = [own, other].map(str::to_owned);
    let mut platforms = names(&release);
    platforms.sort_by_key(|name| name != own);
    assert_eq!(platforms, staged, "nothing else is left there");

    // Where one fails nothing is staged, and nothing stays of the others.
    fs::remove_dir_all(&release).unwrap();
    launcher.does(&format!("{script}\n[ \"$2\" = --config ]"));
    launcher.atlas(&line).run().exits(4);
    assert!(!release.exists());
}

#[test]
fn what_was_only_touched_is_no_bundle_of_this_run() {
    let launcher = Launcher::new("");
    let old = format!("Demo_0.9.0_{}.deb", arch());
    launcher.does(&(bundle(&old, "old") + &bundle("Demo.AppImage", "old")));
    // It is refused, and what it has made lies there.
    launcher.atlas("build launcher-v1.0.0").run().exits(4);
    let new = format!("Demo_1.0.0_{}.deb", arch());
    let moves = format!(
        "cd {BUNDLES}/x; chmod 600 Demo.AppImage; ln Demo.AppImage ../hidden; touch '{old}'\n"
    );
    launcher.does(&(bundle(&new, "new") + &moves));
    let run = launcher.atlas("build launcher-v1.0.0").run().exits(0);
    run.says(&[&format!("{old}: it was touched, not written")]);
    let staged = |name: &str| launcher.staged().join(name).exists();
    assert!(staged(&new) && !staged("Demo.AppImage") && !staged(&old));

    // Where nobody can tell, nothing is released.
    launcher.does(&(bundle(&new, "newer") + &format!("touch {BUNDLES}/x/Demo.AppImage")));
    let run = launcher.atlas("build launcher-v1.0.0").run().exits(4);
    run.says(&[
        "Demo.AppImage",
        "the same bytes",
        "remove it and build again",
    ]);
    fs::remove_file(place(&launcher, "Demo.AppImage")).unwrap();
    launcher.does(&(bundle(&new, "newer") + &bundle("Demo.AppImage", "old")));
    launcher.atlas("build launcher-v1.0.0").run().exits(0);
    assert!(staged("Demo.AppImage"));
    // The same bytes once more are a run's, too.
    launcher.atlas("build launcher-v1.0.0").run().exits(0);
    assert!(staged(&new) && staged("Demo.AppImage"));
}

#[test]
fn another_pre_release_is_another_version() {
    let launcher = Launcher::new("");
    let fixture = &launcher.project.fixture;
    let name = |version: &str| format!("Demo_{version}_{}.deb", arch());
    for (tag, made) in [
        ("launcher-v2.0.0-beta.2", "2.0.0-beta.1"),
        ("launcher-v2.0.0", "2.0.0-beta.1"),
        ("launcher-v2.0.0-beta.1", "2.0.0-beta.11"),
    ] {
        fixture.tag(tag);
        let _gone = fs::remove_dir_all(place(&launcher, ""));
        launcher.does(&bundle(&name(made), "x"));
        let run = launcher.atlas(&format!("build {tag}")).run().exits(4);
        run.says(&[
            &name(made),
            &format!("is by its name of version {made}, not"),
        ]);
        let right = tag.trim_start_matches("launcher-v");
        launcher.does(&bundle(&name(right), "x"));
        launcher.atlas(&format!("build {tag}")).run().exits(0);
    }
}

#[test]
fn two_products_files_of_one_name_are_not_staged() {
    let launcher = Launcher::new(
        "\n[workspace.metadata.atlas-release.products.admin]\nfolder = 'apps/admin'\n\
         group = 'launcher'\nbundle = ['./make.sh']\n",
    );
    let name = format!("Demo_1.0.0_{}.deb", arch());
    launcher.does(&bundle(&name, "one"));
    let fixture = &launcher.project.fixture;
    let script = format!(
        "#!/bin/sh\n{}",
        bundle(&name.replace("Demo", "DEMO"), "two")
    );
    fixture.write("apps/admin/make.sh", &script);
    let path = fixture.root().join("apps/admin/make.sh");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    fixture.commit("a script");
    fixture.tag("launcher-v1.0.1");
    let again = |name: &str| name.replace("1.0.0", "1.0.1");
    launcher.does(&bundle(&again(&name), "one"));
    fixture.write("apps/admin/make.sh", &again(&script));
    fixture.commit("of this version");
    fixture.tag("launcher-v1.0.2");
    fixture.git(&["tag", "--force", "launcher-v1.0.1"]);
    let run = launcher.atlas("build launcher-v1.0.1").run().exits(4);
    run.says(&["`admin` and `launcher` both have a file", "productName"]);
    assert!(!launcher.project.staged("launcher-1.0.1").exists());
}

#[test]
fn a_product_of_any_name_is_made_of_bundles() {
    let launcher = Launcher::new(
        "\n[workspace.metadata.atlas-release.products.admin]\nfolder = 'apps/admin'\n\
         bundle = ['./make.sh']\n",
    );
    let fixture = &launcher.project.fixture;
    let make = |name: &str| {
        let script = format!("#!/bin/sh\n{}", bundle(name, "x"));
        fixture.write("apps/admin/make.sh", &script);
        let path = fixture.root().join("apps/admin/make.sh");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        fixture.commit("a script");
    };
    let deb = format!("Admin_1.0.0_{}.deb", arch());
    make(&deb);
    fixture.tag("admin-v1.0.0");
    launcher.atlas("build admin-v1.0.0").run().exits(0);
    let staged = launcher.project.staged("admin-1.0.0");
    assert!(staged.join(&deb).exists());
    let build = "manifest build --product admin --from apps/admin/target";
    let run = atlas(&launcher.project.sandbox, build).cwd(fixture.root());
    let run = run.run().exits(0);
    assert!(run.stdout.contains(&deb), "{run}");
    // A build has no flag for what a name does not say.
    make("Admin_1.0.1_i386.deb");
    fixture.tag("admin-v1.0.1");
    let run = launcher.atlas("build admin-v1.0.1").run().exits(2);
    assert!(run.stderr.contains("Admin_1.0.1_i386.deb"), "{run}");
    assert!(!run.stderr.contains("--arch"), "{run}");
}
