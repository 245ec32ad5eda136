//! A real browser without a screen, told what to do by Chromium's own protocol over a pair of pipes.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long the browser may take for one step on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// The browser reads commands from descriptor 3 and writes answers to descriptor 4.
const START: &str = "exec chromium --headless=new --no-sandbox --disable-gpu --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync \
    --host-resolver-rules='MAP * ~NOTFOUND, EXCLUDE 127.0.0.1' \
    --user-data-dir=\"$1\" --remote-debugging-pipe 3<&0 4>&1 >/dev/null 2>&1 about:blank";

/// A browser with one page. It is killed when this is dropped.
pub struct Browser {
    child: Child,
    commands: ChildStdin,
    answers: Receiver<Value>,
    session: Option<String>,
    last: u64,
    /// What the page has reported since it was last asked.
    events: Vec<Value>,
    _folder: tempfile::TempDir,
}

impl Browser {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = shell(START, folder.path()).spawn().unwrap();
        let commands = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while output
                .read_until(0, &mut message)
                .is_ok_and(|read| read > 0)
            {
                message.pop();
                let Ok(value) = serde_json::from_slice(&message) else {
                    break;
                };
                if sender.send(value).is_err() {
                    break;
                }
                message.clear();
            }
        });
        let mut browser = Self {
            child,
            commands,
            answers,
            session: None,
            last: 0,
            events: Vec::new(),
            _folder: folder,
        };
        let page = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": page["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", attach);
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// A window of this size, in CSS pixels, in light or dark.
    pub fn resize(&mut self, width: u32, scheme: &str) {
        let size = json!({
            "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = json!({"name": "prefers-color-scheme", "value": scheme});
        self.call("Emulation.setEmulatedMedia", json!({"features": [scheme]}));
    }

    /// Loads a page; its status, and the addresses of all that was asked for.
    pub fn open(&mut self, url: &str) -> (u64, Vec<String>) {
        self.events.clear();
        self.call("Page.navigate", json!({"url": url}));
        while !self.has("Page.loadEventFired") {
            self.receive();
        }
        // What the page asks for, or complains of, right after that.
        self.evaluate("new Promise(done => setTimeout(done, 300))");
        let asked = self.told("Network.requestWillBeSent");
        let asked = asked.map(|event| event["request"]["url"].as_str().unwrap().to_owned());
        let asked = asked.collect();
        let status = self
            .told("Network.responseReceived")
            .find(|event| event["type"] == "Document")
            .map(|event| event["response"]["status"].as_u64().unwrap());
        (status.unwrap(), asked)
    }

    /// What the page has complained of since it was opened.
    pub fn complaints(&self) -> Vec<String> {
        let kinds = [
            "Log.entryAdded",
            "Runtime.consoleAPICalled",
            "Runtime.exceptionThrown",
        ];
        let complaints = kinds.into_iter().flat_map(|kind| self.told(kind));
        complaints.map(Value::to_string).collect()
    }

    /// The value of an expression of JavaScript's; of a promise what it comes to.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let call = json!({
            "expression": expression, "returnByValue": true, "awaitPromise": true,
        });
        let done = self.call("Runtime.evaluate", call);
        assert!(
            done.get("exceptionDetails").is_none(),
            "{expression}: {done}"
        );
        done["result"]["value"].clone()
    }

    pub fn press(&mut self, key: &str, code: u32) {
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let event = json!({
                "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text,
            });
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// The whole page as a PNG, in base64.
    pub fn screenshot(&mut self) -> String {
        let layout = self.call("Page.getLayoutMetrics", json!({}));
        let size = &layout["cssContentSize"];
        let clip = json!({
            "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1,
        });
        let call = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let shot = self.call("Page.captureScreenshot", call);
        shot["data"].as_str().unwrap().to_owned()
    }

    fn has(&self, method: &str) -> bool {
        self.told(method).next().is_some()
    }

    fn told(&self, method: &str) -> impl Iterator<Item = &Value> {
        let events = self
            .events
            .iter()
            .filter(move |event| event["method"] == method);
        events.map(|event| &event["params"])
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut command = json!({"id": self.last, "method": method, "params": params});
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        self.commands.write_all(&bytes).unwrap();
        loop {
            let answer = self.receive();
            if answer["id"] == self.last {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// The next answer or event.
    fn receive(&mut self) -> Value {
        let next = self.answers.recv_timeout(PATIENCE);
        let next = next.unwrap_or_else(|error| {
            panic!("chromium does not answer, which ci/deps --full installs: {error}")
        });
        if next.get("method").is_some() {
            self.events.push(next.clone());
        }
        next
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Already gone when it has crashed, which the test tells.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this test needs the child's pipes while it runs"
)]
fn shell(script: &str, argument: &std::path::Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(argument);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}
