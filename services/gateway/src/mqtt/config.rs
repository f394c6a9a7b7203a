//! How to reach the MQTT broker.

use std::fmt;
use std::num::NonZeroU16;
use std::time::Duration;

use rumqttc::v5::MqttOptions;
use rumqttc::v5::mqttbytes::v5::ConnectProperties;
use rumqttc::{TlsConfiguration, Transport};
use thiserror::Error;
use url::Url;

use crate::api::MAX_BODY_BYTES;

/// What a packet has beside its payload: topic, token, other properties. A longer one is no vehicle's.
const AROUND_PAYLOAD_BYTES: u32 = 16 * 1024;
/// A connection on which nothing is heard for twice this is lost.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How long the broker may take to answer a connection attempt, in seconds.
const CONNECT_SECS: u64 = 10;
/// Our own publications under way, unless the broker takes fewer.
const OUTGOING: u16 = 100;

/// A value that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct MqttSecret(String);

impl MqttSecret {
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }
}

impl fmt::Debug for MqttSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Whom to believe to be the broker, and how to be known to it, all in PEM.
#[derive(Clone)]
pub struct MqttTls {
    pub ca: Vec<u8>,
    /// The gateway's certificate with its chain, and its key.
    pub client: Option<(Vec<u8>, Vec<u8>)>,
}

impl fmt::Debug for MqttTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttTls").field("client", &self.client.is_some()).finish_non_exhaustive()
    }
}

/// Why an address of a broker is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MqttConfigError {
    #[error("an MQTT broker is written mqtt://host:1883 or mqtts://host:8883")]
    Form,
    #[error("the MQTT broker's user and password do not belong into its address: set them on their own")]
    Password,
    #[error("for mqtts:// name the certificates of the authority that the broker's is from")]
    NoAuthority,
    #[error("certificates are for mqtts:// only")]
    NoTls,
}

/// The broker, and the gateway's place there.
#[derive(Debug, Clone)]
pub struct MqttConfig {
    host: String,
    port: u16,
    tls: Option<MqttTls>,
    /// Each gateway's own, and the same after a restart: what the broker holds for it is held under this name.
    client_id: String,
    pub credentials: Option<(String, MqttSecret)>,
    /// How long the broker keeps what it holds for a gateway that is away.
    pub session_expiry: Duration,
    /// Reports that the broker may send before the first of them is acknowledged.
    pub receive_maximum: NonZeroU16,
    /// When the gateway stops it takes what is held for it and asks for no more: it goes for good.
    pub leave: bool,
}

impl MqttConfig {
    /// The broker at `url`, where this gateway is `client_id`.
    ///
    /// # Errors
    /// [`MqttConfigError`] says what of it cannot be used.
    pub fn new(url: &str, client_id: String, tls: Option<MqttTls>) -> Result<Self, MqttConfigError> {
        let url = Url::parse(url).map_err(|_| MqttConfigError::Form)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(MqttConfigError::Password);
        }
        let default_port = match (url.scheme(), &tls) {
            ("mqtt", None) => 1883,
            ("mqtts", Some(_)) => 8883,
            ("mqtt", Some(_)) => return Err(MqttConfigError::NoTls),
            ("mqtts", None) => return Err(MqttConfigError::NoAuthority),
            _ => return Err(MqttConfigError::Form),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(MqttConfigError::Form)?.to_owned();
        if !matches!(url.path(), "" | "/") || client_id.is_empty() {
            return Err(MqttConfigError::Form);
        }
        Ok(Self {
            host,
            port: url.port().unwrap_or(default_port),
            tls,
            client_id,
            credentials: None,
            session_expiry: Duration::from_secs(7 * 86_400),
            receive_maximum: NonZeroU16::new(64).unwrap_or(NonZeroU16::MIN),
            leave: false,
        })
    }

    pub(super) fn options(&self) -> MqttOptions {
        let mut options = MqttOptions::new(&self.client_id, &self.host, self.port);
        let mut properties = ConnectProperties::new();
        properties.session_expiry_interval = Some(u32::try_from(self.session_expiry.as_secs()).unwrap_or(u32::MAX));
        properties.receive_maximum = Some(self.receive_maximum.get());
        let payload = u32::try_from(MAX_BODY_BYTES).unwrap_or(u32::MAX / 2);
        properties.max_packet_size = Some(payload + AROUND_PAYLOAD_BYTES);
        options.set_connect_properties(properties);
        options.set_clean_start(false);
        options.set_manual_acks(true);
        options.set_keep_alive(KEEP_ALIVE);
        options.set_connection_timeout(CONNECT_SECS);
        options.set_outgoing_inflight_upper_limit(OUTGOING);
        if let Some((user, MqttSecret(password))) = &self.credentials {
            options.set_credentials(user, password);
        }
        if let Some(MqttTls { ca, client }) = &self.tls {
            let (ca, client_auth) = (ca.clone(), client.clone());
            options.set_transport(Transport::Tls(TlsConfiguration::Simple { ca, alpn: None, client_auth }));
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls() -> Option<MqttTls> {
        Some(MqttTls { ca: Vec::new(), client: None })
    }

    #[test]
    fn an_address_is_taken_only_as_a_whole() {
        let new =
            |url: &str, tls| MqttConfig::new(url, "gateway-1".into(), tls).map(|config| (config.host, config.port));
        assert_eq!(new("mqtt://broker", None), Ok(("broker".to_owned(), 1883)));
        assert_eq!(new("mqtts://broker:1234", tls()), Ok(("broker".to_owned(), 1234)));
        assert_eq!(new("mqtts://broker", None), Err(MqttConfigError::NoAuthority));
        assert_eq!(new("mqtt://broker", tls()), Err(MqttConfigError::NoTls));
        assert_eq!(new("mqtt://user:secret@broker", None), Err(MqttConfigError::Password));
        for wrong in ["broker:1883", "http://broker", "mqtt://broker/topic", "mqtt://", "broker"] {
            assert_eq!(new(wrong, None), Err(MqttConfigError::Form), "{wrong}");
        }
        assert!(MqttConfig::new("mqtt://broker", String::new(), None).is_err());
    }

    #[test]
    fn no_secret_is_shown() {
        let tls = MqttTls { ca: Vec::new(), client: Some((b"cert".to_vec(), b"hunter2".to_vec())) };
        let mut config = MqttConfig::new("mqtts://broker", "gateway-1".into(), Some(tls)).unwrap();
        config.credentials = Some(("gateway".into(), MqttSecret::new("hunter2")));
        let shown = format!("{config:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("104, 117"), "{shown}");
    }
}
