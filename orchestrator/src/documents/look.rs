//! Looking at the documents of one program, or of what a command has made, as a Hub gives them out.

use super::check::{self, Expected, Said, Subject};
use super::proven::{ProvenProgram, Wanted};
use super::{Form, bundles_of};
use crate::receipt::{Receipt, ReceiptAsset};
use crate::sign::Keys;
use crate::text::told;
use hub_client::{ClientError, ErrorKind, HubClient};
use release_types::{Kind, Platform, ProductName, Sha256Digest};
use signatures::ENDING;
use std::collections::BTreeMap;

/// What documents are about.
#[derive(Debug, Clone, Copy)]
pub(super) enum About<'a> {
    /// A program.
    Program(&'a ReceiptAsset),
    /// All that a command has made for the product and platform.
    Bundles,
}

/// One thing that has documents among the files of its product on its platform.
pub(super) struct Look<'a> {
    pub client: &'a HubClient,
    pub receipt: &'a Receipt,
    pub wanted: &'a Wanted,
    pub keys: &'a Keys,
    pub of: (&'a ProductName, Platform),
    pub files: &'a [&'a ReceiptAsset],
    pub about: About<'a>,
}

/// What a right statement says, and the files that are proven by it; or all that is wrong.
pub(super) type Looked = Result<(Said, Vec<ProvenProgram>), Vec<String>>;

impl Look<'_> {
    /// What its documents say, or all that is wrong with them.
    pub(super) async fn at_all(&self) -> Result<Looked, ClientError> {
        let (product, platform) = self.of;
        let digests: BTreeMap<&str, Sha256Digest> = self
            .files
            .iter()
            .map(|file| (file.filename.as_str(), file.sha256))
            .collect();
        let expected = Expected {
            product,
            version: &self.receipt.version,
            platform,
            about: match self.about {
                About::Program(one) => Subject::Program(one.filename.as_str(), one.sha256),
                About::Bundles => Subject::Bundles,
            },
            files: &digests,
            commit: self.wanted.commit.as_deref(),
            builder: self.wanted.builder.as_deref(),
        };
        let (mut said, mut faults, mut documents) = (None, Vec::new(), Vec::new());
        for (form, name) in self.documents() {
            let looked = match (form, self.about) {
                // What a command packs is nothing that anybody here knows.
                (Form::Sbom, About::Bundles) => continue,
                (Form::Provenance, _) => {
                    let read = self.read(form, &name).await?;
                    let looked = read.and_then(|bytes| check::statement(&expected, &bytes));
                    looked.map(|found| said = Some(found))
                }
                (Form::Sbom, About::Program(one)) => {
                    let read = self.read(form, &name).await?;
                    read.and_then(|bytes| check::sbom(one.sha256, &bytes))
                }
            };
            match looked {
                Ok(()) => documents.push(name),
                Err(list) => {
                    let at = |why| format!("{product} for {platform}: {name}: {why}");
                    faults.extend(list.into_iter().map(at));
                }
            }
        }
        let Some(said) = said.filter(|_| faults.is_empty()) else {
            return Ok(Err(faults));
        };
        let is_proven = |file: &&ReceiptAsset| match self.about {
            About::Program(one) => file.filename == one.filename,
            About::Bundles => said.named.contains(file.filename.as_str()),
        };
        let is_signed = self.keys.of(product).is_some() && self.is_signed(Form::Provenance);
        let proven = self.files.iter().copied().filter(is_proven);
        let proven = proven.map(|file| ProvenProgram {
            product: product.clone(),
            platform,
            filename: file.filename.clone(),
            sha256: file.sha256,
            documents: documents.clone(),
            builder: said.builder.clone(),
            repository: said.repository.clone(),
            invocation: said.invocation.clone(),
            signed: is_signed,
        });
        let proven = proven.collect();
        Ok(Ok((said, proven)))
    }

    /// The documents that are looked at, by their names: those that there have to be, and those that are there
    /// although nobody asks for them.
    pub(super) fn documents(&self) -> Vec<(Form, String)> {
        let all = Form::ALL.into_iter().map(|form| (form, self.name_of(form)));
        let is_looked_at = |(form, name): &(Form, String)| {
            let has_it = !matches!((form, self.about), (Form::Sbom, About::Bundles));
            has_it && (self.wanted.forms.contains(form) || self.file(name).is_some())
        };
        all.filter(is_looked_at).collect()
    }

    /// What its document of a form is called.
    fn name_of(&self, form: Form) -> String {
        let ending = form.ending();
        match self.about {
            About::Program(one) => format!("{}{ending}", one.filename),
            About::Bundles => format!("{}{ending}", bundles_of(self.of.0, self.of.1)),
        }
    }

    fn file(&self, name: &str) -> Option<&ReceiptAsset> {
        let mut files = self.files.iter().copied();
        files.find(|file| file.filename.as_str() == name)
    }

    fn is_signed(&self, form: Form) -> bool {
        let name = format!("{}{ENDING}", self.name_of(form));
        self.file(&name).is_some()
    }

    /// The bytes of one of its documents, or why they are not looked at. A signature that it has was checked
    /// when it was read back.
    async fn read(
        &self,
        form: Form,
        name: &str,
    ) -> Result<Result<Vec<u8>, Vec<String>>, ClientError> {
        let fault = |why: String| Ok(Err(vec![why]));
        let Some(file) = self.file(name) else {
            return fault("expected such a file, found none".to_owned());
        };
        if file.kind != Kind::Other {
            return fault(format!("expected the kind other, found {}", file.kind));
        }
        let limit = form.limit();
        if file.size > limit {
            let size = file.size;
            return fault(format!("expected at most {limit} bytes, found {size}"));
        }
        let product = &file.product;
        if self.keys.are_needed(product) && !self.is_signed(form) {
            return fault("expected a signature of it, found none".to_owned());
        }
        let mut bytes = Vec::new();
        let read = self
            .client
            .download(&file.download_id, file.size, &mut bytes);
        match read.await {
            Ok(read) if (read.sha256, read.size) == (file.sha256, file.size) => Ok(Ok(bytes)),
            Ok(read) => fault(format!(
                "expected the bytes that were read before, with sha256 {}, found others with {}",
                file.sha256, read.sha256
            )),
            Err(error) if error.kind() == ErrorKind::Verification => fault(format!(
                "expected the bytes that were read before, found: {}",
                told(&error.to_string())
            )),
            Err(error) => Err(error),
        }
    }
}
