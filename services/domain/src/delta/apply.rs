//! Applying a delta, which is signed and may all the same be wrong: whoever made it may have been somebody else. The image's
//! signed length bounds what is written, the algorithm what is held in memory, and each byte of a delta leads to a byte
//! of the image or to an end. Whether the result is the image, its hash says: the caller's to check.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use thiserror::Error;
use zstd::stream::read::Decoder;

use super::Algorithm;

const BUFFER_BYTES: usize = 64 * 1024;

#[derive(Debug, Error)]
pub enum ApplyError {
    #[error("it gives more than the image's signed length")]
    TooLong,
    #[error("it gives less than the image's signed length")]
    Short,
    #[error("it cannot be read")]
    Malformed(#[source] io::Error),
    #[error("its source cannot be read")]
    Source(#[source] io::Error),
    #[error("the image cannot be written")]
    Output(#[source] io::Error),
}

/// Writes the image of `image_bytes` that `delta` makes of `source`, which has `source_bytes` and is not looked at by an
/// algorithm without one.
///
/// # Errors
/// [`ApplyError`]; what was written until then is no image.
pub fn apply(
    algorithm: Algorithm,
    delta: impl Read,
    mut source: impl Read + Seek,
    source_bytes: u64,
    image_bytes: u64,
    out: &mut impl Write,
) -> Result<(), ApplyError> {
    let delta = BufReader::with_capacity(BUFFER_BYTES, delta);
    let mut before = Vec::new();
    if algorithm == Algorithm::ZstdPatchFrom {
        source.rewind().map_err(ApplyError::Source)?;
        // Not a byte more than was counted as memory.
        source.by_ref().take(source_bytes).read_to_end(&mut before).map_err(ApplyError::Source)?;
    }
    let decoder = match algorithm {
        Algorithm::Zstd | Algorithm::BsdiffZstd => Decoder::with_buffer(delta),
        Algorithm::ZstdPatchFrom => Decoder::with_ref_prefix(delta, &before),
    };
    let mut decoder = decoder.map_err(ApplyError::Malformed)?.single_frame();
    decoder.window_log_max(algorithm.window_log(source_bytes, image_bytes)).map_err(ApplyError::Malformed)?;
    let mut image = Image { out, left: image_bytes };
    match algorithm {
        Algorithm::Zstd | Algorithm::ZstdPatchFrom => copy(&mut decoder, &mut image)?,
        Algorithm::BsdiffZstd => patch(&mut decoder, &mut source, source_bytes, &mut image)?,
    }
    if image.left > 0 {
        return Err(ApplyError::Short);
    }
    image.out.flush().map_err(ApplyError::Output)
}

/// The image as far as it may still grow.
struct Image<'a, W> {
    out: &'a mut W,
    left: u64,
}

impl<W: Write> Image<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), ApplyError> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(ApplyError::TooLong)?;
        self.out.write_all(bytes).map_err(ApplyError::Output)
    }
}

fn copy(from: &mut impl Read, image: &mut Image<'_, impl Write>) -> Result<(), ApplyError> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => image.write(&buffer[..read])?,
            Err(error) => return Err(ApplyError::Malformed(error)),
        }
    }
}

/// A control of bsdiff's: so many bytes that are added to those of the source, so many new ones, and how far to go on.
struct Control {
    differences: u64,
    new: u64,
    skip: i64,
}

impl Control {
    fn read(from: &mut impl Read) -> Result<Self, ApplyError> {
        let mut number = || {
            let mut bytes = [0; 8];
            from.read_exact(&mut bytes).map_err(ApplyError::Malformed)?;
            Ok(u64::from_le_bytes(bytes))
        };
        let (differences, new, skip) = (number()?, number()?, number()?);
        let size = i64::try_from(skip & !(1 << 63)).map_err(|_| malformed("a number is too large"))?;
        Ok(Self { differences, new, skip: if skip >> 63 == 0 { size } else { -size } })
    }
}

fn malformed(what: &'static str) -> ApplyError {
    ApplyError::Malformed(io::Error::new(io::ErrorKind::InvalidData, what))
}

fn patch(
    from: &mut impl Read,
    source: &mut (impl Read + Seek),
    source_bytes: u64,
    image: &mut Image<'_, impl Write>,
) -> Result<(), ApplyError> {
    let mut place: i64 = 0;
    let mut empty_before = false;
    let mut buffers = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
    while image.left > 0 {
        let control = Control::read(from)?;
        // A length may be anything; the sum must not wrap to something small.
        let bytes = control.differences.checked_add(control.new).ok_or(ApplyError::TooLong)?;
        if bytes > image.left {
            return Err(ApplyError::TooLong);
        }
        // Compressed, a million controls that do nothing are a few bytes: time without an end in sight.
        if bytes == 0 && empty_before {
            return Err(malformed("controls that do nothing"));
        }
        empty_before = bytes == 0;
        add(from, source, (place, source_bytes), control.differences, image, &mut buffers)?;
        copy_exactly(from, control.new, image, &mut buffers.0)?;
        // Within the image's length, so it is far from the ends of an i64.
        let differences = i64::try_from(control.differences).map_err(|_| ApplyError::TooLong)?;
        let next = place.checked_add(differences).and_then(|place| place.checked_add(control.skip));
        place = next.ok_or_else(|| malformed("a number is too large"))?;
    }
    match from.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(ApplyError::TooLong),
        Err(error) => Err(ApplyError::Malformed(error)),
    }
}

/// Writes the next `length` bytes of the delta, added to those of the source from `place` on. What would be before the source
/// or after it counts as zero.
fn add(
    from: &mut impl Read,
    source: &mut (impl Read + Seek),
    (mut place, source_bytes): (i64, u64),
    length: u64,
    image: &mut Image<'_, impl Write>,
    (sum, old): &mut (Vec<u8>, Vec<u8>),
) -> Result<(), ApplyError> {
    let mut left = length;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(BUFFER_BYTES).min(BUFFER_BYTES);
        from.read_exact(&mut sum[..now]).map_err(ApplyError::Malformed)?;
        // The part of these that is within the source.
        let before = usize::try_from(place.min(0).unsigned_abs()).unwrap_or(now).min(now);
        let begin = u64::try_from(place).unwrap_or(0);
        let there = usize::try_from(source_bytes.saturating_sub(begin)).unwrap_or(now).min(now - before);
        if there > 0 {
            source.seek(SeekFrom::Start(begin)).map_err(ApplyError::Source)?;
            source.read_exact(&mut old[..there]).map_err(ApplyError::Source)?;
            for (sum, old) in sum[before..].iter_mut().zip(&old[..there]) {
                *sum = sum.wrapping_add(*old);
            }
        }
        image.write(&sum[..now])?;
        left -= now as u64;
        // At most a buffer's length, which any integer holds.
        place = place.checked_add(i64::try_from(now).unwrap_or(i64::MAX)).ok_or(ApplyError::TooLong)?;
    }
    Ok(())
}

fn copy_exactly(
    from: &mut impl Read,
    length: u64,
    image: &mut Image<'_, impl Write>,
    buffer: &mut [u8],
) -> Result<(), ApplyError> {
    let mut left = length;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(BUFFER_BYTES).min(BUFFER_BYTES);
        from.read_exact(&mut buffer[..now]).map_err(ApplyError::Malformed)?;
        image.write(&buffer[..now])?;
        left -= now as u64;
    }
    Ok(())
}
