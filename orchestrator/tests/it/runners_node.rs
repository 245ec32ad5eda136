//! Which Node.js gets `atlas-release` for the actions: runners of one's own may have none on PATH.

use crate::steps::*;
use crate::support::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use test_support::{Finished, Sandbox};

/// What the script itself runs.
const TOOLS: [&str; 5] = ["bash", "dirname", "ps", "readlink", "sed"];

fn which(sandbox: &Sandbox, name: &str) -> PathBuf {
    let path = sandbox.env().get("PATH").unwrap();
    let mut places = std::env::split_paths(path).map(|dir| dir.join(name));
    places.find(|file| file.is_file()).unwrap()
}

/// A machine whose PATH has no Node.js.
struct World {
    sandbox: Sandbox,
    path: PathBuf,
}

impl World {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let path = sandbox.root().join("few");
        fs::create_dir(&path).unwrap();
        for tool in TOOLS {
            symlink(which(&sandbox, tool), path.join(tool)).unwrap();
        }
        fs::create_dir_all(sandbox.root().join("self/_work/_temp")).unwrap();
        Self { sandbox, path }
    }

    /// A Node.js of the runner's own, or something that says to be one.
    fn has(&self, folder: &str, says: Option<&str>) {
        let place = self.sandbox.root().join(folder).join("bin/node");
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        match says {
            None => symlink(which(&self.sandbox, "node"), place).unwrap(),
            Some(version) => {
                let text = format!("#!/bin/sh\necho {version}\n");
                fs::write(&place, text).unwrap();
                fs::set_permissions(place, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
    }

    /// The step that gets the program.
    fn gets(&self) -> Finished {
        let job = Job::new(&self.sandbox, self.sandbox.root())
            .with("ATLAS_RELEASE_BIN", ATLAS_RELEASE)
            .with("PATH", &self.path)
            .with("RUNNER_TEMP", self.sandbox.root().join("self/_work/_temp"));
        let ran = run_action(repository(), "setup-atlas-release", &[], &job);
        ran.steps[0].clone()
    }
}

#[test]
fn the_runners_own_node_will_do_where_path_has_none_that_is_new_enough() {
    let world = World::new();
    let none = world.gets().exits(3);
    assert!(
        none.stdout
            .contains("::error title=atlas-release::there is no Node.js of version 20.3"),
        "{none}"
    );
    // Too old, or for another system.
    world.has("self/externals/node16", Some("v16.20.2"));
    world.has("self/externals/node24_alpine", Some("nothing"));
    world.gets().exits(3);
    world.has("self/externals/node20", None);
    let log = world.gets().exits(0);
    assert!(log.stdout.contains("atlas-release "), "{log}");
    // What is on PATH and too old does not count.
    let old = world.sandbox.root().join("self/externals/node16/bin/node");
    symlink(old, world.path.join("node")).unwrap();
    world.gets().exits(0);
}

/// Where it works in another folder, its own is known by the program that has started the step.
#[cfg(target_os = "linux")]
#[test]
fn a_runner_that_works_elsewhere_is_found_by_its_program() {
    let world = World::new();
    let worker = world
        .sandbox
        .root()
        .join("a runner/bin.2.336.0/Runner.Worker");
    fs::create_dir_all(worker.parent().unwrap()).unwrap();
    fs::copy(
        fs::canonicalize(which(&world.sandbox, "bash")).unwrap(),
        &worker,
    )
    .unwrap();
    let get = repository().join(".github/actions/atlas-release/get");
    let run = |worker: &Path| {
        // A second command keeps it from becoming the first one itself.
        let line = "bash -c 'bash \"$GET\"; exit $?'; exit $?";
        let run = world.sandbox.invoke(worker).args(["-c", line]);
        let run = run.env("GET", &get).env("PATH", &world.path);
        run.env("ATLAS_RELEASE_BIN", ATLAS_RELEASE).run()
    };
    run(&worker).exits(3);
    world.has("a runner/externals/node24", None);
    run(&worker).exits(0);
}
