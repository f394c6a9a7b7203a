//! What the HTTP servers of the roles share: errors as `application/problem+json`, JSON bodies with a
//! limit, health, metrics, TLS, limits on connections, and an end that does not wait for streams.

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod body;
mod causes;
mod gate;
mod health;
mod metrics;
mod problem;
mod serve;
mod tls;

pub use body::Json;
pub use causes::chain;
pub use gate::{ClientCertificate, Connection};
pub use health::{Health, health_routes};
pub use metrics::{install_metrics, metrics_routes};
pub use problem::{Problem, ProblemBody};
pub use serve::{ServeError, Serving, bind, serve};
pub use tls::{TlsError, TlsFiles};
