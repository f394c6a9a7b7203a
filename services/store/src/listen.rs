//! `LISTEN`, for tasks that are woken by other processes' commits. It is only a hint: whoever listens also
//! looks from time to time, for a notification may be lost with a connection.

use sqlx::postgres::PgListener;

use crate::{Store, StoreError};

/// A connection that waits for notifications.
#[derive(Debug)]
pub struct Listener {
    inner: PgListener,
}

/// What was told when a transaction committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    pub channel: String,
    pub payload: String,
}

impl Store {
    /// Listens on `channels`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn listen(&self, channels: &[&str]) -> Result<Listener, StoreError> {
        let mut inner = PgListener::connect_with(self.pool()).await?;
        inner.listen_all(channels.iter().copied()).await?;
        Ok(Listener { inner })
    }
}

impl Listener {
    /// The next notification; `None` after the connection was lost and made anew, when there may have been some.
    ///
    /// # Errors
    /// [`StoreError`] when no connection can be made.
    pub async fn next(&mut self) -> Result<Option<Notification>, StoreError> {
        let heard = self.inner.try_recv().await?;
        Ok(heard.map(|heard| Notification { channel: heard.channel().to_owned(), payload: heard.payload().to_owned() }))
    }
}
