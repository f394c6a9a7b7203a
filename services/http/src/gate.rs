//! What a connection passes before its first request: a place among those that are open, TLS where it is spoken, and
//! what the client's certificate says of it. Who reads nothing of an answer loses the connection, and the place with it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::middleware::AddExtension;
use axum_server::accept::Accept;
use futures::future::BoxFuture;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::server::TlsStream;
use tower::Layer as _;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::serve::Serving;

/// Whom a client's certificate names, after its chain was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Common names, then subject alternative names (DNS names and URIs).
    pub names: Vec<String>,
    /// When it ends; seconds since 1970.
    pub not_after: i64,
}

impl ClientCertificate {
    /// Reads a certificate; none when it is none.
    #[must_use]
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut names: Vec<String> =
            certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok()).map(str::to_owned).collect();
        let alternative = certificate.subject_alternative_name().ok().flatten();
        for name in alternative.iter().flat_map(|extension| &extension.value.general_names) {
            if let GeneralName::DNSName(text) | GeneralName::URI(text) = name {
                names.push((*text).to_owned());
            }
        }
        Some(Self { names, not_after: certificate.validity().not_after.timestamp() })
    }
}

/// A connection's own, attached to each of its requests.
#[derive(Debug, Clone)]
pub struct Connection {
    /// None over plain HTTP, or when the client showed none.
    pub certificate: Option<Arc<ClientCertificate>>,
    /// Whether it is TLS.
    pub secure: bool,
    _place: Arc<OwnedSemaphorePermit>,
}

/// A connection that does not wait for ever for a client to read.
type Patient = Pin<Box<TimeoutStream<TcpStream>>>;

/// A stream that may know its client.
pub(crate) trait Peer {
    const SECURE: bool;

    fn certificate(&self) -> Option<ClientCertificate>;
}

impl Peer for Patient {
    const SECURE: bool = false;

    fn certificate(&self) -> Option<ClientCertificate> {
        None
    }
}

impl Peer for TlsStream<Patient> {
    const SECURE: bool = true;

    fn certificate(&self) -> Option<ClientCertificate> {
        ClientCertificate::read(self.get_ref().1.peer_certificates()?.first()?)
    }
}

/// Lets in as many connections as there are places.
#[derive(Debug, Clone)]
pub(crate) struct Gate<A> {
    inner: A,
    places: Arc<Semaphore>,
    write_stall: Duration,
}

impl<A> Gate<A> {
    pub(crate) fn new(inner: A, serving: &Serving) -> Self {
        let most = serving.max_connections.min(Semaphore::MAX_PERMITS);
        Self { inner, places: Arc::new(Semaphore::new(most)), write_stall: serving.write_stall }
    }
}

impl<A, S> Accept<TcpStream, S> for Gate<A>
where
    A: Accept<Patient, S> + Clone + Send + Sync + 'static,
    A::Stream: Peer + Send,
    A::Service: Send,
    A::Future: Send,
    S: Send + 'static,
{
    type Stream = A::Stream;
    type Service = AddExtension<A::Service, Connection>;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let (inner, places, write_stall) = (self.inner.clone(), Arc::clone(&self.places), self.write_stall);
        Box::pin(async move {
            let place = places.try_acquire_owned().map_err(|_| {
                metrics::counter!("otaru_http_connections_refused_total").increment(1);
                io::Error::other("as many connections are open as may be")
            })?;
            // Events are small, and each is to arrive by itself.
            stream.set_nodelay(true)?;
            let mut stream = TimeoutStream::new(stream);
            stream.set_write_timeout(Some(write_stall));
            let (stream, service) = inner.accept(Box::pin(stream), service).await?;
            let certificate = stream.certificate().map(Arc::new);
            let connection = Connection { certificate, secure: A::Stream::SECURE, _place: Arc::new(place) };
            Ok((stream, Extension(connection).layer(service)))
        })
    }
}
