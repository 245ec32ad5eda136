//! What a `release.json` may not say about itself: facts that stand in it twice have to be one.

use super::{OLDEST_FORMAT, ReleaseRecord};
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
        if self.format != OLDEST_FORMAT && self.recipe.is_none() {
            return Some(format!(
                "it is of format {} and has no `recipe`",
                self.format
            ));
        }
        let environment = self.recipe.iter().flat_map(|recipe| &recipe.environment);
        // Each of them may be put in force.
        for (name, value) in environment {
            if name.is_empty() || name.contains(|c: char| c == '=' || c.is_control()) {
                return Some(format!(
                    "`environment` has a name that none can have, {name:?}"
                ));
            }
            if value.contains('\0') {
                return Some(format!(
                    "the value of {name} in `environment` has a zero byte"
                ));
            }
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
