//! Which rules tell a product's files from others. Pure.

use super::{Fault, ManifestsError};
use crate::products::Product;
use release_types::bundles::Rules;
use release_types::{FileName, Kind, ManifestRow, Platform, ProductName};
use std::collections::BTreeSet;

/// Programs that are released where no workspace is at hand to say so.
const USUAL: [(&str, &str); 3] = [
    ("cli", "atlas"),
    ("runner", "atlas-runner"),
    ("runnerd", "atlas-runnerd"),
];

/// Whether the rules of a product hang on what its programs and those of others are called.
pub fn needs_bins(product: &ProductName) -> bool {
    product.as_str() != "launcher"
}

/// The rules of a product: a launcher's bundles, a command-line product's programs and installers, else
/// one program. What programs are called the workspace says, or for a single one `bin`.
///
/// # Errors
/// When nobody says what the product's program is called.
pub fn rules(
    product: &ProductName,
    declared: &[Product],
    bin: Option<String>,
) -> Result<Rules, ManifestsError> {
    let of = |other: &&Product| other.product == *product;
    let usual = USUAL.iter().filter(|(name, _)| *name == product.as_str());
    let usual = usual.map(|(_, bin)| (*bin).to_owned()).next();
    match product.as_str() {
        "launcher" => Ok(Rules::Bundles),
        "cli" => {
            let own = declared.iter().filter(of).flat_map(|one| &one.all_bins);
            let own: Vec<String> = own.cloned().chain(bin).chain(usual).collect();
            let known = declared
                .iter()
                .map(|other| (other.product.as_str(), &other.bin[..]));
            let others: BTreeSet<&str> = known
                .chain(USUAL)
                .filter(|(name, bin)| *name != "cli" && own.iter().all(|own| own != bin))
                .map(|(_, bin)| bin)
                .collect();
            Ok(Rules::CommandLine {
                own,
                others: others.into_iter().map(str::to_owned).collect(),
            })
        }
        _ => {
            let declared = declared.iter().find(of).map(|one| one.bin.clone());
            let bin = bin.or(declared).or(usual);
            let bin = bin.ok_or_else(|| ManifestsError::UnknownBin(product.clone()))?;
            Ok(Rules::Program { bin })
        }
    }
}

/// What of a launcher, which is never published unsigned, could have no signature that is called after it.
pub(super) fn without_signature(rules: &Rules, rows: &[ManifestRow]) -> Vec<Fault> {
    if *rules != Rules::Bundles {
        return Vec::new();
    }
    let payloads = rows.iter().filter(|row| row.kind != Kind::Signature);
    let faults = payloads.filter_map(|row| {
        let signature = format!("{}{}", row.filename, signatures::ENDING);
        let is_name = signature.parse::<FileName>().is_ok();
        (!is_name).then(|| Fault::Unfit {
            path: row.path.clone(),
            why: "has so long a name that its signature could not be called after it",
        })
    });
    faults.collect()
}

/// The kinds that each platform of a product with such files has to have; of none any will do.
fn needed(rules: &Rules) -> &'static [Kind] {
    match rules {
        Rules::Bundles => &[],
        Rules::CommandLine { .. } => &[Kind::Binary, Kind::Installer],
        Rules::Program { .. } => &[Kind::Binary],
    }
}

/// What a manifest lacks, in words: for each of the platforms, or of those that it has where none are
/// required.
pub fn missing(rules: &Rules, rows: &[ManifestRow], require: &[Platform]) -> Vec<String> {
    let has = |platform: Platform, kind: Option<Kind>| {
        rows.iter().any(|row| {
            row.platform == platform && kind.map_or(row.kind != Kind::Signature, |k| k == row.kind)
        })
    };
    let mut platforms: BTreeSet<Platform> = require.iter().copied().collect();
    if require.is_empty() {
        platforms.extend(rows.iter().map(|row| row.platform));
    }
    let mut list = Vec::new();
    for platform in platforms {
        match needed(rules) {
            _ if !has(platform, None) => list.push(format!("{platform} has nothing at all")),
            kinds => {
                let lacking = kinds.iter().filter(|kind| !has(platform, Some(**kind)));
                list.extend(lacking.map(|kind| format!("{platform} has no {kind}")));
            }
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::ProductTools;
    use release_types::parse_manifest;

    fn declared(products: &[(&str, &str)]) -> Vec<Product> {
        let product = |(name, bin): &(&str, &str)| Product {
            product: name.parse().unwrap(),
            group: (*name).to_owned(),
            bin: (*bin).to_owned(),
            package: (*bin).to_owned(),
            all_bins: vec![(*bin).to_owned()],
            installer: None,
            tools: ProductTools::default(),
        };
        products.iter().map(product).collect()
    }

    #[test]
    fn programs_are_called_as_the_workspace_says() {
        let of = |product: &str, declared: &[Product], bin: Option<&str>| {
            rules(&product.parse().unwrap(), declared, bin.map(str::to_owned))
        };
        let ours = declared(&[
            ("cli", "atlas-release"),
            ("hub", "atlas-hub"),
            ("runner", "my-runner"),
        ]);
        let program = |bin: &str| Rules::Program {
            bin: bin.to_owned(),
        };
        assert_eq!(of("runner", &ours, None).unwrap(), program("my-runner"));
        assert_eq!(of("runner", &ours, Some("r")).unwrap(), program("r"));
        assert_eq!(of("runner", &[], None).unwrap(), program("atlas-runner"));
        assert_eq!(of("hub", &ours, None).unwrap(), program("atlas-hub"));
        assert_eq!(of("launcher", &ours, None).unwrap(), Rules::Bundles);
        let error = of("hub", &[], None).unwrap_err();
        assert!(error.to_string().contains("`hub`"), "{error}");
        let Rules::CommandLine { own, others } = of("cli", &ours, None).unwrap() else {
            panic!("other rules");
        };
        assert_eq!(own, ["atlas-release", "atlas"]);
        let all = ["atlas-hub", "atlas-runner", "atlas-runnerd", "my-runner"];
        assert_eq!(others, all);
    }

    #[test]
    fn what_could_never_be_signed_is_no_launchers() {
        let of = |product: &str, length: usize| {
            let name = format!("{}.exe", "a".repeat(length - 4));
            let rows = parse_manifest(&format!("{name}|windows|x64|installer\n")).unwrap();
            let rules = super::rules(&product.parse().unwrap(), &[], None).unwrap();
            let faults = without_signature(&rules, &rows);
            faults.iter().map(Fault::to_string).collect::<Vec<_>>()
        };
        assert_eq!(of("launcher", 251), [""; 0]);
        assert_eq!(of("cli", 255), [""; 0]);
        let faults = of("launcher", 252);
        assert!(faults[0].contains("has so long a name"), "{faults:?}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let rows = parse_manifest(
            "a|linux|x64|binary\nb|linux|x64|installer\nc|macos|arm64|installer\n\
             d|windows|x64|signature\n",
        )
        .unwrap();
        let of = |product: &str, require: &[&str]| {
            let require: Vec<Platform> = require.iter().map(|name| name.parse().unwrap()).collect();
            let rules = super::rules(&product.parse().unwrap(), &[], None).unwrap();
            missing(&rules, &rows, &require)
        };
        let (windows, macos) = (
            "windows-x64 has nothing at all",
            "macos-arm64 has no binary",
        );
        assert_eq!(of("cli", &[]), [windows, macos]);
        assert_eq!(of("cli", &["linux-x64"]), [""; 0]);
        assert_eq!(
            of("cli", &["linux-arm64", "macos-arm64"]),
            [macos, "linux-arm64 has nothing at all"]
        );
        assert_eq!(of("launcher", &["macos-arm64"]), [""; 0]);
        assert_eq!(of("runner", &["macos-arm64"]), [macos]);
    }
}
