//! What a `release.json` may not say about itself: facts that stand in it twice have to be one.

use super::ReleaseRecord;
use release_types::Tag;
use std::collections::HashSet;

impl ReleaseRecord {
    /// The first of its facts that another one contradicts, in words; nothing where all agree.
    pub fn contradiction(&self) -> Option<String> {
        let tag: Tag = match self.tag.parse() {
            Ok(tag) => tag,
            Err(error) => return Some(format!("`tag` is {:?}: {error}", self.tag)),
        };
        if tag.group != self.group {
            return Some(format!("`group` is {}, and `tag` is {tag}", self.group));
        }
        if tag.version != self.version {
            return Some(format!("`version` is {}, and `tag` is {tag}", self.version));
        }
        if self.platform.target_triple() != self.target {
            return Some(format!(
                "`target` is {}, and `platform` is {}, whose target is {}",
                self.target,
                self.platform,
                self.platform.target_triple()
            ));
        }
        let mut seen = HashSet::new();
        let twice = self
            .artifacts
            .iter()
            .find(|artifact| !seen.insert((&artifact.product, artifact.filename.as_str())));
        twice.map(|artifact| {
            format!(
                "`artifacts` names {} of {} twice",
                artifact.filename, artifact.product
            )
        })
    }
}
