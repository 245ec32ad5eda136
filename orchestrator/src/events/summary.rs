//! The summary of a job of GitHub Actions, in Markdown: a table of what was published, or what failed.

mod failed;

use super::{Event, Reporter};
use crate::job_env::append_to_job_file;
use crate::receipt::{Against, Receipt, ReceiptAsset, Sample};
use failed::{Failure, SoFar};
use process::Env;
use release_types::ProductName;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The variable that names the file.
const VARIABLE: &str = "GITHUB_STEP_SUMMARY";

/// How many bytes GitHub takes of one step; a longer summary it drops as a whole.
const LIMIT: usize = 1024 * 1024;

/// What is kept free for the line that says how many files are left out.
const RESERVE: usize = 120;

/// A reporter that passes everything on, and appends what is proven to the summary of the job, or why
/// nothing is.
pub struct Summarized {
    inner: Arc<dyn Reporter>,
    file: PathBuf,
    so_far: Mutex<SoFar>,
}

impl Summarized {
    /// The reporter itself, or with a summary where the environment is that of a job.
    pub fn in_job(inner: Arc<dyn Reporter>, env: &Env) -> Arc<dyn Reporter> {
        let in_job = env.get("GITHUB_ACTIONS").is_some_and(|v| v == "true");
        match env.get(VARIABLE) {
            Some(file) if in_job && !file.is_empty() => Arc::new(Self {
                inner,
                file: file.into(),
                so_far: Mutex::default(),
            }),
            _ => inner,
        }
    }
}

impl Summarized {
    /// Appends a text; that it cannot be is no failure of the run.
    fn write(&self, text: impl FnOnce(usize) -> Option<String>) {
        if let Err(error) = append(&self.file, text) {
            self.inner.warn(format!(
                "the job's summary could not be written to {}: {error}",
                self.file.display()
            ));
        }
    }

    fn so_far(&self) -> std::sync::MutexGuard<'_, SoFar> {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter for Summarized {
    fn event(&self, event: Event) {
        self.so_far().note(&event);
        match &event {
            Event::Receipt(receipt) => self.write(|room| of_receipt(receipt, room)),
            Event::Sample(sample) => self.write(|room| of_sample(sample, room)),
            _ => {}
        }
        self.inner.event(event);
    }

    fn failed(&self, code: u8, message: &str, hint: Option<&str>) {
        let failure = Failure {
            code,
            message,
            hint,
        };
        self.write(|room| self.so_far().summary(&failure, room));
    }

    fn progress_ended(&self) {
        self.inner.progress_ended();
    }
}

/// Appends a text that is made to fit into what is left of the limit.
fn append(file: &Path, text: impl FnOnce(usize) -> Option<String>) -> io::Result<()> {
    let there = match std::fs::metadata(file) {
        Ok(found) => usize::try_from(found.len()).unwrap_or(usize::MAX),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    // An end for somebody's last line may have to be added.
    let room = LIMIT.saturating_sub(there).saturating_sub(1);
    let Some(text) = text(room) else {
        let why = format!("GitHub takes {LIMIT} bytes of a step, and {there} are there already");
        return Err(io::Error::other(why));
    };
    append_to_job_file(file, &text)
}

fn of_receipt(receipt: &Receipt, room: usize) -> Option<String> {
    let how = match receipt.against {
        Against::Built => "Every file was read back and is what was built.",
        Against::Listed => {
            "Every file was read back and is what the Hub lists. What was built is not known here."
        }
    };
    let mut text = head(receipt, "", how);
    table(&mut text, &receipt.assets, room)?;
    Some(text)
}

fn of_sample(sample: &Sample, room: usize) -> Option<String> {
    let how = format!(
        "**A sample: {} of {} files were read back.** The others were compared by the Hub's list alone.",
        sample.read, sample.of
    );
    let mut text = head(&sample.found, "Sample of ", &how);
    table(&mut text, &sample.found.assets, room)?;
    Some(text)
}

fn head(receipt: &Receipt, what: &str, how: &str) -> String {
    let names: Vec<&str> = receipt.products.iter().map(ProductName::as_str).collect();
    let latest = match receipt.latest {
        true => "this version",
        false => "another version",
    };
    let mut text = format!(
        "### {what}{} {} on channel {}\n\n{how}\n\n- Hub: {}\n- `latest`: {latest}\n- verified: {}\n",
        escaped(&names.join(", ")),
        escaped(&receipt.version),
        receipt.channel,
        escaped(&receipt.hub),
        receipt.verified_at
    );
    if let Some(source) = &receipt.source {
        let (tag, commit) = (escaped(&source.tag), escaped(&source.to_string()));
        text += &format!("- source: {tag} at {commit}\n");
    }
    text
}

/// Adds a row for each file, as many as there is room for; nothing when there is none at all.
fn table(text: &mut String, assets: &[ReceiptAsset], room: usize) -> Option<()> {
    *text += "\n| product | platform | file | bytes | sha256 | link |\n\
              | --- | --- | --- | ---: | --- | --- |\n";
    let room = room.checked_sub(RESERVE)?;
    if text.len() > room {
        return None;
    }
    for (number, asset) in assets.iter().enumerate() {
        let row = row(asset);
        if text.len() + row.len() > room {
            let more = assets.len() - number;
            writeln!(text, "\n{more} more files are in the receipt alone.").ok()?;
            return Some(());
        }
        *text += &row;
    }
    text.push('\n');
    Some(())
}

fn row(asset: &ReceiptAsset) -> String {
    format!(
        "| {} | {} | {} | {} | `{}` | [download](<{}>) |\n",
        escaped(asset.product.as_str()),
        asset.platform,
        escaped(asset.filename.as_str()),
        asset.size,
        asset.sha256,
        address(&asset.url)
    )
}

/// A text that means nothing to Markdown or HTML and stays in its cell.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' | '$' | '@' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// An address that does not end where it stands.
fn address(url: &str) -> String {
    let mut address = String::with_capacity(url.len());
    for c in url.chars() {
        match c {
            '<' | '>' | '|' | '\\' | ' ' | '`' => {
                // All of them are one byte.
                address += &format!("%{:02X}", u32::from(c));
            }
            c if c.is_control() => {}
            c => address.push(c),
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipt::tests::{receipt, sample};

    #[test]
    fn a_release_is_a_table() {
        insta::assert_snapshot!(of_receipt(&receipt(2), LIMIT).unwrap(), @r"
        ### alpha 1.4.0 on channel stable

        Every file was read back and is what was built.

        - Hub: https://hub.example.com
        - `latest`: this version
        - verified: 1970-01-01T00:00:00Z
        - source: demo-v1.4.0 at 0123456789abcdef0123456789abcdef01234567

        | product | platform | file | bytes | sha256 | link |
        | --- | --- | --- | ---: | --- | --- |
        | alpha | windows-x64 | alpha-0 | 1 | `5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9` | [download](<https://hub.example.com/api/v1/download/dl_00000000000000000000000000000000>) |
        | alpha | windows-x64 | alpha-1 | 2 | `6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b` | [download](<https://hub.example.com/api/v1/download/dl_00000000000000000000000000000001>) |
        ");
        insta::assert_snapshot!(of_sample(&sample(), LIMIT).unwrap(), @r"
        ### Sample of alpha 1.4.0 on channel stable

        **A sample: 1 of 3 files were read back.** The others were compared by the Hub's list alone.

        - Hub: https://hub.example.com
        - `latest`: this version
        - verified: 1970-01-01T00:00:00Z
        - source: demo-v1.4.0 at 0123456789abcdef0123456789abcdef01234567

        | product | platform | file | bytes | sha256 | link |
        | --- | --- | --- | ---: | --- | --- |
        | alpha | windows-x64 | alpha-0 | 1 | `5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9` | [download](<https://hub.example.com/api/v1/download/dl_00000000000000000000000000000000>) |
        ");
    }

    #[test]
    fn names_stay_in_their_cells() {
        let mut receipt = receipt(1);
        receipt.assets[0].filename = "a_b [x](y) `c` & d".parse().unwrap();
        receipt.assets[0].url = "http://h/|x> <b>\n| y".to_owned();
        insta::assert_snapshot!(
            row(&receipt.assets[0]),
            @r"| alpha | windows-x64 | a\_b \[x\]\(y\) \`c\` &amp; d | 1 | `5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9` | [download](<http://h/%7Cx%3E%20%3Cb%3E%7C%20y>) |"
        );
        assert_eq!(escaped("a|b\n<script>"), r"a\|b &lt;script&gt;");
    }

    #[test]
    fn github_takes_all_of_it_however_many_files_there_are() {
        let many = receipt(20_000);
        let text = of_receipt(&many, LIMIT - 1).unwrap();
        assert!(text.len() < LIMIT, "{}", text.len());
        let rows = text.lines().filter(|line| line.contains("[download]"));
        let rows = rows.count();
        assert!(rows > 1000);
        let last = text.lines().last().unwrap();
        let more = format!("{} more files are in the receipt alone.", 20_000 - rows);
        assert_eq!(last, more);
        assert_eq!(of_receipt(&many, 100), None);
    }

    #[test]
    fn what_is_there_counts_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("summary");
        std::fs::write(&file, "before").unwrap();
        let receipt = receipt(1);
        append(&file, |room| of_receipt(&receipt, room)).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("before\n### "), "{text}");
        std::fs::write(&file, vec![b'x'; LIMIT - 300]).unwrap();
        let full = append(&file, |room| of_receipt(&receipt, room)).unwrap_err();
        assert!(full.to_string().contains("1048276 are there already"));
        let gone = dir.path().join("gone/summary");
        assert!(append(&gone, |room| of_receipt(&receipt, room)).is_err());
    }
}
