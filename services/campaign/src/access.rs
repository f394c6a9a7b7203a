//! Which role each call needs. Said here once: the middleware refuses by it before a body is read, and the API's
//! description shows it. Reading is for viewers and changing for engineers, but for what is listed.

use axum::http::Method;

use crate::auth::Role;

/// Below this are the calls.
pub const PREFIX: &str = "/api/v1";

/// Calls that need another role than their method says.
const ROLES: [(&str, &str, Role); 20] = [
    ("GET", "/tokens", Role::Admin),
    ("POST", "/tokens", Role::Admin),
    ("DELETE", "/tokens/{id}", Role::Admin),
    ("DELETE", "/sessions", Role::Admin),
    ("DELETE", "/sessions/{id}", Role::Admin),
    ("PUT", "/models/{model}/root", Role::Admin),
    ("PUT", "/models/{model}/uptane/{repository}/root", Role::Admin),
    ("PUT", "/models/{model}/review", Role::Admin),
    ("PUT", "/models/{model}/bandwidth", Role::Admin),
    ("PUT", "/models/{model}/ack-signatures", Role::Admin),
    ("PUT", "/models/{model}/encryption", Role::Admin),
    ("POST", "/models/{model}/keys", Role::Admin),
    ("DELETE", "/models/{model}/keys/{key}", Role::Admin),
    ("PUT", "/models/{model}/targets", Role::Approver),
    ("POST", "/vehicles/{vin}/erase", Role::Admin),
    ("PUT", "/releases/{id}/evidence", Role::Approver),
    ("POST", "/campaigns/{id}/approve", Role::Approver),
    ("POST", "/campaigns/{id}/reject", Role::Approver),
    ("POST", "/campaigns/{id}/waves/{number}/approve", Role::Approver),
    ("DELETE", "/emergency-stop", Role::Admin),
];

/// Calls without a token: signing in and out, which look after themselves.
const OPEN: [(&str, &str); 5] = [
    ("POST", "/session"),
    ("DELETE", "/session"),
    ("GET", "/session/options"),
    ("GET", "/session/oidc"),
    ("GET", "/session/oidc/callback"),
];

/// Whether a call needs no token.
#[must_use]
pub fn is_open(method: &Method, pattern: &str) -> bool {
    let pattern = pattern.strip_prefix(PREFIX).unwrap_or(pattern);
    OPEN.contains(&(method.as_str(), pattern))
}

/// The role that a call needs: `pattern` is its path in the API's description.
#[must_use]
pub fn required(method: &Method, pattern: &str) -> Role {
    let pattern = pattern.strip_prefix(PREFIX).unwrap_or(pattern);
    let listed = ROLES.iter().find(|(listed, path, _)| *listed == method.as_str() && *path == pattern);
    match listed {
        Some((_, _, role)) => *role,
        None if method.is_safe() => Role::Viewer,
        None => Role::Engineer,
    }
}
