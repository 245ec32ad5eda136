//! The variables by which sccache's server reaches a shared cache.

use process::AllowList;

/// Variables of a shared cache that no pattern lets through, because they are secret or look like
/// it, or because they do not begin with `SCCACHE_`. Only the server sees them, never cargo or a
/// compiler.
const CREDENTIALS: &[&str] = &[
    "ACTIONS_CACHE_SERVICE_V2",
    "ACTIONS_CACHE_URL",
    "ACTIONS_RESULTS_URL",
    "ACTIONS_RUNTIME_TOKEN",
    "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "ALIBABA_CLOUD_SECURITY_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_ENDPOINT_URL",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "SCCACHE_GCS_CREDENTIALS_URL",
    "SCCACHE_GCS_KEY_PATH",
    "SCCACHE_GCS_OAUTH_URL",
    "SCCACHE_GHA_RUNTIME_TOKEN",
    "SCCACHE_MEMCACHED_PASSWORD",
    "SCCACHE_OSS_NO_CREDENTIALS",
    "SCCACHE_REDIS_PASSWORD",
    "SCCACHE_S3_NO_CREDENTIALS",
    "SCCACHE_S3_SERVER_SIDE_ENCRYPTION_KMS_KEY_ID",
    "SCCACHE_WEBDAV_PASSWORD",
    "SCCACHE_WEBDAV_TOKEN",
    "TENCENTCLOUD_SECRET_ID",
    "TENCENTCLOUD_SECRET_KEY",
    "TENCENTCLOUD_SECURITY_TOKEN",
    "TENCENTCLOUD_TOKEN",
];

/// All that configures sccache.
pub(super) fn configuration() -> AllowList {
    AllowList::of(&["SCCACHE_*"]).and(CREDENTIALS)
}

/// All that the server sees.
pub(super) fn seen_by_server() -> AllowList {
    AllowList::base()
        .network()
        .and(&["SCCACHE_*"])
        .and(CREDENTIALS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What sccache's documentation names for its shared caches, but for expirations and modes.
    const DOCUMENTED: &[&str] = &[
        "ACTIONS_RESULTS_URL",
        "ACTIONS_RUNTIME_TOKEN",
        "ALIBABA_CLOUD_ACCESS_KEY_ID",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "SCCACHE_AZURE_BLOB_CONTAINER",
        "SCCACHE_AZURE_CONNECTION_STRING",
        "SCCACHE_AZURE_KEY_PREFIX",
        "SCCACHE_BUCKET",
        "SCCACHE_CONF",
        "SCCACHE_COS_BUCKET",
        "SCCACHE_COS_ENDPOINT",
        "SCCACHE_COS_KEY_PREFIX",
        "SCCACHE_ENDPOINT",
        "SCCACHE_GCS_BUCKET",
        "SCCACHE_GCS_CREDENTIALS_URL",
        "SCCACHE_GCS_KEY_PATH",
        "SCCACHE_GCS_KEY_PREFIX",
        "SCCACHE_GCS_OAUTH_URL",
        "SCCACHE_GCS_SERVICE_ACCOUNT",
        "SCCACHE_GHA_CACHE_FROM",
        "SCCACHE_GHA_CACHE_TO",
        "SCCACHE_GHA_CACHE_URL",
        "SCCACHE_GHA_RUNTIME_TOKEN",
        "SCCACHE_MEMCACHED",
        "SCCACHE_MEMCACHED_ENDPOINT",
        "SCCACHE_MEMCACHED_KEY_PREFIX",
        "SCCACHE_MEMCACHED_PASSWORD",
        "SCCACHE_MEMCACHED_USERNAME",
        "SCCACHE_OSS_BUCKET",
        "SCCACHE_OSS_ENDPOINT",
        "SCCACHE_OSS_KEY_PREFIX",
        "SCCACHE_OSS_NO_CREDENTIALS",
        "SCCACHE_REDIS",
        "SCCACHE_REDIS_CLUSTER_ENDPOINTS",
        "SCCACHE_REDIS_DB",
        "SCCACHE_REDIS_ENDPOINT",
        "SCCACHE_REDIS_KEY_PREFIX",
        "SCCACHE_REDIS_PASSWORD",
        "SCCACHE_REDIS_USERNAME",
        "SCCACHE_REGION",
        "SCCACHE_S3_ENABLE_VIRTUAL_HOST_STYLE",
        "SCCACHE_S3_KEY_PREFIX",
        "SCCACHE_S3_NO_CREDENTIALS",
        "SCCACHE_S3_SERVER_SIDE_ENCRYPTION",
        "SCCACHE_S3_SERVER_SIDE_ENCRYPTION_KMS_KEY_ID",
        "SCCACHE_S3_USE_SSL",
        "SCCACHE_WEBDAV_ENDPOINT",
        "SCCACHE_WEBDAV_KEY_PREFIX",
        "SCCACHE_WEBDAV_PASSWORD",
        "SCCACHE_WEBDAV_TOKEN",
        "SCCACHE_WEBDAV_USERNAME",
        "TENCENTCLOUD_SECRET_ID",
        "TENCENTCLOUD_SECRET_KEY",
    ];

    #[test]
    fn the_server_sees_what_sccache_documents_and_a_build_none_of_its_secrets() {
        for name in DOCUMENTED {
            assert!(seen_by_server().allows(name), "{name}");
            assert!(configuration().allows(name), "{name}");
        }
        for name in CREDENTIALS {
            assert!(!AllowList::base().build().allows(name), "{name}");
        }
        for other in ["ATLAS_APP_DEPLOY_TOKEN", "GITHUB_TOKEN", "SCCACHE_X_TOKEN"] {
            assert!(!seen_by_server().allows(other), "{other}");
        }
    }
}
