//! Steps of the repository's actions and workflows, run with bash as a runner of GitHub's does.

use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use test_support::{Finished, Invocation, Sandbox};

static SCRIPTS: AtomicUsize = AtomicUsize::new(0);

/// The repository of this test.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A YAML file.
pub fn yaml(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A workflow of the repository.
pub fn workflow(name: &str) -> Value {
    yaml(&repository().join(".github/workflows").join(name))
}

/// A step of a workflow's job, by its name.
#[track_caller]
pub fn step(workflow: &Value, job: &str, name: &str) -> Value {
    let steps = workflow["jobs"][job]["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["name"] == name);
    step.unwrap_or_else(|| panic!("{job} has no step {name:?}"))
        .clone()
}

/// The files of a runner, and what a job's steps are told by them.
pub struct Job<'a> {
    sandbox: &'a Sandbox,
    dir: PathBuf,
    env: BTreeMap<String, OsString>,
    /// What an action was named by.
    action_ref: String,
}

impl<'a> Job<'a> {
    /// One whose workspace is this folder.
    pub fn new(sandbox: &'a Sandbox, workspace: &Path) -> Self {
        let dir = sandbox.root().join("runner");
        fs::create_dir_all(&dir).unwrap();
        let mut job = Self {
            sandbox,
            dir,
            env: BTreeMap::new(),
            action_ref: String::new(),
        };
        let dir = job.dir.clone();
        for (name, file) in [
            ("GITHUB_ENV", "env"),
            ("GITHUB_OUTPUT", "output"),
            ("GITHUB_PATH", "path"),
            ("GITHUB_STEP_SUMMARY", "summary"),
        ] {
            fs::write(dir.join(file), "").unwrap();
            job.env.insert(name.to_owned(), dir.join(file).into());
        }
        for (name, value) in [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("RUNNER_ARCH", "X64"),
            ("RUNNER_OS", "Linux"),
        ] {
            job.env.insert(name.to_owned(), value.into());
        }
        job.env.insert("RUNNER_TEMP".to_owned(), dir.into());
        job.env
            .insert("GITHUB_WORKSPACE".to_owned(), workspace.into());
        job
    }

    /// The same with a variable.
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// The same where actions are named by this branch, tag or commit.
    pub fn at(mut self, action_ref: &str) -> Self {
        self.action_ref = action_ref.to_owned();
        self
    }

    /// The step, as the runner starts it. `context` says what expressions stand for.
    #[track_caller]
    pub fn invoke(&self, step: &Value, context: &BTreeMap<String, String>) -> Invocation {
        let run = step["run"].as_str().unwrap();
        assert!(
            !run.contains("${{"),
            "an input would become a script: {run}"
        );
        // Each has one of its own, as several may run at once.
        let number = SCRIPTS.fetch_add(1, Ordering::SeqCst);
        let script = self.dir.join(format!("step-{number}.sh"));
        fs::write(&script, run).unwrap();
        let mut invocation = self
            .sandbox
            .invoke("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail"])
            .arg(&script)
            .cwd(Path::new(&self.env["GITHUB_WORKSPACE"]));
        for (name, value) in &self.env {
            invocation = invocation.env(name, value);
        }
        let own = step["env"].as_object().into_iter().flatten();
        for (name, value) in own {
            invocation = invocation.env(name, expanded(value.as_str().unwrap(), context));
        }
        invocation
    }

    /// What stands in one of the runner's files.
    pub fn file(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join(name)).unwrap()
    }

    /// What the steps have put out so far.
    #[track_caller]
    pub fn outputs(&self) -> BTreeMap<String, String> {
        let text = self.file("output");
        let mut lines = text.lines();
        let mut outputs = BTreeMap::new();
        while let Some(line) = lines.next() {
            let (name, end) = line.split_once("<<").unwrap();
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
            outputs.insert(name.to_owned(), value.join("\n"));
        }
        outputs
    }
}

/// A text with its expressions replaced, of the kind that only names something.
#[track_caller]
fn expanded(text: &str, context: &BTreeMap<String, String>) -> String {
    let mut rest = text;
    let mut all = String::new();
    while let Some((before, inside)) = rest.split_once("${{") {
        let (name, after) = inside.split_once("}}").unwrap();
        let value = context.get(name.trim());
        let value = value.unwrap_or_else(|| panic!("nobody says what {name:?} is"));
        all += before;
        all += value;
        rest = after;
    }
    all + rest
}

/// What came of an action.
pub struct Ran {
    /// Its steps, up to the one that failed.
    pub steps: Vec<Finished>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
}

impl Ran {
    /// The last step, when the action has ended with this exit code.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Finished {
        let last = self.steps.last().unwrap();
        assert_eq!(last.code, Some(code), "{last}");
        last
    }

    /// All that its steps have printed.
    pub fn log(&self) -> String {
        let steps = self.steps.iter().map(Finished::to_string);
        steps.collect::<Vec<_>>().join("\n")
    }
}

/// Runs a composite action of a checkout with inputs, as GitHub does: those that are not given are what the
/// action says, and a step that fails is the last.
#[track_caller]
pub fn run_action(checkout: &Path, name: &str, inputs: &[(&str, &str)], job: &Job<'_>) -> Ran {
    let folder = checkout.join(".github/actions").join(name);
    let action = yaml(&folder.join("action.yml"));
    assert_eq!(action["runs"]["using"], "composite");
    let declared = action["inputs"].as_object().unwrap();
    for (name, _) in inputs {
        assert!(declared.contains_key(*name), "there is no input {name}");
    }
    let mut context = BTreeMap::new();
    context.insert("github.action_ref".to_owned(), job.action_ref.clone());
    for (name, input) in declared {
        let given = inputs.iter().find(|(given, _)| given == name);
        let value = match given {
            Some((_, value)) => *value,
            None => input["default"].as_str().unwrap_or_default(),
        };
        context.insert(format!("inputs.{name}"), value.to_owned());
    }
    let mut steps = Vec::new();
    for step in action["runs"]["steps"].as_array().unwrap() {
        assert_eq!(step["shell"], "bash");
        let run = job
            .invoke(step, &context)
            .env("GITHUB_ACTION_PATH", &folder)
            .run();
        let failed = run.code != Some(0);
        steps.push(run);
        if failed {
            break;
        }
        let id = step["id"].as_str().unwrap_or_default();
        for (name, value) in job.outputs() {
            context.insert(format!("steps.{id}.outputs.{name}"), value);
        }
    }
    let named = action["outputs"].as_object().into_iter().flatten();
    let outputs = named.filter_map(|(name, output)| {
        let value = output["value"].as_str().unwrap();
        let expression = value.trim_start_matches("${{").trim_end_matches("}}");
        let value = context.get(expression.trim())?;
        Some((name.clone(), value.clone()))
    });
    Ran {
        outputs: outputs.collect(),
        steps,
    }
}

/// A folder in which `atlas-release` is called so, for `PATH`.
pub fn on_path(sandbox: &Sandbox, program: &Path) -> OsString {
    let dir = sandbox.root().join("on-path");
    fs::create_dir_all(&dir).unwrap();
    let link = dir.join("atlas-release");
    if !link.exists() {
        std::os::unix::fs::symlink(program, link).unwrap();
    }
    let rest = std::env::split_paths(sandbox.env().get("PATH").unwrap());
    std::env::join_paths(std::iter::once(dir).chain(rest)).unwrap()
}
