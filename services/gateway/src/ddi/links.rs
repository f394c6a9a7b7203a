//! Links in answers. They follow the address under which the client reached the server, for that is the one that
//! works from where it is; what a proxy says of it counts only from proxies that the installation names.

use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use otaru_domain::id::Vin;
use otaru_http::{Connection, Problem};
use serde_json::{Value, json};

use super::action::ActionId;
use crate::proxies::Proxies;

const MAX_HOST_BYTES: usize = 255;

/// Where a controller's calls are.
#[derive(Debug, Clone)]
pub(super) struct Links {
    base: String,
}

impl Links {
    /// The links for a request.
    pub fn of(parts: &Parts, proxies: &Proxies, tenant: &str, vin: &Vin) -> Result<Self, Problem> {
        let (scheme, host) = address(parts, proxies)?;
        Ok(Self { base: format!("{scheme}://{host}/{tenant}/controller/v1/{vin}") })
    }

    /// `{"href": …}` of a call.
    pub fn to(&self, call: &str) -> Value {
        json!({ "href": format!("{}/{call}", self.base) })
    }

    /// As [`Self::to`], of an action.
    pub fn action(&self, call: &str, id: ActionId) -> Value {
        self.to(&format!("{call}/{id}"))
    }
}

fn address<'a>(parts: &'a Parts, proxies: &Proxies) -> Result<(&'static str, &'a str), Problem> {
    let by_proxy = proxies.brought(&parts.extensions);
    let secure = parts.extensions.get::<Connection>().is_some_and(|connection| connection.secure);
    // Of several proxies in a row, the first said what the client asked for.
    let said = |name: &str| {
        let value = parts.headers.get(name).filter(|_| by_proxy)?.to_str().ok()?;
        value.split(',').next().map(str::trim).filter(|value| !value.is_empty())
    };
    // HTTP/2 has no Host, but an authority.
    let authority = parts.uri.authority().map(Authority::as_str);
    let asked = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).or(authority);
    let host = said("x-forwarded-host").or(asked).filter(|host| is_host(host));
    let host = host.ok_or_else(|| Problem::bad_request("the Host header is not one that a link can be made of"))?;
    let scheme = match said("x-forwarded-proto") {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
        None if secure => "https",
        _ => "http",
    };
    Ok((scheme, host))
}

/// A name or address with its port, and nothing that would end the authority of a URL.
fn is_host(host: &str) -> bool {
    (1..=MAX_HOST_BYTES).contains(&host.len())
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']'))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;
    use axum::http::Request;

    use super::*;

    fn base(peer: [u8; 4], headers: &[(&str, &str)]) -> Option<String> {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        parts.extensions.insert(ConnectInfo(SocketAddr::from((peer, 4000))));
        let proxies = Proxies { trusted: vec!["10.0.0.0/8".parse().unwrap()], ..Proxies::default() };
        let vin = Vin::parse("WVWZZZ1KZAW000001").unwrap();
        Links::of(&parts, &proxies, "DEFAULT", &vin).ok().map(|links| links.base)
    }

    #[test]
    fn links_follow_the_host_and_only_a_trusted_proxys_word() {
        let forwarded = [("host", "inner:8081"), ("x-forwarded-host", "ota.example"), ("x-forwarded-proto", "https")];
        let tail = "/DEFAULT/controller/v1/WVWZZZ1KZAW000001";
        assert_eq!(base([192, 0, 2, 1], &forwarded).unwrap(), format!("http://inner:8081{tail}"));
        assert_eq!(base([10, 0, 0, 1], &forwarded).unwrap(), format!("https://ota.example{tail}"));
        assert_eq!(base([10, 0, 0, 1], &forwarded[..1]).unwrap(), format!("http://inner:8081{tail}"));
    }

    #[test]
    fn a_host_that_would_leave_its_place_in_the_link_is_refused() {
        for host in ["", "a/b", "a@b", "a?b", "a#b", "a b", "a\"b"] {
            assert_eq!(base([192, 0, 2, 1], &[("host", host)]), None, "{host}");
        }
        assert_eq!(base([192, 0, 2, 1], &[]), None);
    }
}
