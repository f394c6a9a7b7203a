//! Whether something behind the gateway answers: said in the log when it changes, not with every request,
//! for a fleet asks thousands of times while Postgres is away.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

use otaru_http::chain;

/// Whether one thing answers.
#[derive(Debug)]
pub(crate) struct Reach {
    what: &'static str,
    away: AtomicBool,
}

impl Reach {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, away: AtomicBool::new(false) }
    }

    pub(crate) fn answered(&self) {
        if self.away.swap(false, Ordering::Relaxed) {
            tracing::info!(what = self.what, "answers again");
        }
    }

    pub(crate) fn failed(&self, error: &(dyn Error + 'static)) {
        if !self.away.swap(true, Ordering::Relaxed) {
            tracing::warn!(what = self.what, error = chain(error), "does not answer; trying on");
        }
    }
}
