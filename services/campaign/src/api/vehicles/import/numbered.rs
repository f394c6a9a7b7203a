//! The line that a CSV record begins on. The parser counts a record that follows blank lines from the first of
//! those, so the beginnings of the other lines are noted here while their bytes pass on the way to it.

use std::collections::VecDeque;
use std::io::{self, Read};

/// A reader that knows where lines begin that are not blank.
pub(super) struct Numbered<R> {
    inner: R,
    /// Bytes that passed.
    passed: u64,
    /// The line that the next byte is on, from 1.
    line: u64,
    /// Nothing of that line passed yet.
    blank: bool,
    after_return: bool,
    /// First byte and number of lines that the parser may not have begun with.
    begun: VecDeque<(u64, u64)>,
}

impl<R> Numbered<R> {
    pub fn new(inner: R) -> Self {
        Self { inner, passed: 0, line: 1, blank: true, after_return: false, begun: VecDeque::new() }
    }

    /// The parser goes on at the byte `from`: what begins before it is behind.
    pub fn go_on(&mut self, from: u64) {
        while self.begun.front().is_some_and(|(first_byte, _)| *first_byte < from) {
            self.begun.pop_front();
        }
    }

    /// The line of the record that the parser read after [`Self::go_on`].
    pub fn line(&self) -> u64 {
        self.begun.front().map_or(self.line, |(_, line)| *line)
    }

    fn pass(&mut self, byte: u8) {
        match byte {
            // The end of a line that ends in both was at its first.
            b'\n' if self.after_return => {}
            b'\n' | b'\r' => {
                self.line += 1;
                self.blank = true;
            }
            _ if self.blank => {
                self.begun.push_back((self.passed, self.line));
                self.blank = false;
            }
            _ => {}
        }
        self.after_return = byte == b'\r';
        self.passed += 1;
    }
}

impl<R: Read> Read for Numbered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The parser asks for more when it has used up what it had: but for the first, all that is noted began within
        // the record that it is reading. So no more is noted than a buffer holds, however many lines a field has.
        self.begun.truncate(1);
        let length = self.inner.read(buffer)?;
        buffer[..length].iter().for_each(|byte| self.pass(*byte));
        Ok(length)
    }
}
