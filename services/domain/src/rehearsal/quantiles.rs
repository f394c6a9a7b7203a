//! An empirical distribution, smoothed: between two samples it is even, and beyond the last it goes on, for a fleet of a
//! million has slower vehicles than a sample of some hundred.

/// Share of the samples that the tail is drawn after.
const TAIL: f64 = 0.05;

/// A distribution of durations in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantiles {
    /// Sorted, at least one.
    samples: Vec<f64>,
    /// The mean by which what is beyond the last sample exceeds it.
    tail_secs: f64,
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^52")]
fn float(n: usize) -> f64 {
    n as f64
}

impl Quantiles {
    /// Of samples in seconds; those that are no durations are left out. `None` without any.
    #[must_use]
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut samples: Vec<f64> = samples.into_iter().filter(|secs| secs.is_finite() && *secs >= 0.0).collect();
        samples.sort_by(f64::total_cmp);
        (!samples.is_empty()).then(|| Self::sorted(samples))
    }

    /// Of steps: so many samples on the way from the step before to each.
    pub(super) fn rising<const N: usize>(steps: [(f64, u32); N], unit_secs: f64) -> Self {
        let mut before = 0.0;
        let mut samples = Vec::new();
        for (to, count) in steps {
            samples.extend((1..=count).map(|n| (before + (to - before) * f64::from(n) / f64::from(count)) * unit_secs));
            before = to;
        }
        Self::sorted(samples)
    }

    fn sorted(samples: Vec<f64>) -> Self {
        let threshold = samples[position(1.0 - TAIL, samples.len()).0];
        let beyond: Vec<f64> = samples.iter().filter(|secs| **secs > threshold).map(|secs| secs - threshold).collect();
        let mean = beyond.iter().sum::<f64>() / float(beyond.len().max(1));
        // Few samples say little of a tail.
        let tail_secs = if beyond.len() < 3 { threshold * TAIL } else { mean };
        Self { samples, tail_secs }
    }

    /// The duration that a share `at` of all stays below, 0 to 1.
    #[must_use]
    pub fn at(&self, at: f64) -> f64 {
        let (index, part) = position(at, self.samples.len());
        let here = self.samples[index];
        match self.samples.get(index + 1) {
            Some(next) => here + (next - here) * part,
            None => here - self.tail_secs * (1.0 - part).max(1e-9).ln(),
        }
    }

    /// The share that stays below `secs`: what [`Self::at`] inverts.
    #[must_use]
    pub fn below(&self, secs: f64) -> f64 {
        let count = self.samples.partition_point(|sample| *sample <= secs);
        let Some(index) = count.checked_sub(1) else { return 0.0 };
        let here = self.samples[index];
        let part = match self.samples.get(index + 1) {
            Some(next) => (secs - here) / (next - here),
            None if self.tail_secs > 0.0 => 1.0 - (-(secs - here) / self.tail_secs).exp(),
            None => 1.0,
        };
        (float(index) + part) / float(self.samples.len())
    }

    #[must_use]
    pub fn median(&self) -> f64 {
        self.at(0.5)
    }
}

/// The sample at or before the share `at`, and how far the next one is.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the number of samples")]
fn position(at: f64, samples: usize) -> (usize, f64) {
    let place = at.clamp(0.0, 1.0) * float(samples);
    let index = (place.floor() as usize).min(samples.saturating_sub(1));
    (index, place - float(index))
}
