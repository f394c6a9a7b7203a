//! The dashboard's session: a token in a cookie that no script can read. A browser sends a cookie along with whatever
//! another site makes it do, so a call that changes something and is authenticated by the cookie must come from here.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use otaru_http::Problem;

const NAME: &str = "otaru_session";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The token in the session cookie, if there is one.
#[must_use]
pub fn token(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let value = cookies.flat_map(|cookies| cookies.split(';')).find_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == NAME).then_some(value)
    })?;
    // A token may hold what a cookie may not.
    String::from_utf8(URL_SAFE_NO_PAD.decode(value).ok()?).ok()
}

/// `Set-Cookie` that begins a session; it ends with the browser's.
///
/// # Errors
/// 500, never in practice: the value is ASCII.
pub fn begin(token: &str, headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    let value = URL_SAFE_NO_PAD.encode(token);
    cookie(&value, headers, "")
}

/// `Set-Cookie` that ends the session.
///
/// # Errors
/// As [`begin`].
pub fn end(headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    cookie("", headers, "; Max-Age=0")
}

fn cookie(value: &str, headers: &HeaderMap, more: &str) -> Result<HeaderValue, Problem> {
    // What the browser sees is told by the browser: the service itself stands behind whoever ends TLS.
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let secure = if origin.starts_with("https://") { "; Secure" } else { "" };
    let text = format!("{NAME}={value}; Path=/api; HttpOnly; SameSite=Strict{secure}{more}");
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
