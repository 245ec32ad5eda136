//! What a person sees on a terminal: progress that is drawn over, and gone when it is over.

use crate::support::*;

/// Runs a program on a terminal of 100 columns, and hands on what it shows and how it ends.
const ON_A_TERMINAL: &str = r"
import fcntl, os, pty, struct, sys, termios
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 100, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
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
fn screen(text: &str) -> Vec<String> {
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
        .through(&["python3", "-c", ON_A_TERMINAL])
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
