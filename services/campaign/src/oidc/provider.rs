//! The provider as this service knows it: its metadata and keys, asked for when somebody first signs in and again
//! when a token is signed with a key that is not known yet. Nothing else waits for the provider.

use std::sync::Arc;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AdditionalClaims, AuthorizationCode, ClaimsVerificationError, Client, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenClaims, IdTokenFields,
    IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError,
    Scope, SignatureVerificationError, StandardErrorResponse, StandardTokenResponse, SubjectIdentifier,
    TokenResponse as _, UserInfoClaims,
};
use otaru_http::chain;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::Url;

use super::flow::Flow;
use super::http::Http;
use super::{OidcConfig, Refusal};

/// Claims that the specification does not name, among which the groups are.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Others(Map<String, Value>);

impl AdditionalClaims for Others {}

type Fields = IdTokenFields<
    Others,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type Claims = IdTokenClaims<Others, CoreGenderClaim>;
type OidcClient = Client<
    Others,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Whom the provider signed in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) subject: String,
    pub(crate) display_name: String,
    pub(crate) groups: Vec<String>,
}

/// Where a browser is to go, and what must be remembered of it.
pub(crate) struct Begun {
    pub(crate) url: Url,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
}

/// The provider. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Provider {
    http: Http,
    known: Arc<Mutex<Option<Arc<CoreProviderMetadata>>>>,
}

impl Provider {
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        Ok(Self { http: Http::new()?, known: Arc::default() })
    }

    /// The way to the provider's own sign-in.
    pub(crate) async fn begin(&self, config: &OidcConfig) -> Result<Begun, Refusal> {
        let client = self.client(config, false).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(config.scopes.iter().cloned().map(Scope::new));
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        let (state, nonce) = (state.into_secret(), nonce.secret().clone());
        Ok(Begun { url, state, nonce, verifier: verifier.into_secret() })
    }

    /// Whom the provider signed in, once its code was exchanged and its token holds.
    pub(crate) async fn finish(&self, config: &OidcConfig, flow: &Flow, code: String) -> Result<Person, Refusal> {
        let client = self.client(config, false).await?;
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(|_| Refusal::Provider)?;
        let verifier = PkceCodeVerifier::new(flow.verifier.clone());
        let tokens = request.set_pkce_verifier(verifier).request_async(&self.http).await.map_err(|error| {
            tracing::warn!(error = chain(&error), "the OpenID provider gave no token for a code");
            match error {
                RequestTokenError::Request(_) => Refusal::Provider,
                _ => Refusal::Code,
            }
        })?;
        let claims = match verified(&client, &tokens, &flow.nonce) {
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                verified(&self.client(config, true).await?, &tokens, &flow.nonce)
            }
            other => other,
        };
        let claims = claims.map_err(|error| {
            tracing::warn!(error = chain(&error), "an ID token of the OpenID provider was refused");
            Refusal::IdToken
        })?;
        self.person(config, &client, claims, tokens.access_token()).await
    }

    /// What the claims say; what the ID token leaves out is asked of the userinfo endpoint.
    async fn person(
        &self,
        config: &OidcConfig,
        client: &OidcClient,
        claims: Claims,
        token: &AccessToken,
    ) -> Result<Person, Refusal> {
        let subject = claims.subject().as_str().to_owned();
        // OpenID Connect Core 2: at most 255 ASCII characters.
        if subject.is_empty() || subject.len() > 255 || !subject.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refusal::IdToken);
        }
        let localized = |name: Option<&openidconnect::LocalizedClaim<openidconnect::EndUserName>>| {
            name.and_then(|name| name.get(None)).map(|name| name.as_str().to_owned())
        };
        let mut name = localized(claims.name()).or_else(|| claims.preferred_username().map(|name| name.to_string()));
        let mut groups = groups(&claims.additional_claims().0, &config.groups_claim);
        if groups.is_none() && client.user_info_url().is_some() {
            let told = self.user_info(client, &subject, token.clone()).await?;
            groups = self::groups(&told.additional_claims().0, &config.groups_claim);
            name = name
                .or_else(|| localized(told.name()))
                .or_else(|| told.preferred_username().map(|name| name.to_string()));
        }
        let display_name = plain(&name.unwrap_or_else(|| subject.clone()));
        Ok(Person { subject, display_name, groups: groups.unwrap_or_default() })
    }

    async fn user_info(
        &self,
        client: &OidcClient,
        subject: &str,
        token: AccessToken,
    ) -> Result<UserInfoClaims<Others, CoreGenderClaim>, Refusal> {
        // Another person's claims under this token are refused: Core 5.3.2.
        let subject = SubjectIdentifier::new(subject.to_owned());
        let request = client.user_info(token, Some(subject)).map_err(|_| Refusal::Provider)?;
        request.request_async(&self.http).await.map_err(|error| {
            tracing::warn!(error = chain(&error), "the OpenID provider's userinfo cannot be used");
            Refusal::Provider
        })
    }

    /// A client for what is known of the provider; `anew` asks again.
    async fn client(&self, config: &OidcConfig, anew: bool) -> Result<OidcClient, Refusal> {
        let known = self.known.lock().await.clone().filter(|_| !anew);
        let metadata = match known {
            Some(metadata) => metadata,
            None => {
                // Not under the lock: while the provider is silent, nobody waits for another's question.
                let metadata = Arc::new(self.discover(config).await?);
                *self.known.lock().await = Some(metadata.clone());
                metadata
            }
        };
        let redirect = RedirectUrl::new(config.redirect_uri()).map_err(|_| Refusal::Provider)?;
        let secret = ClientSecret::new(config.client_secret.clone());
        let client = OidcClient::from_provider_metadata(
            (*metadata).clone(),
            ClientId::new(config.client_id.clone()),
            Some(secret),
        );
        Ok(client.set_redirect_uri(redirect))
    }

    async fn discover(&self, config: &OidcConfig) -> Result<CoreProviderMetadata, Refusal> {
        let away = |error: &(dyn std::error::Error + 'static)| {
            tracing::warn!(issuer = config.issuer, error = chain(error), "the OpenID provider cannot be asked");
            Refusal::Provider
        };
        let issuer = IssuerUrl::new(config.issuer.clone()).map_err(|error| away(&error))?;
        CoreProviderMetadata::discover_async(issuer, &self.http).await.map_err(|error| away(&error))
    }
}

/// The claims of an ID token for this client, this flow and now: Core 3.1.3.7.
fn verified(client: &OidcClient, tokens: &Tokens, nonce: &str) -> Result<Claims, ClaimsVerificationError> {
    let token = tokens.id_token().ok_or_else(|| ClaimsVerificationError::Other("there is no ID token".into()))?;
    Ok(token.claims(&client.id_token_verifier(), &Nonce::new(nonce.to_owned()))?.clone())
}

/// The groups in a claim: a list of text, or one text. Nothing when there is no such claim.
fn groups(claims: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    let claim = match name.strip_prefix('/').map(|path| path.split_once('/')) {
        None => claims.get(name),
        Some(None) => claims.get(&name[1..]),
        Some(Some((first, rest))) => claims.get(first).and_then(|value| value.pointer(&format!("/{rest}"))),
    };
    match claim? {
        Value::String(group) => Some(vec![group.clone()]),
        Value::Array(groups) => Some(groups.iter().filter_map(|group| group.as_str().map(str::to_owned)).collect()),
        _ => None,
    }
}

/// A name for people, short and without control characters.
fn plain(name: &str) -> String {
    name.chars().filter(|char| !char.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_by_name_and_by_pointer() {
        let claims = serde_json::json!({"groups": ["a", 1, "b"], "role": "one", "realm_access": {"roles": ["c"]}});
        let claims = claims.as_object().unwrap();
        assert_eq!(groups(claims, "groups").unwrap(), ["a", "b"]);
        assert_eq!(groups(claims, "role").unwrap(), ["one"]);
        assert_eq!(groups(claims, "/realm_access/roles").unwrap(), ["c"]);
        assert_eq!(groups(claims, "/groups").unwrap(), ["a", "b"]);
        assert_eq!(groups(claims, "realm_access"), None);
        assert_eq!(groups(claims, "none"), None);
    }
}
