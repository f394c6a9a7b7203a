//! How long to wait after a failure: twice as long each time, and never all vehicles at once.

use std::time::Duration;

use rand::{Rng, RngExt};

/// Waits that double from `initial` up to `max`.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    initial: Duration,
    max: Duration,
    current: Duration,
}

impl Backoff {
    pub(crate) fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max, current: initial }
    }

    /// Begins anew, after a success.
    pub(crate) fn reset(&mut self) {
        self.current = self.initial;
    }

    /// The next wait: between half and all of the present step, but never less than what the server asked for.
    pub(crate) fn next(&mut self, asked: Option<Duration>, rng: &mut impl Rng) -> Duration {
        let wait = self.current.mul_f64(rng.random_range(0.5..=1.0));
        self.current = (self.current * 2).min(self.max);
        match asked {
            // The server's own wait has no jitter when it is overloaded or gone.
            Some(asked) => wait.max(asked.mul_f64(rng.random_range(1.0..=1.25))),
            None => wait,
        }
    }
}
