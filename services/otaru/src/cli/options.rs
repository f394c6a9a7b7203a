//! What several subcommands take: where Postgres, the broker and the artifacts are.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use otaru_bus::BusConfig;
use otaru_domain::id::ModelId;
use otaru_gateway::DdiConfig;

/// Where Postgres is.
#[derive(Debug, Clone, Args)]
pub struct DatabaseOptions {
    /// Postgres, as postgres://user:password@host:port/database.
    #[arg(long, env = "OTARU_DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
    /// The most connections a role opens to it.
    #[arg(long, env = "OTARU_DATABASE_CONNECTIONS", default_value_t = 16)]
    pub database_connections: u32,
}

impl DatabaseOptions {
    pub fn config(&self) -> otaru_store::Config {
        otaru_store::Config { url: self.database_url.clone(), max_connections: self.database_connections, schema: None }
    }
}

/// Where the broker is.
#[derive(Debug, Clone, Args)]
pub struct KafkaOptions {
    /// Kafka's bootstrap servers, as host:port,host:port.
    #[arg(long, env = "OTARU_KAFKA")]
    pub kafka: String,
    #[command(flatten)]
    pub tuning: KafkaTuning,
}

/// How to talk to the broker.
#[derive(Debug, Clone, Args)]
pub struct KafkaTuning {
    /// A property for librdkafka, as name=value; again for more. TLS and SASL: security.protocol, ssl.ca.location,
    /// sasl.mechanism (SCRAM-SHA-256, SCRAM-SHA-512), sasl.username, sasl.password.
    #[arg(long = "kafka-property", env = "OTARU_KAFKA_PROPERTIES", value_delimiter = ',', value_parser = parse_property, hide_env_values = true)]
    pub kafka_properties: Vec<(String, String)>,
    /// Partitions of otaru.acks and otaru.inventories when they are created.
    #[arg(long, env = "OTARU_ACKS_PARTITIONS", default_value_t = 6)]
    pub acks_partitions: i32,
    /// Replicas of each topic when it is created.
    #[arg(long, env = "OTARU_KAFKA_REPLICATION", default_value_t = 1)]
    pub kafka_replication: i32,
}

fn parse_property(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a property is written name=value")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

impl KafkaTuning {
    pub fn config(&self, bootstrap: &str) -> BusConfig {
        BusConfig {
            bootstrap: bootstrap.to_owned(),
            acks_partitions: self.acks_partitions,
            replication: self.kafka_replication,
            properties: self.kafka_properties.clone(),
        }
    }
}

impl KafkaOptions {
    pub fn config(&self) -> BusConfig {
        self.tuning.config(&self.kafka)
    }
}

/// The device API of older fleets (hawkBit's DDI), which every gateway speaks.
#[derive(Debug, Clone, Args)]
pub struct DdiOptions {
    /// The tenant in the devices' addresses; others are not found.
    #[arg(long, env = "OTARU_DDI_TENANT", default_value = "DEFAULT", value_parser = parse_tenant)]
    ddi_tenant: String,
    /// The token with which one gateway of a fleet speaks for all of its vehicles (GatewayToken). Without it there is none.
    #[arg(long, env = "OTARU_DDI_GATEWAY_TOKEN", hide_env_values = true, value_parser = parse_gateway_token)]
    ddi_gateway_token: Option<String>,
    /// Register vehicles that come with the gateway token and are not known, as this model.
    #[arg(long, env = "OTARU_DDI_AUTO_REGISTER_MODEL", requires = "ddi_gateway_token")]
    ddi_auto_register_model: Option<ModelId>,
    /// Ask the vehicle's user before every update, unless the vehicle confirmed all of them beforehand.
    #[arg(long, env = "OTARU_DDI_CONFIRMATION")]
    ddi_confirmation: bool,
}

fn parse_tenant(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let valid = (1..=40).contains(&text.len()) && text.bytes().all(plain);
    if valid { Ok(text.to_owned()) } else { Err("a tenant is 1 to 40 letters, digits, '-', '_' and '.'".to_owned()) }
}

fn parse_gateway_token(text: &str) -> Result<String, String> {
    if text.len() < 16 || text.contains(char::is_whitespace) {
        return Err("a gateway token has at least 16 characters and no blanks: it opens every vehicle".to_owned());
    }
    Ok(text.to_owned())
}

impl DdiOptions {
    pub fn config(&self) -> DdiConfig {
        DdiConfig {
            tenant: self.ddi_tenant.clone(),
            gateway_token_sha256: self.ddi_gateway_token.as_deref().map(DdiConfig::hash),
            auto_register_model: self.ddi_auto_register_model.clone(),
            confirmation: self.ddi_confirmation,
        }
    }
}

/// `path` as the URL of an object store on the local disk; the folder is made.
pub fn local_artifacts(path: &Path) -> anyhow::Result<String> {
    std::fs::create_dir_all(path).with_context(|| format!("cannot make the folder {}", path.display()))?;
    let path: PathBuf = path.canonicalize().with_context(|| format!("cannot find {}", path.display()))?;
    Ok(format!("file://{}", path.display()))
}

/// The hardware module with signing keys.
#[derive(Debug, Args)]
pub struct Pkcs11Options {
    /// The PKCS#11 module, a shared library, whose keys `otaru keys rotate --reference pkcs11:…` names.
    #[arg(long, env = "OTARU_PKCS11_MODULE")]
    pkcs11_module: Option<PathBuf>,
    /// A file with the PIN of the module's user, which nobody else may read; or the PIN is in OTARU_PKCS11_PIN.
    #[arg(long, env = "OTARU_PKCS11_PIN_FILE")]
    pkcs11_pin_file: Option<PathBuf>,
}

impl Pkcs11Options {
    pub fn config(&self) -> anyhow::Result<Option<otaru_campaign::Pkcs11Config>> {
        let Some(module) = self.pkcs11_module.clone() else { return Ok(None) };
        let pin = match &self.pkcs11_pin_file {
            Some(path) => {
                let mode = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
                anyhow::ensure!(
                    mode.permissions().mode() & 0o077 == 0,
                    "others may read the PIN in {}: chmod 600 it",
                    path.display()
                );
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
            }
            None => std::env::var("OTARU_PKCS11_PIN")
                .map_err(|_| anyhow::anyhow!("--pkcs11-module needs --pkcs11-pin-file or OTARU_PKCS11_PIN"))?,
        };
        Ok(Some(otaru_campaign::Pkcs11Config { module, pin: pin.trim_end_matches(['\r', '\n']).to_owned() }))
    }
}

/// Deltas, by which vehicles download little more than what is new.
#[derive(Debug, Args)]
pub struct DeltaOptions {
    /// Make deltas of locked releases. Off, there are none in the signed targets either, and vehicles download whole images.
    #[arg(long, env = "OTARU_DELTAS", value_enum, default_value_t = Switch::On)]
    deltas: Switch,
    /// Against how many images per ECU, of those that most vehicles run; the one of the release before is always among them.
    #[arg(long, env = "OTARU_DELTA_SOURCES", default_value_t = 3, value_parser = clap::value_parser!(u8).range(0..=16))]
    delta_sources: u8,
    /// The largest image of which deltas are made, in MiB. Making one takes some six times as much memory.
    #[arg(long, env = "OTARU_DELTA_MAX_MIB", default_value_t = 128, value_parser = clap::value_parser!(u64).range(1..=1024))]
    delta_max_mib: u64,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    On,
    Off,
}

impl DeltaOptions {
    pub fn config(&self) -> otaru_campaign::DeltaConfig {
        otaru_campaign::DeltaConfig {
            enabled: self.deltas == Switch::On,
            sources: self.delta_sources.into(),
            max_bytes: self.delta_max_mib << 20,
        }
    }
}
