//! What can go wrong with what is stored.

use thiserror::Error;

#[derive(Debug, Error)]
pub enum StoreError {
    /// Postgres is away or refuses: worth another try.
    #[error("the database cannot be reached: check --database-url, and that Postgres is up")]
    Unavailable(#[source] sqlx::Error),
    #[error("the database refused a statement")]
    Database(#[source] sqlx::Error),
    #[error("the database schema cannot be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row that no code of ours can have written.
    #[error("inconsistent row in {table}: {what}")]
    Inconsistent { table: &'static str, what: String },
    /// Another process leads now, or owns the partition: what was begun is not done.
    #[error("this process no longer holds {0}; another one does")]
    Fenced(&'static str),
    #[error("the object store failed: check --artifacts and the space left there")]
    Objects(#[source] object_store::Error),
    #[error("a task of the store was cancelled")]
    Cancelled,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let away = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            // A connection that ends in the middle of an answer, the handshake's included.
            sqlx::Error::Protocol(_) => true,
            // 57P0x: shutting down or starting up; 53xxx: out of resources; 08xxx: connection lost.
            sqlx::Error::Database(database) => database
                .code()
                .is_some_and(|code| code.starts_with("57P") || code.starts_with("53") || code.starts_with("08")),
            _ => false,
        };
        if away { Self::Unavailable(error) } else { Self::Database(error) }
    }
}

impl StoreError {
    /// Whether the same call may succeed later without anything having changed but time.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Cancelled => true,
            // 40001 serialization failure, 40P01 deadlock.
            Self::Database(sqlx::Error::Database(database)) => {
                database.code().is_some_and(|code| code == "40001" || code == "40P01")
            }
            _ => false,
        }
    }

    #[must_use]
    pub fn inconsistent(table: &'static str, what: impl std::fmt::Display) -> Self {
        Self::Inconsistent { table, what: what.to_string() }
    }
}

/// The name of the constraint that a statement violated, if that is why it failed.
#[must_use]
pub fn constraint_of(error: &sqlx::Error) -> Option<&str> {
    match error {
        sqlx::Error::Database(database) => database.constraint(),
        _ => None,
    }
}
