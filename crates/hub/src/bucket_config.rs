//! Which bucket holds a Hub's bytes, and what is known about the way to it.

use crate::HubError;
use process::Env;
use secrecy::SecretString;
use std::time::Duration;
use url::Url;

/// What is read from the environment: what Amazon's own programs read, and for every store that
/// speaks as Amazon's does. Of two that say the same the first counts.
const SETTINGS: [&str; 15] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// How long an address is good, unless something else is said.
const VALIDITY: Duration = Duration::from_secs(15 * 60);

/// A bucket for the stored bytes, and what is needed to use it. Credentials are never shown.
#[derive(Debug, Clone)]
pub struct BucketConfig {
    /// `s3://BUCKET` or `s3://BUCKET/PREFIX`. What is below the prefix is the Hub's alone.
    pub url: String,
    /// By the names of environment variables, `AWS_REGION` and its like. Without an access key
    /// there, this machine's own role is asked for one.
    pub settings: Vec<(String, SecretString)>,
    /// How long addresses of bytes in the bucket are good.
    pub validity: Duration,
}

impl BucketConfig {
    /// A bucket, and settings by the names of environment variables.
    pub fn new(url: impl Into<String>, settings: Vec<(String, SecretString)>) -> Self {
        Self {
            url: url.into(),
            settings,
            validity: VALIDITY,
        }
    }

    /// A bucket, with what the environment says about the way to it.
    ///
    /// # Errors
    /// [`HubError::Config`] when a variable that is needed is not UTF-8.
    pub fn from_env(url: impl Into<String>, env: &Env) -> Result<Self, HubError> {
        let mut settings = Vec::new();
        for name in SETTINGS {
            let value = env
                .text(name)
                .map_err(|_| HubError::Config(format!("the variable {name} is not UTF-8")))?;
            if let Some(value) = value {
                settings.push((name.to_owned(), value.to_owned().into()));
            }
        }
        Ok(Self::new(url, settings))
    }

    /// The bucket's name and the prefix, which may be empty.
    ///
    /// # Errors
    /// [`HubError::Config`]. It does not repeat the text, which may hold a secret by mistake.
    pub(crate) fn bucket_and_prefix(&self) -> Result<(String, String), HubError> {
        let refused = || {
            HubError::Config(
                "the storage: expected s3://BUCKET or s3://BUCKET/PREFIX, of letters, digits and \
                 `-_.`; credentials are taken from AWS_ACCESS_KEY_ID and its like"
                    .to_owned(),
            )
        };
        let url = Url::parse(&self.url).map_err(|_| refused())?;
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.port().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let bucket = url.host_str().unwrap_or_default();
        let prefix = url.path().trim_matches('/');
        let mut names = prefix.split('/').chain([bucket]);
        if url.scheme() != "s3" || !bare || bucket.is_empty() {
            return Err(refused());
        }
        if !names.all(|name| is_plain(name) || prefix.is_empty() && name.is_empty()) {
            return Err(refused());
        }
        Ok((bucket.to_owned(), prefix.to_owned()))
    }
}

/// Whether a name is the same however it is escaped.
fn is_plain(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !name.is_empty() && !matches!(name, "." | "..") && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_named_with_or_without_a_prefix() {
        let of = |url: &str| BucketConfig::new(url, Vec::new()).bucket_and_prefix();
        for (url, bucket, prefix) in [
            ("s3://releases", "releases", ""),
            ("s3://releases/", "releases", ""),
            ("s3://my-Bucket.eu/hub/one/", "my-Bucket.eu", "hub/one"),
        ] {
            let found = of(url).unwrap();
            assert_eq!(found, (bucket.to_owned(), prefix.to_owned()), "{url}");
        }
        for url in [
            "",
            "releases",
            "s3:releases",
            "s3:///releases",
            "https://releases/hub",
            "s3://releases/a//b",
            "s3://releases/a%20b",
            "s3://releases/a?b",
            "s3://releases:80/a",
            "s3://key:hush@releases/a",
        ] {
            let error = of(url).unwrap_err().to_string();
            assert!(error.contains("s3://BUCKET"), "{url}");
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn settings_are_read_and_not_shown() {
        let vars = [
            ("AWS_SECRET_ACCESS_KEY", "hush"),
            ("AWS_REGION", ""),
            ("AWS_PROFILE", "other"),
        ];
        let env = Env::of(process::NameCase::Exact, vars);
        let config = BucketConfig::from_env("s3://releases", &env).unwrap();
        let names: Vec<_> = config.settings.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["AWS_SECRET_ACCESS_KEY"]);
        assert!(!format!("{config:?}").contains("hush"));
    }
}
