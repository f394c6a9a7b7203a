//! Where bytes of a new file come from in an old one, by Percival's bsdiff (Naive differences of executable code, 2003):
//! stretches that are nearly alike, which compress to little when they are subtracted, and what is new between them.

use super::MakeError;

/// Compared to find a match; a longer one is measured afterwards. Long runs of one byte would else be compared in full with
/// each step of the search.
const COMPARED_BYTES: usize = 16 * 1024;
/// By how many bytes another alignment must do better than the present one.
const BETTER_BY: usize = 8;
/// A control, the differences that follow it, and the new bytes after them.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    pub(super) differences: Vec<u8>,
    pub(super) new: &'a [u8],
    /// How far the old file is skipped after the differences.
    skip: i64,
}

impl Piece<'_> {
    /// The control: two lengths and the skip, in eight bytes each with the sign in the highest bit.
    pub(super) fn head(&self) -> [u8; 24] {
        let mut head = [0; 24];
        head[..8].copy_from_slice(&(self.differences.len() as u64).to_le_bytes());
        head[8..16].copy_from_slice(&(self.new.len() as u64).to_le_bytes());
        let sign = if self.skip < 0 { 1 << 63 } else { 0 };
        head[16..].copy_from_slice(&(self.skip.unsigned_abs() | sign).to_le_bytes());
        head
    }
}

/// A place in the new file and the one in the old file that it is like.
#[derive(Debug, Clone, Copy)]
struct Alignment {
    new: usize,
    old: usize,
}

/// The pieces of which the new file consists.
pub(super) struct Differences<'a> {
    old: &'a [u8],
    new: &'a [u8],
    /// The old file's suffixes in their order.
    suffixes: Vec<i32>,
    go_on: &'a dyn Fn() -> bool,
    /// Where the next piece begins.
    from: Alignment,
    /// How far the new file was looked at.
    scan: usize,
    done: bool,
    /// The piece after the one that was given last.
    ahead: Option<Piece<'a>>,
}

impl<'a> Differences<'a> {
    /// `old` has less than 2 GiB.
    pub(super) fn between(old: &'a [u8], new: &'a [u8], go_on: &'a dyn Fn() -> bool) -> Self {
        let mut suffixes = vec![0; old.len()];
        if !old.is_empty() {
            divsufsort::sort_in_place(old, &mut suffixes);
        }
        Self {
            old,
            new,
            suffixes,
            go_on,
            from: Alignment { new: 0, old: 0 },
            scan: 0,
            done: new.is_empty(),
            ahead: None,
        }
    }

    /// The next piece; none when the new file is complete. Where two alignments take all that is between them, what only
    /// skips is left to the piece before: whoever applies it refuses controls that do nothing.
    pub(super) fn next(&mut self) -> Result<Option<Piece<'a>>, MakeError> {
        let first = match self.ahead.take() {
            None => self.piece()?,
            ahead => ahead,
        };
        let Some(mut piece) = first else { return Ok(None) };
        while let Some(next) = self.piece()? {
            if !(next.differences.is_empty() && next.new.is_empty()) {
                self.ahead = Some(next);
                break;
            }
            piece.skip += next.skip;
        }
        Ok(Some(piece))
    }

    fn piece(&mut self) -> Result<Option<Piece<'a>>, MakeError> {
        if self.done {
            return Ok(None);
        }
        let next = self.seek()?;
        let end = next.map_or(self.new.len(), |next| next.new);
        let between = &self.new[self.from.new..end];
        let mut forward = alike(between.iter().zip(&self.old[self.from.old..]));
        let mut backward = next.map_or(0, |next| alike(between.iter().rev().zip(self.old[..next.old].iter().rev())));
        if let Some(next) = next
            && forward + backward > between.len()
        {
            let overlap = forward + backward - between.len();
            let kept = self.split(overlap, self.from.old + forward, next.old - backward, end - backward);
            forward = forward + kept - overlap;
            backward -= kept;
        }
        let old = &self.old[self.from.old..self.from.old + forward];
        let differences = between.iter().zip(old).map(|(new, old)| new.wrapping_sub(*old)).collect();
        let then = next.map(|next| Alignment { new: next.new - backward, old: next.old - backward });
        let here = self.from.old + forward;
        // Lengths of files are far below the half of what an i64 holds.
        let place = |at: usize| i64::try_from(at).unwrap_or(i64::MAX);
        let skip = then.map_or(0, |then| place(then.old) - place(here));
        self.done = then.is_none();
        self.from = then.unwrap_or(self.from);
        Ok(Some(Piece { differences, new: &between[forward..between.len() - backward], skip }))
    }

    /// The next place that another alignment fits clearly better than the present one.
    fn seek(&mut self) -> Result<Option<Alignment>, MakeError> {
        let (old, new, from) = (self.old, self.new, self.from);
        let fits = |at: usize| (at + from.old).checked_sub(from.new).and_then(|place| old.get(place)) == new.get(at);
        // Of what is found, how many bytes the present alignment has right, too, and how far they were counted.
        let (mut kept, mut counted) = (0, self.scan);
        while self.scan < new.len() {
            if !(self.go_on)() {
                return Err(MakeError::GivenUp);
            }
            let (place, length) = self.longest(&new[self.scan..]);
            while counted < self.scan + length {
                kept += usize::from(fits(counted));
                counted += 1;
            }
            if length > 0 && length == kept {
                self.scan += length;
                (kept, counted) = (0, self.scan);
                continue;
            }
            if length > kept + BETTER_BY {
                let found = Alignment { new: self.scan, old: place };
                self.scan += length;
                return Ok(Some(found));
            }
            if counted > self.scan {
                kept -= usize::from(fits(self.scan));
            }
            self.scan += 1;
            counted = counted.max(self.scan);
        }
        Ok(None)
    }

    /// Where in the old file the longest beginning of `text` is, and its length.
    fn longest(&self, text: &[u8]) -> (usize, usize) {
        let cut = |text: &'a [u8]| &text[..text.len().min(COMPARED_BYTES)];
        // None of the suffixes is negative.
        let place = |suffix: i32| usize::try_from(suffix).unwrap_or(0);
        let wanted = &text[..text.len().min(COMPARED_BYTES)];
        let at = self.suffixes.partition_point(|suffix| cut(&self.old[place(*suffix)..]) < wanted);
        let near = self.suffixes[at.saturating_sub(1)..].iter().take(2).map(|suffix| place(*suffix));
        let measured = near.map(|place| {
            let same = self.old[place..].iter().zip(text).take_while(|(old, new)| old == new);
            (place, same.count())
        });
        measured.max_by_key(|(_, length)| *length).unwrap_or((0, 0))
    }

    /// How many of `overlap` bytes, which end at `old_end` by the present alignment and begin at `old` and `new` by the next,
    /// stay with the present one so that most are alike.
    fn split(&self, overlap: usize, old_end: usize, old: usize, new: usize) -> usize {
        let (mut best, mut kept, mut score) = (0, 0, 0_i64);
        for at in 0..overlap {
            let byte = self.new[new + at];
            score += i64::from(self.old[old_end - overlap + at] == byte) - i64::from(self.old[old + at] == byte);
            if score > best {
                (best, kept) = (score, at + 1);
            }
        }
        kept
    }
}

/// How many pairs, from the first on, to take so that those that are alike outnumber the others by most.
fn alike<'b>(pairs: impl Iterator<Item = (&'b u8, &'b u8)>) -> usize {
    let (mut best, mut length, mut score) = (0, 0, 0_i64);
    for (at, (one, other)) in pairs.enumerate() {
        score += if one == other { 1 } else { -1 };
        if score > best {
            (best, length) = (score, at + 1);
        }
    }
    length
}
