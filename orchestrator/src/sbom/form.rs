//! CycloneDX 1.6 as JSON, as far as it is written here. Source: the specification's JSON schema,
//! `bom-1.6.schema.json`.

use release_types::Sha256Digest;
use serde::Serialize;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bom<'a> {
    #[serde(rename = "$schema")]
    pub(super) schema: &'static str,
    pub(super) bom_format: &'static str,
    pub(super) spec_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) serial_number: Option<Serial>,
    /// Which try at a document of this serial number it is.
    pub(super) version: u32,
    pub(super) metadata: Metadata<'a>,
    pub(super) components: Vec<Component<'a>>,
    pub(super) dependencies: Vec<Dependency>,
}

impl Default for Bom<'_> {
    fn default() -> Self {
        Self {
            schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
            bom_format: "CycloneDX",
            spec_version: "1.6",
            serial_number: None,
            version: 1,
            metadata: Metadata::default(),
            components: Vec::new(),
            dependencies: Vec::new(),
        }
    }
}

/// A UUID as a URN.
#[derive(Debug, Serialize)]
pub(super) struct Serial(String);

impl Serial {
    /// One made of a digest. Source: RFC 9562, section 5.8, for what is nobody else's form: version 8.
    pub(super) fn of(digest: &Sha256Digest) -> Self {
        let mut digits: Vec<char> = digest.to_string().chars().take(32).collect();
        digits[12] = '8';
        // The variant: the two bits 10, and two of the digest's.
        let free = digits[16].to_digit(16).unwrap_or_default() & 0b11;
        digits[16] = ['8', '9', 'a', 'b'][free as usize];
        let part = |from: usize, to: usize| digits[from..to].iter().collect::<String>();
        let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
        let parts = parts.map(|(from, to)| part(from, to));
        Self(format!("urn:uuid:{}", parts.join("-")))
    }
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Metadata<'a> {
    pub(super) timestamp: jiff::Timestamp,
    pub(super) lifecycles: [Lifecycle; 1],
    pub(super) tools: Tools<'a>,
    pub(super) component: Component<'a>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Lifecycle {
    pub(super) phase: &'static str,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Tools<'a> {
    pub(super) components: [Component<'a>; 1],
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(rename = "bom-ref")]
    pub(super) reference: String,
    pub(super) name: &'a str,
    pub(super) version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) licenses: Vec<Licence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) purl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) external_references: Vec<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<Property>,
}

impl Component<'_> {
    pub(super) fn of(kind: &'static str, reference: String) -> Self {
        Self {
            kind,
            reference,
            ..Self::default()
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Hash {
    alg: &'static str,
    content: String,
}

impl Hash {
    pub(super) fn sha256(digest: &Sha256Digest) -> Self {
        Self {
            alg: "SHA-256",
            content: digest.to_string(),
        }
    }
}

/// A licence: an SPDX expression, or a name that is none.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Licence {
    Expression(String),
    License { name: String },
}

#[derive(Debug, Serialize)]
pub(super) struct Reference {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) url: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Dependency {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    #[serde(rename = "dependsOn", skip_serializing_if = "Vec::is_empty")]
    pub(super) depends_on: Vec<String>,
}
