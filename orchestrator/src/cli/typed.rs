//! `completions` and `man`: what the command line tells of itself, for shells and for readers.

use super::args::Cli;
use crate::error::Error;
use crate::events::print_line;
use build_version::BuildInfo;
use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;
use std::path::Path;

/// What the program is called, in completions and pages.
const NAME: &str = "atlas-release";

/// Prints a shell's completions.
pub(super) fn completions(shell: Shell) {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut text);
    print(&text);
}

/// Prints the program's man page, or writes it and those of all commands into a folder.
pub(super) fn man(build: BuildInfo, output: Option<&Path>) -> Result<(), Error> {
    // A page says at its foot what it is of.
    let command = Cli::command()
        .version(build.version())
        .propagate_version(true)
        // It would be named and have no page.
        .disable_help_subcommand(true);
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    };
    let Some(dir) = output else {
        let mut page = Vec::new();
        let rendered = Man::new(command).render(&mut page);
        rendered.map_err(io(Path::new("the man page")))?;
        print(&page);
        return Ok(());
    };
    std::fs::create_dir_all(dir).map_err(io(dir))?;
    clap_mangen::generate_to(command, dir).map_err(io(dir))
}

fn print(text: &[u8]) {
    // Both are made of texts.
    let text = String::from_utf8_lossy(text);
    print_line(text.trim_end_matches('\n'));
}
