//! What is written and what is read, free of the client's borrowed types.

use rdkafka::message::{BorrowedMessage, Header, Headers as _, OwnedHeaders};
use rdkafka::{Message as _, Timestamp};

/// The longest key and value together. The wire and topic limits leave room for headers and framing.
pub const MAX_MESSAGE_BYTES: usize = 8 * 1024 * 1024;

/// A message to write. No value is a tombstone: it deletes the key from a compacted topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Message {
    pub(crate) fn len_bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len) + headers
    }

    pub(crate) fn owned_headers(&self) -> Option<OwnedHeaders> {
        if self.headers.is_empty() {
            return None;
        }
        let empty = OwnedHeaders::new_with_capacity(self.headers.len());
        Some(
            self.headers
                .iter()
                .fold(empty, |all, (key, value)| all.insert(Header { key, value: Some(value.as_slice()) })),
        )
    }
}

/// A message that was read, with where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// When its producer wrote it, in milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
    /// The same where it is the broker's own clock that said it (`message.timestamp.type=LogAppendTime`), and not the writer's.
    pub stored_ms: Option<i64>,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Record {
    /// The value of the first header called `name`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice())
    }

    pub(crate) fn len_bytes(&self) -> usize {
        self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len)
    }
}

impl From<&BorrowedMessage<'_>> for Record {
    fn from(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            headers.iter().map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec())).collect()
        });
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis(),
            stored_ms: match message.timestamp() {
                Timestamp::LogAppendTime(ms) => Some(ms),
                Timestamp::CreateTime(_) | Timestamp::NotAvailable => None,
            },
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers,
        }
    }
}
