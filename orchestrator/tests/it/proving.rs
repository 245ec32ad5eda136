//! What `reproduce` does not prove, and what it says of that.

use crate::support::*;
use serde_json::{Value, json};
use std::fs;
use test_support::copy_tree;

#[test]
fn files_that_no_build_makes_are_named_as_not_proven() {
    let project = Project::tagged("demo-v0.1.0");
    project.quick("build demo-v0.1.0").run().exits(0);
    // An installer beside the program, as a job that makes one would publish it.
    let dir = project.sandbox.root().join("files");
    copy_tree(&project.staged("demo-0.1.0"), &dir);
    fs::write(dir.join("alpha.pkg"), "installs alpha").unwrap();
    let columns = platform_path().replace('/', "|");
    for product in ["alpha", "beta"] {
        let manifest = dir.join(format!("{product}.manifest"));
        if product == "alpha" {
            let rows = fs::read_to_string(&manifest).unwrap();
            let row = format!("alpha.pkg|{columns}|installer|alpha.pkg\n");
            fs::remove_file(&manifest).unwrap();
            fs::write(&manifest, rows + &row).unwrap();
        }
        atlas(&project.sandbox, "publish --local --version 0.1.0")
            .args(["--product", product, "--manifest"])
            .arg(&manifest)
            .run()
            .exits(0);
    }
    let line = "reproduce demo-v0.1.0 --against-hub --local --no-mold --format json";
    let run = atlas(&project.sandbox, line)
        .cwd(project.fixture.root())
        .run()
        .exits(0);
    let found = &events_of(&run, "reproduction")[0];
    assert_eq!(found["identical"], true, "{run}");
    let note = "alpha.pkg (installer) is not proven: no build makes it";
    let notes = found["notes"].as_array().unwrap().iter();
    let notes = notes.map(|note| note.as_str().unwrap());
    // The build has documents, and what was published has none.
    let (documents, others): (Vec<_>, Vec<_>) = notes.partition(|note| note.contains(".json "));
    assert_eq!(others, [note], "{run}");
    let statement = format!(
        "alpha-{}.intoto.json is not compared: it names a run and its times, and each build is another run",
        platform()
    );
    assert!(documents.contains(&statement.as_str()), "{run}");
    assert!(
        documents
            .iter()
            .all(|note| note.contains(" is not compared: ")),
        "{run}"
    );
}

#[test]
fn a_lock_file_that_cannot_be_read_is_named() {
    let project = Project::new();
    let fixture = &project.fixture;
    let lock = fs::read_to_string(fixture.root().join("Cargo.lock")).unwrap();
    // Nobody, root included, can read a folder as a file.
    fixture.git(&["rm", "--quiet", "Cargo.lock"]);
    fixture.write("Cargo.lock/file", "");
    fixture.commit("put a folder in its place");
    fixture.tag("demo-v0.1.0");
    fixture.git(&["rm", "--quiet", "-r", "Cargo.lock"]);
    fixture.write("Cargo.lock", &lock);
    fixture.commit("put it back");
    atlas(&project.sandbox, "reproduce demo-v0.1.0 --no-mold")
        .cwd(fixture.root())
        .run()
        .exits(9)
        .says(&["cannot use ", "/a/work/Cargo.lock"]);
    let left: Vec<_> = fs::read_dir(project.sandbox.tmp_dir()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_bill_of_materials_that_differs_is_a_difference() {
    let project = Project::tagged("demo-v0.1.0");
    let run = project.quick_with_documents("build demo-v0.1.0");
    run.run().exits(0);
    let path = project.staged("demo-0.1.0").join("release.json");
    let record = fs::read(&path).unwrap();
    let mut record: Value = serde_json::from_slice(&record).unwrap();
    let name = format!("alpha-{}.cdx.json", platform());
    let mut files = record["artifacts"].as_array_mut().unwrap().iter_mut();
    let bill = files
        .find(|file| file["filename"] == name.as_str())
        .unwrap();
    bill["sha256"] = "ab".repeat(32).into();
    let altered = project.sandbox.root().join("altered.json");
    fs::write(&altered, record.to_string()).unwrap();
    let line = format!("reproduce --format json --from {}", altered.display());
    let run = project.atlas(&line).run().exits(8);
    let found = &events_of(&run, "reproduction")[0];
    let different = found["files"].as_array().unwrap().iter();
    let different: Vec<&Value> = different
        .filter(|file| file["identical"] == false)
        .collect();
    assert_eq!(different.len(), 1, "{run}");
    assert_eq!(different[0]["filename"], name.as_str());
    assert_eq!(found["cause"]["kind"], "document");
    assert_eq!(found["identical"], json!(false));
}
