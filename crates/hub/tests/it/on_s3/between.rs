//! What stands between a Hub and its store, so that a test can do something at a certain request, or
//! have it fail.

use super::server::S3;
use crate::support::client;
use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{StatusCode, header};
use hub::BucketConfig;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// A way to a store, by another port.
pub struct Between {
    endpoint: String,
    task: JoinHandle<std::io::Result<()>>,
}

impl Between {
    /// Passes every request on as it is, which leaves its signature good. `look` sees each before, and
    /// what it answers is the answer.
    pub async fn start(
        s3: &S3,
        look: impl Fn(&Parts) -> Option<StatusCode> + Send + Sync + 'static,
    ) -> Self {
        let (store, look) = (Arc::new(s3.settings()[0].1.clone()), Arc::new(look));
        let pass = move |request: Request| {
            let (store, look) = (store.clone(), look.clone());
            async move {
                let (parts, body) = request.into_parts();
                match look(&parts) {
                    Some(status) => status.into_response(),
                    None => passed(&store, parts, body).await,
                }
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(pass);
        Self {
            endpoint,
            task: tokio::spawn(axum::serve(listener, router).into_future()),
        }
    }

    /// A prefix of the bucket, reached by this way.
    pub fn bucket(&self, s3: &S3, prefix: &str) -> BucketConfig {
        let mut bucket = s3.bucket(prefix);
        bucket.settings[0].1 = self.endpoint.clone().into();
        bucket
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn passed(store: &str, parts: Parts, body: axum::body::Body) -> Response {
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let request = client().request(parts.method, format!("{store}{}", parts.uri));
    let Ok(answer) = request.headers(parts.headers).body(body).send().await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    for name in [header::TRANSFER_ENCODING, header::CONNECTION] {
        headers.remove(name);
    }
    (status, headers, answer.bytes().await.unwrap()).into_response()
}
