//! Where GitHub and a repository on it are, and which other addresses may have the credential.

use hub_client::{HubUrl, HubUrlError, is_loopback};
use std::fmt;
use std::str::FromStr;
use url::Url;

/// GitHub's own API.
pub const PUBLIC_API: &str = "https://api.github.com";

/// A text that names no repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` names no repository: expected owner/name", .0.escape_debug())]
pub struct NotARepository(String);

/// A repository: `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Whose it is.
    pub owner: String,
    /// What it is called.
    pub name: String,
}

impl FromStr for Repository {
    type Err = NotARepository;

    fn from_str(text: &str) -> Result<Self, NotARepository> {
        let fits = |part: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !part.is_empty() && part.len() <= 100 && part.chars().all(plain) && !is_dots(part)
        };
        match text.split_once('/') {
            Some((owner, name)) if fits(owner) && fits(name) => Ok(Self {
                owner: owner.to_owned(),
                name: name.to_owned(),
            }),
            _ => Err(NotARepository(text.to_owned())),
        }
    }
}

/// Whether a part of a path would mean another folder.
fn is_dots(part: &str) -> bool {
    part.chars().all(|c| c == '.')
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// A text that cannot be the address of an API. The text itself is not repeated: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the address of GitHub's API cannot be used: {0}")]
pub struct NotAnApi(String);

impl From<HubUrlError> for NotAnApi {
    fn from(error: HubUrlError) -> Self {
        Self(match error {
            HubUrlError::Empty => "it is empty".to_owned(),
            HubUrlError::Malformed(why) => why,
            HubUrlError::TooLong => "it is too long".to_owned(),
            HubUrlError::Scheme => "it has to begin with https://".to_owned(),
            HubUrlError::Credentials => {
                "it must not hold a user name or password: GITHUB_TOKEN is given apart".to_owned()
            }
            HubUrlError::Query => "it must not have a query or a fragment".to_owned(),
            HubUrlError::PlainHttp { host } => {
                format!("over plain http to {host} the credential would travel readable")
            }
        })
    }
}

/// The address of an API, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiUrl(Url);

impl ApiUrl {
    /// Reads an address such as `https://api.github.com` or `https://github.example.com/api/v3`. What is
    /// refused is what is refused of a Hub's: plain http to another machine, credentials, a query.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn parse(text: &str) -> Result<Self, NotAnApi> {
        let address = HubUrl::parse(text)?.to_string();
        match Url::parse(&address) {
            Ok(url) => Ok(Self(url)),
            Err(error) => Err(NotAnApi(error.to_string())),
        }
    }

    /// The address of a call. What a path gives another meaning is escaped in the segments.
    pub(super) fn endpoint(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.0.clone();
        let mut path = url.path().trim_end_matches('/').to_owned();
        for segment in segments {
            path.push('/');
            // The others that a tag or a name can have mean themselves in a path. Some servers read a
            // plus sign as a space.
            path += &segment.replace('%', "%25").replace('+', "%2B");
        }
        url.set_path(&path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Where an asset is uploaded to, by the `upload_url` of its release.
    ///
    /// # Errors
    /// The host that was named, and why nothing is sent there.
    pub(super) fn upload(
        &self,
        template: &str,
        release: u64,
        name: &str,
    ) -> Result<Url, (String, &'static str)> {
        // It ends with a template of RFC 6570 for the query.
        let text = template.split('{').next().unwrap_or_default();
        let nowhere = "an address that cannot be read".to_owned();
        let mut url = Url::parse(text).map_err(|_| (nowhere, "it is no address"))?;
        let fault = if !self.may_have_credential(&url) {
            Some("it is no address of this GitHub's for uploads, and would get the credential")
        } else if !url.path().ends_with(&format!("/releases/{release}/assets")) {
            Some("its path is not that of the release")
        } else {
            None
        };
        if let Some(why) = fault {
            return Err((hub_client::host_of(&url), why));
        }
        url.set_fragment(None);
        url.set_query(None);
        url.query_pairs_mut().append_pair("name", name);
        Ok(url)
    }

    /// Whether an address that this API names may have the credential: GitHub has a host of its own for
    /// uploads, an Enterprise server has them on its own host, and one at ghe.com beside `api.`.
    fn may_have_credential(&self, to: &Url) -> bool {
        let Self(api) = self;
        if !to.username().is_empty() || to.password().is_some() {
            return false;
        }
        if is_loopback(api) {
            return is_loopback(to) && matches!(to.scheme(), "http" | "https");
        }
        let (Some(from), Some(host)) = (api.host_str(), to.host_str()) else {
            return false;
        };
        if to.scheme() != "https" {
            return false;
        }
        if from == "api.github.com" {
            return to.port().is_none() && (host == "github.com" || host.ends_with(".github.com"));
        }
        let beside = from
            .strip_prefix("api.")
            .filter(|rest| rest.ends_with(".ghe.com"));
        let uploads = beside.map(|rest| format!("uploads.{rest}"));
        (host == from || Some(host) == uploads.as_deref()) && to.port() == api.port()
    }
}

impl fmt::Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_an_owner_and_a_name() {
        let parsed = |text: &str| text.parse::<Repository>().map(|found| found.to_string());
        for text in ["octo/demo", "o/d.e_m-o", "O-1/.github"] {
            assert_eq!(parsed(text).unwrap(), text);
        }
        for text in [
            "", "demo", "/demo", "octo/", "a/b/c", "a/..", "a/b c", "a/b?c", "a/b%2f",
        ] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_credential_goes_where_uploads_of_this_github_go_and_nowhere_else() {
        let goes = |api: &str, to: &str| {
            let api = ApiUrl::parse(api).unwrap();
            api.upload(to, 7, "a").map(|url| url.to_string())
        };
        let path = "/repos/o/d/releases/7/assets";
        let public = |host: &str| goes(PUBLIC_API, &format!("{host}{path}{{?name,label}}"));
        for host in ["https://uploads.github.com", "https://github.com"] {
            assert_eq!(public(host).unwrap(), format!("{host}{path}?name=a"));
        }
        for host in [
            "http://uploads.github.com",
            "https://uploads.github.com:8443",
            "https://uploads.github.com.evil.example",
            "https://evilgithub.com",
            "https://evil.example",
            "https://me:pass@uploads.github.com",
            "https://127.0.0.1",
            "nonsense",
        ] {
            assert!(public(host).is_err(), "{host}");
        }
        let enterprise = "https://github.example.com/api/v3";
        for (to, good) in [
            ("https://github.example.com/api/uploads", true),
            ("https://github.example.com", true),
            ("https://github.example.com:444", false),
            ("https://uploads.github.example.com", false),
            ("https://uploads.github.com", false),
        ] {
            assert_eq!(
                goes(enterprise, &format!("{to}{path}")).is_ok(),
                good,
                "{to}"
            );
        }
        let hosted = "https://api.octo.ghe.com";
        assert!(goes(hosted, &format!("https://uploads.octo.ghe.com{path}")).is_ok());
        assert!(goes(hosted, &format!("https://uploads.other.ghe.com{path}")).is_err());
        let local = "http://127.0.0.1:1";
        assert!(goes(local, &format!("http://127.0.0.1:2{path}")).is_ok());
        assert!(goes(local, &format!("https://uploads.github.com{path}")).is_err());
        // Another release's.
        let other = format!("https://uploads.github.com{}", path.replace('7', "8"));
        assert!(goes(PUBLIC_API, &other).is_err());
    }

    #[test]
    fn a_call_keeps_the_prefix_and_escapes_what_a_tag_can_have() {
        let api = ApiUrl::parse("https://github.example.com/api/v3/").unwrap();
        let url = api.endpoint(&["git", "demo-v1.0.0+g1"], &[("page", "2")]);
        let shown = "https://github.example.com/api/v3/git/demo-v1.0.0%2Bg1?page=2";
        assert_eq!(url.as_str(), shown);
        let name = api
            .upload(
                "https://github.example.com/releases/1/assets{?name}",
                1,
                "a b+c",
            )
            .unwrap();
        assert_eq!(name.query(), Some("name=a+b%2Bc"));
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        assert!(ApiUrl::parse("http://127.0.0.1:8000").is_ok());
        assert!(ApiUrl::parse("http://github.example.com/api/v3").is_err());
    }
}
