//! Who gets in: by a token, over HTTP as over MQTT, or by a client certificate.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use otaru_domain::clock;
use otaru_domain::id::Vin;
use otaru_domain::token::{Claims, TokenError};
use otaru_http::{ClientCertificate, Problem};

use crate::app::App;
use crate::auth::Refused;
use crate::{certificate, problems};

/// How long it may take to find out who asks for what anybody may have.
const PATIENCE: Duration = Duration::from_secs(1);

/// The vehicle that asks, for itself: its token or certificate is valid, and the path names no other.
#[derive(Debug, Clone)]
pub(crate) struct Vehicle(pub(crate) Arc<Claims>);

/// The scheme and the secret that a request brings.
pub(crate) fn credential(headers: &HeaderMap) -> Option<(&str, &str)> {
    split(headers.get(AUTHORIZATION)?.to_str().ok()?)
}

fn split(authorization: &str) -> Option<(&str, &str)> {
    let (scheme, secret) = authorization.split_once(' ')?;
    Some((scheme, secret.trim()))
}

/// The vehicle that `token` is, if it is the one called `vin`: the one way in, over HTTP as over MQTT. `client` is the
/// address that tries, where one is known.
///
/// # Errors
/// 401 without a token that holds, 403 for another's VIN, 429 for who asks too often, 503 while that cannot be told.
pub(crate) async fn admit(
    app: &App,
    token: Option<&str>,
    vin: Option<&str>,
    client: Option<IpAddr>,
) -> Result<Arc<Claims>, Problem> {
    let claims = verified(app, token, client).await?;
    // Another's VIN and a text that is no VIN are refused alike: nobody learns which VINs exist.
    if vin != Some(claims.vin.as_str()) {
        return Err(Problem::forbidden("the token is not this vehicle's"));
    }
    Ok(claims)
}

/// The vehicle that a request brings a token or a certificate of, where the path names none.
///
/// # Errors
/// As [`admit`]; 403 for a certificate that names no vehicle, or several.
pub(crate) async fn anybody(parts: &Parts, app: &App) -> Result<Arc<Claims>, Problem> {
    if let Some(given) = credential(&parts.headers) {
        let client = app.proxies.client(&parts.extensions, &parts.headers);
        return verified(app, bearer_of(given), client).await;
    }
    let certificate = certificate::of(parts, app).ok_or_else(nobody)?;
    let mut vins: Vec<Vin> = certificate.names.iter().filter_map(|name| Vin::parse(name).ok()).collect();
    vins.sort();
    vins.dedup();
    match vins.as_slice() {
        [vin] => of_certificate(app, &certificate, vin).await,
        _ => Err(Problem::forbidden("the certificate must name one vehicle by its VIN")),
    }
}

async fn verified(app: &App, token: Option<&str>, client: Option<IpAddr>) -> Result<Arc<Claims>, Problem> {
    let token = token.ok_or_else(nobody)?;
    if !app.mirror.knows_revocations() {
        return Err(problems::starting());
    }
    if !app.knows(token) {
        app.rates.may_try(client)?;
    }
    let verified = app.auth.verify(token, clock::now()).await;
    if matches!(verified, Err(Refused::Invalid | Refused::Expired)) {
        app.rates.refused(client)?;
    }
    let claims = verified.map_err(|refused| match refused {
        Refused::Invalid => Problem::unauthorized(TokenError::Invalid.to_string()),
        Refused::Expired => Problem::unauthorized(TokenError::Expired.to_string()),
        Refused::CannotTell => Problem::unavailable("the token's key is not known here yet; ask again", 2),
        Refused::Store(error) => problems::not_read(app, &error),
    })?;
    app.rates.vehicle(&claims.vin)?;
    app.presence.heard(claims.vehicle, clock::now());
    Ok(claims)
}

/// The token in the value of an `Authorization` header, or of the user property of that name.
pub(crate) fn bearer(authorization: &str) -> Option<&str> {
    split(authorization).and_then(bearer_of)
}

fn bearer_of<'a>((scheme, token): (&'a str, &'a str)) -> Option<&'a str> {
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

impl FromRequestParts<App> for Vehicle {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let path = RawPathParams::from_request_parts(parts, app).await.ok();
        let vin = path.as_ref().and_then(|path| path.iter().find(|(name, _)| *name == "vin")).map(|(_, vin)| vin);
        let client = app.proxies.client(&parts.extensions, &parts.headers);
        let claims = match credential(&parts.headers) {
            Some(given) => admit(app, bearer_of(given), vin, client).await?,
            None => by_certificate(parts, app, vin).await?,
        };
        tracing::Span::current().record("vin", claims.vin.as_str());
        Ok(Self(claims))
    }
}

/// Whoever asks for a target. With private targets it is a vehicle; else anybody, and nobody is turned away for a
/// credential that does not hold.
#[derive(Debug, Clone)]
pub(crate) struct Reader(pub(crate) Option<Arc<Claims>>);

impl FromRequestParts<App> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let read = anybody(parts, app);
        if app.private_targets {
            return read.await.map(|claims| Self(Some(claims)));
        }
        // Who asks matters for nothing but the caps of campaigns, and keeps nobody waiting for Postgres.
        if !app.bandwidth.caps_campaigns() {
            return Ok(Self(None));
        }
        Ok(Self(tokio::time::timeout(PATIENCE, read).await.ok().and_then(Result::ok)))
    }
}

fn nobody() -> Problem {
    Problem::unauthorized("send the vehicle's token: Authorization: Bearer <token>")
}

async fn by_certificate(parts: &Parts, app: &App, vin: Option<&str>) -> Result<Arc<Claims>, Problem> {
    let certificate = certificate::of(parts, app).ok_or_else(nobody)?;
    let named = vin.and_then(|vin| Vin::parse(vin).ok()).filter(|vin| certificate::names(&certificate, vin));
    let vin = named.ok_or_else(|| Problem::forbidden("the certificate is not this vehicle's"))?;
    of_certificate(app, &certificate, &vin).await
}

async fn of_certificate(app: &App, certificate: &ClientCertificate, vin: &Vin) -> Result<Arc<Claims>, Problem> {
    app.rates.vehicle(vin)?;
    let found = certificate::vehicle(app, certificate, vin).await;
    let gone = || Problem::unauthorized("the certificate's vehicle is not in service here: register it first");
    let claims = found.map_err(|error| problems::not_read(app, &error))?.ok_or_else(gone)?;
    app.presence.heard(claims.vehicle, clock::now());
    Ok(claims)
}
