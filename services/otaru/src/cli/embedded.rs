//! Only the embedded broker or Postgres, for tests and for working on one role at a time.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::signals::stop_on_signal;

#[derive(Debug, Args)]
pub struct EmbeddedArgs {
    /// Run the private Postgres.
    #[arg(long)]
    postgres: bool,
    /// The port of the private Postgres; any that is free unless given, and the same again at the next start.
    #[arg(long, requires = "postgres", value_name = "PORT")]
    postgres_port: Option<u16>,
    /// Run the broker, listening here.
    #[arg(long, value_name = "ADDRESS")]
    broker: Option<SocketAddr>,
    /// Where both keep what they store.
    #[arg(long, env = "OTARU_DATA_DIR", default_value = ".otaru")]
    data_dir: PathBuf,
}

impl EmbeddedArgs {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let stop = stop_on_signal()?;
        std::fs::create_dir_all(&self.data_dir)?;
        let mut listening = serde_json::Map::new();
        let postgres = if self.postgres {
            let postgres = otaru_embedded::Postgres::start(&self.data_dir, self.postgres_port).await?;
            listening.insert("database_url".into(), json!(postgres.url()));
            Some(postgres)
        } else {
            None
        };
        let broker = match self.broker {
            Some(address) => {
                let broker = otaru_embedded::Broker::start(&self.data_dir, address).await?;
                let properties = otaru_embedded::Broker::client_properties();
                let properties: Vec<_> = properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
                listening.insert("kafka".into(), json!(broker.bootstrap()));
                listening.insert("kafka_properties".into(), json!(properties));
                Some(broker)
            }
            None => None,
        };
        anyhow::ensure!(!listening.is_empty(), "nothing to run: give --postgres, --broker ADDRESS, or both");
        println!("{}", serde_json::Value::Object(listening));
        stop.cancelled().await;
        if let Some(broker) = broker {
            broker.stop().await;
        }
        if let Some(postgres) = postgres {
            postgres.stop().await;
        }
        Ok(ExitCode::SUCCESS)
    }
}
