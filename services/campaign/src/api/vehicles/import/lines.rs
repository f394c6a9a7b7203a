//! Lines of an import on their way from the body to the database.

use std::io::{self, Read};

use bytes::{Buf as _, Bytes};
use otaru_store::vehicles::ImportVehicle;
use thiserror::Error;
use tokio::sync::mpsc;

use super::{CHUNK_LINES, MAX_LINES};

/// A line that was read.
#[derive(Debug)]
pub(super) struct Line {
    /// In the file, from 1.
    pub number: u64,
    /// As the line has it.
    pub vin: Option<String>,
    /// What it says, or what is wrong with it.
    pub vehicle: Result<ImportVehicle, String>,
}

/// Why the rest of an import was not read.
#[derive(Debug, Error)]
pub(super) enum ParseError {
    #[error("the header is not acceptable: {0}")]
    Header(String),
    #[error("too many lines")]
    TooManyLines,
    #[error("the body cannot be read")]
    Read(#[from] io::Error),
}

/// Gathers lines into chunks for whoever writes them.
pub(super) struct Chunks<'a> {
    to: &'a mpsc::Sender<Vec<Line>>,
    chunk: Vec<Line>,
    lines: usize,
}

impl<'a> Chunks<'a> {
    pub fn new(to: &'a mpsc::Sender<Vec<Line>>) -> Self {
        Self { to, chunk: Vec::new(), lines: 0 }
    }

    /// # Errors
    /// [`ParseError::TooManyLines`], and [`ParseError::Read`] when nobody writes any more.
    pub fn push(&mut self, line: Line) -> Result<(), ParseError> {
        if self.lines == MAX_LINES {
            self.flush()?;
            return Err(ParseError::TooManyLines);
        }
        self.lines += 1;
        self.chunk.push(line);
        if self.chunk.len() == CHUNK_LINES { self.flush() } else { Ok(()) }
    }

    /// Sends what there is.
    ///
    /// # Errors
    /// [`ParseError::Read`] when nobody writes any more.
    pub fn flush(&mut self) -> Result<(), ParseError> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let sent = self.to.blocking_send(std::mem::take(&mut self.chunk));
        sent.map_err(|_| ParseError::Read(io::ErrorKind::BrokenPipe.into()))
    }
}

/// The body, for a parser that blocks.
pub(super) struct ChunkReader {
    arriving: mpsc::Receiver<io::Result<Bytes>>,
    present: Bytes,
}

impl ChunkReader {
    pub fn new(arriving: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        Self { arriving, present: Bytes::new() }
    }
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.present.is_empty() {
            match self.arriving.blocking_recv() {
                Some(chunk) => self.present = chunk?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.present.len());
        self.present.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
