//! Uploads to a Hub's storage: where they go, by which headers, and what a refusal means.

use crate::answer::{Call, Refusal};
use crate::client::Repeat;
use crate::file_body::{self, Progress, Source};
use crate::{AnswerProblem, ClientError, HubClient};
use release_types::{PresignResponse, Sha256Digest};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use url::Url;

/// How many headers an upload may have at most. Storages ask for some five, and take about a hundred.
const MOST_HEADERS: usize = 100;

/// What was uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uploaded {
    /// Bytes.
    pub size: u64,
    /// The digest of the bytes, computed while they were sent.
    pub sha256: Sha256Digest,
}

impl HubClient {
    /// Uploads a file to the address that [`HubClient::presign`] gave. No token is sent.
    ///
    /// `on_progress` is told the number of bytes given to the network so far in this attempt: every
    /// attempt begins with 0, and a call with 0 after others means that it starts anew.
    ///
    /// Where a storage refuses to overwrite, an attempt that was complete although its answer got lost
    /// makes the next one fail with [`ClientError::UploadRefused`], which says so. Where a storage refuses
    /// and closes at once, its answer may get lost behind the bytes under way; what is seen then is a
    /// broken connection, so presign anew after that as well.
    ///
    /// # Errors
    /// [`ClientError::FileChanged`] when the file is not what was announced,
    /// [`ClientError::UploadUrlRejected`] when the address is no longer good,
    /// [`ClientError::UploadRefused`] when the storage keeps what it has under the key,
    /// [`ClientError::UploadDamaged`] when other bytes have arrived than were sent,
    /// [`ClientError::UploadNotTaken`] when the storage will not have them for another reason, and
    /// those of the network and of unusable answers.
    pub async fn upload(
        &self,
        signed: &PresignResponse,
        path: &Path,
        expected_size: u64,
        expected: Sha256Digest,
        on_progress: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<Uploaded, ClientError> {
        let name = path.file_name().unwrap_or(path.as_os_str()).display();
        let mut call = self.call(format!("upload `{name}`"));
        let url = self.upload_url(&call, signed)?;
        let headers = headers(&call, signed, expected_size)?;
        call.host = crate::address::host_of(&url);
        let source = Source {
            path: path.to_owned(),
            size: expected_size,
            expected,
        };
        let progress: Progress = Arc::new(on_progress);
        let (call, url, headers, source, progress) = (&call, &url, &headers, &source, &progress);
        let own = self.secrets();
        let secrets = &upload_secrets(own.texts(), url, headers);
        let whole = &AtomicBool::new(false);
        let attempt = || async move {
            let may_be_there = whole.load(Ordering::Relaxed);
            progress(0);
            let to = (url, headers);
            let response = self.put(call, to, source, progress, whole).await?;
            if response.status().is_success() {
                return Ok(());
            }
            let mut error = refused(call, Refusal::read(response, secrets).await);
            if let ClientError::UploadRefused { maybe_own, .. } = &mut error {
                *maybe_own = may_be_there;
            }
            Err(error)
        };
        self.attempts(&call.what, Repeat::Passing, attempt).await?;
        Ok(Uploaded {
            size: expected_size,
            sha256: expected,
        })
    }

    /// One attempt; `whole` is set when it has sent everything, whatever came of it.
    async fn put(
        &self,
        call: &Call,
        (url, headers): (&Url, &HeaderMap),
        source: &Source,
        progress: &Progress,
        whole: &AtomicBool,
    ) -> Result<reqwest::Response, ClientError> {
        let request = self.http(url).put(url.clone()).headers(headers.clone());
        let limit = self.stall_timeout();
        file_body::send(call, request, source, progress, limit, whole).await
    }
}

/// What a storage's message must not repeat: our tokens, the signature and the credentials in headers.
fn upload_secrets<'a>(
    mut secrets: Vec<&'a str>,
    url: &'a Url,
    headers: &'a HeaderMap,
) -> Vec<&'a str> {
    secrets.extend(url.query());
    let texts = headers.values().filter_map(|value| value.to_str().ok());
    secrets.extend(texts.filter(|text| text.len() >= 16));
    secrets
}

/// Exactly the headers that were signed, and the length.
fn headers(call: &Call, signed: &PresignResponse, size: u64) -> Result<HeaderMap, ClientError> {
    let unusable = || call.unexpected(AnswerProblem::Unusable("an upload header"));
    if signed.upload_headers.len() > MOST_HEADERS {
        let many = AnswerProblem::Unusable("the number of upload headers");
        return Err(call.unexpected(many));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &signed.upload_headers {
        let name: HeaderName = name.parse().map_err(|_| unusable())?;
        let mut value: HeaderValue = value.parse().map_err(|_| unusable())?;
        match name.as_str() {
            // Said by the address and by the file.
            "host" | "content-length" => continue,
            // These would change how the request is framed.
            "transfer-encoding" | "connection" | "upgrade" | "te" | "trailer" | "expect" => {
                return Err(unusable());
            }
            _ => {}
        }
        value.set_sensitive(name != CONTENT_TYPE);
        headers.append(name, value);
    }
    if signed.upload_headers.is_empty() {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    Ok(headers)
}

fn refused(call: &Call, refusal: Refusal) -> ClientError {
    let status = refusal.status.as_u16();
    if refusal.is_passing() || !matches!(status, 400..500) {
        return refusal.into_error(call);
    }
    let Call { host, what } = call.clone();
    let (damaged, stored) = (refusal.is_bad_digest(), refusal.is_already_stored());
    let message = refusal.message;
    match status {
        _ if damaged => ClientError::UploadDamaged {
            host,
            what,
            status,
            message,
        },
        _ if stored => ClientError::UploadRefused {
            host,
            what,
            status,
            message,
            maybe_own: false,
        },
        401 | 403 => ClientError::UploadUrlRejected {
            host,
            what,
            status,
            message,
        },
        _ => ClientError::UploadNotTaken {
            host,
            what,
            status,
            message,
        },
    }
}
