//! What proxies in front of a gateway say of a request, which counts only from those that the installation names: where
//! it comes from, how the client reached the server, and whom the client's certificate named where TLS ends before us.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderName};

use crate::network::Network;

/// The proxies that are believed.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    pub trusted: Vec<Network>,
    /// The header in which they put the common name of a client certificate that they verified, and nothing else: of a
    /// whole subject it cannot be told what a vehicle had put into another part. None, and only certificates on
    /// connections of our own count.
    pub certificate_header: Option<HeaderName>,
}

impl Proxies {
    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    /// Whether a request came through a proxy that is believed.
    pub(crate) fn brought(&self, extensions: &Extensions) -> bool {
        peer(extensions).is_some_and(|peer| self.trusts(peer))
    }

    /// Where a request comes from, addresses of one /64 of IPv6 as one: who has one of them has 2^64.
    pub(crate) fn client(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
        let mut address = peer(extensions)?;
        // Each proxy appends whom it heard; what stands left of the first that nobody trusts, anybody may have written.
        let said = headers.get_all("x-forwarded-for").iter().rev().filter_map(|value| value.to_str().ok());
        let mut said = said.flat_map(|value| value.rsplit(',').map(str::trim));
        while self.trusts(address) {
            match said.next().map(str::parse) {
                Some(Ok(before)) => address = before,
                _ => break,
            }
        }
        Some(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            address => address,
        })
    }

    /// Whom the client's certificate names, as a trusted proxy says. Where the header stands twice, one of them came from
    /// the client: nobody is named.
    pub(crate) fn certified<'a>(&self, extensions: &Extensions, headers: &'a HeaderMap) -> Option<&'a str> {
        let name = self.certificate_header.as_ref().filter(|_| self.brought(extensions))?;
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        if values.next().is_some() { None } else { Some(value.trim()) }
    }
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    Some(extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn proxies(trusted: &[&str]) -> Proxies {
        let trusted = trusted.iter().map(|network| network.parse().unwrap()).collect();
        Proxies { trusted, certificate_header: Some(HeaderName::from_static("x-ssl-client-cn")) }
    }

    fn from(peer: &str, name: &'static str, values: &[&str]) -> (Extensions, HeaderMap) {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 5000)));
        let values = values.iter().map(|value| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        (extensions, values.collect())
    }

    fn seen(peer: &str, said: &[&str], trusted: &[&str]) -> String {
        let (extensions, headers) = from(peer, "x-forwarded-for", said);
        proxies(trusted).client(&extensions, &headers).unwrap().to_string()
    }

    #[test]
    fn only_trusted_proxies_say_who_asks() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(seen("192.0.2.7", &["198.51.100.1"], &trusted), "192.0.2.7");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1"], &[]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1"], &trusted), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["203.0.113.9, 198.51.100.1, 10.0.0.2"], &trusted), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["203.0.113.9", "198.51.100.1"], &trusted), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["nonsense"], &trusted), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[], &trusted), "10.0.0.1");
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_forwarded_the_client_is_the_peer_or_was_named_by_a_trusted_proxy(
            peer in "(10\\.0\\.0|192\\.0\\.2)\\.[1-9]", said in "[0-9a-f:., ]{0,60}",
        ) {
            let client = seen(&peer, &[&said], &["10.0.0.0/8"]);
            let named = said.split(',').filter_map(|one| one.trim().parse::<IpAddr>().ok()).any(|one| {
                let shown = match one.to_canonical() {
                    IpAddr::V6(one) => IpAddr::V6(Ipv6Addr::from_bits(one.to_bits() >> 64 << 64)),
                    one => one,
                };
                shown.to_string() == client
            });
            assert!(client == peer || (peer.starts_with("10.") && named), "{client} of {peer} and {said:?}");
        }
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one() {
        assert_eq!(seen("2001:db8:1:2:3:4:5:6", &[], &[]), "2001:db8:1:2::");
        assert_eq!(seen("::ffff:192.0.2.7", &[], &[]), "192.0.2.7");
    }

    #[test]
    fn only_trusted_proxies_say_whom_a_certificate_names() {
        let named = |peer: &str, values: &[&str]| {
            let (extensions, headers) = from(peer, "x-ssl-client-cn", values);
            proxies(&["10.0.0.0/8"]).certified(&extensions, &headers).map(str::to_owned)
        };
        assert_eq!(named("10.0.0.1", &["WVWZZZ1KZAW000001"]).as_deref(), Some("WVWZZZ1KZAW000001"));
        assert_eq!(named("192.0.2.7", &["WVWZZZ1KZAW000001"]), None);
        assert_eq!(
            named("10.0.0.1", &["WVWZZZ1KZAW000001", "WVWZZZ1KZAW000002"]),
            None,
            "which of them the proxy wrote"
        );
        assert_eq!(named("10.0.0.1", &[]), None);
    }
}
