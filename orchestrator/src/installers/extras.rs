//! What a program can tell of itself: completions for shells, and man pages. It is run for them where this
//! machine can run it.

use super::InstallerError;
use crate::build::BuiltProduct;
use crate::context::World;
use crate::events::Reporter;
use crate::plan::Plan;
use crate::products::{DIR, InstallerSettings, SHELL};
use crate::toolchain::scratch;
use process::{AllowList, Command, ProcessError};
use release_types::Os;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How long a program may take over one of them.
const LIMIT: Duration = Duration::from_secs(20);

/// The most bytes of one file.
const LARGEST: u64 = 16 << 20;

/// A man page's file name and what is in it.
pub type Page = (String, Vec<u8>);

/// What a program has told of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// Completions, by the shell's name.
    pub completions: Vec<(&'static str, Vec<u8>)>,
    /// Man pages, by the file's name (`demo.1`), in the order of the names.
    pub pages: Vec<Page>,
}

/// The shells that completions are asked for.
fn shells(os: Os) -> &'static [&'static str] {
    match os {
        Os::Linux | Os::Macos => &["bash", "zsh", "fish"],
        Os::Windows => &["powershell"],
    }
}

/// Asks a program for what its product declares.
///
/// # Errors
/// When it fails, or answers with something else.
pub(super) async fn ask(
    world: &World,
    plan: &Plan,
    built: &BuiltProduct,
    settings: &InstallerSettings,
    reporter: &dyn Reporter,
) -> Result<Extras, InstallerError> {
    let mut extras = Extras::default();
    // There is nothing on Windows that shows man pages.
    let with_man = !settings.man.is_empty() && plan.platform.os != Os::Windows;
    if settings.completions.is_empty() && !with_man {
        return Ok(extras);
    }
    if plan.platform != world.host {
        reporter.warn(format!(
            "installers of {} for {} have neither completions nor man pages: this machine cannot run the \
             program, which makes them",
            built.planned.product, plan.platform
        ));
        return Ok(extras);
    }
    let asking = Asking { world, built };
    if !settings.completions.is_empty() {
        for shell in shells(plan.platform.os) {
            let words = replaced(&settings.completions, SHELL, shell);
            let text = asking
                .output(words, &format!("completions for {shell}"))
                .await?;
            extras.completions.push((shell, text));
        }
    }
    if with_man {
        extras.pages = asking.pages(&settings.man).await?;
    }
    Ok(extras)
}

fn replaced(words: &[String], placeholder: &str, value: &str) -> Vec<String> {
    let words = words.iter();
    words.map(|word| word.replace(placeholder, value)).collect()
}

struct Asking<'a> {
    world: &'a World,
    built: &'a BuiltProduct,
}

impl Asking<'_> {
    /// What the program prints, which is not to hang on who runs it and where.
    async fn output(&self, words: Vec<String>, what: &str) -> Result<Vec<u8>, InstallerError> {
        let dir = scratch(self.world)?;
        let output = self.run(self.command(words, dir.path()), what).await?;
        match output.iter().all(u8::is_ascii_whitespace) {
            true => Err(self.unfit(what, "it has printed nothing".to_owned())),
            false => Ok(output),
        }
    }

    /// Man pages: what it prints, or what it writes into a folder.
    async fn pages(&self, words: &[String]) -> Result<Vec<Page>, InstallerError> {
        const WHAT: &str = "man pages";
        if !words.iter().any(|word| word.contains(DIR)) {
            let page = self.output(words.to_vec(), WHAT).await?;
            return Ok(vec![(format!("{}.1", self.built.planned.bin), page)]);
        }
        let dir = scratch(self.world)?;
        let path = dir.path();
        // Temporary folders are named by this program.
        let text = path.to_string_lossy();
        let command = self.command(replaced(words, DIR, &text), path);
        self.run(command, WHAT).await?;
        let pages = read_pages(path).map_err(|source| InstallerError::Io {
            path: path.to_owned(),
            source,
        })?;
        match pages {
            Ok(pages) if pages.is_empty() => {
                Err(self.unfit(WHAT, "it has written no file".to_owned()))
            }
            Ok(pages) => Ok(pages),
            Err(why) => Err(self.unfit(WHAT, why)),
        }
    }

    fn command(&self, words: Vec<String>, dir: &Path) -> Command {
        let program = &self.built.executable;
        let command = self.world.command(program, &AllowList::base()).args(words);
        command.env("LC_ALL", "C").env("NO_COLOR", "1").cwd(dir)
    }

    async fn run(&self, command: Command, what: &str) -> Result<Vec<u8>, InstallerError> {
        let ran = self.world.runner.success(&command, LIMIT).await;
        ran.map(|output| output.stdout)
            .map_err(|source| match source {
                source @ ProcessError::Interrupted { .. } => source.into(),
                source => InstallerError::Extra {
                    product: self.built.planned.product.clone(),
                    program: self.built.executable.clone(),
                    what: what.to_owned(),
                    source,
                },
            })
    }

    fn unfit(&self, what: &str, why: String) -> InstallerError {
        InstallerError::Unfit {
            product: self.built.planned.product.clone(),
            program: self.built.executable.clone(),
            what: what.to_owned(),
            why,
        }
    }
}

/// The pages in a folder, or what is there that is none.
fn read_pages(dir: &Path) -> io::Result<Result<Vec<Page>, String>> {
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !meta.is_file() || !is_page(&name) {
            let why = format!("it has written {name:?}, which is no file called <name>.<1 to 8>");
            return Ok(Err(why));
        }
        if meta.len() > LARGEST || meta.len() == 0 {
            let why = format!("its file {name} is of {} bytes", meta.len());
            return Ok(Err(why));
        }
        pages.push((name, std::fs::read(entry.path())?));
    }
    pages.sort();
    Ok(Ok(pages))
}

fn is_page(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.+".contains(&b);
    let parts = name.rsplit_once('.');
    name.bytes().all(is_plain)
        && parts.is_some_and(|(stem, section)| {
            !stem.trim_matches('.').is_empty() && matches!(section.as_bytes(), [b'1'..=b'8'])
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_files_with_a_section() {
        for good in ["demo.1", "demo-sub.command.8", "d.o_c.5"] {
            assert!(is_page(good), "{good}");
        }
        for bad in [
            "demo",
            "demo.9",
            "demo.1.gz",
            ".1",
            "..1",
            "de mo.1",
            "demo.11",
            "demo.",
        ] {
            assert!(!is_page(bad), "{bad}");
        }
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("b.1", "2");
        write("a.5", "1");
        let names = |pages: Vec<Page>| {
            let names = pages.into_iter().map(|(name, _)| name);
            names.collect::<Vec<_>>()
        };
        assert_eq!(
            names(read_pages(dir.path()).unwrap().unwrap()),
            ["a.5", "b.1"]
        );
        write("c.1", "");
        assert_eq!(
            read_pages(dir.path()).unwrap().unwrap_err(),
            "its file c.1 is of 0 bytes"
        );
        std::fs::remove_file(dir.path().join("c.1")).unwrap();
        std::fs::create_dir(dir.path().join("c.1")).unwrap();
        assert!(read_pages(dir.path()).unwrap().is_err());
    }
}
