//! Lists that come in pages.

use super::answers::value;
use super::client::GitHub;
use http::Method;
use http::header::LINK;
use hub_client::{AnswerProblem, ClientError};
use release_types::Sha256Digest;
use serde::de::DeserializeOwned;

/// How many things are asked for at a time, at first: GitHub allows 100. It is a power of two: where a page
/// is longer than an answer that is read, half of it is asked for, and what was read before are whole pages
/// of the new size too.
const PAGE: usize = 32;

/// How many things are read: GitHub shows the first 10,000 releases.
const MOST: usize = 400 * PAGE;

impl GitHub {
    /// All pages of a list. Their addresses are made here: the ones that an answer names could be anybody's.
    ///
    /// A release comes with its notes and all of its files, so a page of them may be longer than an answer
    /// that is read. Smaller pages are then asked for, down to a single thing.
    pub(super) async fn pages<T: DeserializeOwned>(
        &self,
        what: &str,
        path: &[&str],
    ) -> Result<Vec<T>, ClientError> {
        let (mut all, mut size, mut from) = (Vec::new(), PAGE, 0);
        let mut before = None;
        while from < MOST {
            let (per_page, page) = (size.to_string(), (from / size + 1).to_string());
            let query = [("per_page", per_page.as_str()), ("page", &page)];
            let request = self.request(what.to_owned(), Method::GET, path, &query);
            let answer = match self.ask(&request).await {
                Err(error) if size > 1 && is_too_long(&error) => {
                    size /= 2;
                    continue;
                }
                answer => answer?,
            };
            let next = answer
                .header(&LINK)
                .map(|link| link.contains("rel=\"next\""));
            // Whoever knows no pages gives the same one again.
            let this = Some(Sha256Digest::of(&answer.body));
            if this == before {
                break;
            }
            before = this;
            let found: Vec<T> = value(answer)?;
            // GitHub names the next page where there is one. What stands before it may leave that out.
            let more = next.unwrap_or(found.len() >= size) && !found.is_empty();
            all.extend(found);
            if !more {
                break;
            }
            from += size;
        }
        Ok(all)
    }
}

fn is_too_long(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::UnexpectedAnswer {
            problem: AnswerProblem::TooLarge { .. },
            ..
        }
    )
}
