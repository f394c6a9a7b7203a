//! How often one client may ask: each vehicle, each address, and each address with tokens that do not hold. Who asks too
//! often is told when to come back; vehicles that the gateway knows are served whatever others behind their address do.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use moka::sync::Cache;
use otaru_domain::id::Vin;
use otaru_http::Problem;

use crate::admission::credential;
use crate::app::App;

/// How long an address that tried too many tokens may try no other.
const PAUSE: Duration = Duration::from_secs(10);
/// Addresses in that pause that are remembered.
const REMEMBERED: u64 = 100_000;
/// How often what is idle is forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// Requests per minute, which may also come all at once; none, as many as one likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    pub vehicle: Option<NonZeroU32>,
    /// Of an address, or of a /64 of IPv6, without the token of a vehicle.
    pub address: Option<NonZeroU32>,
    /// Of an address, with tokens that do not hold.
    pub refused: Option<NonZeroU32>,
}

impl Default for Rates {
    /// Far above what an agent does, and what the vehicles behind one carrier's address do.
    fn default() -> Self {
        Self { vehicle: NonZeroU32::new(600), address: NonZeroU32::new(600_000), refused: NonZeroU32::new(600) }
    }
}

type PerAddress = DefaultKeyedRateLimiter<IpAddr>;

/// Who asked how often lately.
pub(crate) struct Limiter {
    vehicles: Option<DefaultKeyedRateLimiter<Vin>>,
    addresses: Option<PerAddress>,
    refused: Option<PerAddress>,
    paused: Cache<IpAddr, ()>,
}

impl Limiter {
    pub(crate) fn new(rates: Rates) -> Self {
        Self {
            vehicles: rates.vehicle.map(|most| RateLimiter::keyed(Quota::per_minute(most))),
            addresses: rates.address.map(|most| RateLimiter::keyed(Quota::per_minute(most))),
            refused: rates.refused.map(|most| RateLimiter::keyed(Quota::per_minute(most))),
            paused: Cache::builder().max_capacity(REMEMBERED).time_to_live(PAUSE).build(),
        }
    }

    /// Counts a request of a vehicle.
    pub(crate) fn vehicle(&self, vin: &Vin) -> Result<(), Problem> {
        let wait = self.vehicles.as_ref().and_then(|vehicles| vehicles.check_key(vin).err());
        wait.map_or(Ok(()), |until| Err(too_many("vehicle", until.wait_time_from(DefaultClock::default().now()))))
    }

    /// Counts a request of an address.
    pub(crate) fn address(&self, address: IpAddr) -> Result<(), Problem> {
        let wait = self.addresses.as_ref().and_then(|addresses| addresses.check_key(&address).err());
        wait.map_or(Ok(()), |until| Err(too_many("address", until.wait_time_from(DefaultClock::default().now()))))
    }

    /// Whether the address may try a token that is not known yet.
    pub(crate) fn may_try(&self, address: Option<IpAddr>) -> Result<(), Problem> {
        match address {
            Some(address) if self.paused.contains_key(&address) => Err(too_many("refused", PAUSE)),
            _ => Ok(()),
        }
    }

    /// Counts a token that does not hold; an error when the address tried too many.
    pub(crate) fn refused(&self, address: Option<IpAddr>) -> Result<(), Problem> {
        let (Some(refused), Some(address)) = (&self.refused, address) else { return Ok(()) };
        if refused.check_key(&address).is_ok() {
            return Ok(());
        }
        self.paused.insert(address, ());
        Err(too_many("refused", PAUSE))
    }

    fn forget_idle(&self) {
        if let Some(vehicles) = &self.vehicles {
            vehicles.retain_recent();
        }
        for addresses in [&self.addresses, &self.refused].into_iter().flatten() {
            addresses.retain_recent();
        }
    }
}

/// Keeps memory to those who asked lately.
pub(crate) async fn forget(app: App) {
    while app.stop.run_until_cancelled(tokio::time::sleep(FORGET_EVERY)).await.is_some() {
        app.rates.forget_idle();
    }
}

/// Counts a request for its address, unless it comes from a vehicle that is known: that one has a limit of its own, and
/// thousands of them may have one address.
pub(crate) fn stranger(app: &App, request: &Request) -> Result<(), Problem> {
    if credential(request.headers()).is_some_and(|(_, secret)| app.knows(secret)) {
        return Ok(());
    }
    let client = app.proxies.client(request.extensions(), request.headers());
    client.map_or(Ok(()), |client| app.rates.address(client))
}

fn too_many(what: &'static str, wait: Duration) -> Problem {
    metrics::counter!("otaru_gateway_limited_total", "what" => what).increment(1);
    let secs = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
    let detail = match what {
        "vehicle" => "this vehicle asks too often",
        "refused" => "too many tokens from this address do not hold",
        _ => "too many requests from this address",
    };
    let detail = format!("{detail}; come back in {secs} s");
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail).retry_after(secs)
}
