//! Who asks, by a client certificate: its common name or one of its alternative names is the VIN. The chain was verified
//! in the handshake, here or by a proxy that the installation trusts.

use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use moka::sync::Cache;
use otaru_domain::id::Vin;
use otaru_domain::token::Claims;
use otaru_http::{ClientCertificate, Connection};
use otaru_store::StoreError;
use otaru_store::vehicle_tokens::{self as rows, Holder};

use crate::app::App;

/// How long a vehicle that was looked up is taken on trust: one that is retired is served no longer than this.
const REMEMBER: Duration = Duration::from_secs(10);
const REMEMBERED: u64 = 100_000;

/// Vehicles that were looked up by their VIN a moment ago.
#[derive(Debug)]
pub(crate) struct ByVin(Cache<Vin, Arc<Claims>>);

/// What the registry knows of a VIN.
#[derive(Debug)]
pub(crate) enum Known {
    InService(Arc<Claims>),
    Retired,
    No,
}

impl Default for ByVin {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(REMEMBERED).time_to_live(REMEMBER).build())
    }
}

impl ByVin {
    /// Asks the registry, or remembers.
    pub(crate) async fn find(&self, app: &App, vin: &Vin) -> Result<Known, StoreError> {
        if let Some(claims) = self.0.get(vin) {
            return Ok(Known::InService(claims));
        }
        Ok(match rows::by_vin(&app.store, vin).await? {
            None => Known::No,
            Some((_, true)) => Known::Retired,
            Some((holder, false)) => {
                let claims = Arc::new(claims_of(holder));
                self.0.insert(vin.clone(), Arc::clone(&claims));
                Known::InService(claims)
            }
        })
    }
}

/// As a token of ours would say it; one that was looked up just now does not end by itself.
pub(crate) fn claims_of(holder: Holder) -> Claims {
    let Holder { token, vehicle, vin, model } = holder;
    Claims { vin, vehicle, model, jti: token, iat: 0, exp: i64::MAX, ack_key: None }
}

/// The certificate that a request comes with, if it has one.
pub(crate) fn of(parts: &Parts, app: &App) -> Option<Arc<ClientCertificate>> {
    if let Some(name) = app.proxies.certified(&parts.extensions, &parts.headers) {
        return Some(Arc::new(ClientCertificate { names: vec![name.to_owned()], not_after: i64::MAX }));
    }
    parts.extensions.get::<Connection>()?.certificate.clone()
}

/// Whether a certificate is this vehicle's.
pub(crate) fn names(certificate: &ClientCertificate, vin: &Vin) -> bool {
    certificate.names.iter().any(|name| Vin::parse(name).is_ok_and(|named| named == *vin))
}

/// The vehicle of a certificate that names `vin`, until the certificate ends.
pub(crate) async fn vehicle(
    app: &App,
    certificate: &ClientCertificate,
    vin: &Vin,
) -> Result<Option<Arc<Claims>>, StoreError> {
    Ok(match app.by_vin.find(app, vin).await? {
        Known::InService(claims) => Some(Arc::new(Claims { exp: certificate.not_after, ..(*claims).clone() })),
        Known::Retired | Known::No => None,
    })
}
