//! `manifest build` and `show`: files that other programs have made become rows by their names, and what
//! is in doubt is asked for.

use crate::hub_server::TestHub;
use crate::signing::Pair;
use crate::support::*;
use serde_json::Value;
use std::fs;
use std::path::Path;
use test_support::{Fixture, Sandbox};

/// The bundles of a job that has built for three systems, with what lies around them.
const BUNDLES: [&str; 16] = [
    "deb/atlas_1.4.0_amd64.deb",
    "deb/atlas_1.4.0_amd64/data/usr/lib/atlas/tools/helper.exe",
    "appimage/atlas_1.4.0_amd64.AppImage",
    "appimage/atlas_1.4.0_amd64.AppImage.sig",
    "appimage/atlas.AppDir/usr/share/other.deb",
    "macos/Atlas.app/Contents/Resources/setup.pkg",
    "macos/Atlas.app.tar.gz",
    "macos/Atlas.app.tar.gz.sig",
    "dmg/Atlas_1.4.0_universal.dmg",
    "dmg/bundle_dmg.sh",
    "nsis/Atlas_1.4.0_x64-setup.exe",
    "nsis/Atlas_1.4.0_x64-setup.exe.sig",
    "msi/Atlas_1.4.0_x64_en-US.msi",
    "msi/Atlas_1.4.0_x64_en-US.msi.zip",
    "msi/Atlas_1.4.0_x64_en-US.msi.zip.sig",
    "latest.json",
];

const ROWS: &str = "\
bundle/nsis/Atlas_1.4.0_x64-setup.exe|windows|x64|installer|Atlas_1.4.0_x64-setup.exe
bundle/nsis/Atlas_1.4.0_x64-setup.exe.sig|windows|x64|signature|Atlas_1.4.0_x64-setup.exe.sig
bundle/msi/Atlas_1.4.0_x64_en-US.msi|windows|x64|installer|Atlas_1.4.0_x64_en-US.msi
bundle/msi/Atlas_1.4.0_x64_en-US.msi.zip|windows|x64|binary|Atlas_1.4.0_x64_en-US.msi.zip
bundle/msi/Atlas_1.4.0_x64_en-US.msi.zip.sig|windows|x64|signature|Atlas_1.4.0_x64_en-US.msi.zip.sig
bundle/dmg/Atlas_1.4.0_universal.dmg|macos|x64|installer|Atlas_1.4.0_universal.dmg
bundle/macos/Atlas.app.tar.gz|macos|x64|binary|Atlas_universal.app.tar.gz
bundle/macos/Atlas.app.tar.gz.sig|macos|x64|signature|Atlas_universal.app.tar.gz.sig
bundle/dmg/Atlas_1.4.0_universal.dmg|macos|arm64|installer|Atlas_1.4.0_universal.dmg
bundle/macos/Atlas.app.tar.gz|macos|arm64|binary|Atlas_universal.app.tar.gz
bundle/macos/Atlas.app.tar.gz.sig|macos|arm64|signature|Atlas_universal.app.tar.gz.sig
bundle/appimage/atlas_1.4.0_amd64.AppImage|linux|x64|installer|atlas_1.4.0_amd64.AppImage
bundle/appimage/atlas_1.4.0_amd64.AppImage.sig|linux|x64|signature|atlas_1.4.0_amd64.AppImage.sig
bundle/deb/atlas_1.4.0_amd64.deb|linux|x64|installer|atlas_1.4.0_amd64.deb
";

#[test]
fn bundles_become_rows_and_are_published() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    made_files(&sandbox, "out/bundle", &BUNDLES);
    // Folders within each other are looked at once.
    let run = atlas(
        &sandbox,
        "manifest build --product launcher --from out/bundle out --base-dir out",
    )
    .run()
    .exits(0);
    assert_eq!(run.stdout, ROWS);
    for left_out in [
        "bundle/deb/atlas_1.4.0_amd64: `atlas_1.4.0_amd64.deb` was packed from it",
        "bundle/appimage/atlas.AppDir: it is the inside of a bundle",
        "bundle/macos/Atlas.app: it is the inside of a bundle",
        "bundle/dmg/bundle_dmg.sh: it is neither",
        "bundle/latest.json: it is neither",
    ] {
        assert!(
            run.stderr.contains(&format!("left out: {left_out}")),
            "{run}"
        );
    }
    assert_eq!(run.stderr.lines().count(), 5, "{run}");
    // Into a file, its paths start in its folder; the file itself is no file of the release.
    let build = "manifest build --product launcher --from out --output out/launcher.manifest";
    atlas(&sandbox, build)
        .run()
        .exits(0)
        .says(&["launcher.manifest has 14 rows"]);
    let run = atlas(&sandbox, build).run().exits(0);
    assert!(!run.stderr.contains("left out: launcher.manifest"), "{run}");
    assert_eq!(run.stdout, "");
    let manifest = sandbox.root().join("out/launcher.manifest");
    assert_eq!(fs::read_to_string(&manifest).unwrap(), ROWS);
    atlas(&sandbox, "manifest check out/launcher.manifest")
        .run()
        .exits(0)
        .says(&["launcher.manifest can be published: 14 rows"]);
    // The signatures that were found are none; two installers more are signed, too.
    let of = "--product launcher --version 1.4.0 --manifest out/launcher.manifest";
    let publish = || hub.publishes(atlas(&sandbox, &format!("publish {of} --format json")));
    publish().run().exits(5);
    Pair::new()
        .signs(atlas(&sandbox, &format!("sign {of}")))
        .run()
        .exits(0);
    let run = publish().run().exits(0);
    assert_eq!(receipt(&run)["assets"].as_array().unwrap().len(), 16);
}

#[test]
fn of_cargos_folder_only_finished_bundles_count() {
    let sandbox = Sandbox::new();
    made_files(
        &sandbox,
        "work/target",
        &[
            "CACHEDIR.TAG",
            "release/atlas.exe",
            "release/nsis/x64/nsis-output.exe",
            "release/build/thing/build-script-build.exe",
            "debug/bundle/nsis/Atlas_1.4.0_x64-setup.exe",
            "x86_64-pc-windows-msvc/release/bundle/nsis/Atlas_1.4.0_x64-setup.exe",
            "release/bundle/deb/atlas_1.4.0_amd64.deb",
            "release/bundle/notes.txt",
        ],
    );
    // What would sign nothing of the product's is nothing to it, even where it could not be published.
    fs::write(
        sandbox
            .root()
            .join("work/target/release/bundle/notes.txt.sig"),
        "",
    )
    .unwrap();
    let rows = "\
target/x86_64-pc-windows-msvc/release/bundle/nsis/Atlas_1.4.0_x64-setup.exe|windows|x64|installer|Atlas_1.4.0_x64-setup.exe
target/release/bundle/deb/atlas_1.4.0_amd64.deb|linux|x64|installer|atlas_1.4.0_amd64.deb
";
    // A folder within it is no less cargo's.
    let line = "manifest build --product launcher --base-dir work --from work/target/release";
    let run = atlas(&sandbox, line).run().exits(0);
    assert_eq!(run.stdout, rows.lines().nth(1).unwrap().to_owned() + "\n");
    run.says(&[
        "left out: target/release: of cargo's folder only what is in release/bundle counts",
    ]);
    // What somebody has collected below it is not.
    made_files(
        &sandbox,
        "work/target/artifacts",
        &["Atlas_1.4.0_arm64.deb"],
    );
    let collected = line.replace("target/release", "target/artifacts");
    let run = atlas(&sandbox, &collected).run().exits(0);
    assert!(run.stdout.contains("Atlas_1.4.0_arm64.deb"), "{run}");
    let line = line.replace("work/target/release", "work --bin atlas");
    atlas(&sandbox, &line)
        .run()
        .exits(2)
        .says(&["leave out --bin"]);
    for from in ["work", "work/target", "work/target/release/bundle work"] {
        let line = format!("manifest build --product launcher --base-dir work --from {from}");
        let run = atlas(&sandbox, &line).run().exits(0);
        assert_eq!(run.stdout, rows);
        run.says(&["left out: target: of cargo's folder only what is in release/bundle counts"]);
    }
}

#[test]
fn a_program_is_told_the_same_as_a_person() {
    let sandbox = Sandbox::new();
    made_files(
        &sandbox,
        "out",
        &["atlas_1.0_x64.dmg", "notes.txt", "sub/atlas_1.0_x64.msi"],
    );
    let build = "manifest build --product launcher --from out --output m";
    let run = atlas(&sandbox, &format!("{build} --format json"))
        .run()
        .exits(0);
    let [event] = &events(&run)[..] else {
        panic!("{run}")
    };
    assert_eq!(event["event"], "manifest");
    assert_eq!(event["path"], sandbox.root().join("m").to_str().unwrap());
    assert_eq!(event["rows"][0]["path"], "out/sub/atlas_1.0_x64.msi");
    assert_eq!(event["left_out"][0]["path"], "out/notes.txt");
    let run = atlas(&sandbox, "manifest show m --format json")
        .run()
        .exits(0);
    let shown = &events(&run)[0];
    assert_eq!(shown["rows"], event["rows"]);
    assert_eq!(shown["left_out"], Value::Null);
    let run = atlas(&sandbox, "manifest check m --format json")
        .run()
        .exits(0);
    assert_eq!(events(&run)[0], *shown);
    let run = atlas(&sandbox, "manifest show m").run().exits(0);
    let table = "\
PATH                       OS       ARCH  KIND       FILENAME
out/sub/atlas_1.0_x64.msi  windows  x64   installer  atlas_1.0_x64.msi
out/atlas_1.0_x64.dmg      macos    x64   installer  atlas_1.0_x64.dmg
";
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), (table, ""));
    // What is shown is what is written; the files are another matter.
    fs::remove_dir_all(sandbox.root().join("out")).unwrap();
    assert_eq!(
        atlas(&sandbox, "manifest show m").run().exits(0).stdout,
        table
    );
    atlas(&sandbox, "manifest show m --format human")
        .run()
        .exits(2)
        .says(&["[possible values: table, json]"]);
}

#[test]
fn a_command_line_product_needs_a_program_and_an_installer() {
    let sandbox = Sandbox::new();
    made_files(
        &sandbox,
        "out",
        &[
            "atlas-Windows-X64.exe",
            "atlas-cli-installer-windows-x64.zip",
            "atlas-Linux-X64",
            "atlas-runner-Linux-X64",
            "atlas-runnerd-Linux-X64",
        ],
    );
    let build = "manifest build --product cli --from out";
    let run = atlas(&sandbox, build).run().exits(2);
    let run = run.says(&["the files of cli are not complete: linux-x64 has no installer"]);
    assert_eq!(run.stdout, "");
    let run = atlas(&sandbox, &format!("{build} --require windows-x64"))
        .run()
        .exits(0);
    assert_eq!(
        run.stdout,
        "out/atlas-cli-installer-windows-x64.zip|windows|x64|installer|atlas-cli-installer-windows-x64.zip\n\
         out/atlas-Windows-X64.exe|windows|x64|binary|atlas-Windows-X64.exe\n\
         out/atlas-Linux-X64|linux|x64|binary|atlas-Linux-X64\n"
    );
    run.says(&["left out: out/atlas-runnerd-Linux-X64: it belongs to another product"]);
    atlas(
        &sandbox,
        &format!("{build} --require windows-x64,macos-arm64,linux-x64"),
    )
    .run()
    .exits(2)
    .says(&["macos-arm64 has nothing at all, linux-x64 has no installer"]);
    made_files(&sandbox, "out", &["atlas_1.4.0.deb"]);
    let run = atlas(&sandbox, build).run().exits(0);
    assert!(
        run.stdout
            .ends_with("out/atlas_1.4.0.deb|linux|x64|installer|atlas_1.4.0.deb\n"),
        "{run}"
    );
    // The runner's is the runner's alone, and the daemon's the daemon's.
    for (product, row) in [
        (
            "runner",
            "out/atlas-runner-Linux-X64|linux|x64|binary|atlas-runner-Linux-X64\n",
        ),
        (
            "runnerd",
            "out/atlas-runnerd-Linux-X64|linux|x64|binary|atlas-runnerd-Linux-X64\n",
        ),
    ] {
        let line = format!("manifest build --product {product} --from out");
        assert_eq!(atlas(&sandbox, &line).run().exits(0).stdout, row);
    }
    for (line, says) in [
        (
            "manifest build --product hub --from out",
            &[
                "not known what the program of `hub` is called",
                "hint: ",
                "--bin",
            ][..],
        ),
        (
            "manifest build --product hub --from out --bin atlas-hub",
            &["there is nothing of hub in "],
        ),
        ("manifest build --product cli", &["--from <DIR>"]),
        ("manifest build --from out", &["--product <PRODUCT>"]),
        (
            "manifest build --product cli --from nosuch",
            &["cannot read", "nosuch"],
        ),
        (
            "manifest build --product cli --from out --arch x64",
            &["expected a file, `=`"],
        ),
        (
            "manifest build --product cli --from out --arch a=mips",
            &["expected one of: x64 arm64 universal"],
        ),
        (
            "manifest build --product cli --from out --require linux",
            &["`linux` is not a platform"],
        ),
    ] {
        atlas(&sandbox, line).run().exits(2).says(says);
    }
}

#[test]
fn the_workspace_says_what_programs_are_called() {
    let sandbox = Sandbox::new();
    let fixture = Fixture::without_git(&sandbox);
    made_files(
        &sandbox,
        "work/out",
        &[
            "alpha-linux-x64",
            "beta-linux-x64",
            "beta-windows-arm64.exe",
        ],
    );
    let build = |product: &str, dir: &Path| {
        let line = format!("manifest build --product {product} --from out");
        atlas(&sandbox, &line).cwd(dir).run()
    };
    assert_eq!(
        build("alpha", fixture.root()).exits(0).stdout,
        "out/alpha-linux-x64|linux|x64|binary|alpha-linux-x64\n"
    );
    // Of another product's programs none is the command line's.
    made_files(
        &sandbox,
        "work/out",
        &["tool-linux-x64", "tool-installer-linux-x64.run"],
    );
    let run = build("cli", fixture.root()).exits(0);
    assert_eq!(run.stdout.lines().count(), 2, "{run}");
    // A workspace that cannot be read says nothing, so nothing is guessed.
    fixture.write("alpha/Cargo.toml", "[package");
    build("cli", fixture.root())
        .exits(2)
        .says(&["`cargo metadata` could not read the workspace"]);
    // Bundles are known by their endings alone.
    build("launcher", fixture.root()).exits(0);
}

#[test]
fn what_is_in_doubt_is_named_with_the_way_out() {
    let sandbox = Sandbox::new();
    made_files(
        &sandbox,
        "target",
        &[
            "aarch64/Atlas.app.tar.gz",
            "aarch64/Atlas.app.tar.gz.sig",
            "x86_64/Atlas.app.tar.gz",
        ],
    );
    let manifest = sandbox.root().join("m");
    fs::write(&manifest, "# before\n").unwrap();
    let build = "manifest build --product launcher --from target --output m";
    let run = atlas(&sandbox, build).run().exits(2);
    run.says(&[
        "target/aarch64/Atlas.app.tar.gz: its name says no architecture, and no other file for macos does here; say which: --arch 'target/aarch64/Atlas.app.tar.gz=x64'",
        "target/x86_64/Atlas.app.tar.gz: its name says no architecture",
    ]);
    // Nothing is written that is not whole.
    assert_eq!(fs::read_to_string(&manifest).unwrap(), "# before\n");
    atlas(&sandbox, &format!("{build} --arch Atlas.app.tar.gz=x64"))
        .run()
        .exits(2)
        .says(&["--arch Atlas.app.tar.gz: several files are called so: name its path"]);
    // A path may start where the shell is, or where the rows' do.
    let run = atlas(
        &sandbox,
        "manifest build --product launcher --from .. --base-dir .. --arch Atlas.app.tar.gz=arm64 --arch x86_64/Atlas.app.tar.gz=x64",
    )
    .cwd(sandbox.root().join("target/aarch64"))
    .run()
    .exits(0);
    assert_eq!(
        run.stdout,
        "x86_64/Atlas.app.tar.gz|macos|x64|binary|Atlas.app.tar.gz\n\
         aarch64/Atlas.app.tar.gz|macos|arm64|binary|Atlas.app.tar.gz\n\
         aarch64/Atlas.app.tar.gz.sig|macos|arm64|signature|Atlas.app.tar.gz.sig\n"
    );
}
