//! A machine that signs code: a world that is Windows or macOS, and programs that stand for theirs. They write
//! down what they were called with and what they saw, so that it can be looked at that no secret was in an
//! argument, nor anywhere else it need not be.

use atlas_release::code_sign::{self, CodeSignError, CodeSigned, Ready, Signer};
use atlas_release::context::World;
use atlas_release::error::{Error, ExitCode};
use atlas_release::products::{CodeSignSettings, MacosSign, WindowsSign};
use process::{Env, Runner};
use release_types::{Arch, Os, Platform};
use std::fs;
use std::path::PathBuf;
use test_support::{FakeTools, Sandbox};

/// A password with all that quoting could stumble over.
pub const PASSWORD: &str = r#"hunter2 "pa\ss' $(x)"#;

/// `the certificate` in base64.
pub const CERTIFICATE: &str = "dGhlIGNlcnRpZmljYXRl";

pub const THUMB: &str = "00112233445566778899AABBCCDDEEFF00112233";
pub const CA: &str = "11112233445566778899AABBCCDDEEFF00112233";

pub const KEY: &str =
    "-----BEGIN PRIVATE KEY-----\nMIGTAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n";

/// The keychain that the user has all along.
pub const LOGIN: &str = "/Users/me/Library/Keychains/login.keychain-db";

pub const TIME_URL: &str = "http://time.example.com/rfc3161";

/// PowerShell, with a file as the user's store of certificates.
const POWERSHELL: &str = r#"
[ "$WIN_PFX_PASSWORD$ATLAS_CERTIFICATES" = "" ] && exit 9
case "$*" in
  *EphemeralKeySet*)
    printf '%s' "$WIN_PFX_PASSWORD" > "$ROOT/password"; printf '%s' "$WIN_B64_PFX" > "$ROOT/pfx"
    [ -f "$ROOT/wrong" ] && { echo "The network password $WIN_PFX_PASSWORD is not correct." >&2; exit 1; }
    echo 'tool|10.0.22621.3233'
    echo 'cert|00112233445566778899AABBCCDDEEFF00112233|True|False|CN=Example Ltd, C=DE'
    echo 'cert|11112233445566778899AABBCCDDEEFF00112233|False|True|CN=Example CA';;
  *PersistKeySet*) echo "$ATLAS_CERTIFICATES" > "$ROOT/store";;
  *DeleteKey*)
    [ "$WIN_PFX_PASSWORD$WIN_B64_PFX" = "" ] || exit 8
    [ "$(cat "$ROOT/store")" = "$ATLAS_CERTIFICATES" ] && rm "$ROOT/store";;
esac"#;

/// signtool, which needs the certificate in the store and puts a line at a file's end.
const SIGNTOOL: &str = r#"
env > "$ROOT/signtool.env"
[ -f "$ROOT/store" ] || { echo 'SignTool Error: No certificates were found' >&2; exit 1; }
for file; do :; done
[ -f "$ROOT/slow" ] && { : > "$ROOT/signing"; exec sleep 60; }
[ -f "$ROOT/lazy" ] || echo signed >> "$file""#;

const SECURITY: &str = r#"
case "$1" in
  -i) line=$(cat); printf '%s\n' "$line" >> "$ROOT/told"
    case "$line" in
      import*) file=${line#*\"}; file=${file%%\"*}
        stat -c '%a %n' "$file" >> "$ROOT/modes"; cat "$file" > "$ROOT/imported";;
      create-keychain*) path=${line##* \"}; : > "${path%\"}"; stat -c '%a' "${path%/*}" > "$ROOT/dir-mode";;
    esac;;
  list-keychains) case "$*" in
    *' -s'*) shift 4; for one; do printf '    "%s"\n' "$one"; done > "$ROOT/listed";;
    *) cat "$ROOT/listed";;
  esac;;
  find-identity) echo '  1) 00112233445566778899AABBCCDDEEFF00112233 "Developer ID Application: Example (ABCDE12345)"'
    echo '     1 valid identities found';;
  delete-keychain) rm "$2";;
esac"#;

const CODESIGN: &str = r#"
env > "$ROOT/codesign.env"
[ "$1" = --verify ] && exit 0
for file; do :; done
[ -f "$ROOT/during" ] && . "$ROOT/during"
[ -f "$ROOT/refused" ] && { echo 'error: hunter2 "pa\ss'"' "'$(x): The timestamp service is not available.' >&2; exit 1; }
echo signed >> "$file""#;

const XCRUN: &str = r#"
case "$*" in
  'notarytool --version') echo '1.0.0 (38)';;
  'notarytool submit'*)
    while [ "$1" != --key ]; do shift; done
    stat -c '%a %n' "$2" >> "$ROOT/modes"; cat "$2" > "$ROOT/p8"
    if [ -f "$ROOT/invalid" ]; then echo '{"id":"2efe-52ef","status":"Invalid"}'; exit 69
    else echo '{"id":"2efe-52ef","status":"Accepted","message":"Processing complete"}'; fi;;
  'notarytool log'*) echo 'The signature does not include a secure timestamp.';;
esac"#;

const DITTO: &str = r#"for file; do :; done; : > "$file""#;

/// A machine with these tools and two programs to sign.
pub struct Machine {
    pub sandbox: Sandbox,
    pub tools: FakeTools,
    pub world: World,
    pub settings: CodeSignSettings,
}

impl Machine {
    fn new(os: Os, tools: &[(&str, &str)], vars: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::new();
        let root = sandbox.root().to_owned();
        let fakes = FakeTools::new(root.join("bin"));
        for (name, script) in tools {
            fakes.add(name, &format!("ROOT='{}'\n{script}", root.display()));
        }
        let path = [root.join("bin"), "/usr/bin".into(), "/bin".into()];
        let mut env: Env = vars.iter().copied().collect();
        env.set("PATH", std::env::join_paths(path).unwrap());
        for name in ["TMP", "TMPDIR"] {
            env.set(name, sandbox.tmp_dir());
        }
        for name in ["HOME", "LOCALAPPDATA"] {
            env.set(name, root.join("me"));
        }
        let world = World {
            env,
            cwd: root.clone(),
            host: Platform::new(os, Arch::X64),
            exe: crate::support::ATLAS_RELEASE.into(),
            runner: Runner::default(),
            now: jiff::Timestamp::now,
        };
        for name in ["one", "two"] {
            fs::write(root.join(name), format!("program {name}\n")).unwrap();
        }
        let settings = CodeSignSettings {
            windows: Some(WindowsSign {
                timestamp_url: TIME_URL.to_owned(),
                required: false,
            }),
            macos: Some(MacosSign {
                identity: Some("Developer ID".to_owned()),
                notarize: true,
                ..MacosSign::default()
            }),
        };
        Self {
            sandbox,
            tools: fakes,
            world,
            settings,
        }
    }

    pub fn windows() -> Self {
        let tools = [("powershell", POWERSHELL), ("signtool", SIGNTOOL)];
        let vars = [("WIN_B64_PFX", CERTIFICATE), ("WIN_PFX_PASSWORD", PASSWORD)];
        Self::new(Os::Windows, &tools, &vars)
    }

    pub fn macos() -> Self {
        let tools = [
            ("security", SECURITY),
            ("codesign", CODESIGN),
            ("xcrun", XCRUN),
            ("ditto", DITTO),
            ("sw_vers", "echo 14.5"),
        ];
        let vars = [
            ("APPLE_CERTIFICATE", CERTIFICATE),
            ("APPLE_CERTIFICATE_PASSWORD", PASSWORD),
            ("APPLE_API_KEY", "ABC123"),
            ("APPLE_API_ISSUER", "69a6de70-0000"),
            ("APPLE_API_KEY_P8", KEY),
        ];
        let machine = Self::new(Os::Macos, &tools, &vars);
        fs::write(machine.path("listed"), format!("    \"{LOGIN}\"\n")).unwrap();
        machine
    }

    /// Signs by two runs at once.
    pub fn sign_twice(&self) {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread();
                    let runtime = { runtime }.enable_all().build().unwrap();
                    runtime.block_on(self.sign()).unwrap();
                });
            }
        });
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.sandbox.root().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A file that changes what the tools do.
    pub fn set(&self, name: &str) {
        fs::write(self.path(name), "").unwrap();
    }

    pub fn ready(&self) -> Result<Ready, CodeSignError> {
        code_sign::ready(&self.world, &self.settings, self.world.host)
    }

    pub fn signer(&self) -> Signer {
        match self.ready().unwrap() {
            Ready::Signs(signer) => *signer,
            other => panic!("{other:?}"),
        }
    }

    pub async fn sign(&self) -> Result<CodeSigned, CodeSignError> {
        let files = ["one", "two"].map(|name| (self.path(name), format!("{name}.exe")));
        self.signer().sign(&self.world, &files).await
    }

    /// Signing fails with this code, and says this, without a secret.
    pub async fn fails(&self, code: ExitCode, says: &[&str]) {
        let error = Error::from(self.sign().await.unwrap_err());
        assert_eq!(error.exit_code(), code, "{error}");
        let said = atlas_release::error::with_causes(&error);
        for part in says {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(
            !said.contains("hunter2") && !said.contains(CERTIFICATE),
            "{said}"
        );
        self.nothing_stays();
    }

    /// No secret was in an argument, and none is left.
    pub fn nothing_stays(&self) {
        for tool in [
            "powershell",
            "signtool",
            "security",
            "codesign",
            "xcrun",
            "ditto",
            "sw_vers",
        ] {
            let calls = self.tools.calls(tool).join("\n");
            for secret in [
                "hunter2",
                CERTIFICATE,
                "the certificate",
                "MIGTAgEAMBMGByqGSM49",
            ] {
                assert!(!calls.contains(secret), "{tool}: {calls}");
            }
            // The password of the keychain, too.
            for line in self
                .read("told")
                .lines()
                .filter(|line| line.starts_with("create"))
            {
                let own = line.split(' ').nth(2).unwrap();
                assert!(own.len() == 48 && !calls.contains(own), "{tool}: {calls}");
            }
        }
        let left: Vec<_> = fs::read_dir(self.sandbox.tmp_dir()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        assert!(
            !self.path("store").exists(),
            "the certificate is in the store"
        );
    }
}
