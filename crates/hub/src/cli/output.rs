//! What is told: data on stdout, everything else on stderr.

use super::CliError;
use std::fmt::{Arguments, Display};
use std::io::{BufWriter, ErrorKind, Write as _};

/// One line on stdout, there when this returns.
pub(super) fn print(line: &str) -> Result<(), CliError> {
    write_line(line).map_err(CliError::Stdout)
}

/// Lines on stdout, there when this returns. Who reads them may have enough of them before the end,
/// as `head` has: the others are nobody's then, which is no failure.
pub(super) fn print_all(lines: impl IntoIterator<Item: Display>) -> Result<(), CliError> {
    let mut stdout = BufWriter::new(std::io::stdout().lock());
    let mut lines = lines.into_iter();
    let written = lines
        .try_for_each(|line| writeln!(stdout, "{line}"))
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(CliError::Stdout),
    }
}

pub(super) fn write_line(line: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// One line on stderr. Where nobody reads that any more, nobody has to be told.
pub(super) fn tell(line: Arguments<'_>) {
    writeln!(std::io::stderr().lock(), "{line}").ok();
}

/// Tells a person something, as `format!` writes it.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::output::tell(format_args!($($text)*)) };
}
pub(super) use say;
