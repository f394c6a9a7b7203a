//! Signing in by an OpenID provider: authorization code, PKCE, state and nonce. The provider says who somebody is
//! and in which groups; what a group may do is said in the configuration. The session afterwards is this service's own.

mod config;
mod flow;
mod http;
mod provider;

use anyhow::Context as _;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use otaru_http::Problem;
use otaru_store::{Store, StoreError, audit, oidc_sessions};
use serde_json::json;
use uuid::Uuid;

pub use config::OidcConfig;
pub(crate) use flow::{Flow, LIFE, local_path};
pub(crate) use provider::{Person, Provider};

use crate::auth::{Actor, Role, hash, new_secret};
use crate::error::ApiError;
use crate::scope::Scope;

/// What actors' names of people begin with whom a provider signed in; no token may be called so.
pub(crate) const ACTOR_PREFIX: &str = "oidc:";

/// What a session's secret begins with, so that tokens' sessions need no look at the table of these.
const SECRET_PREFIX: &str = "otaru_session_";

/// The way to sign in by a provider.
#[derive(Clone)]
pub struct Oidc {
    pub(crate) config: OidcConfig,
    pub(crate) provider: Provider,
}

impl Oidc {
    /// # Errors
    /// When the configuration cannot be right.
    pub(crate) fn open(config: OidcConfig) -> anyhow::Result<Self> {
        config.check()?;
        Ok(Self { config, provider: Provider::new().context("TLS towards the OpenID provider cannot be set up")? })
    }

    /// The highest role that one of the groups stands for.
    fn role_of(&self, groups: &[String]) -> Option<Role> {
        let mapped = self.config.roles.iter().filter(|(group, _)| groups.contains(group));
        mapped.map(|(_, role)| *role).max()
    }
}

/// Why somebody was not signed in. The sign-in page has words for each code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The provider is away, or answers nonsense.
    Provider,
    /// The browser did not begin this sign-in, took too long, or has it behind itself.
    Flow,
    /// The person, or the provider, said no.
    Denied,
    /// The provider does not take its own code.
    Code,
    /// The ID token does not hold.
    IdToken,
    /// No group of the person stands for a role.
    Role,
}

impl Refusal {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Provider => "oidc-provider-away",
            Self::Flow => "oidc-flow-over",
            Self::Denied => "oidc-denied",
            Self::Code => "oidc-code-refused",
            Self::IdToken => "oidc-token-refused",
            Self::Role => "oidc-no-role",
        }
    }

    pub(crate) fn problem(self) -> Problem {
        let detail = match self {
            Self::Provider => {
                return Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    self.code(),
                    "the OpenID provider cannot be asked: try again in a moment, or sign in with a token; the service's \
                     log says why, and --oidc-issuer names the provider",
                )
                .retry_after(5);
            }
            Self::Flow => "this sign-in was not begun here, took longer than 10 minutes, or is over: begin again",
            Self::Denied => "the OpenID provider did not sign you in",
            Self::Code => "the OpenID provider did not take its code: begin again",
            Self::IdToken => "the OpenID provider's token does not hold; the service's log says why",
            Self::Role => "none of your groups has a role here: ask an admin (--oidc-role)",
        };
        Problem::new(StatusCode::FORBIDDEN, self.code(), detail)
    }
}

/// Begins a session for somebody whom the provider signed in; its secret.
///
/// # Errors
/// [`Refusal::Role`], or [`Refusal::Flow`] when the sign-in made a session before; else the database's.
pub(crate) async fn begin_session(
    store: &Store,
    oidc: &Oidc,
    flow_id: Uuid,
    person: &Person,
    now: DateTime<Utc>,
) -> Result<Result<String, Refusal>, ApiError> {
    let issuer = &oidc.config.issuer;
    let actor = format!("{ACTOR_PREFIX}{}@{issuer}", person.subject);
    let Some(role) = oidc.role_of(&person.groups) else {
        tracing::warn!(actor, "somebody without a role was not signed in");
        return Ok(Err(Refusal::Role));
    };
    let (id, secret) = (Uuid::now_v7(), format!("{SECRET_PREFIX}{}", new_secret()?.trim_start_matches("otaru_")));
    let session = oidc_sessions::NewSession {
        id,
        flow_id,
        secret_sha256: &hash(&secret),
        issuer,
        subject: &person.subject,
        actor: &actor,
        display_name: &person.display_name,
        role: role.as_str(),
        expires_at: now + oidc.config.session_life,
    };
    let mut tx = store.begin().await?;
    if !oidc_sessions::create(&mut tx, &session, now).await? {
        return Ok(Err(Refusal::Flow));
    }
    let details = json!({"display_name": person.display_name, "role": role, "expires_at": session.expires_at});
    audit::record(&mut tx, &actor, "signed_in", &format!("session-{id}"), &details, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(actor, session = %id, role = role.as_str(), "signed in");
    Ok(Ok(secret))
}

/// Ends the session with this secret, if there is one.
///
/// # Errors
/// [`ApiError`] when the database fails.
pub(crate) async fn end_session(store: &Store, secret: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
    if !secret.starts_with(SECRET_PREFIX) {
        return Ok(());
    }
    let mut tx = store.begin().await?;
    if let Some((id, actor)) = oidc_sessions::revoke(&mut tx, &hash(secret), now).await? {
        audit::record(&mut tx, &actor, "signed_out", &format!("session-{id}"), &json!({}), now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        tracing::info!(actor, session = %id, "signed out");
    }
    Ok(())
}

/// Whose session it is; nothing when the secret is no session's.
///
/// # Errors
/// 401 for a session that is over, or of a provider that is no longer asked.
pub(crate) async fn actor_of(
    store: &Store,
    oidc: Option<&Oidc>,
    secret: &str,
    now: DateTime<Utc>,
) -> Result<Option<Actor>, ApiError> {
    if !secret.starts_with(SECRET_PREFIX) {
        return Ok(None);
    }
    let Some(session) = oidc_sessions::of_secret(store, &hash(secret)).await? else { return Ok(None) };
    let refused = |detail: &str| Err(ApiError::from(Problem::unauthorized(detail)));
    if session.revoked_at.is_some() {
        let own = session.ended_by.as_ref().is_none_or(|by| *by == session.actor);
        let detail = if own { "you signed out; sign in again" } else { "an admin ended this session; sign in again" };
        return refused(detail);
    }
    if session.expires_at <= now {
        return refused("this session is over; sign in again");
    }
    if oidc.is_none_or(|oidc| oidc.config.issuer != session.issuer) {
        return refused("this session's provider is not asked any more; sign in again");
    }
    let role = Role::parse(&session.role)
        .ok_or_else(|| StoreError::inconsistent("oidc_sessions", format!("role {:?}", session.role)))?;
    if session.is_use_news(now) {
        oidc_sessions::used(store, session.id, now).await?;
    }
    let display_name = Some(session.display_name);
    Ok(Some(Actor { name: session.actor, display_name, role, scope: Scope::default(), session: Some(session.id) }))
}
