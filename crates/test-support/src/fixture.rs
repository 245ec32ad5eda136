//! A small cargo workspace in a git repository of its own: something to release.
//!
//! Two programs, `alpha` and `beta`, are the products of the group `demo`; a third, `gamma`, is
//! alone in the group `other`. They carry their version by this repository's `build-version`, and
//! hold what makes real builds hard: a build script, C code (`alpha`) and a procedural macro
//! (`beta`).

use crate::Sandbox;
use process::{Command, Env};
use std::fs;
use std::path::{Path, PathBuf};

const WORKSPACE: &str = r#"[workspace]
resolver = "3"
members = ["alpha", "beta", "gamma", "shout"]

# Quick to build rather than quick to run.
[profile.release]
opt-level = 0
debug = 0
strip = true
codegen-units = 16
"#;

const C_CODE: &str = "int answer(void) { return 42; }\n";

const C_BUILD_SCRIPT: &str = r#"use std::process::Command;

fn main() {
    build_version::emit();
    let out = std::env::var("OUT_DIR").unwrap();
    let run = |program: &str, args: &[&str]| {
        let status = Command::new(program).args(args).status().unwrap();
        assert!(status.success(), "{program}: {status}");
    };
    let (object, library) = (format!("{out}/answer.o"), format!("{out}/libanswer.a"));
    run("cc", &["-c", "answer.c", "-o", &object]);
    run("ar", &["crs", &library, &object]);
    println!("cargo::rerun-if-changed=answer.c");
    println!("cargo::rustc-link-search=native={out}");
    println!("cargo::rustc-link-lib=static=answer");
}
"#;

const BUILD_SCRIPT: &str = "fn main() {\n    build_version::emit();\n}\n";

const ALPHA: &str = r#"unsafe extern "C" {
    safe fn answer() -> i32;
}

fn main() {
    let build = build_version::build_info!("alpha");
    match std::env::args().nth(1).as_deref() {
        Some("--version") => println!("{build}"),
        _ => println!("the answer is {}", answer()),
    }
}
"#;

const BETA: &str = r#"fn main() {
    let build = build_version::build_info!("beta");
    match std::env::args().nth(1).as_deref() {
        Some("--version") => println!("{build}"),
        _ => println!("{}", shout::shout!(hello)),
    }
}
"#;

const GAMMA: &str = r#"fn main() {
    println!("{}", build_version::build_info!("gamma"));
}
"#;

const SHOUT: &str = r#"use proc_macro::TokenStream;

#[proc_macro]
pub fn shout(words: TokenStream) -> TokenStream {
    format!("{:?}", words.to_string().to_uppercase()).parse().unwrap()
}
"#;

/// The workspace, in a folder of a [`Sandbox`].
#[derive(Debug)]
pub struct Fixture {
    root: PathBuf,
    env: Env,
}

impl Fixture {
    /// Writes the workspace and commits it, without a tag.
    pub fn new(sandbox: &Sandbox) -> Self {
        let fixture = Self::without_git(sandbox);
        fixture.git(&["init", "--quiet", "--initial-branch", "main"]);
        fixture.git(&["config", "user.name", "Test"]);
        fixture.git(&["config", "user.email", "test@example.com"]);
        fixture.commit("begin");
        fixture
    }

    /// Writes the workspace into a folder that is no repository.
    pub fn without_git(sandbox: &Sandbox) -> Self {
        let mut env = sandbox.env().clone();
        // The machine's own settings (hooks, signing, templates) are not these tests' business.
        for (name, value) in [
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_DATE", "2024-01-01T00:00:00Z"),
            ("GIT_COMMITTER_DATE", "2024-01-01T00:00:00Z"),
        ] {
            env.set(name, value);
        }
        let fixture = Self {
            root: sandbox.root().join("work"),
            env,
        };
        fixture.write_all();
        fixture
    }

    fn write_all(&self) {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .canonicalize()
            .unwrap();
        self.write("Cargo.toml", WORKSPACE);
        self.write(".gitignore", "/target/\n");
        // The compiler that builds this repository, whatever else the machine has.
        let toolchain = fs::read_to_string(repository.join("rust-toolchain.toml")).unwrap();
        self.write("rust-toolchain.toml", &toolchain);
        for (package, group, more) in [
            ("alpha", "demo", ""),
            ("beta", "demo", "shout = { path = \"../shout\" }\n"),
            ("gamma", "other", ""),
        ] {
            let version = format!(
                "build-version = {{ path = {:?} }}\n",
                repository.join("crates/build-version")
            );
            self.write(
                &format!("{package}/Cargo.toml"),
                &format!(
                    "[package]\nname = \"{package}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                     [dependencies]\n{version}{more}\n[build-dependencies]\n{version}\n\
                     [package.metadata.atlas-release]\nproduct = \"{package}\"\n\
                     group = \"{group}\"\nbin = \"{package}\"\n"
                ),
            );
        }
        self.write("alpha/answer.c", C_CODE);
        self.write("alpha/build.rs", C_BUILD_SCRIPT);
        self.write("beta/build.rs", BUILD_SCRIPT);
        self.write("gamma/build.rs", BUILD_SCRIPT);
        self.write("alpha/src/main.rs", ALPHA);
        self.write("beta/src/main.rs", BETA);
        self.write("gamma/src/main.rs", GAMMA);
        self.write(
            "shout/Cargo.toml",
            "[package]\nname = \"shout\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\nproc-macro = true\n",
        );
        self.write("shout/src/lib.rs", SHOUT);
        self.lock();
    }

    /// Writes `Cargo.lock`, from what this machine's cargo has fetched before: no network.
    pub fn lock(&self) {
        self.run("cargo", &["generate-lockfile", "--offline", "--quiet"]);
    }

    /// The workspace's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a file, by its path from the workspace's folder.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces a text in a file. It must be there.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let old = fs::read_to_string(self.root.join(path)).unwrap();
        assert!(old.contains(from), "{from:?} is not in {path}: {old}");
        self.write(path, &old.replace(from, to));
    }

    /// Commits all there is and returns the commit.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Puts a tag at `HEAD`.
    pub fn tag(&self, name: &str) {
        self.git(&["tag", name]);
    }

    /// Lets `beta` say something else, and commits that: the next build has other bytes.
    pub fn change(&self, what: &str) -> String {
        self.edit(
            "beta/src/main.rs",
            "shout!(hello",
            &format!("shout!(hello {what}"),
        );
        self.commit(what)
    }

    /// Makes a program of the workspace impossible to compile.
    pub fn break_compilation(&self, package: &str) {
        self.edit(
            &format!("{package}/src/main.rs"),
            "fn main() {",
            "fn main() {\n    let broken: u32 = \"no number\";",
        );
    }

    /// Runs git here and returns what it says.
    pub fn git(&self, args: &[&str]) -> String {
        self.run("git", args)
    }

    fn run(&self, program: &str, args: &[&str]) -> String {
        let command = Command::new(program)
            .args(args.iter().copied())
            .envs(&self.env)
            .cwd(&self.root);
        let output = command.output_blocking().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {stderr}");
        output.stdout_text()
    }
}
