//! What the service must know of the OpenID provider, checked at the start: a slip here would be a hole later.

use std::fmt;

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use url::Url;

use crate::auth::Role;

/// The shortest client secret: the cookie of a sign-in is sealed under it.
const MIN_SECRET_BYTES: usize = 16;

/// An OpenID provider, and what its groups stand for.
#[derive(Clone)]
pub struct OidcConfig {
    /// As the provider's discovery document names it.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: String,
    /// Asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim with a person's groups: its name, or a JSON pointer such as `/realm_access/roles`.
    pub groups_claim: String,
    /// Groups, and the role each stands for.
    pub roles: Vec<(String, Role)>,
    /// Where browsers find the dashboard, without a path.
    pub public_url: String,
    /// What the sign-in page calls the provider.
    pub label: String,
    /// How long a session lasts.
    pub session_life: TimeDelta,
}

impl fmt::Debug for OidcConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcConfig")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("public_url", &self.public_url)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

impl OidcConfig {
    /// # Errors
    /// When something in it cannot be right; the message names it.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        safe_url(&self.issuer).context("the issuer of --oidc-issuer cannot be used")?;
        let public = safe_url(&self.public_url).context("--public-url cannot be used")?;
        ensure!(
            public.path() == "/" && public.query().is_none(),
            "--public-url must have no path: the dashboard is at /"
        );
        ensure!(!self.client_id.is_empty(), "--oidc-client-id must not be empty");
        ensure!(
            self.client_secret.len() >= MIN_SECRET_BYTES,
            "the OIDC client secret must have at least {MIN_SECRET_BYTES} bytes"
        );
        ensure!(!self.roles.is_empty(), "--oidc-role is needed: without one nobody could sign in");
        ensure!(!self.groups_claim.is_empty(), "--oidc-groups-claim must not be empty");
        ensure!(self.session_life > TimeDelta::zero(), "--oidc-session-hours must be at least 1");
        Ok(())
    }

    /// Whether browsers come by TLS.
    pub(crate) fn is_public_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    pub(crate) fn redirect_uri(&self) -> String {
        format!("{}/api/v1/session/oidc/callback", self.public_url.trim_end_matches('/'))
    }
}

/// A URL by TLS, or on this very machine.
fn safe_url(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text)?;
    let host = url.host_str().unwrap_or_default();
    let local = host == "localhost" || host == "127.0.0.1" || host == "[::1]";
    ensure!(url.scheme() == "https" || (url.scheme() == "http" && local), "{text} is not https, nor on this machine");
    ensure!(url.username().is_empty() && url.password().is_none(), "a URL with a password");
    ensure!(url.fragment().is_none(), "a URL with a fragment");
    Ok(url)
}
