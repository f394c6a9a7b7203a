//! The payload: chunks of 64 KiB, each with a tag of its own, so both sides hold one chunk and what is read was
//! verified. The number of a chunk and whether it is the last one are in its nonce: none is left out, moved or added.

use std::io::{self, BufRead, Read};

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce};

use super::header::{self, FileKey, aead};
use super::key::derive;
use super::{AgeError, Identity, Recipient};

const CHUNK_BYTES: usize = 64 << 10;
const NONCE_BYTES: usize = 16;

/// The key of the chunks, and the number of the next.
struct Chunks {
    key: LessSafeKey,
    number: u64,
}

impl Chunks {
    fn new(file_key: &FileKey, nonce: &[u8; NONCE_BYTES]) -> Result<Self, AgeError> {
        Ok(Self { key: aead(&derive(nonce, file_key, "payload")?)?, number: 0 })
    }

    fn nonce(&mut self, is_last: bool) -> Nonce {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.number.to_be_bytes());
        nonce[11] = u8::from(is_last);
        self.number += 1;
        Nonce::assume_unique_for_key(nonce)
    }
}

fn random<const N: usize>() -> Result<[u8; N], AgeError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(bytes)
}

/// Encrypts a file piece by piece.
pub struct Encryptor {
    chunks: Chunks,
    held: Vec<u8>,
}

impl Encryptor {
    /// Begins a file for `recipients`; with what it begins.
    ///
    /// # Errors
    /// [`AgeError`].
    pub fn new(recipients: &[Recipient]) -> Result<(Self, Vec<u8>), AgeError> {
        let (file_key, nonce) = (random()?, random()?);
        let mut begin = header::write(&file_key, recipients)?;
        begin.extend(nonce);
        Ok((Self { chunks: Chunks::new(&file_key, &nonce)?, held: Vec::new() }, begin))
    }

    /// Takes the next bytes; the ciphertext that there is then.
    ///
    /// # Errors
    /// [`AgeError`].
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, AgeError> {
        let mut out = Vec::with_capacity(bytes.len());
        while !bytes.is_empty() {
            // A full chunk is held until it is clear that it is not the last one.
            if self.held.len() == CHUNK_BYTES {
                self.seal(false, &mut out)?;
            }
            let (now, rest) = bytes.split_at(bytes.len().min(CHUNK_BYTES - self.held.len()));
            self.held.extend_from_slice(now);
            bytes = rest;
        }
        Ok(out)
    }

    /// Ends the file; the last of its ciphertext.
    ///
    /// # Errors
    /// [`AgeError`].
    pub fn finish(mut self) -> Result<Vec<u8>, AgeError> {
        let mut out = Vec::new();
        self.seal(true, &mut out)?;
        Ok(out)
    }

    fn seal(&mut self, is_last: bool, out: &mut Vec<u8>) -> Result<(), AgeError> {
        let nonce = self.chunks.nonce(is_last);
        self.chunks.key.seal_in_place_append_tag(nonce, Aad::empty(), &mut self.held)?;
        out.append(&mut self.held);
        Ok(())
    }
}

/// Decrypts a file as it is read. An end that comes too early is an error, so who read to the end has all of it.
pub struct Decryptor<R> {
    file: R,
    chunks: Chunks,
    /// The chunk that is given out.
    chunk: Vec<u8>,
    given: usize,
    is_over: bool,
}

impl<R: BufRead> Decryptor<R> {
    /// Reads the header of `file`, which one of `identities` must open.
    ///
    /// # Errors
    /// [`AgeError`].
    pub fn open(mut file: R, identities: &[Identity]) -> Result<Self, AgeError> {
        let file_key = header::read(&mut file, identities)?;
        let mut nonce = [0; NONCE_BYTES];
        file.read_exact(&mut nonce).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => AgeError::Header("it ends before the payload"),
            _ => AgeError::Read(error),
        })?;
        Ok(Self { file, chunks: Chunks::new(&file_key, &nonce)?, chunk: Vec::new(), given: 0, is_over: false })
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let wrong = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let sealed_bytes = CHUNK_BYTES + CHACHA20_POLY1305.tag_len();
        self.chunk.clear();
        self.given = 0;
        self.file.by_ref().take(sealed_bytes as u64).read_to_end(&mut self.chunk)?;
        let is_last = self.file.fill_buf()?.is_empty();
        let is_first = self.chunks.number == 0;
        let nonce = self.chunks.nonce(is_last);
        let opened = self.chunks.key.open_in_place(nonce, Aad::empty(), &mut self.chunk);
        let length = opened.map_err(|_| wrong("the encrypted file ends too early, or was changed"))?.len();
        if length == 0 && !is_first {
            return Err(wrong("the encrypted file ends with an empty chunk"));
        }
        self.chunk.truncate(length);
        self.is_over = is_last;
        Ok(())
    }
}

impl<R: BufRead> Read for Decryptor<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.chunk.len() && !self.is_over {
            // What cannot be opened is never given out.
            if let Err(error) = self.next_chunk() {
                self.chunk.clear();
                return Err(error);
            }
        }
        let now = out.len().min(self.chunk.len() - self.given);
        out[..now].copy_from_slice(&self.chunk[self.given..self.given + now]);
        self.given += now;
        Ok(now)
    }
}
