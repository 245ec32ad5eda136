//! The page for people in a real browser: narrow and wide, light and dark, by keyboard.
//!
//! With the variable `HUB_TEST_SHOTS`, pictures of what was seen are left in that folder.

use crate::browser::Browser;
use crate::program::{Program, client, initialized, token};
use base64::Engine as _;
use release_types::{DEPLOY_TOKEN_HEADER, Sha256Digest};
use serde_json::{Value, json};
use std::path::PathBuf;

const WIDTHS: [u32; 2] = [360, 1280];
const SCHEMES: [&str; 2] = ["light", "dark"];

/// Every element that the Tab key leads to, in the order of the document.
const REACHABLE: &str = "[...document.querySelectorAll('a[href], summary')]\
    .filter(element => element.checkVisibility())";

/// A name that leaves a browser no place to break a line.
const LONG: &str =
    "atlas_launcher_with_a_name_that_is_much_longer_than_any_telephone_is_wide_amd64.AppImage";

struct Publisher {
    base: String,
    token: String,
}

impl Publisher {
    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = client().post(format!("{}{path}", self.base));
        let request = request.header(DEPLOY_TOKEN_HEADER, &self.token).json(body);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    async fn release(
        &self,
        product: &str,
        version: &str,
        channel: &str,
        files: &[(&str, &str, &str)],
    ) {
        let mut platforms: Vec<&str> = files.iter().map(|(platform, ..)| *platform).collect();
        platforms.dedup();
        for platform in platforms {
            let mut artifacts = Vec::new();
            for (_, name, kind) in files.iter().filter(|(of, ..)| *of == platform) {
                let bytes = format!("{product} {version} {name}")
                    .repeat(40_000)
                    .into_bytes();
                let key = format!("artifacts/{product}/{version}/{platform}/{name}");
                let body = json!({"action": "upload", "key": key});
                let presigned = self.post("/api/v1/storage/presign", &body).await;
                let put = client().put(presigned["url"].as_str().unwrap());
                let put = put.header("content-type", "application/octet-stream");
                let put = put.body(bytes.clone()).send().await.unwrap();
                assert!(put.status().is_success(), "{}", put.status());
                artifacts.push(json!({
                    "key": key, "provider": "local", "filename": name, "size": bytes.len(),
                    "sha256": Sha256Digest::of(&bytes), "kind": kind,
                }));
            }
            let (os, arch) = platform.split_once('/').unwrap();
            let body = json!({
                "version": version, "channel": channel, "platform": {"os": os, "arch": arch},
                "artifacts": artifacts,
                "notes": "Updates are checked before they are installed.\n\n\
                    - Downloads go on where they broke off\n- Logs are smaller",
            });
            self.post(&format!("/api/v1/releases/{product}/publish"), &body)
                .await;
        }
    }

    async fn fill(&self) {
        let programs = |name: &'static str| {
            [
                ("linux/x64", "linux-x64", ""),
                ("linux/arm64", "linux-arm64", ""),
                ("macos/arm64", "macos-arm64", ""),
                ("windows/x64", "windows-x64", ".exe"),
            ]
            .map(|(platform, suffix, exe)| (platform, format!("{name}-{suffix}{exe}")))
        };
        for (product, name) in [("runner", "atlas-runner"), ("runnerd", "atlas-runnerd")] {
            let named = programs(name);
            let mut files: Vec<(&str, &str, &str)> = Vec::new();
            let signatures = named
                .clone()
                .map(|(platform, name)| (platform, format!("{name}.sig")));
            for ((platform, name), (_, signature)) in named.iter().zip(&signatures) {
                files.push((platform, name, "binary"));
                files.push((platform, signature, "signature"));
            }
            for (version, channel) in [
                ("1.2.0", "stable"),
                ("1.3.0", "stable"),
                ("1.4.0", "stable"),
                ("1.5.0-beta.2", "beta"),
                ("1.5.0-dev.117+g4f2c9ab", "dev"),
            ] {
                self.release(product, version, channel, &files).await;
            }
        }
        let files = [
            ("linux/x64", LONG, "installer"),
            ("linux/x64", "Atlas_0.9.0_amd64.deb", "installer"),
            ("macos/arm64", "Atlas_0.9.0_aarch64.dmg", "installer"),
            ("windows/x64", "Atlas_0.9.0_x64-setup.exe", "installer"),
        ];
        self.release("launcher", "0.9.0", "beta", &files).await;
        let reason = json!({"channel": "stable", "reason": "Loses its settings on an update"});
        self.post("/api/v1/releases/runner/1.3.0/yank", &reason)
            .await;
    }
}

#[tokio::test]
async fn the_page_in_a_browser() {
    let dir = tempfile::tempdir().unwrap();
    let admin = initialized(dir.path());
    let program = Program::serve(dir.path(), &[]);
    let token = token(&program.base, &admin).await;
    let publisher = Publisher {
        base: program.base.clone(),
        token,
    };
    publisher.fill().await;
    let base = program.base.clone();
    let looked = tokio::task::spawn_blocking(move || look(&base));
    looked.await.unwrap();
}

fn look(base: &str) {
    let mut browser = Browser::start();
    for (name, path, status) in [
        ("overview", "/", 200),
        ("product", "/runner", 200),
        ("version", "/runner/1.5.0-dev.117%2Bg4f2c9ab", 200),
        ("yanked", "/runner/1.3.0", 200),
        ("installers", "/launcher/0.9.0", 200),
        ("empty", "/cli", 200),
        ("missing", "/no/such/page", 404),
    ] {
        for width in WIDTHS {
            for scheme in SCHEMES {
                browser.resize(width, scheme);
                let (answered, asked) = browser.open(&format!("{base}{path}"));
                let place = format!("{path} at {width} in {scheme}");
                assert_eq!(answered, status, "{place}");
                for address in &asked {
                    assert!(
                        address.starts_with(&format!("{base}/")),
                        "{place}: {address}"
                    );
                }
                // A missing page is itself reported as a resource that did not load.
                let complaints = browser.complaints();
                let expected = usize::from(status == 404);
                assert_eq!(complaints.len(), expected, "{place}: {complaints:?}");
                save(&mut browser, &format!("{name}-{width}-{scheme}"));
                fits(&mut browser, width, &place);
                is_styled(&mut browser, scheme, &place);
                by_keyboard(&mut browser, &place);
                open_all(&mut browser);
                fits(&mut browser, width, &format!("{place}, with all open"));
                if name == "overview" || name == "installers" {
                    save(&mut browser, &format!("{name}-open-{width}-{scheme}"));
                }
            }
        }
    }
}

/// Nothing is wider than the window.
fn fits(browser: &mut Browser, width: u32, place: &str) {
    let widths = browser
        .evaluate("[document.documentElement.scrollWidth, innerWidth, document.body.scrollWidth]");
    let widths: Vec<u64> = serde_json::from_value(widths).unwrap();
    assert!(
        widths[0] <= widths[1] && widths[2] <= widths[1],
        "{place}: {widths:?}"
    );
    assert_eq!(widths[1], u64::from(width), "{place}");
    // Hidden edges would not make the page wider.
    let cut = browser.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => e.checkVisibility() \
         && !e.closest('.unseen') && e.getBoundingClientRect().right > innerWidth + 0.5)\
         .map(e => e.outerHTML.slice(0, 80))",
    );
    assert_eq!(cut, json!([]), "{place}");
}

/// The style has arrived, in the colours that were asked for, and texts can be read.
fn is_styled(browser: &mut Browser, scheme: &str, place: &str) {
    let contrasts = browser.evaluate(
        "(() => { \
           const parts = colour => colour.match(/[0-9.]+/g).map(Number); \
           const light = colour => { \
             const [r, g, b] = parts(colour).map(v => v / 255) \
               .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); \
             return 0.2126 * r + 0.7152 * g + 0.0722 * b; }; \
           const back = e => { \
             for (; e; e = e.parentElement) { \
               const colour = getComputedStyle(e).backgroundColor; \
               const all = parts(colour); \
               if (all.length < 4 || all[3] > 0) return colour; } \
             return 'rgb(255, 255, 255)'; }; \
           const own = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()); \
           const of = e => { \
             const [a, b] = [light(getComputedStyle(e).color), light(back(e))]; \
             return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); }; \
           const texts = [...document.querySelectorAll('body *')] \
             .filter(e => own(e) && e.checkVisibility() && !e.closest('.unseen, .skip')); \
           return { dark: light(back(document.body)) < 0.2, texts: texts.length, \
             faint: texts.filter(e => of(e) < 4.5).map(e => e.outerHTML.slice(0, 80)) }; })()",
    );
    assert_eq!(contrasts["dark"], scheme == "dark", "{place}");
    assert!(contrasts["texts"].as_u64().unwrap() > 3, "{place}");
    assert_eq!(contrasts["faint"], json!([]), "{place}");
}

/// The Tab key leads to everything in the order of the document, which is the order that is seen, and
/// shows where it is.
fn by_keyboard(browser: &mut Browser, place: &str) {
    let count = browser.evaluate(&format!("{REACHABLE}.length"));
    for expected in 0..count.as_u64().unwrap() {
        browser.press("Tab", 9);
        let at = browser.evaluate(&format!(
            "(() => {{ const at = document.activeElement, style = getComputedStyle(at); \
             return {{ index: {REACHABLE}.indexOf(at), outline: style.outlineStyle, \
             wide: parseFloat(style.outlineWidth), seen: at.getBoundingClientRect().width > 8, \
             what: at.outerHTML.slice(0, 80) }}; }})()"
        ));
        assert_eq!(at["index"], expected, "{place}: {at}");
        assert_eq!(at["outline"], "solid", "{place}: {at}");
        assert!(at["wide"].as_f64().unwrap() >= 2.0, "{place}: {at}");
        assert_eq!(at["seen"], true, "{place}: {at}");
    }
}

/// Opens everything that is folded, the first by keyboard.
fn open_all(browser: &mut Browser) {
    if browser.evaluate("!!document.querySelector('summary')") == true {
        browser.evaluate("document.querySelector('summary').focus()");
        browser.press("Enter", 13);
        assert_eq!(
            browser.evaluate("document.querySelector('details').open"),
            true
        );
    }
    browser.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)");
}

fn save(browser: &mut Browser, name: &str) {
    let Some(folder) = shots() else { return };
    let png = base64::engine::general_purpose::STANDARD.decode(browser.screenshot());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.png")), png.unwrap()).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "how this test is told")]
fn shots() -> Option<PathBuf> {
    std::env::var_os("HUB_TEST_SHOTS").map(PathBuf::from)
}
