//! Images that the gateway has elsewhere: the agent goes there without anything by which it is known, and goes on after
//! whatever breaks.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::StreamExt as _;
use otaru_domain::ack::ReportedState;
use otaru_vehicle::agent::GatewayTls;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::car::{Car, peer_with};
use crate::peer::TOKEN;
use crate::repository::firmware;

const ETAG: &str = "\"of-the-store\"";

/// A server that is not the gateway: what it was asked, and how it answers.
#[derive(Default)]
pub struct Store {
    asked: Mutex<Vec<HeaderMap>>,
    image: Vec<u8>,
    /// Answers with so many bytes, then breaks off; the next ones are whole.
    breaks_after: Mutex<Option<usize>>,
    /// Links below this number are over.
    links_from: Mutex<usize>,
}

impl Store {
    /// Serves the image of [`peer_with`] at `/images/<link>`.
    pub async fn start() -> (Arc<Self>, SocketAddr) {
        let store = Arc::new(Self { image: firmware(1, 300_000), ..Self::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().route("/images/{link}", get(serve)).with_state(store.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (store, address)
    }

    pub fn asked(&self, name: &header::HeaderName) -> Vec<Option<String>> {
        let text = |headers: &HeaderMap| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        self.asked.lock().unwrap().iter().map(text).collect()
    }
}

async fn serve(State(store): State<Arc<Store>>, Path(link): Path<usize>, headers: HeaderMap) -> Response {
    store.asked.lock().unwrap().push(headers.clone());
    if link < *store.links_from.lock().unwrap() {
        return StatusCode::FORBIDDEN.into_response();
    }
    let range = headers.get(header::RANGE).map(|range| range.to_str().unwrap().to_owned());
    let first = range
        .as_deref()
        .map_or(0, |range| range.strip_prefix("bytes=").unwrap().trim_end_matches('-').parse::<usize>().unwrap());
    let rest = Bytes::copy_from_slice(&store.image[first..]);
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let part = format!("bytes {first}-{}/{}", store.image.len() - 1, store.image.len());
    let body = match store.breaks_after.lock().unwrap().take() {
        None => Body::from(rest),
        Some(length) => {
            let broken = futures::stream::once(async {
                // What is before it is sent first.
                tokio::task::yield_now().await;
                Err(std::io::Error::other("broken"))
            });
            Body::from_stream(futures::stream::iter([Ok(rest.slice(..length))]).chain(broken))
        }
    };
    (status, [(header::ETAG, ETAG.to_owned()), (header::CONTENT_RANGE, part)], body).into_response()
}

#[tokio::test]
async fn the_token_is_for_the_gateway_and_not_for_where_it_sends_the_vehicle() {
    let peer = peer_with(None).await;
    let (store, address) = Store::start().await;
    peer.world().images_at = Some(format!("http://{address}/images/"));
    peer.world().private = true;
    let car = Car::new(&peer);
    car.run_once().await.unwrap();
    assert_eq!(car.image("a", "BCM"), store.image);
    assert_eq!(peer.world().image_tokens, [Some(format!("Bearer {TOKEN}"))]);
    let asked = store.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1);
    for name in [header::AUTHORIZATION, header::COOKIE, header::REFERER, header::PROXY_AUTHORIZATION] {
        assert!(!asked[0].contains_key(&name), "{name} got to another origin: {asked:?}");
    }
    let all = format!("{asked:?}");
    assert!(!all.contains(TOKEN) && !all.contains(crate::car::VIN), "{all}");
}

#[tokio::test]
async fn a_download_goes_on_across_redirects_where_it_broke_off() {
    let peer = peer_with(None).await;
    let (store, address) = Store::start().await;
    *store.breaks_after.lock().unwrap() = Some(10_000);
    peer.world().images_at = Some(format!("http://{address}/images/"));
    let car = Car::new(&peer);
    let running = car.start();
    peer.until("the installation", |world| world.states().contains(&ReportedState::Installed)).await;
    running.stop().await;
    assert_eq!(car.image("a", "BCM"), store.image);
    assert_eq!(store.asked(&header::RANGE), [None, Some("bytes=10000-".to_owned())]);
    // The store's own tag, and to the store alone.
    assert_eq!(store.asked(&header::IF_RANGE), [None, Some(ETAG.to_owned())]);
    assert_eq!(peer.world().image_conditions, [None, None], "the gateway gave no tag");
}

#[tokio::test]
async fn what_began_elsewhere_ends_at_the_gateway() {
    let peer = peer_with(None).await;
    let (store, address) = Store::start().await;
    *store.breaks_after.lock().unwrap() = Some(10_000);
    peer.world().images_at = Some(format!("http://{address}/images/"));
    let car = Car::new(&peer);
    car.run_once().await.expect_err("it broke off");
    peer.world().images_at = None;
    car.run_once().await.unwrap();
    assert_eq!(car.image("a", "BCM"), store.image);
    assert_eq!(peer.world().ranges, ["bytes=10000-"]);
    assert_eq!(peer.world().image_conditions, [None, None], "the store's tag means nothing to the gateway");
}

#[tokio::test]
async fn a_link_whose_time_is_over_is_asked_for_anew() {
    let peer = peer_with(None).await;
    let (store, address) = Store::start().await;
    // The first link is over before the vehicle gets there.
    *store.links_from.lock().unwrap() = 2;
    peer.world().images_at = Some(format!("http://{address}/images/"));
    let car = Car::new(&peer);
    car.run_once().await.unwrap();
    assert_eq!(car.image("a", "BCM"), store.image);
    assert_eq!(store.asked.lock().unwrap().len(), 2);

    // Where no link works, the gateway is not asked without end.
    let (store, address) = Store::start().await;
    *store.links_from.lock().unwrap() = usize::MAX;
    let peer = peer_with(None).await;
    peer.world().images_at = Some(format!("http://{address}/images/"));
    let error = format!("{:#}", Car::new(&peer).run_once().await.unwrap_err());
    assert!(error.contains("403"), "{error}");
    assert_eq!(store.asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_redirect_to_what_is_no_address_of_a_server_is_refused() {
    let peer = peer_with(None).await;
    peer.world().images_at = Some("file:///etc/".to_owned());
    let error = format!("{:#}", Car::new(&peer).run_once().await.unwrap_err());
    assert!(error.contains("to where it does not go"), "{error}");
}

/// A server of HTTPS that asks for a certificate, and whether clients showed one.
struct Asking {
    address: SocketAddr,
    shown: Arc<Mutex<Vec<bool>>>,
    authority: String,
    /// A client's certificate and key.
    client: String,
}

impl Asking {
    async fn start(image: Vec<u8>) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let sign = |name: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
            let key = KeyPair::generate().unwrap();
            (params.signed_by(&key, &authority).unwrap(), key)
        };
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder(roots.into()).allow_unauthenticated().build().unwrap();
        let (certificate, key) = sign("store");
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let config = rustls::ServerConfig::builder()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let noted = shown.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                noted.lock().unwrap().push(stream.get_ref().1.peer_certificates().is_some());
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { break };
                    head.push(byte);
                }
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", image.len());
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.write_all(&image).await;
                let _ = stream.shutdown().await;
            }
        });
        let (certificate, key) = sign(crate::car::VIN);
        let client = format!("{}{}", certificate.pem(), key.serialize_pem());
        Self { address, shown, authority: authority.pem(), client }
    }
}

#[tokio::test]
async fn the_vehicles_certificate_is_shown_to_the_gateway_alone() {
    let image = firmware(1, 300_000);
    let server = Asking::start(image.clone()).await;
    let peer = peer_with(None).await;
    peer.world().images_at = Some(format!("https://{}/", server.address));
    let mut car = Car::new(&peer);
    car.config.tls = GatewayTls {
        ca: Some(server.authority.clone().into_bytes()),
        identity: Some(server.client.clone().into_bytes()),
    };
    car.run_once().await.unwrap();
    assert_eq!(car.image("a", "BCM"), image);
    assert_eq!(*server.shown.lock().unwrap(), [false]);

    // As a gateway, the same server is shown it.
    car.config.gateway = format!("https://{}/", server.address).parse().unwrap();
    car.run_once().await.expect_err("it is none");
    assert_eq!(server.shown.lock().unwrap().get(1), Some(&true));
}
