//! The pool and its transactions.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Postgres, Transaction};

use crate::{MIGRATOR, StoreError};

/// A transaction. Dropped without `commit`, it rolls back.
pub type Tx = Transaction<'static, Postgres>;

/// How to reach Postgres.
#[derive(Debug, Clone)]
pub struct Config {
    /// `postgres://user:password@host:port/database`.
    pub url: String,
    pub max_connections: u32,
    /// The schema to work in; `public` but for a rebuild beside it.
    pub schema: Option<String>,
}

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    /// Opens the pool. It connects when it is first used, so a role starts while Postgres is still away.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the URL is none.
    pub fn open(config: &Config) -> Result<Self, StoreError> {
        let mut options: PgConnectOptions = config.url.parse()?;
        options = options.application_name("otaru");
        if let Some(schema) = &config.schema {
            options = options.options([("search_path", format!("{schema},public"))]);
        }
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(Duration::from_secs(5))
            .connect_lazy_with(options);
        Ok(Self { pool })
    }

    /// For tests, which are given a pool.
    #[must_use]
    pub fn from_pool(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] while Postgres is away, [`StoreError::Migrate`] otherwise.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        // Not `run`: its future is `Send` only for particular lifetimes, so no task could be spawned with it.
        MIGRATOR.run_direct(None, &mut *connection, false).await?;
        Ok(())
    }

    /// Whether Postgres answers.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Begins a transaction, in a task of its own: cancelling sqlx's `begin()` half-way returns a
    /// connection with an open transaction to the pool (sqlx #4385), and a client that
    /// disconnects cancels its handler.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] while Postgres is away or all connections are taken.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let pool = self.pool.clone();
        tokio::spawn(async move { pool.begin().await })
            .await
            .map_err(|_| StoreError::Cancelled)?
            .map_err(StoreError::from)
    }

    /// Begins a transaction that only reads, all of it as of one moment, and holds nobody up.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn begin_reading(&self) -> Result<Tx, StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut *tx).await?;
        Ok(tx)
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }
}
