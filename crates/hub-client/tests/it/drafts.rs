//! What is said of drafts that were made visible.

use crate::support::*;
use hub_client::ErrorKind;
use release_types::{Channel, FinalizeRelease, FinalizeRequest};
use serde_json::json;

#[tokio::test]
async fn what_is_to_be_shown_and_is_not_in_the_answer_is_named() {
    let server = Server::start(|_, _| {
        let mut shown = release_of(&json!({
            "version": "1.2.3", "channel": "beta", "platform": {"os": "linux", "arch": "arm64"},
            "artifacts": [],
        }));
        let one = shown.clone();
        // Whatever the order, and no more than was asked for.
        shown["platform"]["arch"] = "x64".into();
        ok(json!({"releases": [one, shown]}))
    })
    .await;
    let client = client(&server.address);
    let finalize = async |platforms: &[&str]| {
        let request = FinalizeRequest {
            releases: vec![FinalizeRelease {
                product: "runner".parse().unwrap(),
                version: "1.2.3".to_owned(),
                channel: Channel::Beta,
                platforms: platforms.iter().map(|one| one.parse().unwrap()).collect(),
                files: Default::default(),
            }],
        };
        client.finalize(&request).await
    };
    assert_eq!(
        finalize(&["linux-x64", "linux-arm64"]).await.unwrap().len(),
        2
    );
    let error = finalize(&["linux-x64", "windows-x64"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Verification);
    let said = error.to_string();
    assert!(
        said.ends_with(": runner for windows-x64 is not in it"),
        "{said}"
    );
    let error = finalize(&["linux-x64"]).await.unwrap_err();
    assert!(
        error.to_string().ends_with(": releases is `2`, not `1`"),
        "{error}"
    );
}
