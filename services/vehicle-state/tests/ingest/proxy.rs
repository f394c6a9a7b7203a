//! A way to Postgres that can be cut.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

pub struct Proxy {
    pub address: SocketAddr,
    target: String,
    cut: CancellationToken,
}

impl Proxy {
    pub async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut proxy = Self { address, target, cut: CancellationToken::new() };
        proxy.serve(listener);
        proxy
    }

    fn serve(&mut self, listener: TcpListener) {
        self.cut = CancellationToken::new();
        let (cut, target) = (self.cut.clone(), self.target.clone());
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = cut.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((mut client, _)) = accepted else { return };
                let (cut, target) = (cut.clone(), target.clone());
                tokio::spawn(async move {
                    let Ok(mut server) = TcpStream::connect(target).await else { return };
                    tokio::select! {
                        () = cut.cancelled() => {}
                        ended = copy_bidirectional(&mut client, &mut server) => drop(ended),
                    }
                });
            }
        });
    }

    /// Ends all connections and takes no new ones.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    pub async fn restore(&mut self) {
        // The old listener may need a moment to let go of the port.
        loop {
            if let Ok(listener) = TcpListener::bind(self.address).await {
                return self.serve(listener);
            }
            tokio::task::yield_now().await;
        }
    }
}
