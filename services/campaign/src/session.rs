//! The dashboard's session: a token in a cookie that no script can read. A browser sends a cookie along with whatever
//! another site makes it do, so a call that changes something and is authenticated by the cookie must come from here.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use otaru_http::Problem;

const NAME: &str = "otaru_session";
/// A sign-in under way at an OpenID provider.
const FLOW: &str = "otaru_oidc_flow";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The token in the session cookie, if there is one.
#[must_use]
pub fn token(headers: &HeaderMap) -> Option<String> {
    // A token may hold what a cookie may not.
    String::from_utf8(URL_SAFE_NO_PAD.decode(value(headers, NAME)?).ok()?).ok()
}

/// The sealed sign-in that this browser began.
#[must_use]
pub fn flow(headers: &HeaderMap) -> Option<String> {
    value(headers, FLOW).map(str::to_owned)
}

fn value<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    cookies.flat_map(|cookies| cookies.split(';')).find_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == wanted).then_some(value)
    })
}

/// `Set-Cookie` that begins a session; it ends with the browser's.
///
/// # Errors
/// 500, never in practice: the value is ASCII.
pub fn begin(token: &str, secure: bool) -> Result<HeaderValue, Problem> {
    let value = URL_SAFE_NO_PAD.encode(token);
    cookie(&format!("{NAME}={value}; Path=/api; HttpOnly; SameSite=Strict"), secure)
}

/// `Set-Cookie` that ends the session.
///
/// # Errors
/// As [`begin`].
pub fn end(secure: bool) -> Result<HeaderValue, Problem> {
    cookie(&format!("{NAME}=; Path=/api; HttpOnly; SameSite=Strict; Max-Age=0"), secure)
}

/// `Set-Cookie` for a sign-in under way, for `secs` seconds. Lax: the way back begins on the provider's site.
///
/// # Errors
/// As [`begin`].
pub fn flow_cookie(sealed: &str, secs: i64, secure: bool) -> Result<HeaderValue, Problem> {
    let path = "/api/v1/session/oidc";
    cookie(&format!("{FLOW}={sealed}; Path={path}; HttpOnly; SameSite=Lax; Max-Age={secs}"), secure)
}

/// Whether the browser came by TLS. It alone can tell: the service stands behind whoever ends TLS.
#[must_use]
pub fn is_https(headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    origin.is_some_and(|origin| origin.starts_with("https://"))
}

fn cookie(text: &str, secure: bool) -> Result<HeaderValue, Problem> {
    let text = format!("{text}{}", if secure { "; Secure" } else { "" });
    let mut cookie = HeaderValue::from_str(&text).map_err(|_| Problem::internal())?;
    cookie.set_sensitive(true);
    Ok(cookie)
}

/// Refuses what another site made a browser send. Browsers say where a call comes from in `Sec-Fetch-Site`, and in
/// `Origin` where they do not; a page can forge neither.
///
/// # Errors
/// 403.
pub fn same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let same = match (text(SEC_FETCH_SITE), text(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin.split_once("://").map(|(_, host)| host) == text(header::HOST),
        (None, None) => false,
    };
    if same {
        return Ok(());
    }
    Err(Problem::new(
        axum::http::StatusCode::FORBIDDEN,
        "cross-origin",
        "a session changes things from the dashboard's own pages only; programs send Authorization: Bearer otaru_…",
    ))
}
