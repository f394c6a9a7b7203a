//! Where a delta is computed: on a thread of its own, one at a time, so that neither requests nor the end of the process wait
//! for it. What comes out has been applied once before anybody hears of it.

use std::io::{Cursor, Write};
use std::time::{Duration, Instant};

use bytes::Bytes;
use otaru_domain::delta::{self, Algorithm, ApplyError, MAX_BSDIFF_BYTES, MakeError, is_worth_it};
use thiserror::Error;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// How long all of it may take, and bsdiff, whose time grows with the square of what repeats in a file.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
const PATIENCE_WITH_BSDIFF: Duration = Duration::from_secs(5 * 60);

#[derive(Debug, Error)]
pub(super) enum ComputeError {
    #[error("the process ends")]
    Stopped,
    #[error("it takes longer than {} minutes", PATIENCE.as_secs() / 60)]
    TooSlow,
    #[error("the compressor failed")]
    Make(#[source] MakeError),
    #[error("what was made cannot be applied")]
    Apply(#[source] ApplyError),
    #[error("the computation broke, see the log")]
    Broke,
    #[error("no thread can be started")]
    Thread(#[source] std::io::Error),
}

/// What is computed.
pub(super) struct Task {
    pub(super) image: Bytes,
    /// None for the compressed whole.
    pub(super) source: Option<Bytes>,
    /// What the image compresses to, if that is known.
    pub(super) plain_bytes: Option<u64>,
}

/// The smallest of what was tried.
pub(super) struct Computed {
    pub(super) algorithm: Algorithm,
    pub(super) bytes: Vec<u8>,
    /// What is downloaded without it.
    pub(super) without_bytes: u64,
    pub(super) took: Duration,
}

impl Computed {
    pub(super) fn is_worth_it(&self) -> bool {
        is_worth_it(self.bytes.len() as u64, self.without_bytes)
    }
}

/// Computes on another thread. With `stop` it is not waited for; the thread ends with its next look.
pub(super) async fn compute(task: Task, stop: &CancellationToken) -> Result<Computed, ComputeError> {
    let (sender, receiver) = oneshot::channel();
    let stopped = stop.clone();
    // Not one of the runtime's: it would wait for it at its end.
    let thread = std::thread::Builder::new().name("delta".to_owned());
    let work = move || drop(sender.send(task.run(&stopped)));
    thread.spawn(work).map_err(ComputeError::Thread)?;
    tokio::select! {
        computed = receiver => computed.unwrap_or(Err(ComputeError::Broke)),
        () = stop.cancelled() => Err(ComputeError::Stopped),
    }
}

impl Task {
    fn run(&self, stop: &CancellationToken) -> Result<Computed, ComputeError> {
        let begin = Instant::now();
        let whole = self.image.len() as u64;
        let within = |patience| move || !stop.is_cancelled() && begin.elapsed() < patience;
        let refused = |error| match error {
            MakeError::GivenUp if stop.is_cancelled() => ComputeError::Stopped,
            MakeError::GivenUp => ComputeError::TooSlow,
            error => ComputeError::Make(error),
        };
        let make =
            |algorithm, source: &[u8]| delta::make(algorithm, source, &self.image, &within(PATIENCE)).map_err(refused);
        let done =
            |algorithm, bytes, without_bytes| Computed { algorithm, bytes, without_bytes, took: begin.elapsed() };
        let Some(source) = &self.source else {
            let bytes = make(Algorithm::Zstd, &[])?;
            self.check(Algorithm::Zstd, &bytes)?;
            return Ok(done(Algorithm::Zstd, bytes, whole));
        };
        let plain = match self.plain_bytes {
            Some(plain) => plain,
            None => make(Algorithm::Zstd, &[])?.len() as u64,
        };
        let mut best = (Algorithm::ZstdPatchFrom, make(Algorithm::ZstdPatchFrom, source)?);
        if source.len().max(self.image.len()) as u64 <= MAX_BSDIFF_BYTES {
            match delta::make(Algorithm::BsdiffZstd, source, &self.image, &within(PATIENCE_WITH_BSDIFF)) {
                Ok(bytes) if bytes.len() < best.1.len() => best = (Algorithm::BsdiffZstd, bytes),
                Ok(_) => {}
                Err(MakeError::GivenUp) if !stop.is_cancelled() => {
                    tracing::info!("bsdiff takes too long for this pair");
                }
                Err(error) => return Err(refused(error)),
            }
        }
        self.check(best.0, &best.1)?;
        // What compresses badly is downloaded as it is.
        Ok(done(best.0, best.1, plain.min(whole)))
    }

    /// Applies the delta as a vehicle does.
    fn check(&self, algorithm: Algorithm, bytes: &[u8]) -> Result<(), ComputeError> {
        let source: &[u8] = self.source.as_deref().unwrap_or_default();
        let mut compared = Compared { left: &self.image };
        let (source_bytes, image_bytes) = (source.len() as u64, self.image.len() as u64);
        delta::apply(algorithm, bytes, Cursor::new(source), source_bytes, image_bytes, &mut compared)
            .map_err(ComputeError::Apply)
    }
}

/// Takes only the bytes of the image.
struct Compared<'a> {
    left: &'a [u8],
}

impl Write for Compared<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.left.strip_prefix(bytes) {
            Some(left) => {
                self.left = left;
                Ok(bytes.len())
            }
            None => Err(std::io::Error::other("it gives other bytes than the image")),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
