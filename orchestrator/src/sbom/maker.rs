//! Who has made a document: the one thing in it that neither commit nor program decides.

use super::{TOOL, tool_reference};

/// Who has made `other`, where two documents of this program's making are the same but for that, and for the
/// number that follows from all of it. Bytes are compared, and not what they mean: nothing else may be in one.
pub fn other_maker(built: &[u8], other: &[u8]) -> Option<String> {
    let (built, other) = (Document::read(built)?, Document::read(other)?);
    let is_same = built.rest == other.rest && built.maker != other.maker;
    is_same.then(|| other.maker.to_owned())
}

/// A document's lines, of which two are put aside.
struct Document<'a> {
    maker: &'a str,
    rest: Vec<&'a str>,
}

impl<'a> Document<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest: Vec<&str> = std::str::from_utf8(bytes).ok()?.split('\n').collect();
        let serial = rest.iter().position(|line| is_serial(line))?;
        rest[serial] = "";
        let above = [
            format!("\"bom-ref\": \"{}\",", tool_reference()),
            format!("\"name\": \"{TOOL}\","),
        ];
        let is_above = |two: &[&str]| {
            let mut pairs = two.iter().zip(&above);
            pairs.all(|(line, above)| line.trim_start() == above)
        };
        let at = rest.windows(2).position(is_above)? + 2;
        let line = rest.get(at)?.trim_start();
        let maker = line.strip_prefix("\"version\": \"")?.strip_suffix('"')?;
        semver::Version::parse(maker).ok()?;
        rest[at] = "";
        Some(Self { maker, rest })
    }
}

/// Whether a line gives the document its number.
fn is_serial(line: &str) -> bool {
    let digits = line.strip_prefix("  \"serialNumber\": \"urn:uuid:");
    let digits = digits.and_then(|rest| rest.strip_suffix("\","));
    let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
    digits.is_some_and(|digits| digits.len() == 36 && digits.chars().all(is_part))
}
