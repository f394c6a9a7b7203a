//! The one place that reads the clock. Everything else takes the time as an argument; `clippy.toml`
//! refuses other calls, so a test can always choose the time.

use chrono::{DateTime, SubsecRound as _, Utc};

/// The current time, cut to microseconds: what Postgres keeps, so a value survives the round trip.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
