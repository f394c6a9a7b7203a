//! Listening, and stopping: open streams are told to end, and nobody is waited for longer than a moment.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum_server::accept::DefaultAcceptor;
use axum_server::tls_rustls::RustlsAcceptor;
use axum_server::{Handle, Server};
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

use crate::gate::Gate;
use crate::tls::{Tls, TlsError, TlsFiles};

/// Connections that may wait to be accepted: a fleet comes back all at once.
const BACKLOG: u32 = 8192;
/// How long requests under way may take to end.
const GRACE: Duration = Duration::from_secs(5);
/// How often an HTTP/2 client is asked whether it is there, and how long it may take to answer.
const HTTP2_PING: Duration = Duration::from_secs(30);
const HTTP2_STREAMS: u32 = 100;

#[derive(Debug, Error)]
pub enum ServeError {
    #[error("cannot listen on {address}: is something else using the port?")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("the HTTP server failed")]
    Serve(#[source] std::io::Error),
    #[error("TLS cannot be served")]
    Tls(#[from] TlsError),
}

/// Listens on `address`.
///
/// # Errors
/// [`ServeError::Bind`], which names the address.
pub fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|source| ServeError::Bind { address, source })
}

/// How requests come in.
#[derive(Debug, Clone)]
pub struct Serving {
    /// None for plain HTTP.
    pub tls: Option<TlsFiles>,
    /// The most connections open at a time; more are closed at once.
    pub max_connections: usize,
    /// How long a client may take to say what it wants, the first time.
    pub first_request: Duration,
    /// The same on a connection that is kept, idle time included.
    pub next_request: Duration,
    /// How long a client may take nothing at all of an answer.
    pub write_stall: Duration,
}

impl Default for Serving {
    fn default() -> Self {
        Self {
            tls: None,
            max_connections: 20_000,
            first_request: Duration::from_secs(20),
            next_request: Duration::from_secs(75),
            write_stall: Duration::from_secs(60),
        }
    }
}

/// Serves until `stop`; streams must end on it by themselves, and after the grace all else is dropped. A request whose
/// head does not arrive in time, or whose answer nobody reads, costs its connection.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    serving: Serving,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let tls = serving.tls.clone().map(Tls::load).transpose()?;
    let handle = Handle::<SocketAddr>::new();
    let mut server =
        Server::from_listener(listener).handle(handle.clone()).first_request_timeout(serving.first_request);
    server.http_builder().http1().header_read_timeout(serving.next_request);
    server
        .http_builder()
        .http2()
        .keep_alive_interval(Some(HTTP2_PING))
        .keep_alive_timeout(HTTP2_PING)
        .max_concurrent_streams(HTTP2_STREAMS);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let ended = stop.clone();
    let ending = tokio::spawn(async move {
        ended.cancelled().await;
        handle.graceful_shutdown(Some(GRACE));
    });
    let served = match tls {
        None => server.acceptor(Gate::new(DefaultAcceptor, &serving)).serve(service).await,
        Some(tls) => {
            let gate = Gate::new(RustlsAcceptor::new(tls.config()), &serving);
            let fresh = tokio::spawn(tls.keep_fresh(stop));
            let served = server.acceptor(gate).serve(service).await;
            fresh.abort();
            served
        }
    };
    ending.abort();
    served.map_err(ServeError::Serve)
}
