//! How a role is reached: TLS, client certificates, proxies, and how many connections may be open.

use std::path::PathBuf;

use axum::http::HeaderName;
use clap::{Args, ValueEnum};
use otaru_gateway::{Network, Proxies};
use otaru_http::{Serving, TlsFiles};

/// TLS and connections, of any role.
#[derive(Debug, Clone, Args)]
pub struct ServingOptions {
    /// The server's certificate with its chain, as PEM: HTTPS instead of HTTP. Read again every minute.
    #[arg(long, env = "OTARU_TLS_CERTIFICATE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Its key, as PEM.
    #[arg(long, env = "OTARU_TLS_KEY", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// The oldest version of TLS that is spoken.
    #[arg(long, env = "OTARU_TLS_MINIMUM", value_enum, default_value = "1.3")]
    tls_minimum: TlsVersion,
    /// The most connections open at a time; more are closed at once.
    #[arg(long, env = "OTARU_MAX_CONNECTIONS", default_value_t = 20_000)]
    max_connections: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TlsVersion {
    #[value(name = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    Tls13,
}

/// The vehicles' certificates.
#[derive(Debug, Clone, Args)]
pub struct ClientOptions {
    /// Who signs the vehicles' certificates, as PEM: a vehicle whose certificate names its VIN, as common name or
    /// alternative name, needs no token.
    #[arg(long, env = "OTARU_TLS_CLIENT_CA", requires = "tls_certificate")]
    tls_client_ca: Option<PathBuf>,
    /// Certificates of vehicles that are revoked, as PEM.
    #[arg(long, env = "OTARU_TLS_CLIENT_CRL", requires = "tls_client_ca")]
    tls_client_crl: Option<PathBuf>,
    /// Turn away clients without a certificate.
    #[arg(long, env = "OTARU_TLS_CLIENT_REQUIRED", requires = "tls_client_ca")]
    tls_client_required: bool,
}

/// What stands in front of a gateway.
#[derive(Debug, Clone, Args)]
pub struct ProxyOptions {
    /// A proxy, as address or network, whose X-Forwarded-For, -Host and -Proto are believed; again for more.
    #[arg(long = "trusted-proxy", env = "OTARU_TRUSTED_PROXIES", value_delimiter = ',')]
    trusted_proxies: Vec<Network>,
    /// The header in which those proxies put the common name of a client certificate that they verified, for example
    /// X-Ssl-Client-Cn. They must set it on every request, else clients could.
    #[arg(long, env = "OTARU_CLIENT_CERTIFICATE_HEADER", requires = "trusted_proxies")]
    client_certificate_header: Option<HeaderName>,
}

impl ServingOptions {
    pub fn config(&self) -> Serving {
        let files = self.tls_certificate.clone().zip(self.tls_key.clone());
        let tls = files.map(|(certificate, key)| TlsFiles {
            certificate,
            key,
            client_ca: None,
            client_crl: None,
            client_required: false,
            tls12: self.tls_minimum == TlsVersion::Tls12,
        });
        Serving { tls, max_connections: self.max_connections, ..Serving::default() }
    }

    /// As [`Self::config`], with the clients' certificates.
    pub fn with_clients(&self, clients: &ClientOptions) -> Serving {
        let mut serving = self.config();
        if let Some(tls) = &mut serving.tls {
            tls.client_ca.clone_from(&clients.tls_client_ca);
            tls.client_crl.clone_from(&clients.tls_client_crl);
            tls.client_required = clients.tls_client_required;
        }
        serving
    }
}

impl ProxyOptions {
    pub fn config(&self) -> Proxies {
        Proxies { trusted: self.trusted_proxies.clone(), certificate_header: self.client_certificate_header.clone() }
    }
}
