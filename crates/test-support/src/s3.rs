//! A server that speaks S3 and checks signatures, for one test.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

const ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// The server. It ends, and its data goes, when its script's input ends.
#[derive(Debug)]
pub struct S3Server {
    script: Child,
    folder: PathBuf,
    settings: Vec<(String, String)>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the script's input is kept open for as long as the server is needed"
)]
fn command(program: &str) -> Command {
    Command::new(program)
}

impl S3Server {
    /// Starts one with an empty bucket called `hub`.
    pub fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ci/with-s3");
        let names = [ENDPOINT, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        let say = "echo \"$HUB_TEST_S3 $AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID \
                   $AWS_SECRET_ACCESS_KEY\"; exec cat";
        let mut script = command(script)
            .args(["sh", "-c", say])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(script.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let mut words = line.split_whitespace().map(str::to_owned);
        let folder = words.next().expect("no S3 server").into();
        let settings = names.map(str::to_owned).into_iter().zip(words);
        Self {
            script,
            folder,
            settings: settings.collect(),
        }
    }

    /// Its address and its one key, by the names of environment variables: endpoint, id, secret.
    pub fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// The same by way of another endpoint, which is before it.
    pub fn settings_by(&self, endpoint: &str) -> Vec<(String, String)> {
        let mut settings = self.settings.clone();
        endpoint.clone_into(&mut settings[0].1);
        settings
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        let endpoint = self.settings[0].1.strip_prefix("http://").unwrap();
        endpoint.parse().unwrap()
    }

    /// The folder that is the bucket.
    pub fn bucket(&self) -> PathBuf {
        self.folder.join("data/hub")
    }

    /// Stops or starts it, or sends it a signal.
    pub fn tell(&self, what: &str) {
        let server = self.folder.join("server");
        let done = command(server.to_str().unwrap()).arg(what).status();
        assert!(done.unwrap().success(), "{what}");
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        self.script.wait().ok();
    }
}
