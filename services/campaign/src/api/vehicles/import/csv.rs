//! Vehicles as CSV (RFC 4180), with a header.

use std::collections::BTreeMap;
use std::io::{self, Read};

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};
use otaru_domain::ack;
use otaru_domain::id::{HardwareId, ModelId, Vin};
use otaru_store::vehicles::{ImportEcu, ImportVehicle};
use tokio::sync::mpsc;

use super::lines::{Chunks, Line, ParseError};
use super::numbered::Numbered;

enum Column {
    Vin,
    Model,
    ModelYear,
    Region,
    Tags,
    Rxswin,
    AckKey,
    Ecu(HardwareId),
    Attribute(String),
}

impl Column {
    fn parse(name: &str) -> Result<Self, String> {
        match name {
            "vin" => Ok(Self::Vin),
            "model" => Ok(Self::Model),
            "model_year" => Ok(Self::ModelYear),
            "region" => Ok(Self::Region),
            "tags" => Ok(Self::Tags),
            "rxswin" => Ok(Self::Rxswin),
            "ack_key" => Ok(Self::AckKey),
            other => {
                if let Some(hardware_id) = other.strip_prefix("ecu:") {
                    HardwareId::parse(hardware_id).map(Self::Ecu).map_err(|error| error.to_string())
                } else if let Some(attribute) = other.strip_prefix("attr:").filter(|attribute| !attribute.is_empty()) {
                    Ok(Self::Attribute(attribute.to_owned()))
                } else {
                    Err(format!(
                        "there is no column {other:?}: the columns are vin, model, model_year, region, tags, rxswin, \
                         ack_key, ecu:<hardware id>, attr:<name>"
                    ))
                }
            }
        }
    }
}

/// Reads all lines.
///
/// # Errors
/// [`ParseError`]; lines before it were sent.
pub(super) fn parse(reader: impl Read, to: &mpsc::Sender<Vec<Line>>) -> Result<(), ParseError> {
    let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(Numbered::new(reader));
    let header = match reader.headers() {
        Ok(header) => columns(header).map_err(ParseError::Header)?,
        Err(error) => return Err(header_error(error)),
    };
    let mut chunks = Chunks::new(to);
    let mut record = StringRecord::new();
    loop {
        let from = reader.position().byte();
        reader.get_mut().go_on(from);
        let more = reader.read_record(&mut record);
        let number = reader.get_ref().line();
        let line = match more {
            Ok(false) => return chunks.flush(),
            Ok(true) => read(number, &header, &record),
            Err(error) => match bad_line(number, error) {
                Ok(line) => line,
                Err(error) => {
                    chunks.flush()?;
                    return Err(error.into());
                }
            },
        };
        chunks.push(line)?;
    }
}

fn header_error(error: csv::Error) -> ParseError {
    match error.into_kind() {
        ErrorKind::Io(error) => ParseError::Read(error),
        _ => ParseError::Header("it is not UTF-8".to_owned()),
    }
}

/// A line that is no text is only a bad line; without a body there are no lines at all.
fn bad_line(number: u64, error: csv::Error) -> io::Result<Line> {
    match error.into_kind() {
        ErrorKind::Io(error) => Err(error),
        ErrorKind::Utf8 { .. } => Ok(Line { number, vin: None, vehicle: Err("the line is not UTF-8".to_owned()) }),
        other => Err(io::Error::other(format!("{other:?}"))),
    }
}

fn columns(header: &StringRecord) -> Result<Vec<Column>, String> {
    let mut seen = std::collections::BTreeSet::new();
    // Spreadsheets write a byte order mark before the first name.
    let names = header.iter().map(|name| name.trim_start_matches('\u{feff}'));
    let columns = names.clone().map(Column::parse).collect::<Result<Vec<_>, _>>()?;
    if let Some(twice) = names.clone().find(|name| !seen.insert(*name)) {
        return Err(format!("the column {twice:?} is there twice"));
    }
    match ["vin", "model"].into_iter().find(|needed| !seen.contains(needed)) {
        Some(missing) => Err(format!("the column {missing:?} is missing")),
        None => Ok(columns),
    }
}

fn read(number: u64, columns: &[Column], record: &StringRecord) -> Line {
    let vin = columns.iter().zip(record).find(|(column, _)| matches!(column, Column::Vin)).map(|(_, field)| field);
    Line { number, vin: vin.map(|vin| vin.chars().take(64).collect()), vehicle: vehicle(columns, record) }
}

fn vehicle(columns: &[Column], record: &StringRecord) -> Result<ImportVehicle, String> {
    if record.len() != columns.len() {
        return Err(format!("the line has {} fields, the header {}", record.len(), columns.len()));
    }
    let (mut vin, mut model) = ("", "");
    let mut model_year = None;
    let (mut region, mut rxswin, mut tags, mut ack_key) = (None, None, None, None);
    let (mut ecus, mut attributes) = (Vec::new(), BTreeMap::new());
    for (column, field) in columns.iter().zip(record).filter(|(_, field)| !field.is_empty()) {
        match column {
            Column::Vin => vin = field,
            Column::Model => model = field,
            Column::ModelYear => {
                model_year = Some(field.parse().map_err(|_| format!("model_year must be a number, got {field:?}"))?);
            }
            Column::Region => region = Some(field.to_owned()),
            Column::Rxswin => rxswin = Some(field.to_owned()),
            Column::AckKey => {
                let key =
                    ack::parse_key(field).ok_or_else(|| format!("ack_key {}, got {field:?}", ack::KEY_EXPECTED))?;
                ack_key = Some(key);
            }
            Column::Tags => {
                let given = field.split(';').map(str::trim).filter(|tag| !tag.is_empty());
                tags = Some(given.map(str::to_owned).collect());
            }
            Column::Ecu(hardware_id) => {
                ecus.push(ImportEcu { hardware_id: hardware_id.clone(), version: field.to_owned(), serial: None });
            }
            Column::Attribute(name) => {
                attributes.insert(name.clone(), field.to_owned());
            }
        }
    }
    Ok(ImportVehicle {
        vin: Vin::parse(vin).map_err(|error| error.to_string())?,
        model: ModelId::parse(model).map_err(|error| error.to_string())?,
        model_year,
        region,
        tags,
        attributes: (!attributes.is_empty()).then_some(attributes),
        rxswin,
        ecus,
        ack_key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(csv: &[u8]) -> (Vec<Line>, Result<(), ParseError>) {
        let (to, mut from) = mpsc::channel(16);
        let result = parse(csv, &to);
        let mut lines = Vec::new();
        while let Ok(chunk) = from.try_recv() {
            lines.extend(chunk);
        }
        (lines, result)
    }

    #[test]
    fn empty_fields_are_not_given_and_bad_lines_keep_their_numbers() {
        let csv = "\u{feff}vin,model,model_year,tags,ecu:BCM,attr:trim\n\
                   WVWZZZ1KZAW000001,m,2025,beta; demo,2.3.0,sport\n\
                   \n\
                   WVWZZZ1KZAW000002,m,,,,\n\
                   nonsense,m,2025,,,\n\
                   WVWZZZ1KZAW000003,m\n";
        let (lines, result) = lines(csv.as_bytes());
        result.unwrap();
        assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [2, 4, 5, 6]);
        let first = lines[0].vehicle.as_ref().unwrap();
        assert_eq!(first.tags.as_deref(), Some(["beta".to_owned(), "demo".to_owned()].as_slice()));
        assert_eq!(first.ecus[0].version, "2.3.0");
        let second = lines[1].vehicle.as_ref().unwrap();
        assert_eq!((second.model_year, &second.tags, &second.attributes), (None, &None, &None));
        assert_eq!(lines[2].vin.as_deref(), Some("nonsense"));
        assert!(lines[2].vehicle.as_ref().unwrap_err().contains("17 characters"));
        assert!(lines[3].vehicle.as_ref().unwrap_err().contains("2 fields"));
    }

    #[test]
    fn lines_are_counted_as_an_editor_does() {
        for newline in ["\n", "\r\n", "\r"] {
            let csv = [
                "",
                "vin,model,attr:note",
                "",
                "",
                "WVWZZZ1KZAW000001,m,one",
                "WVWZZZ1KZAW000002,m,\"two",
                "",
                "lines\"",
                "",
                "WVWZZZ1KZAW000003,m,three",
                "short",
            ];
            let (lines, result) = lines(csv.join(newline).as_bytes());
            result.unwrap();
            let numbers: Vec<_> = lines.iter().map(|line| line.number).collect();
            assert_eq!(numbers, [5, 6, 10, 11], "{newline:?}");
        }
    }

    #[test]
    fn lines_are_counted_over_many_buffers() {
        let long = "x\n".repeat(20_000);
        let csv = format!("vin,model,attr:note\n{}WVWZZZ1KZAW000001,m,\"{long}\"\n\nshort\n", "\n".repeat(30_000));
        let (lines, result) = lines(csv.as_bytes());
        result.unwrap();
        assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [30_002, 50_004]);
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_bytes_lines_are_numbered_in_their_order_and_within_the_file(
            rest in proptest::collection::vec(proptest::sample::select(b"WVZ1,m;\"\n\r \xff\xc3".as_slice()), 0..200),
        ) {
            let csv = [b"vin,model\n".as_slice(), &rest].concat();
            let (lines, result) = lines(&csv);
            result.unwrap();
            let ends = csv.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64;
            let numbers: Vec<u64> = lines.iter().map(|line| line.number).collect();
            assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
            assert!(numbers.iter().all(|number| (2..=ends + 1).contains(number)), "{numbers:?}");
        }
    }

    #[test]
    fn a_line_that_is_no_text_is_one_bad_line() {
        let (lines, result) = lines(b"vin,model\nWVWZZZ1KZAW00000\xff,m\nWVWZZZ1KZAW000002,m\n");
        result.unwrap();
        assert!(lines[0].vehicle.as_ref().unwrap_err().contains("UTF-8"));
        assert!(lines[1].vehicle.is_ok());
    }

    #[test]
    fn a_header_with_a_strange_double_or_missing_column_is_refused() {
        for (header, complaint) in [
            ("vin,model,colour\n", "colour"),
            ("vin,model,vin\n", "twice"),
            ("vin,region\n", "\"model\" is missing"),
            ("", "\"vin\" is missing"),
        ] {
            let (_, result) = lines(header.as_bytes());
            assert!(matches!(result, Err(ParseError::Header(detail)) if detail.contains(complaint)), "{header:?}");
        }
    }
}
