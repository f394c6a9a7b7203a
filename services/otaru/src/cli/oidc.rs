//! The flags of signing in by an OpenID provider. Without an issuer there is none.

use std::path::PathBuf;

use anyhow::Context as _;
use chrono::TimeDelta;
use clap::Args;
use otaru_campaign::OidcConfig;
use otaru_campaign::auth::Role;

#[derive(Debug, Clone, Args)]
pub struct OidcOptions {
    /// Let people sign in by this OpenID provider: its issuer's URL. The provider must send them back to
    /// <--public-url>/api/v1/session/oidc/callback.
    #[arg(long, env = "OTARU_OIDC_ISSUER", requires_all = ["oidc_client_id", "public_url", "oidc_roles"])]
    oidc_issuer: Option<String>,
    /// What the provider calls this installation.
    #[arg(long, env = "OTARU_OIDC_CLIENT_ID")]
    oidc_client_id: Option<String>,
    /// A file with the client's secret.
    #[arg(long, env = "OTARU_OIDC_CLIENT_SECRET_FILE")]
    oidc_client_secret_file: Option<PathBuf>,
    /// The client's secret; a flag is seen by every process, so prefer the environment or a file.
    #[arg(long, env = "OTARU_OIDC_CLIENT_SECRET", hide_env_values = true, conflicts_with = "oidc_client_secret_file")]
    oidc_client_secret: Option<Secret>,
    /// What to ask for beside `openid`.
    #[arg(long = "oidc-scope", env = "OTARU_OIDC_SCOPES", value_delimiter = ' ', default_value = "profile")]
    oidc_scopes: Vec<String>,
    /// The claim with a person's groups: a name, or a JSON pointer such as /realm_access/roles.
    #[arg(long, env = "OTARU_OIDC_GROUPS_CLAIM", default_value = "groups")]
    oidc_groups_claim: String,
    /// What a group may do, as group=viewer, engineer, approver or admin; again for more. The highest counts, and nobody
    /// without one signs in.
    #[arg(long = "oidc-role", env = "OTARU_OIDC_ROLES", value_delimiter = ';', value_parser = parse_role)]
    oidc_roles: Vec<(String, Role)>,
    /// What the sign-in page calls the provider.
    #[arg(long, env = "OTARU_OIDC_LABEL", default_value = "OpenID")]
    oidc_label: String,
    /// How long a session lasts; groups are looked at when it begins.
    #[arg(long, env = "OTARU_OIDC_SESSION_HOURS", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=720))]
    oidc_session_hours: u16,
    /// Where browsers find the dashboard, as https://ota.example.com.
    #[arg(long, env = "OTARU_PUBLIC_URL")]
    public_url: Option<String>,
}

/// Text that is not to be seen in logs.
#[derive(Clone)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// A group may have `=` in its name, as in an LDAP directory.
fn parse_role(text: &str) -> Result<(String, Role), String> {
    let (group, role) = text.rsplit_once('=').ok_or("write group=role")?;
    let role = Role::parse(role.trim()).ok_or("a role is viewer, engineer, approver or admin")?;
    if group.trim().is_empty() {
        return Err("a group has a name".into());
    }
    Ok((group.trim().to_owned(), role))
}

impl OidcOptions {
    /// What was configured; nothing without an issuer.
    pub fn config(&self) -> anyhow::Result<Option<OidcConfig>> {
        let Some(issuer) = &self.oidc_issuer else { return Ok(None) };
        let secret = match (&self.oidc_client_secret, &self.oidc_client_secret_file) {
            (Some(secret), _) => secret.0.clone(),
            (None, Some(path)) => std::fs::read_to_string(path)
                .with_context(|| format!("the client secret in {} cannot be read", path.display()))?,
            (None, None) => anyhow::bail!("--oidc-issuer needs --oidc-client-secret-file or OTARU_OIDC_CLIENT_SECRET"),
        };
        Ok(Some(OidcConfig {
            issuer: issuer.clone(),
            client_id: self.oidc_client_id.clone().context("--oidc-client-id is needed")?,
            client_secret: secret.trim().to_owned(),
            scopes: self.oidc_scopes.clone(),
            groups_claim: self.oidc_groups_claim.clone(),
            roles: self.oidc_roles.clone(),
            public_url: self.public_url.clone().context("--public-url is needed")?,
            label: self.oidc_label.clone(),
            session_life: TimeDelta::hours(self.oidc_session_hours.into()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_may_be_written_as_in_a_directory() {
        let role = parse_role("cn=ota,ou=groups=approver").unwrap();
        assert_eq!(role, ("cn=ota,ou=groups".to_owned(), Role::Approver));
        for wrong in ["admins", "=admin", "a=root"] {
            assert!(parse_role(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert!(!format!("{:?}", Secret::from("hush".to_owned())).contains("hush"));
    }
}
