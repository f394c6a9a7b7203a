//! How often one client may ask: each vehicle, each address, and each address with tokens that do not hold. Who asks too
//! often is told when to come back; vehicles that the gateway knows are served whatever others behind their address do.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, StatusCode};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use moka::sync::Cache;
use otaru_domain::id::Vin;
use otaru_http::Problem;

use crate::app::App;
use crate::auth::credential;
use crate::ddi::Network;

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
    let client = client(request.extensions(), request.headers(), &app.ddi.settings().trusted_proxies);
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

/// Where a request comes from: the peer, or what proxies that the installation trusts say of it.
pub(crate) fn client(extensions: &Extensions, headers: &HeaderMap, trusted: &[Network]) -> Option<IpAddr> {
    let is_proxy = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut address = extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip();
    // Each proxy appends whom it heard; what stands left of the first that nobody trusts, anybody may have written.
    let said = headers.get_all("x-forwarded-for").iter().rev().filter_map(|value| value.to_str().ok());
    let mut said = said.flat_map(|value| value.rsplit(',').map(str::trim));
    while is_proxy(address) {
        match said.next().map(str::parse) {
            Some(Ok(before)) => address = before,
            _ => break,
        }
    }
    Some(group(address))
}

/// As [`client`], of a request's head.
pub(crate) fn client_of(parts: &Parts, app: &App) -> Option<IpAddr> {
    client(&parts.extensions, &parts.headers, &app.ddi.settings().trusted_proxies)
}

/// Who has one IPv6 address has 2^64 of them.
fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn seen(peer: &str, said: &[&str], trusted: &[&str]) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 5000)));
        let mut headers = HeaderMap::new();
        for value in said {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client(&extensions, &headers, &trusted).unwrap().to_string()
    }

    #[test]
    fn only_trusted_proxies_say_who_asks() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(seen("192.0.2.7", &["198.51.100.1"], &proxies), "192.0.2.7");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1"], &[]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1"], &proxies), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["203.0.113.9, 198.51.100.1, 10.0.0.2"], &proxies), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["203.0.113.9", "198.51.100.1"], &proxies), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["nonsense"], &proxies), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[], &proxies), "10.0.0.1");
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one() {
        assert_eq!(seen("2001:db8:1:2:3:4:5:6", &[], &[]), "2001:db8:1:2::");
        assert_eq!(seen("::ffff:192.0.2.7", &[], &[]), "192.0.2.7");
    }
}
