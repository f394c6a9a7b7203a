//! Vehicles as NDJSON: a JSON object on each line.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};

use otaru_domain::ack;
use otaru_domain::id::{ModelId, Vin};
use otaru_http::Json;
use otaru_store::vehicles::{ImportEcu, ImportVehicle};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::lines::{Chunks, Line, ParseError};
use crate::api::vehicles::create::NewEcu;

/// The longest line.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// As in `POST /vehicles`, but what is missing is not said of the vehicle.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    vin: Vin,
    model: ModelId,
    model_year: Option<i32>,
    region: Option<String>,
    tags: Option<Vec<String>>,
    attributes: Option<BTreeMap<String, String>>,
    rxswin: Option<String>,
    #[serde(default)]
    ecus: Vec<NewEcu>,
    ack_key: Option<String>,
}

#[derive(Deserialize)]
struct OnlyVin {
    vin: String,
}

/// Reads all lines; blank ones count but say nothing.
///
/// # Errors
/// [`ParseError`]; lines before it were sent.
pub(super) fn parse(reader: impl Read, to: &mpsc::Sender<Vec<Line>>) -> Result<(), ParseError> {
    let mut reader = BufReader::new(reader);
    let mut chunks = Chunks::new(to);
    let mut line = Vec::new();
    for number in 1.. {
        let long = match read_line(&mut reader, &mut line) {
            Ok(Some(long)) => long,
            Ok(None) => break,
            Err(error) => {
                chunks.flush()?;
                return Err(error.into());
            }
        };
        if long {
            let detail = format!("the line is longer than {MAX_LINE_BYTES} bytes");
            chunks.push(Line { number, vin: None, vehicle: Err(detail) })?;
        } else if !line.trim_ascii().is_empty() {
            chunks.push(read(number, &line))?;
        }
    }
    chunks.flush()
}

/// Reads a line into `line` and gives whether it was too long; `None` at the end.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut length = 0;
    loop {
        let read = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', line)? as u64;
        length += read;
        if line.ends_with(b"\n") || read == 0 {
            return Ok((length > 0).then_some(length > MAX_LINE_BYTES));
        }
        if length > MAX_LINE_BYTES {
            line.clear();
        }
    }
}

fn read(number: u64, line: &[u8]) -> Line {
    match Json::<Object>::parse(line) {
        Ok(Json(object)) => {
            let vin = Some(object.vin.to_string());
            let ack_key = object.ack_key.as_deref().map(ack::parse_key);
            if ack_key == Some(None) {
                return Line { number, vin, vehicle: Err(format!("/ack_key: {}", ack::KEY_EXPECTED)) };
            }
            let vehicle = ImportVehicle {
                vin: object.vin,
                model: object.model,
                model_year: object.model_year,
                region: object.region,
                tags: object.tags,
                attributes: object.attributes,
                rxswin: object.rxswin,
                ecus: object.ecus.into_iter().map(ImportEcu::from).collect(),
                ack_key: ack_key.flatten(),
            };
            Line { number, vin, vehicle: Ok(vehicle) }
        }
        Err(problem) => {
            let vin = serde_json::from_slice::<OnlyVin>(line).ok();
            let problem = problem.body();
            let detail = match problem.pointer.as_deref().filter(|pointer| !pointer.is_empty()) {
                Some(pointer) => format!("{pointer}: {}", problem.detail),
                None => problem.detail.clone(),
            };
            Line { number, vin: vin.map(|only| only.vin.chars().take(64).collect()), vehicle: Err(detail) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(ndjson: &[u8]) -> Vec<Line> {
        let (to, mut from) = mpsc::channel(16);
        parse(ndjson, &to).unwrap();
        let mut lines = Vec::new();
        while let Ok(chunk) = from.try_recv() {
            lines.extend(chunk);
        }
        lines
    }

    #[test]
    fn a_bad_line_names_its_field_and_the_others_are_read() {
        let text = "{\"vin\":\"WVWZZZ1KZAW000001\",\"model\":\"m\",\"ecus\":[{\"hardware_id\":\"BCM\",\"version\":\"1\"}]}\n\
                    \n\
                    {\"vin\":\"WVWZZZ1KZAW000002\",\"model\":7}\n\
                    no json\n\
                    {\"vin\":\"WVWZZZ1KZAW000003\",\"model\":\"m\",\"colour\":\"red\"}";
        let lines = lines(text.as_bytes());
        assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 3, 4, 5]);
        assert_eq!(lines[0].vehicle.as_ref().unwrap().ecus.len(), 1);
        assert!(lines[1].vehicle.as_ref().unwrap_err().starts_with("/model: "));
        assert_eq!(lines[1].vin.as_deref(), Some("WVWZZZ1KZAW000002"));
        assert!(lines[2].vehicle.as_ref().unwrap_err().contains("not JSON"));
        assert!(lines[3].vehicle.as_ref().unwrap_err().contains("colour"));
    }

    proptest::proptest! {
        #[test]
        fn each_line_that_is_not_blank_is_one_and_keeps_its_number(
            text in proptest::collection::vec(proptest::sample::select(b"{}[]\":,vin1\n\n\r \t\xff".as_slice()), 0..200),
        ) {
            let stands = text.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| !line.trim_ascii().is_empty());
            let numbers: Vec<u64> = lines(&text).iter().map(|line| line.number).collect();
            assert_eq!(numbers, stands.map(|(_, number)| number).collect::<Vec<u64>>());
        }
    }

    #[test]
    fn an_endless_line_is_one_bad_line() {
        let mut text = vec![b'x'; 3 << 20];
        text.extend(b"\n{\"vin\":\"WVWZZZ1KZAW000001\",\"model\":\"m\"}\n");
        let lines = lines(&text);
        assert!(lines[0].vehicle.as_ref().unwrap_err().contains("longer"));
        assert_eq!((lines[1].number, lines[1].vehicle.is_ok()), (2, true));
    }
}
