//! Listening, and stopping: open streams are told to end, and nobody is waited for longer than a moment.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

/// Connections that may wait to be accepted: a fleet comes back all at once.
const BACKLOG: u32 = 8192;
/// How long requests under way may take to end.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Debug, Error)]
pub enum ServeError {
    #[error("cannot listen on {address}: is something else using the port?")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("the HTTP server failed")]
    Serve(#[source] std::io::Error),
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

/// Serves until `stop`; streams must end on it by themselves, and after the grace all else is dropped
/// (axum's graceful shutdown alone waits for an open event stream for ever, axum #2673).
///
/// # Errors
/// [`ServeError::Serve`].
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> Result<(), ServeError> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::select! {
        result = server => result.map_err(ServeError::Serve),
        () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}
