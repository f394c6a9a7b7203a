//! The connection as those see it who write to it: it comes and goes, and what belongs to one connection must not
//! reach the next. A packet's number means another report there, once the broker has lost the session.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Publish, PublishProperties};
use rumqttc::v5::{AsyncClient, ClientError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::topics;

/// Before another try when the queue to the connection is full.
const BREATH: Duration = Duration::from_millis(10);

/// A publication of ours.
pub(super) struct Said {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) properties: PublishProperties,
}

/// A report that is here and not given back yet; counted until it is dropped.
#[derive(Debug)]
pub(super) struct Held(watch::Sender<usize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.send_modify(|held| *held -= 1);
    }
}

pub(super) struct Link {
    client: AsyncClient,
    /// Reports that are here.
    held: watch::Sender<usize>,
    /// The gateway goes for good, and wants no more reports.
    leaving: AtomicBool,
    /// The broker gives it none any more.
    left: watch::Sender<bool>,
    /// Ends with the connection.
    connection: Mutex<CancellationToken>,
    /// How many connections there have been on which all was subscribed.
    opened: watch::Sender<u64>,
}

impl Link {
    pub(super) fn new(client: AsyncClient) -> Self {
        let none = CancellationToken::new();
        none.cancel();
        let (held, left, opened) = (watch::Sender::new(0), watch::Sender::new(false), watch::Sender::new(0));
        Self { client, held, leaving: AtomicBool::new(false), left, connection: Mutex::new(none), opened }
    }

    /// Whether there is a connection now.
    pub(super) fn is_open(&self) -> bool {
        !self.connection.lock().unwrap_or_else(PoisonError::into_inner).is_cancelled()
    }

    /// Waits for a connection.
    pub(super) async fn wait_open(&self) {
        // The sender is this link's own and cannot be gone.
        let _ = self.opened.subscribe().wait_for(|_| self.is_open()).await;
    }

    /// Counts a report that came.
    pub(super) fn hold(&self) -> Held {
        self.held.send_modify(|held| *held += 1);
        Held(self.held.clone())
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// The broker has ended the subscription to reports.
    pub(super) fn unsubscribed(&self) {
        self.left.send_replace(true);
    }

    /// Ends the subscription to reports, and waits until all are given back that came, and none has come for `quiet`.
    pub(super) async fn leave(&self, quiet: Duration) {
        self.leaving.store(true, Ordering::Release);
        // Without a connection it is asked for with the next one.
        if self.client.unsubscribe(topics::SHARED_ACKS).await.is_err() {
            return;
        }
        let _ = self.left.subscribe().wait_for(|left| *left).await;
        let mut held = self.held.subscribe();
        loop {
            let _ = held.wait_for(|held| *held == 0).await;
            held.mark_unchanged();
            if tokio::time::timeout(quiet, held.changed()).await.is_err() {
                return;
            }
        }
    }

    /// A connection begins. What is given lasts as long as it.
    pub(super) fn begin(&self) -> CancellationToken {
        let connection = CancellationToken::new();
        let before =
            std::mem::replace(&mut *self.connection.lock().unwrap_or_else(PoisonError::into_inner), connection.clone());
        before.cancel();
        connection
    }

    pub(super) fn subscribed(&self) {
        self.opened.send_modify(|opened| *opened += 1);
    }

    /// The connection is lost: from here on nothing is acknowledged on it.
    pub(super) fn end(&self) {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }

    /// Hears of new connections.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.opened.subscribe()
    }

    /// Gives the report back to the broker as taken, if the connection it came on is still there.
    pub(super) async fn acknowledge(&self, connection: &CancellationToken, publish: &Publish) {
        loop {
            {
                let _held = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
                if connection.is_cancelled() || self.client.try_ack(publish).is_ok() {
                    return;
                }
            }
            // Full: what is on its way makes room, or the connection is given up.
            tokio::time::sleep(BREATH).await;
        }
    }

    /// Publishes; waits for room, also while there is no connection.
    ///
    /// # Errors
    /// When the client was given up.
    pub(super) async fn publish(&self, said: Said) -> Result<(), ClientError> {
        let Said { topic, payload, qos, retain, properties } = said;
        self.client.publish_with_properties(topic, qos, retain, payload, properties).await
    }
}
