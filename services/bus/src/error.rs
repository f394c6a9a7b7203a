//! What can go wrong with the broker, and what to do about it.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use thiserror::Error;

use crate::message::MAX_MESSAGE_BYTES;

#[derive(Debug, Error)]
pub enum BusError {
    /// Nobody answers, or not in time: worth another try. A message may have been written none the less.
    #[error("the broker at {bootstrap} does not answer: check --kafka, and that it is up")]
    Unreachable {
        bootstrap: String,
        #[source]
        source: Option<Box<KafkaError>>,
    },
    /// The broker answered, and said no.
    #[error("the broker at {bootstrap} refused {what}: check the topic, its ACLs and the sasl.* and ssl.* properties")]
    Refused {
        bootstrap: String,
        what: String,
        #[source]
        source: Box<KafkaError>,
    },
    #[error("the topic {topic} does not exist (yet): the campaign service creates it when it starts")]
    UnknownTopic { topic: String },
    #[error(
        "a message of {bytes} bytes is too long for {topic}: the limit is {MAX_MESSAGE_BYTES} bytes, or less where \
             the property message.max.bytes says so"
    )]
    TooLarge { topic: String, bytes: usize },
    #[error("Kafka's client does not take its settings: check the --kafka properties")]
    Config(#[source] Box<KafkaError>),
    /// Another consumer of the group has the partition, or it was assigned anew since: wait for `Assigned`.
    #[error("partition {partition} of {topic} is not assigned to this consumer any more")]
    NotAssigned { topic: String, partition: i32 },
    /// Kafka has fewer messages than were applied: it was emptied, or restored from an older copy.
    #[error(
        "{topic} partition {partition} ends at offset {high}, before offset {offset} where reading was to go on: \
             its messages are gone; restore the broker's data, or rebuild from it"
    )]
    BeyondEnd { topic: String, partition: i32, offset: i64, high: i64 },
    #[error("the task that talks to the broker has ended")]
    Stopped,
}

impl BusError {
    /// Whether the same call may succeed later without anything having changed but time.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::UnknownTopic { .. } | Self::NotAssigned { .. })
    }

    pub(crate) fn config(error: KafkaError) -> Self {
        Self::Config(Box::new(error))
    }

    /// Sorts an error of the client by what its reader can do about it.
    pub(crate) fn of(bootstrap: &str, what: impl Into<String>, error: KafkaError) -> Self {
        match &error {
            KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) => return Self::Config(Box::new(error)),
            KafkaError::Canceled => return Self::Stopped,
            _ => {}
        }
        if error.rdkafka_error_code().is_none_or(is_away) {
            Self::Unreachable { bootstrap: bootstrap.to_owned(), source: Some(Box::new(error)) }
        } else {
            Self::Refused { bootstrap: bootstrap.to_owned(), what: what.into(), source: Box::new(error) }
        }
    }
}

/// Codes that time alone may cure.
pub(crate) fn is_away(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::MessageTimedOut
            | Code::TimedOutQueue
            | Code::RequestTimedOut
            | Code::Resolve
            | Code::NodeUpdate
            | Code::QueueFull
            | Code::WaitingForCoordinator
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::NotController
            | Code::NotLeaderForPartition
            | Code::LeaderNotAvailable
            | Code::BrokerNotAvailable
            | Code::ReplicaNotAvailable
            | Code::NetworkException
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::PurgeQueue
            | Code::PurgeInflight
            | Code::UnknownBroker
            | Code::Fatal
            | Code::ThrottlingQuotaExceeded
    )
}

/// Codes that mean a topic is not there.
pub(crate) fn is_unknown_topic(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(code, Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition)
}
