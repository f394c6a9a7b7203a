//! The MQTT broker of vehicles that are on one. Without `--mqtt-url` there is none.

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use otaru_gateway::{MqttConfig, MqttSecret, MqttTls};

#[derive(Clone, Args)]
pub struct MqttOptions {
    /// An MQTT 5 broker on which vehicles report and are told to poll: mqtt://host:1883, or mqtts://host:8883 with --mqtt-ca.
    #[arg(long, env = "OTARU_MQTT_URL", requires = "mqtt_client_id")]
    mqtt_url: Option<String>,
    /// This gateway's own name at the broker: no other gateway's, and the same after a restart, for under it the broker
    /// keeps the reports that this gateway was given and had not written yet.
    #[arg(long, env = "OTARU_MQTT_CLIENT_ID", requires = "mqtt_url")]
    mqtt_client_id: Option<String>,
    /// The gateways' user at the broker.
    #[arg(long, env = "OTARU_MQTT_USER", requires = "mqtt_url")]
    mqtt_user: Option<String>,
    /// Its password.
    #[arg(
        long,
        env = "OTARU_MQTT_PASSWORD",
        hide_env_values = true,
        requires = "mqtt_user",
        conflicts_with = "mqtt_password_file"
    )]
    mqtt_password: Option<String>,
    /// A file with its password.
    #[arg(long, env = "OTARU_MQTT_PASSWORD_FILE", requires = "mqtt_user")]
    mqtt_password_file: Option<PathBuf>,
    /// A PEM file with the authorities that the broker's certificate may be from.
    #[arg(long, env = "OTARU_MQTT_CA", requires = "mqtt_url")]
    mqtt_ca: Option<PathBuf>,
    /// A PEM file with the certificate by which the broker knows the gateway, and its chain.
    #[arg(long, env = "OTARU_MQTT_CERT", requires_all = ["mqtt_ca", "mqtt_key"])]
    mqtt_cert: Option<PathBuf>,
    /// A PEM file with that certificate's key.
    #[arg(long, env = "OTARU_MQTT_KEY", requires = "mqtt_cert")]
    mqtt_key: Option<PathBuf>,
    /// Reports that the broker may send ahead. Each may have 1 MiB; of a broker that sends more, three times as many are held.
    #[arg(long, env = "OTARU_MQTT_RECEIVE_MAXIMUM", default_value = "64")]
    mqtt_receive_maximum: NonZeroU16,
    /// How many seconds the broker keeps what it holds for a gateway that is away.
    #[arg(long, env = "OTARU_MQTT_SESSION_EXPIRY_SECS", default_value_t = 7 * 86_400, value_parser = clap::value_parser!(u32).range(60..))]
    mqtt_session_expiry_secs: u32,
    /// When told to stop, take what the broker holds for this gateway and ask for no more. For a gateway that goes for good,
    /// while others stay: reports for which no gateway asks are thrown away.
    #[arg(long, env = "OTARU_MQTT_LEAVE", requires = "mqtt_url")]
    mqtt_leave: bool,
}

impl std::fmt::Debug for MqttOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MqttOptions").field("mqtt_url", &self.mqtt_url).finish_non_exhaustive()
    }
}

impl MqttOptions {
    /// The broker, if there is one.
    pub fn config(&self) -> anyhow::Result<Option<MqttConfig>> {
        let (Some(url), Some(client_id)) = (&self.mqtt_url, &self.mqtt_client_id) else { return Ok(None) };
        let mut config = MqttConfig::new(url, client_id.clone(), self.tls()?).context("--mqtt-url cannot be used")?;
        if let Some(user) = &self.mqtt_user {
            let password = match (&self.mqtt_password, &self.mqtt_password_file) {
                (Some(password), _) => password.clone(),
                (None, Some(path)) => {
                    let password = String::from_utf8(read(path)?);
                    let password = password.with_context(|| format!("{} is no text", path.display()))?;
                    password.trim_end_matches(['\r', '\n']).to_owned()
                }
                (None, None) => String::new(),
            };
            config.credentials = Some((user.clone(), MqttSecret::new(password)));
        }
        config.leave = self.mqtt_leave;
        config.receive_maximum = self.mqtt_receive_maximum;
        config.session_expiry = Duration::from_secs(self.mqtt_session_expiry_secs.into());
        Ok(Some(config))
    }

    fn tls(&self) -> anyhow::Result<Option<MqttTls>> {
        let Some(ca) = &self.mqtt_ca else { return Ok(None) };
        let client = match (&self.mqtt_cert, &self.mqtt_key) {
            (Some(cert), Some(key)) => Some((read(cert)?, read(key)?)),
            _ => None,
        };
        Ok(Some(MqttTls { ca: read(ca)?, client }))
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
