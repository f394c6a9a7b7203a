//! Which vehicle asks: no path names it, so its token or its certificate does.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use otaru_domain::token::Claims;
use otaru_http::Problem;

use super::Director;
use crate::admission;
use crate::app::App;

/// The vehicle that asks a Director, for itself.
#[derive(Debug, Clone)]
pub(super) struct Device(pub(super) Arc<Claims>);

impl FromRequestParts<App> for Device {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        director(app)?;
        let claims = admission::anybody(parts, app).await?;
        tracing::Span::current().record("vin", claims.vin.as_str());
        Ok(Self(claims))
    }
}

/// This gateway as a Director.
pub(super) fn director(app: &App) -> Result<&Director, Problem> {
    let absent = || Problem::not_found("this gateway is no Uptane Director: start one with --director-keys");
    app.director.as_ref().ok_or_else(absent)
}
