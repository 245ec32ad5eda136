//! How the actions get `atlas-release`: from a real Hub, signed, or else from cargo.

use crate::hub_server::{TestHub, base_contract, get};
use crate::steps::*;
use crate::support::*;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use test_support::{FakeTools, Fault, Finished, Proxy, Sandbox, Seen};

const VERSION: &str = "3.2.1";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Names that say that something is secret, as `process::is_secret_name` knows them.
const SECRETS: [&str; 17] = [
    "SIGNING_KEY",
    "STORE_KEY_BASE64",
    "DB_PASS",
    "PGPASSWORD",
    "LOGIN_PWD",
    "OAUTH",
    "GH_PAT",
    "A_JWT",
    "TLS_PEM",
    "WIN_B64_PFX",
    "APPLE_CERTIFICATE",
    "APPLE_P12",
    "ANDROID_KEYSTORE",
    "NETRC_COOKIES",
    "MY_CREDS",
    "GPG_PASSPHRASE",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
];

/// What is no secret by its name, and is for other steps of the job all the same.
const OF_OTHERS: &str = "APPLE_CERTIFICATE APPLE_ID CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER CARGO_BUILD_RUSTC_WRAPPER \
    CARGO_BUILD_TARGET RUSTC_WORKSPACE_WRAPPER TAURI_CONFIG WIN_CERTIFICATE";

/// A checkout of the actions that names a public key, a Hub, and a cargo that builds at once.
pub struct World {
    sandbox: Sandbox,
    checkout: PathBuf,
    tools: FakeTools,
    pub hub: TestHub,
}

impl World {
    pub fn new() -> Self {
        let sandbox = Sandbox::new();
        let checkout = sandbox.root().join("checkout");
        for name in ["atlas-release", "setup-atlas-release"] {
            let to = checkout.join(".github/actions").join(name);
            fs::create_dir_all(&to).unwrap();
            for file in fs::read_dir(repository().join(".github/actions").join(name)).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), to.join(file.file_name())).unwrap();
            }
        }
        let tools = FakeTools::new(sandbox.root().join("bin"));
        let built = sandbox.root().join("built");
        program(&built, "built", COMMIT);
        let message = format!(
            r#"{{"reason":"compiler-artifact","target":{{"name":"atlas-release"}},"executable":"{}"}}"#,
            built.display()
        );
        let script =
            format!("pwd > \"$HOME/cargo-cwd\"; env > \"$HOME/cargo-env\"; echo '{message}'");
        tools.add("cargo", &script);
        let world = Self {
            sandbox,
            checkout,
            tools,
            hub: TestHub::start(),
        };
        world.make_key("own");
        let key = world.public_key("own");
        world.names(&format!("public-key = \"{key}\" # of the releases"));
        world
    }

    /// Lets the checkout say this of its releases.
    fn names(&self, line: &str) {
        let toml = format!(
            "[workspace]\nmembers = []\n\n[workspace.package]\nversion = \"{VERSION}\"\n\n\
             [workspace.metadata.atlas-release]\n{line}\n\n[workspace.metadata.other]\npublic-key = \"x\"\n"
        );
        fs::write(self.checkout.join("Cargo.toml"), toml).unwrap();
    }

    fn at(&self, name: &str) -> PathBuf {
        self.sandbox.root().join(name)
    }

    fn make_key(&self, name: &str) {
        let make = self.sandbox.invoke("minisign").args(["-G", "-W", "-p"]);
        let make = make.arg(self.at(&format!("{name}.pub"))).arg("-s");
        make.arg(self.at(&format!("{name}.key"))).run().exits(0);
    }

    /// The public key as Tauri writes it.
    fn public_key(&self, name: &str) -> String {
        self.base64(&self.at(&format!("{name}.pub")))
    }

    fn base64(&self, file: &Path) -> String {
        let run = self.sandbox.invoke("base64").args(["-w", "0"]).arg(file);
        run.run().exits(0).stdout
    }

    /// A signature of a file by a key, as Tauri writes it.
    fn sign(&self, file: &Path, key: &str, comment: &str) -> String {
        let out = self.at("minisig");
        let sign = self.sandbox.invoke("minisign").args(["-S", "-s"]);
        let sign = sign.arg(self.at(&format!("{key}.key"))).arg("-m").arg(file);
        let sign = sign.arg("-x").arg(&out).args(["-t", comment]);
        sign.run().exits(0);
        self.base64(&out)
    }

    /// Publishes the program, signed or not, and returns its file.
    pub fn publishes(&self, signed: bool) -> PathBuf {
        let name = published_name();
        let file = self.at(&name);
        program(&file, "of the Hub", COMMIT);
        let platform = platform().replace('-', "|");
        let mut rows = format!("{name}|{platform}|binary\n");
        if signed {
            let text = self.sign(&file, "own", &self.comment());
            fs::write(self.at(&format!("{name}.sig")), text).unwrap();
            rows += &format!("{name}.sig|{platform}|signature\n");
        }
        fs::write(self.at("rows"), rows).unwrap();
        let line = format!("publish --manifest rows --product cli --version {VERSION}");
        let run = self.hub.publishes(atlas(&self.sandbox, &line));
        run.run().exits(0);
        file
    }

    /// The Hub, giving out this text in the place of one of its files.
    pub fn giving(&self, kind: &str, text: String) -> Proxy {
        let (url, path) = (self.hub.url(), platform_path());
        let (_, list) = get(&format!("{url}/api/v1/releases/cli/{VERSION}/{path}"));
        let list: Value = serde_json::from_slice(&list).unwrap();
        let assets = list["assets"].as_array().unwrap();
        let asset = assets.iter().find(|asset| asset["kind"] == kind).unwrap();
        let download = format!(
            "/api/v1/download/{}",
            asset["download_id"].as_str().unwrap()
        );
        let port = Proxy::bind();
        port.serve(self.hub.address, move |seen| match seen.path == download {
            true => Fault::Answer(200, text.clone()),
            false => Fault::None,
        })
    }

    fn comment(&self) -> String {
        let platform = platform();
        let (os, arch) = platform.split_once('-').unwrap();
        format!(
            "timestamp:1\tfile:{}\tversion:{VERSION}\tproduct:cli\tos:{os}\tarch:{arch}",
            published_name()
        )
    }

    /// The step that gets it, with a Hub at this address.
    pub fn get(&self, hub: &str) -> (Finished, Job<'_>) {
        self.get_at("main", hub)
    }

    /// The same for an action that is named so.
    fn get_at(&self, action_ref: &str, hub: &str) -> (Finished, Job<'_>) {
        let mut job = Job::new(&self.sandbox, self.sandbox.root());
        for name in SECRETS.into_iter().chain(OF_OTHERS.split(' ')) {
            job = job.with(name, "planted");
        }
        let job = job
            .with("PATH", self.tools.path_before(self.sandbox.env()))
            .with("RUSTC_WRAPPER", "sccache")
            .with("CARGO_TARGET_X86_64_PC_WINDOWS_MSVC_LINKER", "lld-link")
            .with("ACTIONS_RUNTIME_TOKEN", "of the runner")
            .at(action_ref);
        let ran = run_action(
            &self.checkout,
            "setup-atlas-release",
            &[("hub_url", hub)],
            &job,
        );
        (ran.steps[0].clone(), job)
    }

    /// It was built, for this reason.
    #[track_caller]
    pub fn builds(&self, hub: &str, why: &str) {
        let before = self.tools.calls("cargo").len();
        let (run, _) = self.get(hub);
        let run = run.exits(0);
        assert!(run.stdout.contains(why), "{run}");
        assert!(run.stdout.contains("the program is built"), "{run}");
        let calls = self.tools.calls("cargo");
        assert_eq!(
            calls[before..],
            [
                "build --release --locked --package atlas-release --message-format json-render-diagnostics"
            ]
        );
    }

    /// It was refused, for this reason, and nothing was built in its place.
    #[track_caller]
    pub fn refuses(&self, hub: &str, why: &str) {
        let (run, job) = self.get(hub);
        let run = run.exits(8);
        let error = run.stdout.lines().find(|line| line.starts_with("::error "));
        assert!(error.is_some_and(|line| line.contains(why)), "{run}");
        assert_eq!(self.tools.calls("cargo"), Vec::<String>::new());
        assert_eq!(job.outputs().get("program"), None);
    }
}

/// A program that says what it is.
fn program(path: &Path, what: &str, commit: &str) {
    let text = format!(
        "#!/bin/sh\ncase \"$*\" in *json*) echo '{{\"commit\":\"{commit}\"}}';; *) echo 'the program is {what}';; esac\n"
    );
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn published_name() -> String {
    format!("atlas-release-{}", platform())
}

#[test]
fn a_signed_program_of_the_hub_is_taken() {
    let world = World::new();
    let file = world.publishes(true);
    // A slash at the end does no harm.
    let (run, job) = world.get(&format!("{}/", world.hub.url()));
    let run = run.exits(0);
    assert!(run.stdout.contains("the program is of the Hub"), "{run}");
    assert!(run.stdout.contains(&digest(&file)), "{run}");
    assert_eq!(world.tools.calls("cargo"), Vec::<String>::new());
    let placed = job.outputs()["program"].clone();
    assert_eq!(fs::read(&placed).unwrap(), fs::read(&file).unwrap());
    let folder = Path::new(&placed).parent().unwrap();
    assert_eq!(job.file("path"), format!("{}\n", folder.display()));
    // A Hub of the base contract will do.
    let port = Proxy::bind();
    let proxy = port.serve(world.hub.address, |seen| {
        base_contract(seen).unwrap_or(Fault::None)
    });
    world.get(&proxy.url()).0.exits(0);
    assert_eq!(world.tools.calls("cargo"), Vec::<String>::new());
    let secrets = |seen: &Seen| seen.head.to_lowercase().contains("token");
    assert!(!proxy.seen().iter().any(secrets));
}

#[test]
fn a_program_of_another_commit_is_not() {
    let world = World::new();
    world.publishes(true);
    let get = |named: &str| {
        let (run, _) = world.get_at(named, &world.hub.url());
        run.exits(0).stdout
    };
    for same in [COMMIT, "v3", ""] {
        assert!(get(same).contains("the program is of the Hub"));
    }
    let other = get(&COMMIT.replace('0', "f"));
    assert!(other.contains("is of another commit"), "{other}");
    assert!(other.contains("the program is built"), "{other}");
}

#[test]
fn what_is_not_signed_as_exactly_this_file_is_refused() {
    let world = World::new();
    let file = world.publishes(true);
    world.make_key("other");
    let other = world.at("other-program");
    program(&other, "another", COMMIT);
    let good = world.comment();
    let old = good.replace(VERSION, "3.2.0");
    let forged = {
        world.sign(&file, "own", &old);
        let text = fs::read_to_string(world.at("minisig")).unwrap();
        fs::write(world.at("minisig"), text.replace("3.2.0", VERSION)).unwrap();
        world.base64(&world.at("minisig"))
    };
    for (signature, says) in [
        (
            world.sign(&file, "other", &good),
            "was made with another key",
        ),
        (world.sign(&other, "own", &good), "belongs to other bytes"),
        (forged, "has another comment"),
        (
            world.sign(&file, "own", &old),
            "is for version `3.2.0`, not `3.2.1`",
        ),
        (
            world.sign(&file, "own", &good.replace("file:", "file:x")),
            "is for file `xatlas-release",
        ),
        (
            world.sign(&file, "own", &good.replace("product:cli", "product:runner")),
            "is for product `runner`, not `cli`",
        ),
        (world.sign(&file, "own", "nothing"), "is for file ``"),
        ("bm8gc2lnbmF0dXJl".to_owned(), "is none"),
        (String::new(), "is none"),
    ] {
        world.refuses(&world.giving("signature", signature).url(), says);
    }
}

#[test]
fn what_the_hub_has_not_is_built() {
    let world = World::new();
    let hub = world.hub.url();
    world.builds(&hub, &format!("the Hub has no {VERSION}"));
    world.builds("", "no Hub was named");
    world.builds("http://127.0.0.1:9", "the Hub cannot be asked");
    world.publishes(false);
    world.builds(&hub, "no signed program");
    world.names("max-glibc = \"2.31\"");
    world.builds(&hub, "names no public key");
    let home = world.sandbox.root().join("home");
    let told = |name: &str| fs::read_to_string(home.join(name)).unwrap();
    assert_eq!(
        told("cargo-cwd").trim_end(),
        world.checkout.to_string_lossy()
    );
    // Neither tools that nobody has tried nor secrets reach the build of the program that tries them.
    let env = told("cargo-env");
    for name in ["RUSTC_WRAPPER", "MSVC_LINKER", "RUNTIME_TOKEN", "ATLAS_"] {
        assert!(!env.contains(name), "{name} in {env}");
    }
    assert!(!env.contains("planted"), "{env}");
    assert!(env.contains("CARGO_HOME="), "{env}");
}

#[test]
fn only_safe_addresses_are_asked() {
    let world = World::new();
    for hub in [
        "http://hub.example.com",
        "ftp://127.0.0.1",
        "hub",
        "https://me:pw@hub.example.com",
    ] {
        let (run, _) = world.get(hub);
        let run = run.exits(2);
        assert!(run.stdout.contains("::error "), "{run}");
        assert!(!run.stdout.contains("pw@"), "{run}");
    }
    world.tools.add("cargo", "exit 101");
    let (run, _) = world.get("");
    assert!(run.exits(4).stdout.contains("cargo could not build"));
}

/// One that takes a connection and says nothing.
#[test]
fn a_hub_that_says_nothing_is_not_waited_for() {
    let world = World::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let hub = format!("http://{}", silent.local_addr().unwrap());
    let begun = std::time::Instant::now();
    world.builds(&hub, "nothing came for 20 s");
    assert!(begun.elapsed() < std::time::Duration::from_secs(50));
}

#[test]
fn a_folder_that_is_not_there_is_said_and_no_defect() {
    let world = World::new();
    let job = Job::new(&world.sandbox, world.sandbox.root())
        .with("PATH", world.tools.path_before(world.sandbox.env()))
        .with("RUNNER_TEMP", world.sandbox.root().join("nowhere"))
        .at("main");
    let inputs = [("hub_url", "")];
    let ran = run_action(&world.checkout, "setup-atlas-release", &inputs, &job);
    let run = ran.steps[0].clone().exits(9);
    assert!(
        run.stdout.contains("::error title=atlas-release::"),
        "{run}"
    );
    assert!(!run.stderr.contains("at placed"), "{run}");
}
