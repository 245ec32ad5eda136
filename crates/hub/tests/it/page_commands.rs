//! The commands that the page shows, run by a real shell.

use crate::binary::{command, text};
use crate::page::html;
use crate::support::{Server, contents};

/// What the page tells people to type, typed: also for a name that a shell would make something of.
#[tokio::test]
async fn what_it_says_works_in_a_shell() {
    let server = Server::start().await;
    let names = ["atlas-linux-x64", "-it's $(touch evil) `x`; é"];
    server.release("cli", "1.0.0", "linux/x64", &names).await;
    let page = html(&server, "/cli/1.0.0").await;
    let commands: Vec<String> = page
        .split("<pre class=\"command\"><code>")
        .skip(1)
        .map(|rest| rest.split("</code>").next().unwrap())
        .map(|text| text.replace("&#39;", "'").replace("&#38;", "&"))
        .collect();
    assert_eq!(commands.len(), 6, "{commands:?}");
    let home = tempfile::tempdir().unwrap();
    let type_in = async |line: &str| {
        let mut shell = command("/bin/sh", &["-c", line]);
        shell.env_clear().env("PATH", "/usr/bin:/bin");
        shell.env("HOME", home.path()).current_dir(home.path());
        let done = tokio::task::spawn_blocking(move || shell.output().unwrap());
        done.await.unwrap()
    };
    for line in &commands {
        let done = type_in(line).await;
        assert!(done.status.success(), "{line}: {}", text(&done.stderr));
    }
    for (name, installed) in [(names[0], "atlas"), (names[1], names[1])] {
        let loaded = std::fs::read(home.path().join(name)).unwrap();
        assert_eq!(loaded, contents("cli", "1.0.0", "linux/x64", name));
        let place = home.path().join(".local/bin").join(installed);
        assert_eq!(std::fs::read(place).unwrap(), loaded, "{installed}");
    }
    assert!(!home.path().join("evil").exists());
    // Whoever has other bytes is told.
    for name in names {
        std::fs::write(home.path().join(name), "other").unwrap();
    }
    let verify = commands.iter().filter(|line| line.contains("sha256sum"));
    for line in verify {
        assert!(!type_in(line).await.status.success(), "{line}");
    }
}
