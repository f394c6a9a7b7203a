//! Vehicles that show a certificate instead of a token: to the gateway itself, or to a proxy that it trusts.

use std::path::Path;

use otaru_http::TlsFiles;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
    date_time_ymd,
};
use reqwest::{Client, Identity, Response, StatusCode};
use serde_json::Value;

use crate::model::Model;
use crate::world::{Gateway, World};

const VIN: &str = "WVWZZZ1KZAW000001";
const OTHER: &str = "WVWZZZ1KZAW000002";
const UNKNOWN: &str = "WVWZZZ1KZAW000009";
const HEADER: &str = "x-ssl-client-cn";

/// Who signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate, as PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate and its key, as PEM.
    pub fn sign(
        &self,
        name: &str,
        alternative: &[SanType],
        usage: ExtendedKeyUsagePurpose,
        serial: u64,
    ) -> (String, String) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names = alternative.to_vec();
        params.extended_key_usages = vec![usage];
        params.serial_number = Some(SerialNumber::from(serial));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn client(&self, name: &str, alternative: &[SanType], serial: u64) -> Identity {
        let (certificate, key) = self.sign(name, alternative, ExtendedKeyUsagePurpose::ClientAuth, serial);
        Identity::from_pem(format!("{certificate}{key}").as_bytes()).unwrap()
    }

    fn revoke(&self, serial: u64) -> String {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2999, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.0).unwrap().pem().unwrap()
    }
}

/// A gateway that speaks TLS, beside the world's own.
struct Secure {
    world: World,
    model: Model,
    gateway: Gateway,
    makers: Authority,
}

impl Secure {
    async fn start(configure: impl FnOnce(&mut TlsFiles, &Authority, &Path)) -> Self {
        let world = World::start().await;
        let model = world.model("harbour").await;
        let makers = Authority::new("makers");
        let folder = world.folder.path().to_owned();
        let put = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text).unwrap();
            folder.join(name)
        };
        let local = [SanType::IpAddress([127, 0, 0, 1].into())];
        let (certificate, key) = makers.sign("gateway", &local, ExtendedKeyUsagePurpose::ServerAuth, 1);
        let mut files = TlsFiles {
            certificate: put("gateway.pem", &certificate),
            key: put("gateway.key", &key),
            client_ca: Some(put("makers.pem", &makers.0.pem())),
            client_crl: None,
            client_required: false,
            tls12: false,
        };
        configure(&mut files, &makers, &folder);
        let gateway = world.gateway_beside(|config| config.serving.tls = Some(files)).await;
        Self { world, model, gateway, makers }
    }

    fn client(&self, identity: Option<Identity>) -> reqwest::ClientBuilder {
        let authority = reqwest::Certificate::from_pem(self.makers.0.pem().as_bytes()).unwrap();
        let builder = Client::builder().tls_certs_only([authority]);
        match identity {
            Some(identity) => builder.identity(identity),
            None => builder,
        }
    }

    /// A poll once the gateway is ready, or why it cannot be asked.
    async fn poll(&self, client: reqwest::ClientBuilder, vin: &str, token: Option<&str>) -> Result<Response, String> {
        let client = client.build().unwrap();
        loop {
            let mut request = client.get(format!("https://{}/vehicle/v1/{vin}/update", self.gateway.address));
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let answer = request.send().await.map_err(|error| otaru_http::chain(&error))?;
            if answer.status() != StatusCode::SERVICE_UNAVAILABLE {
                return Ok(answer);
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
    }

    async fn status(&self, identity: Option<Identity>, vin: &str) -> StatusCode {
        self.poll(self.client(identity), vin, None).await.unwrap().status()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vehicle_is_who_its_certificate_names_and_nobody_else() {
    let secure = Secure::start(|_, _, _| {}).await;
    let vehicle = secure.world.vehicle(VIN, &secure.model).await;
    secure.world.vehicle(OTHER, &secure.model).await;
    let named = || secure.makers.client(VIN, &[], 2);
    assert_eq!(secure.status(Some(named()), VIN).await, StatusCode::NO_CONTENT);
    assert_eq!(secure.status(Some(named()), OTHER).await, StatusCode::FORBIDDEN);
    for alternative in [SanType::DnsName(VIN.try_into().unwrap()), SanType::URI(VIN.try_into().unwrap())] {
        let identity = secure.makers.client("an ECU", &[alternative], 3);
        assert_eq!(secure.status(Some(identity), VIN).await, StatusCode::NO_CONTENT);
    }
    let unknown = secure.makers.client(UNKNOWN, &[], 4);
    assert_eq!(secure.status(Some(unknown), UNKNOWN).await, StatusCode::UNAUTHORIZED);
    assert_eq!(secure.status(None, VIN).await, StatusCode::UNAUTHORIZED);
    let by_token = secure.poll(secure.client(None), VIN, Some(&vehicle.token)).await.unwrap();
    assert_eq!(by_token.status(), StatusCode::NO_CONTENT);
    let stranger = Authority::new("makers").client(VIN, &[], 2);
    secure.poll(secure.client(Some(stranger)), VIN, None).await.expect_err("another authority signed it");

    let client = secure.client(Some(named())).build().unwrap();
    let root = |vin| format!("https://{}/DEFAULT/controller/v1/{vin}", secure.gateway.address);
    let device = client.get(root(VIN)).send().await.unwrap();
    assert_eq!(device.status(), StatusCode::OK);
    let device: Value = device.json().await.unwrap();
    assert_eq!(device["_links"]["configData"]["href"], format!("{}/configData", root(VIN)));
    assert_eq!(client.get(root(OTHER)).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_certificates_and_old_tls_do_not_get_in() {
    let secure = Secure::start(|files, makers, folder| {
        std::fs::write(folder.join("revoked.pem"), makers.revoke(7)).unwrap();
        files.client_crl = Some(folder.join("revoked.pem"));
        files.client_required = true;
    })
    .await;
    let vehicle = secure.world.vehicle(VIN, &secure.model).await;
    let good = || secure.makers.client(VIN, &[], 8);
    assert_eq!(secure.status(Some(good()), VIN).await, StatusCode::NO_CONTENT);
    let revoked = secure.makers.client(VIN, &[], 7);
    secure.poll(secure.client(Some(revoked)), VIN, None).await.expect_err("it is revoked");
    secure.poll(secure.client(None), VIN, Some(&vehicle.token)).await.expect_err("a certificate is required");
    let old = secure.client(Some(good())).tls_version_max(reqwest::tls::Version::TLS_1_2);
    secure.poll(old, VIN, None).await.expect_err("TLS 1.3 is the least");
    let secure = Secure::start(|files, _, _| files.tls12 = true).await;
    secure.world.vehicle(VIN, &secure.model).await;
    let identity = secure.makers.client(VIN, &[], 8);
    let old = secure.client(Some(identity)).tls_version_max(reqwest::tls::Version::TLS_1_2);
    assert_eq!(secure.poll(old, VIN, None).await.unwrap().status(), StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_says_whom_a_certificate_names_only_where_it_is_trusted() {
    let trusting = World::start_with(|config| {
        config.proxies.trusted = vec!["127.0.0.1".parse().unwrap()];
        config.proxies.certificate_header = Some(HEADER.try_into().unwrap());
    })
    .await;
    let wary = World::start_with(|config| config.proxies.certificate_header = Some(HEADER.try_into().unwrap())).await;
    for (world, taken) in [(trusting, true), (wary, false)] {
        let model = world.model("harbour").await;
        world.vehicle(VIN, &model).await;
        for path in [format!("/vehicle/v1/{VIN}/update"), format!("/DEFAULT/controller/v1/{VIN}")] {
            let named = async |name: &str| world.gateway.get(&path).header(HEADER, name).send().await.unwrap().status();
            assert_eq!(named(VIN).await.is_success(), taken, "{path}");
            assert!(!named(OTHER).await.is_success(), "{path}");
        }
    }
}
