//! The client against our own Hub, served by this process: what the two say to each other fits.

use crate::support::builder;
use hub::{Hub, HubConfig};
use hub_client::{ClientError, ErrorKind, HubClient};
use release_types::{
    Artifact, Channel, FinalizeRelease, FinalizeRequest, IssueTokenRequest, Kind, ObjectKey,
    PresignRequest, ProductName, PublishRequest, ReleaseState, Sha256Digest, YankRequest,
};
use tempfile::TempDir;

const KEY: &str = "artifacts/runner/1.0.0/linux/x64/r";

/// A Hub that ends with the test, and its administrator's client.
struct Served {
    dir: TempDir,
    address: String,
    admin: HubClient,
}

impl Served {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = HubConfig::new(dir.path().join("hub"));
        config.version = "1.2.3-test".to_owned();
        let hub = Hub::open(config).await.unwrap();
        let credential = hub.add_admin("test").await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(hub.serve(listener, std::future::pending()));
        let admin = builder(&address)
            .deploy_token(None)
            .admin_token(Some(credential))
            .build()
            .unwrap();
        Self {
            dir,
            address,
            admin,
        }
    }

    /// A client with a deploy token and nothing else.
    fn deployer(&self, token: &str) -> HubClient {
        builder(&self.address)
            .admin_token(None)
            .deploy_token(Some(token.into()))
            .build()
            .unwrap()
    }

    /// Uploads bytes under [`KEY`], for which `announced` was presigned.
    async fn upload(&self, bytes: &[u8], announced: &[u8]) -> Result<(), ClientError> {
        let request = PresignRequest {
            sha256: Some(Sha256Digest::of(announced)),
            ..PresignRequest::upload(key())
        };
        let signed = self.admin.presign(&request).await.unwrap();
        let file = self.dir.path().join("file");
        std::fs::write(&file, bytes).unwrap();
        let (size, digest) = (bytes.len() as u64, Sha256Digest::of(bytes));
        let uploaded = self.admin.upload(&signed, &file, size, digest, |_| {});
        uploaded.await.map(drop)
    }
}

fn key() -> ObjectKey {
    KEY.parse().unwrap()
}

fn release(bytes: &[u8]) -> PublishRequest {
    PublishRequest {
        version: "1.0.0".to_owned(),
        channel: Channel::Stable,
        platform: "linux-x64".parse().unwrap(),
        artifacts: vec![Artifact {
            key: key(),
            provider: "local".to_owned(),
            filename: "r".parse().unwrap(),
            size: bytes.len() as u64,
            sha256: Sha256Digest::of(bytes),
            kind: Kind::Binary,
        }],
        notes: None,
        published_at: None,
    }
}

#[tokio::test]
async fn a_refusal_to_replace_is_told_from_a_damaged_upload() {
    let hub = Served::start().await;
    let damaged = hub.upload(b"jello", b"hello").await.unwrap_err();
    assert!(
        matches!(&damaged, ClientError::UploadDamaged { status: 400, .. }),
        "{damaged:?}"
    );
    assert_eq!(damaged.kind(), ErrorKind::Verification);

    hub.upload(b"hello", b"hello").await.unwrap();
    let product: ProductName = "runner".parse().unwrap();
    let published = hub.admin.publish(&product, &release(b"hello")).await;
    assert_eq!(published.unwrap().assets.len(), 1);
    hub.upload(b"hello", b"hello").await.unwrap();
    let refused = hub.upload(b"other", b"other").await.unwrap_err();
    assert!(
        matches!(&refused, ClientError::UploadRefused { status: 409, .. }),
        "{refused:?}"
    );
    assert_eq!(refused.kind(), ErrorKind::Refused);
}

#[tokio::test]
async fn what_was_published_comes_back() {
    let hub = Served::start().await;
    hub.upload(b"hello", b"hello").await.unwrap();
    let product: ProductName = "runner".parse().unwrap();
    hub.admin
        .publish(&product, &release(b"hello"))
        .await
        .unwrap();
    let anyone = builder(&hub.address)
        .deploy_token(None)
        .admin_token(None)
        .build()
        .unwrap();
    let platform = "linux-x64".parse().unwrap();
    let latest = anyone.latest(&product, platform, Channel::Stable).await;
    let id = &latest.unwrap().unwrap().assets[0].download_id;
    let mut bytes = Vec::new();
    let done = anyone.download(id, 5, &mut bytes).await.unwrap();
    assert_eq!((bytes.as_slice(), done.size), (b"hello".as_slice(), 5));
    assert_eq!(done.sha256, Sha256Digest::of(b"hello"));
    assert_eq!(anyone.digest_of_download(id, 5).await.unwrap(), done);
}

#[tokio::test]
async fn it_lists_what_is_uploaded_and_who_may_publish() {
    let hub = Served::start().await;
    let product: ProductName = "runner".parse().unwrap();
    hub.admin.may_publish(&product).await.unwrap();
    let list = async || hub.admin.list_objects("artifacts/runner/1.0.0/").await;
    assert_eq!(list().await.unwrap(), Some(Vec::new()));
    hub.upload(b"hello", b"hello").await.unwrap();
    let found = list().await.unwrap().unwrap();
    assert_eq!(found.len(), 1);
    let object = &found[0];
    assert_eq!((&object.key, object.size), (&key(), 5));
    assert_eq!(object.sha256, Sha256Digest::of(b"hello"));
    assert!(hub.admin.clock_ahead().unwrap().unwrap().abs().as_secs() <= 1);
    // To ask has registered nothing.
    let list = hub.admin.list_releases(&product, None).await;
    assert_eq!(list.unwrap().unwrap().releases, []);
    let nobody = hub.deployer("atlas_app_00000000000000000000");
    let refused = nobody.may_publish(&product).await.unwrap_err();
    assert!(
        matches!(refused, ClientError::Unauthorized { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn it_tells_what_it_can_do() {
    let hub = Served::start().await;
    let found = hub.admin.capabilities().await.unwrap().unwrap();
    assert_eq!(
        (found.name.as_str(), found.version.as_str()),
        ("atlas-hub", "1.2.3-test")
    );
    assert!(!found.has("fleet"), "{:?}", found.features);
}

#[tokio::test]
async fn a_token_works_from_when_it_is_issued_until_it_is_revoked() {
    let hub = Served::start().await;
    let request = IssueTokenRequest {
        name: Some("ci".to_owned()),
        expires_at: Some("2999-01-01T00:00:00Z".to_owned()),
    };
    let issued = hub.admin.issue_app_token(&request).await.unwrap();
    assert_eq!(issued.record.name.as_deref(), Some("ci"));
    assert!(!format!("{issued:?}").contains(&issued.token));
    let deployer = hub.deployer(&issued.token);
    let presign = async || deployer.presign(&PresignRequest::upload(key())).await;
    presign().await.unwrap();

    let listed = hub.admin.list_app_tokens().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].id, issued.record.id);
    assert_eq!(listed[0].expires_at, issued.record.expires_at);
    assert!(listed[0].last_used_at.is_some() && listed[0].revoked_at.is_none());

    let revoked = hub.admin.revoke_app_token(&issued.record.id).await.unwrap();
    let listed = hub.admin.list_app_tokens().await.unwrap();
    assert_eq!(listed[0].revoked_at, Some(revoked.revoked_at));
    let refused = presign().await.unwrap_err();
    assert!(
        matches!(refused, ClientError::Unauthorized { .. }),
        "{refused:?}"
    );
    let unknown = hub.admin.revoke_app_token("no-such-token").await;
    assert!(
        matches!(unknown, Err(ClientError::NotFound { .. })),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn tokens_are_an_administrators_business() {
    let hub = Served::start().await;
    let issued = hub.admin.issue_app_token(&Default::default()).await;
    let token = issued.unwrap().token;
    // Nothing is sent without the credential, and a deploy token is not taken for one.
    let deployer = hub.deployer(&token);
    let missing = [
        deployer.issue_app_token(&Default::default()).await.err(),
        deployer.list_app_tokens().await.err(),
        deployer.revoke_app_token("x").await.err(),
    ];
    for error in missing {
        let error = error.unwrap();
        assert!(
            error.to_string().ends_with("no admin token was given"),
            "{error}"
        );
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
    let impostor = builder(&hub.address)
        .admin_token(Some(token.into()))
        .build()
        .unwrap();
    let refused = impostor.list_app_tokens().await.unwrap_err();
    assert!(
        matches!(refused, ClientError::Forbidden { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_release_from_its_draft_to_another_channel_and_back() {
    let hub = Served::start().await;
    hub.upload(b"hello", b"hello").await.unwrap();
    let product: ProductName = "runner".parse().unwrap();
    let platform = "linux-x64".parse().unwrap();
    let request = release(b"hello");
    let client = &hub.admin;
    let drafted = client.publish_draft(&product, &request).await.unwrap();
    let latest = async |channel| client.latest(&product, platform, channel).await.unwrap();
    assert_eq!(latest(Channel::Stable).await, None);
    let list = client.list_releases(&product, None).await.unwrap().unwrap();
    assert_eq!(list.releases, []);

    let mut finalize = FinalizeRequest {
        releases: vec![FinalizeRelease {
            product: product.clone(),
            version: "1.0.0".to_owned(),
            channel: Channel::Stable,
            platforms: vec![platform, "linux-arm64".parse().unwrap()],
            files: Default::default(),
        }],
    };
    let refused = client.finalize(&finalize).await.unwrap_err();
    assert!(refused.to_string().contains("409"), "{refused}");
    finalize.releases[0].platforms.pop();
    let shown = client.finalize(&finalize).await.unwrap();
    assert_eq!(shown[0].assets, drafted.assets);
    assert_eq!(latest(Channel::Stable).await.as_ref(), Some(&shown[0]));

    let promoted = client
        .promote(&product, "1.0.0", Channel::Stable, Channel::Beta)
        .await
        .unwrap();
    assert_eq!(latest(Channel::Beta).await.as_ref(), Some(&promoted[0]));
    let yank = YankRequest {
        channel: Channel::Beta,
        reason: Some("it does not start".to_owned()),
    };
    let yanked = client.yank(&product, "1.0.0", &yank).await.unwrap();
    assert_eq!(yanked.state, ReleaseState::Yanked);
    assert_eq!(latest(Channel::Beta).await, None);
    let offered = client.unyank(&product, "1.0.0", Channel::Beta).await;
    assert_eq!(offered.unwrap().state, ReleaseState::Published);
    assert!(latest(Channel::Beta).await.is_some());
    let list = client.list_releases(&product, None).await.unwrap().unwrap();
    assert_eq!((list.releases.len(), list.next), (2, None));
}
