//! What to do about tools that are lacking.

use crate::doctor::{Lacking, Remedy};
use crate::products::TOOLS_TABLE;

/// How each tool that is lacking is come by: nobody is sent to `setup` for what it cannot install.
pub(super) fn not_ready(lacking: &[Lacking]) -> String {
    let named = |which: &Remedy| -> Vec<&str> {
        let found = lacking.iter().filter(|tool| tool.remedy == *which);
        found.map(|tool| tool.tool.as_str()).collect()
    };
    let mut parts = Vec::new();
    let by_setup = named(&Remedy::Setup);
    if !by_setup.is_empty() {
        parts.push(format!(
            "`atlas-release setup` installs {}",
            by_setup.join(", ")
        ));
    }
    for Lacking { tool, remedy } in lacking {
        if let Remedy::Declared(how) = remedy {
            parts.push(format!("{tool}: {how}"));
        }
    }
    let unsaid = named(&Remedy::Unsaid);
    if !unsaid.is_empty() {
        parts.push(format!(
            "install {} as its makers say; `install` beside its name in [{TOOLS_TABLE}] can say how",
            unsaid.join(", ")
        ));
    }
    let shown = named(&Remedy::Shown);
    if !shown.is_empty() {
        parts.push(format!(
            "what is wrong with {} stands above",
            shown.join(", ")
        ));
    }
    parts.join("\n      ")
}
