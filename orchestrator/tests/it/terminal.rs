//! What a person sees on a terminal: progress that is drawn over, and gone when it is over.

use crate::hub_server::TestHub;
use crate::support::*;
use std::collections::BTreeSet;
use test_support::{Fault, Proxy, Sandbox};

/// Runs a program on a terminal of so many columns, and hands on what it shows and how it ends.
pub const ON_A_TERMINAL: &str = r"
import fcntl, os, pty, struct, sys, termios
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 40, int(sys.argv[1]), 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
while True:
    try:
        shown = os.read(terminal, 65536)
    except OSError:
        break
    if not shown:
        break
    sys.stdout.buffer.write(shown)
    sys.stdout.buffer.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
";

/// What stands on a terminal when this has been written to it, as far as progress uses one: lines,
/// returns, moves up and down, and wiping lines out.
pub fn screen(text: &str) -> Vec<String> {
    let mut lines: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0_usize, 0);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\r' => column = 0,
            '\n' => row += 1,
            '\u{1b}' => {
                assert_eq!(chars.next(), Some('['), "an unknown sequence in {text:?}");
                let mut number = String::new();
                let command = loop {
                    match chars.next() {
                        Some(c) if c.is_ascii_alphabetic() => break c,
                        Some(c) => number.push(c),
                        None => panic!("a sequence without an end in {text:?}"),
                    }
                };
                let by = number.parse().unwrap_or(1);
                match command {
                    'A' => row = row.saturating_sub(by),
                    'B' => row += by,
                    'K' if number == "2" => lines[row].clear(),
                    'K' => lines[row].truncate(column),
                    // Colours, and whether the cursor is seen.
                    'm' | 'h' | 'l' => {}
                    other => panic!("an unknown sequence, {other}, in {text:?}"),
                }
            }
            c => {
                let line = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = c;
                column += 1;
            }
        }
        if lines.len() <= row {
            lines.resize(row + 1, Vec::new());
        }
    }
    let lines = lines.iter().map(|line| line.iter().collect::<String>());
    lines.map(|line| line.trim_end().to_owned()).collect()
}

#[test]
fn progress_is_drawn_over_and_gone_when_all_is_built() {
    let project = Project::new();
    // Long enough for cargo to tell of it and for the bar to be drawn.
    project.fixture.edit(
        "beta/build.rs",
        "build_version::emit();",
        "std::thread::sleep(std::time::Duration::from_secs(3));\n    build_version::emit();",
    );
    project.fixture.commit("take time");
    project.fixture.tag("demo-v0.1.0");
    let run = project
        .quick("build demo-v0.1.0")
        .env("TERM", "xterm")
        .through(&["python3", "-c", ON_A_TERMINAL, "100"])
        .run()
        .exits(0);
    // Units done of units known, and what is compiled.
    let bars: Vec<&str> = run.stdout.split("compiling [").skip(1).collect();
    let units = bars.iter().filter_map(|bar| {
        let (_, rest) = bar.split_once("] ")?;
        let (done, rest) = rest.split_once('/')?;
        let total = rest.split_whitespace().next()?;
        Some((done.parse::<u64>().ok()?, total.parse::<u64>().ok()?))
    });
    let units: Vec<(u64, u64)> = units.collect();
    assert!(
        units
            .iter()
            .any(|&(done, total)| done > 0 && done < total && total > 5),
        "{units:?} in {run}"
    );
    assert!(bars.iter().any(|bar| bar.contains("beta(build)")), "{run}");
    let screen = screen(&run.stdout);
    assert!(
        !screen.iter().any(|line| line.contains("compiling [")),
        "{screen:#?}"
    );
    for stays in ["Compiling beta v0.1.0", "building alpha, beta", "built "] {
        let there = screen.iter().any(|line| line.contains(stays));
        assert!(there, "{stays}: {screen:#?}");
    }
}

/// A Hub with the staged release, and a proxy through which each file takes some seconds to come back.
pub fn slow(sandbox: &Sandbox) -> (TestHub, Proxy) {
    let staged = staged_release(sandbox);
    let hub = TestHub::start();
    hub.publishes(atlas(sandbox, "publish")).run().exits(0);
    let alpha = staged.join(format!("alpha-{}", platform()));
    let pace = alpha.metadata().unwrap().len() / 3;
    let proxy = Proxy::bind().serve(hub.address, move |seen| {
        // Where a download's address leads.
        match seen.method == "GET" && !seen.path.contains("/api/") {
            true => Fault::Slow(pace),
            false => Fault::None,
        }
    });
    (hub, proxy)
}

#[test]
fn transfers_are_one_line_that_is_drawn_over_also_where_there_is_little_room() {
    let sandbox = Sandbox::new();
    let (_hub, proxy) = slow(&sandbox);
    for columns in [120, 40] {
        let run = atlas(&sandbox, "verify")
            .env("ATLAS_HUB_URL", proxy.url())
            .env("TERM", "xterm")
            .through(&["python3", "-c", ON_A_TERMINAL, &columns.to_string()])
            .run()
            .exits(0);
        let drawn = run.stdout.split("reading back ").skip(1);
        let drawn: Vec<&str> = drawn
            .map(|line| line.split(['\r', '\n', '\u{1b}']).next().unwrap())
            .collect();
        let percents = drawn.iter().filter_map(|line| line.split_once(" %"));
        let percents: BTreeSet<&str> = percents.map(|(percent, _)| percent).collect();
        assert!(percents.len() > 3, "{percents:?} in {run}");
        let widest = drawn.iter().map(|line| line.chars().count()).max();
        assert!(widest.unwrap() + "reading back ".len() <= columns, "{run}");
        let has = |text: &str| drawn.iter().any(|line| line.contains(text));
        assert!(has(" of "), "{run}");
        if columns > 100 {
            for text in ["/s, ", " left, ", "0 of 2 files", "now alpha-", "beta-"] {
                assert!(has(text), "{text} in {run}");
            }
        }
        let screen = screen(&run.stdout);
        let gone = |line: &String| !line.contains("reading back");
        assert!(screen.iter().all(gone), "{screen:#?}");
        for stays in ["verified alpha-", "verified beta-"] {
            let there = screen.iter().any(|line| line.contains(stays));
            assert!(there, "{stays}: {screen:#?}");
        }
    }
}

#[test]
fn where_there_is_no_terminal_short_transfers_show_nothing() {
    let sandbox = Sandbox::new();
    let (_hub, proxy) = slow(&sandbox);
    let run = atlas(&sandbox, "verify")
        .env("ATLAS_HUB_URL", proxy.url())
        .env("TERM", "xterm")
        .run()
        .exits(0);
    assert!(!run.stderr.contains("reading back"), "{run}");
}

#[test]
fn programs_are_told_of_transfers_once_a_second() {
    let sandbox = Sandbox::new();
    let (hub, proxy) = slow(&sandbox);
    let run = atlas(&sandbox, "verify --format json")
        .env("ATLAS_HUB_URL", proxy.url())
        .run()
        .exits(0);
    let told = events_of(&run, "transfer");
    // Some three seconds, each file at its own pace.
    assert!((2..=8).contains(&told.len()), "{run}");
    let size: u64 = receipt(&run)["assets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|asset| asset["size"].as_u64().unwrap())
        .sum();
    let mut last = 0;
    for event in &told {
        assert_eq!(event["direction"], "read-back");
        assert_eq!(
            (&event["total"], &event["files"]),
            (&size.into(), &2.into())
        );
        let done = event["done"].as_u64().unwrap();
        assert!(done >= last && done <= size, "{told:#?}");
        last = done;
    }
    assert!(last > 0, "{told:#?}");
    assert!(told.iter().any(|event| event["rate"].as_u64() > Some(0)));
    drop((hub, proxy));

    // Uploads too: the bytes are on their way while the Hub is not there yet.
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let port = Proxy::bind();
    let hub = TestHub::start_as(Some(port.url()));
    let proxy = port.serve(hub.address, |seen| match seen.method.as_str() {
        "PUT" => Fault::Delay(std::time::Duration::from_millis(1500)),
        _ => Fault::None,
    });
    let run = hub
        .publishes(atlas(&sandbox, "publish --format json"))
        .env("ATLAS_HUB_URL", proxy.url())
        .run()
        .exits(0);
    let mut told = events_of(&run, "transfer");
    told.retain(|event| event["direction"] == "upload");
    let keys = told.iter().flat_map(|event| event["active"].as_array());
    let keys: BTreeSet<String> = keys.flatten().map(|file| file["key"].to_string()).collect();
    assert_eq!(keys.len(), 2, "{run}");
}
