//! What to do about texts that are no tags.

use crate::text::{told, without_v};
use release_types::{TagError, TagProblem};

/// A file where a tag belongs.
pub(super) fn about_file(text: &str) -> Option<String> {
    // A tag may have slashes, as git takes them.
    let is_path = ["/", "./", "../"]
        .iter()
        .any(|begin| text.starts_with(begin));
    let is_path = is_path || text.ends_with(".manifest");
    let is_record = text.ends_with(".json");
    (is_path && !is_record).then(|| {
        format!(
            "that looks like a file; a manifest is named with --manifest {}, --product and --version, for `publish`, `verify` and `sign`",
            told(text)
        )
    })
}

/// A `v` that is too many, or a version where a tag belongs.
pub(super) fn about_v(error: &TagError, group: Option<&str>) -> Option<String> {
    let group = group.unwrap_or("<group>");
    if let TagProblem::Version { text, .. } = &error.problem {
        let version = without_v(text)?;
        let group = error.tag[..error.span.0].strip_suffix("-v")?;
        return Some(format!("one `v` is enough: {group}-v{version}"));
    }
    let version = without_v(&error.tag).or_else(|| error.tag.parse().ok())?;
    Some(format!(
        "that is a version; its tag has the group before it: {group}-v{version}. Where a version is asked for it has no `v`: {version}"
    ))
}
