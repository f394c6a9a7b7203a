//! TLS: the server's certificate, and whose client certificates it takes. The files are read again while it runs, so
//! that a renewed certificate or a longer list of revoked ones needs no restart.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use rustls::{RootCertStore, version};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::causes::chain;

/// How often the files are read again.
const READ_AGAIN: Duration = Duration::from_secs(60);

/// Where the certificates are, all as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate with its chain.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Who signs the clients' certificates; none, and no client is asked for one.
    pub client_ca: Option<PathBuf>,
    /// Certificates of theirs that are revoked.
    pub client_crl: Option<PathBuf>,
    /// Whether a client without a certificate is turned away.
    pub client_required: bool,
    /// Whether old clients may speak TLS 1.2.
    pub tls12: bool,
}

#[derive(Debug, Error)]
pub enum TlsError {
    #[error("cannot read {0}")]
    Read(PathBuf, #[source] std::io::Error),
    #[error("{0} holds no PEM of the kind that belongs there: {1}")]
    Pem(PathBuf, String),
    #[error("the certificate {0} and its key cannot be used")]
    Pair(PathBuf, #[source] rustls::Error),
    #[error("the certificates of clients cannot be verified with {0}: {1}")]
    Clients(PathBuf, String),
}

/// The files as they were read last. Not to be shown: the key is in it.
pub(crate) struct Tls {
    files: TlsFiles,
    config: RustlsConfig,
    /// What the configuration was made of.
    bytes: Vec<Vec<u8>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`], which names the file.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let (config, bytes) = read(&files)?;
        Ok(Self { files, config: RustlsConfig::from_config(Arc::new(config)), bytes })
    }

    pub(crate) fn config(&self) -> RustlsConfig {
        self.config.clone()
    }

    /// Takes over files that were changed, until `stop`. What cannot be read or used leaves the old ones in use.
    pub(crate) async fn keep_fresh(mut self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(READ_AGAIN)).await.is_some() {
            match read(&self.files) {
                Ok((_, bytes)) if bytes == self.bytes => {}
                Ok((config, bytes)) => {
                    self.config.reload_from_config(Arc::new(config));
                    self.bytes = bytes;
                    tracing::info!(certificate = %self.files.certificate.display(), "took over changed TLS files");
                }
                Err(error) => {
                    tracing::error!(error = chain(&error), "changed TLS files cannot be used; the old ones stay");
                }
            }
        }
    }
}

/// The configuration, and the bytes it was made of.
fn read(files: &TlsFiles) -> Result<(ServerConfig, Vec<Vec<u8>>), TlsError> {
    let mut all = Vec::new();
    let mut bytes = |path: &Path| {
        let bytes = std::fs::read(path).map_err(|error| TlsError::Read(path.to_owned(), error))?;
        all.push(bytes.clone());
        Ok::<_, TlsError>(bytes)
    };
    let certificates = bytes(&files.certificate)?;
    let chain = certificates_of(&files.certificate, &certificates)?;
    let key = PrivateKeyDer::from_pem_slice(&bytes(&files.key)?)
        .map_err(|error| TlsError::Pem(files.key.clone(), error.to_string()))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions: &[_] = if files.tls12 { &[&version::TLS13, &version::TLS12] } else { &[&version::TLS13] };
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| TlsError::Pair(files.certificate.clone(), error))?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let authorities = certificates_of(path, &bytes(path)?)?;
            let revoked = match &files.client_crl {
                Some(path) => revocations(path, &bytes(path)?)?,
                None => Vec::new(),
            };
            builder.with_client_cert_verifier(verifier(path, authorities, revoked, files.client_required)?)
        }
    };
    let mut config =
        builder.with_single_cert(chain, key).map_err(|error| TlsError::Pair(files.certificate.clone(), error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((config, all))
}

fn certificates_of(path: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |text: String| TlsError::Pem(path.to_owned(), text);
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let all = all.map_err(|error| wrong(error.to_string()))?;
    if all.is_empty() { Err(wrong("there is no certificate in it".to_owned())) } else { Ok(all) }
}

fn revocations(path: &Path, bytes: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(bytes).collect();
    all.map_err(|error| TlsError::Pem(path.to_owned(), error.to_string()))
}

fn verifier(
    path: &Path,
    authorities: Vec<CertificateDer<'static>>,
    revoked: Vec<CertificateRevocationListDer<'static>>,
    required: bool,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let wrong = |text: String| TlsError::Clients(path.to_owned(), text);
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority).map_err(|error| wrong(error.to_string()))?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).with_crls(revoked);
    if !required {
        builder = builder.allow_unauthenticated();
    }
    // Not every authority above a list publishes one of its own.
    builder.allow_unknown_revocation_status().build().map_err(|error| wrong(error.to_string()))
}
