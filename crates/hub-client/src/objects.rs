//! What is asked before anything is sent: whether a credential may register, and what is stored.

use crate::client::{Caller, Repeat, Request};
use crate::history::LONGEST_CURSOR;
use crate::{AnswerProblem, ClientError, HubClient};
use release_types::{ObjectEntry, ObjectList, ProductName};
use reqwest::{Method, StatusCode};
use serde::de::IgnoredAny;
use serde_json::json;

/// How many entries a page of a list is asked to have: the most that our Hub gives.
const PAGE: &str = "200";

/// How many pages of a list are read at most: 100,000 objects of [`PAGE`].
const MOST_PAGES: usize = 500;

impl HubClient {
    /// Asks whether the credential may register releases of a product, and registers nothing: the
    /// request is empty, so a Hub of the contract, which looks at the credential first, answers 401 or
    /// 403 to whoever may not, and 400 to whoever may.
    ///
    /// # Errors
    /// Without a credential, when it may not, when the Hub cannot be asked, and when it takes the
    /// empty request for a release.
    pub async fn may_publish(&self, product: &ProductName) -> Result<(), ClientError> {
        let request = Request {
            what: format!("ask whether {product} may be published"),
            method: Method::POST,
            segments: &["api", "v1", "releases", product.as_str(), "publish"],
            query: None,
            body: Some(&json!({})),
            caller: Caller::Publisher,
            repeat: Repeat::Passing,
        };
        let call = self.call(request.what.clone());
        match self.exchange::<_, IgnoredAny>(&request).await? {
            Ok(_) => Err(call.unexpected(AnswerProblem::Accepted)),
            Err((_, refusal)) if refusal.status == StatusCode::BAD_REQUEST => Ok(()),
            Err((call, refusal)) => Err(refusal.into_error(&call)),
        }
    }

    /// What is stored below a prefix, `artifacts/…`, by the Hub's own reading (`objects`); `None` where
    /// the Hub has no such list. A Hub that has to read what was uploaded first is waited for.
    ///
    /// # Errors
    /// Without a credential, when the Hub cannot be asked or refuses, or when its list does not end.
    pub async fn list_objects(
        &self,
        prefix: &str,
    ) -> Result<Option<Vec<ObjectEntry>>, ClientError> {
        let what = format!("list what is uploaded below `{prefix}`");
        let mut objects = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("prefix", prefix);
            query.append_pair("limit", PAGE);
            if let Some(after) = &after {
                query.append_pair("after", after);
            }
            let page: Option<ObjectList> = self
                .find(Request {
                    what: what.clone(),
                    method: Method::GET,
                    segments: &["api", "v1", "storage", "objects"],
                    query: Some(&query.finish()),
                    body: None,
                    caller: Caller::Publisher,
                    repeat: Repeat::Passing,
                })
                .await?;
            let Some(page) = page else { return Ok(None) };
            let below = |object: &ObjectEntry| object.key.as_str().starts_with(prefix);
            objects.extend(page.objects.into_iter().filter(below));
            let Some(next) = page.next else {
                return Ok(Some(objects));
            };
            // Keys come in their order, so a list that goes back goes round.
            if next.len() > LONGEST_CURSOR || after.is_some_and(|after| next <= after) {
                break;
            }
            after = Some(next);
        }
        let endless = AnswerProblem::Unusable("a list without an end");
        Err(self.call(what).unexpected(endless))
    }
}
