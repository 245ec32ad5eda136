//! Builds of packs: an address to upload one to, and its completion.

use crate::answer::Call;
use crate::client::{Caller, Repeat, Request};
use crate::releases::{SLOWEST, check_provider, matched};
use crate::{AnswerProblem, ClientError, Difference, HubClient, Uploaded, compare};
use release_types::{
    BuildUpload, BuildUploadRequest, CompleteBuildRequest, PresignResponse, Sha256Digest, build_key,
};
use reqwest::Method;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

impl HubClient {
    /// Asks for an id for a build of a pack and for an address to upload it to. The Hub notes
    /// nothing yet, so the call may be made as often as needed; each answer is of another build.
    ///
    /// # Errors
    /// Without a pack token, when the Hub refuses, when its answer is about another key, or when it
    /// names an upload address that is not safe to use.
    pub async fn presign_build(
        &self,
        request: &BuildUploadRequest,
    ) -> Result<BuildUpload, ClientError> {
        let pack = &request.pack_id;
        let call = self.call(format!("get an upload address for a build of {pack}"));
        let answer: BuildUpload = self
            .send(Request {
                what: call.what.clone(),
                method: Method::POST,
                segments: &["api", "v1", "ci", "presign"],
                query: None,
                body: Some(request),
                caller: Caller::Builder,
                repeat: Repeat::Passing,
            })
            .await?;
        check_provider(&call, &answer.artifact_provider)?;
        let unusable = |_| call.unexpected(AnswerProblem::Unusable("the build's id"));
        let key = build_key(pack, &answer.build_id).map_err(unusable)?;
        let key = format!("{}::{key}", answer.artifact_provider);
        let mut found = Vec::new();
        compare::field(&mut found, "artifactKey", &key, &answer.artifact_key);
        matched(&call, found)?;
        self.upload_url(&call, &signed(&answer))?;
        Ok(answer)
    }

    /// Uploads a build to the address that [`HubClient::presign_build`] gave; as
    /// [`HubClient::upload`].
    ///
    /// # Errors
    /// As [`HubClient::upload`].
    pub async fn upload_build(
        &self,
        upload: &BuildUpload,
        path: &Path,
        expected_size: u64,
        expected: Sha256Digest,
        on_progress: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<Uploaded, ClientError> {
        let signed = signed(upload);
        self.upload(&signed, path, expected_size, expected, on_progress)
            .await
    }

    /// Completes an uploaded build: its channel has it from then on.
    ///
    /// `repeatable` says that this Hub answers the same call again with the same, as one of ours
    /// does; then it is made again after passing failures. Otherwise only where no connection came
    /// about: a second one might be taken for another build.
    ///
    /// # Errors
    /// Without a pack token, when the Hub refuses or cannot be reached, or when its answer is about
    /// another build or other bytes than those of `sha256`. In the last case the build *is*
    /// complete, in the form the answer shows.
    pub async fn complete_build(
        &self,
        request: &CompleteBuildRequest,
        sha256: Sha256Digest,
        repeatable: bool,
    ) -> Result<(), ClientError> {
        let (pack, build) = (&request.pack_id, &request.build_id);
        let call = self.call(format!("complete the build {build} of {pack}"));
        let seconds = request.artifact_size.unwrap_or_default() / SLOWEST;
        let patience = self.0.retry.deadline;
        let patience = patience.saturating_add(Duration::from_secs(seconds));
        let sent = Request {
            what: call.what.clone(),
            method: Method::POST,
            segments: &["api", "v1", "ci", "complete"],
            query: None,
            body: Some(request),
            caller: Caller::Builder,
            repeat: match repeatable {
                true => Repeat::Passing,
                false => Repeat::Unsent,
            },
        };
        let answer: Value = self.send_patiently(sent, patience).await?;
        completed(&call, request, sha256, &answer)
    }
}

/// The upload of a build, as any other.
fn signed(upload: &BuildUpload) -> PresignResponse {
    PresignResponse {
        url: upload.upload_url.clone(),
        upload_headers: upload.upload_headers.clone(),
        key: upload.artifact_key.clone(),
        provider: upload.artifact_provider.clone(),
    }
}

/// Whether an answer is about this build. The contract leaves its fields open, so those count that
/// are there.
fn completed(
    call: &Call,
    sent: &CompleteBuildRequest,
    sha256: Sha256Digest,
    answer: &Value,
) -> Result<(), ClientError> {
    let (build, channel) = (&answer["build"], &answer["channel"]);
    if !build.is_object() {
        let why = "it has no `build`".to_owned();
        return Err(call.unexpected(AnswerProblem::Shape(why)));
    }
    let mut found = Vec::new();
    same(&mut found, "packId", sent.pack_id.as_str(), build);
    same(&mut found, "id", &sent.build_id, build);
    same(&mut found, "version", &sent.version, build);
    same(&mut found, "artifactKey", &sent.artifact_key, build);
    same(&mut found, "sha256", &sha256.to_string(), build);
    if let (Some(size), Some(answered)) = (sent.artifact_size, build["artifactSize"].as_u64()) {
        compare::field(&mut found, "artifactSize", &size, &answered);
    }
    same(&mut found, "name", sent.channel.as_str(), channel);
    same(&mut found, "buildId", &sent.build_id, channel);
    matched(call, found)
}

fn same(found: &mut Vec<Difference>, field: &'static str, sent: &str, of: &Value) {
    if let Some(answered) = of[field].as_str() {
        compare::field(found, field, &sent, &answered);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use release_types::PackChannel;
    use serde_json::json;

    #[test]
    fn an_answer_is_believed_as_far_as_it_goes() {
        let sha256 = Sha256Digest::of(b"a build");
        let sent = CompleteBuildRequest {
            pack_id: "my-pack".parse().unwrap(),
            build_id: "b1".to_owned(),
            artifact_key: "r2::packs/my-pack/builds/b1.atlas".to_owned(),
            version: "1.2.0".to_owned(),
            channel: PackChannel::Beta,
            commit_hash: None,
            commit_message: None,
            artifact_size: Some(7),
        };
        let call = Call {
            host: "hub.example".to_owned(),
            what: "complete it".to_owned(),
        };
        let says = |answer: Value| match completed(&call, &sent, sha256, &answer) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        for good in [
            json!({"build": {}, "channel": "beta"}),
            json!({"build": {"id": "b1", "version": "1.2.0", "artifactSize": null}}),
            json!({"build": {"artifactSize": 7, "sha256": sha256}, "channel": {"name": "beta"}}),
        ] {
            assert_eq!(says(good.clone()), "", "{good}");
        }
        for (bad, why) in [
            (json!({}), "it has no `build`"),
            (json!({"build": {"id": "b2"}}), "id is `b2`, not `b1`"),
            (json!({"build": {"artifactSize": 6}}), "artifactSize is `6`"),
            (json!({"build": {"sha256": "00"}}), "sha256 is `00`"),
            (
                json!({"build": {}, "channel": {"name": "dev"}}),
                "name is `dev`, not `beta`",
            ),
        ] {
            let said = says(bad);
            assert!(said.contains(why), "{said}");
        }
    }
}
