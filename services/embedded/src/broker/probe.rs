//! The question that shows whether the broker lives: a metadata request, which its store must answer.
//!
//! Written by hand, 40 bytes, because only the bus may use a Kafka client, and a client would hide a silence
//! behind retries.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::ensure;

/// Compaction and a long fetch hold the store up for seconds at worst.
const ANSWER: Duration = Duration::from_secs(10);
const METADATA: i16 = 3;
const CORRELATION: i32 = 0x07a2_0b01;
const TOPIC: &str = "otaru.acks";

pub(super) fn ask(address: SocketAddr) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    stream.write_all(&request())?;
    let mut head = [0; 8];
    stream.read_exact(&mut head)?;
    let correlation = i32::from_be_bytes([head[4], head[5], head[6], head[7]]);
    ensure!(correlation == CORRELATION, "what answers on {address} is not a Kafka broker");
    Ok(())
}

/// Metadata v1 for one topic; it need not exist.
fn request() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(METADATA.to_be_bytes());
    body.extend(1_i16.to_be_bytes());
    body.extend(CORRELATION.to_be_bytes());
    text(&mut body, "otaru-watch");
    body.extend(1_i32.to_be_bytes());
    text(&mut body, TOPIC);
    let mut message = u32::try_from(body.len()).unwrap_or_default().to_be_bytes().to_vec();
    message.extend(body);
    message
}

/// A Kafka string: its length in two bytes, then its bytes.
fn text(body: &mut Vec<u8>, text: &str) {
    body.extend(u16::try_from(text.len()).unwrap_or_default().to_be_bytes());
    body.extend(text.bytes());
}
