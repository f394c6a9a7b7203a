//! Making a delta. All of source and image is in memory; whoever asks says when it has taken too long.

use std::io::{self, Write as _};

use thiserror::Error;
use zstd::stream::write::Encoder;

use super::{Algorithm, bsdiff};

/// Made once, downloaded by thousands: the highest level that needs no more memory to be read.
const LEVEL: i32 = 19;
/// What is compressed between two looks at whether to go on.
const STEP_BYTES: usize = 256 * 1024;
/// From here on zstd's level 19 finds distant matches only by its long-distance matcher.
const LONG_DISTANCE_FROM: u32 = 24;

#[derive(Debug, Error)]
pub enum MakeError {
    #[error("it was given up: it took too long, or the process ends")]
    GivenUp,
    #[error("the compressor failed")]
    Compressor(#[from] io::Error),
}

/// The delta by which `source` becomes `image`, as long as `go_on` says so. An algorithm without a source takes an empty one.
///
/// # Errors
/// [`MakeError`].
pub fn make(algorithm: Algorithm, source: &[u8], image: &[u8], go_on: &dyn Fn() -> bool) -> Result<Vec<u8>, MakeError> {
    let window_log = algorithm.window_log(source.len() as u64, image.len() as u64);
    let mut encoder = match algorithm {
        Algorithm::Zstd | Algorithm::BsdiffZstd => Encoder::new(Vec::new(), LEVEL)?,
        Algorithm::ZstdPatchFrom => Encoder::with_ref_prefix(Vec::new(), LEVEL, source)?,
    };
    encoder.window_log(window_log)?;
    if algorithm == Algorithm::BsdiffZstd {
        let mut controls = bsdiff::Differences::between(source, image, go_on);
        while let Some(piece) = controls.next()? {
            encoder.write_all(&piece.head())?;
            encoder.write_all(&piece.differences)?;
            encoder.write_all(piece.new)?;
        }
        return Ok(encoder.finish()?);
    }
    encoder.long_distance_matching(window_log >= LONG_DISTANCE_FROM)?;
    encoder.set_pledged_src_size(Some(image.len() as u64))?;
    for step in image.chunks(STEP_BYTES) {
        if !go_on() {
            return Err(MakeError::GivenUp);
        }
        encoder.write_all(step)?;
    }
    Ok(encoder.finish()?)
}
