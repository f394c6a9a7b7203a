//! How the reference agent knows the servers it talks to, and they it.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use otaru_vehicle::agent::{GatewayTls, MqttConfig};
use url::Url;

#[derive(Debug, Args)]
pub struct LinkOptions {
    /// A PEM file with the authorities that the gateway's certificate may be from; those of the system without it.
    #[arg(long, env = "OTARU_GATEWAY_CA")]
    gateway_ca: Option<PathBuf>,
    /// A PEM file with the certificate by which the gateway knows the vehicle, and its chain.
    #[arg(long, env = "OTARU_CLIENT_CERT", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// A PEM file with that certificate's key.
    #[arg(long, env = "OTARU_CLIENT_KEY", requires = "client_cert")]
    client_key: Option<PathBuf>,
    /// An MQTT broker to hear from that there is something new, and to report to: mqtt://host:1883, or mqtts://host:8883
    /// with --mqtt-ca. The user there is the VIN. The agent then polls every 15 minutes only.
    #[arg(long, env = "OTARU_VEHICLE_MQTT_URL", value_parser = parse_broker, conflicts_with_all = ["stream", "once"])]
    mqtt_url: Option<Url>,
    /// A file with the vehicle's password at the broker.
    #[arg(long, requires = "mqtt_url")]
    mqtt_password_file: Option<PathBuf>,
    /// A PEM file with the authorities that the broker's certificate may be from.
    #[arg(long, requires = "mqtt_url")]
    mqtt_ca: Option<PathBuf>,
    /// A PEM file with the certificate by which the broker knows the vehicle, and its chain.
    #[arg(long, requires_all = ["mqtt_ca", "mqtt_key"])]
    mqtt_cert: Option<PathBuf>,
    /// A PEM file with that certificate's key.
    #[arg(long, requires = "mqtt_cert")]
    mqtt_key: Option<PathBuf>,
}

fn parse_broker(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let plain = matches!(url.scheme(), "mqtt" | "mqtts") && url.host_str().is_some() && url.username().is_empty();
    if plain { Ok(url) } else { Err("a broker is written mqtt://host:1883 or mqtts://host:8883".to_owned()) }
}

fn read(path: &PathBuf) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

impl LinkOptions {
    pub fn tls(&self) -> anyhow::Result<GatewayTls> {
        let identity = match self.client_cert.as_ref().zip(self.client_key.as_ref()) {
            Some((certificate, key)) => Some([read(certificate)?, b"\n".to_vec(), read(key)?].concat()),
            None => None,
        };
        Ok(GatewayTls { ca: self.gateway_ca.as_ref().map(read).transpose()?, identity })
    }

    pub fn mqtt(&self) -> anyhow::Result<Option<MqttConfig>> {
        let Some(url) = self.mqtt_url.clone() else { return Ok(None) };
        anyhow::ensure!(
            (url.scheme() == "mqtts") == self.mqtt_ca.is_some(),
            "--mqtt-ca and an address that begins with mqtts:// go together"
        );
        let password = self.mqtt_password_file.as_ref().map(read).transpose()?.map(String::from_utf8).transpose()?;
        let password = password.map(|password| password.trim_end_matches(['\r', '\n']).to_owned());
        let client = self.mqtt_cert.as_ref().zip(self.mqtt_key.as_ref());
        let client = client.map(|(cert, key)| Ok::<_, anyhow::Error>((read(cert)?, read(key)?))).transpose()?;
        Ok(Some(MqttConfig { url, password, ca: self.mqtt_ca.as_ref().map(read).transpose()?, client }))
    }
}
