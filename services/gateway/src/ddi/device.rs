//! Which vehicle asks, by the tokens of DDI. A `TargetToken` is the vehicle's: one that the campaign service signed, as
//! on the vehicles' own API, or an opaque one imported from an older server. A `GatewayToken` speaks for any vehicle. Without a token, a client certificate that names the vehicle will do.
//! Whatever is wrong, the answer is 401 without a word, as devices expect and so that nobody learns which VINs exist.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use moka::sync::Cache;
use otaru_domain::clock;
use otaru_domain::id::{ModelId, Vin};
use otaru_domain::token::{self, Claims};
use otaru_http::Problem;
use otaru_store::vehicle_tokens as rows;
use otaru_store::vehicles::Details;
use otaru_store::{StoreError, models, vehicles};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::links::Links;
use super::{DdiConfig, ROOT};
use crate::admission::credential;
use crate::app::App;
use crate::auth::Refused;
use crate::certificate::{self, Known, claims_of};
use crate::problems;

/// Longer ones are none of ours.
const MAX_TOKEN_BYTES: usize = 2048;
/// How long a token that was looked up is taken on trust: a revoked one works no longer than this.
const REMEMBER: Duration = Duration::from_secs(10);
const REMEMBERED: u64 = 100_000;

/// What the device API remembers for a moment.
#[derive(Debug)]
pub(crate) struct Ddi {
    settings: DdiConfig,
    /// By the hash of an opaque token.
    by_token: Cache<[u8; 32], Arc<Claims>>,
    /// Vehicles that said what they are.
    pub(super) described: Cache<Vin, ()>,
}

impl Ddi {
    pub(crate) fn new(settings: DdiConfig) -> Self {
        let described = Cache::builder().max_capacity(REMEMBERED).time_to_idle(Duration::from_secs(24 * 3600)).build();
        Self { settings, by_token: Cache::builder().max_capacity(REMEMBERED).time_to_live(REMEMBER).build(), described }
    }

    /// Whether the opaque token with this SHA-256 was verified lately.
    pub(crate) fn knows(&self, digest: &[u8; 32]) -> bool {
        self.by_token.contains_key(digest)
    }

    pub(crate) fn settings(&self) -> &DdiConfig {
        &self.settings
    }
}

/// The vehicle that asks, for itself.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub claims: Arc<Claims>,
    pub links: Links,
}

/// Why a device is turned away.
enum Away {
    /// 401 without a word.
    Unknown,
    Problem(Problem),
}

impl From<Problem> for Away {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl FromRequestParts<App> for Device {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        Box::pin(recognise(parts, app)).await.map_err(|away| match away {
            Away::Unknown => StatusCode::UNAUTHORIZED.into_response(),
            Away::Problem(problem) => problem.into_response(),
        })
    }
}

async fn recognise(parts: &mut Parts, app: &App) -> Result<Device, Away> {
    let path = RawPathParams::from_request_parts(parts, app).await.map_err(|_| Away::Unknown)?;
    let part = |wanted: &str| path.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned());
    let settings = app.ddi.settings();
    if part("tenant").is_none_or(|tenant| !tenant.eq_ignore_ascii_case(&settings.tenant)) {
        return Err(Problem::not_found("there is no such tenant here").into());
    }
    let vin = part("vin").and_then(|vin| Vin::parse(&vin).ok()).ok_or(Away::Unknown)?;
    let client = app.proxies.client(&parts.extensions, &parts.headers);
    let claims = claims(parts, app, &vin, client).await;
    if matches!(claims, Err(Away::Unknown)) {
        app.rates.refused(client)?;
    }
    let claims = claims?;
    app.rates.vehicle(&claims.vin)?;
    if claims.vin != vin {
        return Err(Away::Unknown);
    }
    app.presence.heard(claims.vehicle, clock::now());
    tracing::Span::current().record("vin", vin.as_str());
    let links = Links::of(parts, &app.proxies, &settings.tenant, &vin)?;
    Ok(Device { claims, links })
}

/// Who asks for `vin`, by a token or, where there is none, by a certificate.
async fn claims(parts: &Parts, app: &App, vin: &Vin, client: Option<IpAddr>) -> Result<Arc<Claims>, Away> {
    let Some((scheme, secret)) = credential(&parts.headers) else {
        let certificate = certificate::of(parts, app).filter(|certificate| certificate::names(certificate, vin));
        let certificate = certificate.ok_or(Away::Unknown)?;
        let found = certificate::vehicle(app, &certificate, vin).await;
        return found.map_err(|error| problems::not_read(app, &error))?.ok_or(Away::Unknown);
    };
    if secret.is_empty() || secret.len() > MAX_TOKEN_BYTES {
        return Err(Away::Unknown);
    }
    if scheme.eq_ignore_ascii_case("TargetToken") {
        if !app.knows(secret) {
            app.rates.may_try(client)?;
        }
        of_target(app, secret).await
    } else if scheme.eq_ignore_ascii_case("GatewayToken") {
        let first = parts.method == Method::GET
            && parts.extensions.get::<MatchedPath>().is_some_and(|matched| matched.as_str() == ROOT);
        of_gateway(app, secret, vin, first).await
    } else {
        Err(Away::Unknown)
    }
}

async fn of_target(app: &App, secret: &str) -> Result<Arc<Claims>, Away> {
    // An opaque token may look like anything, but it names no key in a header that can be read.
    if token::key_id(secret).is_none() {
        return of_opaque(app, secret).await;
    }
    if !app.mirror.knows_revocations() {
        return Err(problems::starting().into());
    }
    app.auth.verify(secret, clock::now()).await.map_err(|refused| match refused {
        Refused::Invalid | Refused::Expired => Away::Unknown,
        Refused::CannotTell => Problem::unavailable("the token's key is not known here yet; ask again", 2).into(),
        Refused::Store(error) => problems::not_read(app, &error).into(),
    })
}

async fn of_opaque(app: &App, secret: &str) -> Result<Arc<Claims>, Away> {
    let hash: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
    if let Some(claims) = app.ddi.by_token.get(&hash) {
        return Ok(claims);
    }
    let holder = rows::holder(&app.store, &hash).await.map_err(|error| problems::not_read(app, &error))?;
    let claims = Arc::new(claims_of(holder.ok_or(Away::Unknown)?));
    app.ddi.by_token.insert(hash, Arc::clone(&claims));
    Ok(claims)
}

async fn of_gateway(app: &App, secret: &str, vin: &Vin, first: bool) -> Result<Arc<Claims>, Away> {
    let settings = app.ddi.settings();
    let expected = settings.gateway_token_sha256.ok_or(Away::Unknown)?;
    if !bool::from(DdiConfig::hash(secret).ct_eq(&expected)) {
        return Err(Away::Unknown);
    }
    let not_read = |error: StoreError| Away::from(problems::not_read(app, &error));
    let mut known = app.by_vin.find(app, vin).await.map_err(not_read)?;
    if let (Known::No, true, Some(model)) = (&known, first, &settings.auto_register_model) {
        register(app, vin, model).await.map_err(not_read)?;
        known = app.by_vin.find(app, vin).await.map_err(not_read)?;
    }
    match known {
        Known::InService(claims) => Ok(claims),
        Known::Retired | Known::No => Err(Away::Unknown),
    }
}

/// Makes a vehicle of `model`, if that is in service and takes such a VIN; another gateway may do so at the same time.
async fn register(app: &App, vin: &Vin, model: &ModelId) -> Result<(), StoreError> {
    let Some(known) = models::get(&app.store, model).await?.filter(|known| known.retired_at.is_none()) else {
        tracing::error!(%model, "vehicles are to be registered as a model that is not in service");
        return Ok(());
    };
    if known.vin_check_digit && !vin.check_digit_holds() {
        return Ok(());
    }
    let mut tx = app.store.begin().await?;
    let created = vehicles::create(&mut tx, vin, model, &Details::default(), clock::now()).await?;
    tx.commit().await?;
    if created.is_some() {
        tracing::info!(%vin, %model, "registered a vehicle at its first poll");
    }
    Ok(())
}
