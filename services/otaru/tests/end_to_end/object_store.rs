//! Images in an S3 that nobody on this project wrote: uploaded there, fetched from there by links that the gateway signs,
//! or from a CDN. Credentials of vehicles do not get that far.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::HeaderMap;
use axum::routing::get;
use chrono::TimeDelta;
use otaru::demo::api::Api;
use otaru_domain::clock;
use reqwest::{Client, Response, StatusCode, redirect};
use serde_json::json;
use tokio::process::{Child, Command};

use crate::backing::{free_port, log, otaru};
use crate::cluster::{ADMIN_TOKEN, Cluster, Role, eventually};
use crate::swupdate_device::Device;

const PATIENCE: Duration = Duration::from_secs(60);
const VIN: &str = "WVWZZZ1KZAW000001";
const BUCKET: &str = "otaru";
const ACCOUNT: &str = "the-account-of-otaru";
const SECRET: &str = "the-secret-of-that-account";

/// S3; ends with the test.
struct S3 {
    port: u16,
    _server: Child,
}

impl S3 {
    async fn start(dir: &Path) -> anyhow::Result<Self> {
        let (port, data) = (free_port()?, dir.join("s3"));
        std::fs::create_dir_all(data.join(BUCKET))?;
        let settings = dir.join("s3proxy.conf");
        let text = format!(
            "s3proxy.authorization=aws-v2-or-v4\ns3proxy.endpoint=http://127.0.0.1:{port}\n\
             s3proxy.ignore-unknown-headers=true\ns3proxy.identity={ACCOUNT}\ns3proxy.credential={SECRET}\njclouds.provider=filesystem-nio2\n\
             jclouds.filesystem.basedir={}\njclouds.identity=none\njclouds.credential=none\n",
            data.display()
        );
        std::fs::write(&settings, text)?;
        let jars = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/s3").canonicalize();
        let jars = jars.context("target/s3 is missing: ops/lib/s3.sh makes it")?;
        let server = Command::new("java")
            .args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg(format!("-Dlogback.configurationFile={}", jars.join("logback.xml").display()))
            .args(["-cp", &format!("{}/*", jars.display()), "org.gaul.s3proxy.Main", "--properties"])
            .arg(settings)
            .kill_on_drop(true)
            .stdout(Stdio::null())
            .stderr(log(dir, "s3")?)
            .spawn()?;
        let url = format!("http://127.0.0.1:{port}/");
        let url = url.as_str();
        eventually("S3 to answer", PATIENCE, || async move { Ok(reqwest::get(url).await.ok().map(|_| ())) }).await?;
        Ok(Self { port, _server: server })
    }

    /// What a role needs to know of it.
    fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCOUNT.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

/// Starts a cluster that is laid out, with `more` in its gateway's environment.
async fn start(mut cluster: Cluster, more: &[(&str, String)]) -> anyhow::Result<Cluster> {
    cluster.gateway_env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    cluster.broker.start().await?;
    cluster.start_postgres().await?;
    cluster.start_roles().await?;
    Ok(cluster)
}

/// A campaign for [`VIN`] with this image; the path of the image at the gateway.
async fn campaign(api: &Api, image: Vec<u8>) -> anyhow::Result<String> {
    let hardware = json!([{"hardware_id": "BCM", "name": "BCM"}]);
    api.post("/models", &json!({"id": "harbour", "name": "Harbour", "hardware": hardware})).await?;
    let artifact = api.upload("/artifacts?file_name=body.swu", "application/octet-stream", image).await?;
    let images = json!([{"hardware_id": "BCM", "sha256": artifact["sha256"], "version": "2.0.0"}]);
    let release = json!({"name": "Spring", "version": "2", "models": ["harbour"], "images": images});
    let release = api.post("/releases", &release).await?["id"].clone();
    let locked = api.post(&format!("/releases/{release}/lock"), &json!({})).await?;
    api.post("/vehicles", &json!({"vin": VIN, "model": "harbour"})).await?;
    let campaign = json!({
        "name": "Spring", "release": release, "target": "true",
        "waves": [{"share_ratio": 1.0, "gate_installed_ratio": 0.0}], "deadline": clock::now() + TimeDelta::hours(1),
    });
    let campaign = api.post("/campaigns", &campaign).await?["id"].clone();
    api.post(&format!("/campaigns/{campaign}/start"), &json!({})).await?;
    let name = locked["images"][0]["target_name"].as_str().context("no target name")?;
    Ok(format!("/tuf/harbour/targets/{}.{name}", artifact["sha256"].as_str().context("no hash")?))
}

/// Asks the gateway for an image, without following.
async fn ask(cluster: &Cluster, path: &str) -> anyhow::Result<Response> {
    let client = Client::builder().redirect(redirect::Policy::none()).build()?;
    Ok(client.get(format!("{}{path}", cluster.url(Role::Gateway))).send().await?)
}

fn location(response: &Response) -> anyhow::Result<String> {
    ensure!(response.status() == StatusCode::TEMPORARY_REDIRECT, "{response:?}");
    Ok(response.headers().get("location").context("no location")?.to_str()?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_installs_from_s3_by_a_link_that_the_gateway_signs_and_that_ends() -> anyhow::Result<()> {
    let redirect = [("OTARU_IMAGE_REDIRECT", "presigned".to_owned()), ("OTARU_IMAGE_REDIRECT_SECS", "5".to_owned())];
    let mut laid_out = Cluster::lay_out()?;
    let s3 = S3::start(laid_out.dir.path()).await?;
    laid_out.artifacts = Some(format!("s3://{BUCKET}/images"));
    laid_out.campaign_env = s3.environment();
    laid_out.gateway_env = s3.environment();
    let owned = start(laid_out, &redirect).await?;
    let cluster = &owned;
    let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    // More than one part of an upload.
    let image: Vec<u8> = (0..9_000_000_u32).map(|n| u8::try_from(n * 7 % 251).unwrap_or(0)).collect();
    let path = campaign(&api, image.clone()).await?;

    let credentials = api.post(&format!("/vehicles/{VIN}/credentials"), &json!({})).await?;
    let file = cluster.dir.path().join("credentials.json");
    std::fs::write(&file, serde_json::to_vec(&credentials)?)?;
    let (state, gateway) = (cluster.dir.path().join("state"), cluster.url(Role::Gateway));
    let (state, installed, gateway, file) = (&state, &state.join("slots/a/BCM.bin"), gateway.as_str(), &file);
    eventually("the update to be installed", PATIENCE, || async move {
        let mut command = otaru();
        command.args(["vehicle", "--once", "--ecu", "BCM=1.0.0", "--gateway", gateway, "--credentials"]).arg(file);
        let output = command.arg("--state-dir").arg(state).output().await?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(installed.is_file().then_some(()))
    })
    .await?;
    ensure!(std::fs::read(installed)? == image, "another image is installed");
    let metrics = reqwest::get(format!("{gateway}/metrics")).await?.text().await?;
    ensure!(!metrics.contains("otaru_gateway_image_bytes_total"), "the gateway sent bytes itself: {metrics}");

    let sent = ask(cluster, &path).await?;
    ensure!(sent.headers().get("cache-control").context("no cache-control")? == "private, no-store", "{sent:?}");
    let link = location(&sent)?;
    let part = Client::new().get(&link).header("range", "bytes=8999990-").send().await?;
    ensure!(part.status() == StatusCode::PARTIAL_CONTENT, "{part:?}");
    ensure!(part.bytes().await? == image[8_999_990..], "another part");
    let forged = link.replace("X-Amz-Expires=5", "X-Amz-Expires=600");
    ensure!(forged != link && reqwest::get(&forged).await?.status() == StatusCode::FORBIDDEN, "a longer life is taken");
    let (bare, _) = link.split_once('?').context("nothing is signed")?;
    ensure!(reqwest::get(bare).await?.status() == StatusCode::FORBIDDEN, "the store is open to all");
    ensure!(!link.contains(SECRET) && !link.contains(VIN), "{link}");
    let link = link.as_str();
    eventually("the link to be over", PATIENCE, || async move {
        Ok((reqwest::get(link).await?.status() == StatusCode::FORBIDDEN).then_some(()))
    })
    .await?;
    let anew = location(&ask(cluster, &path).await?)?;
    ensure!(reqwest::get(&anew).await?.status() == StatusCode::OK, "the gateway signs a new one");
    owned.stop().await
}

/// What a CDN was asked: paths, and headers in which a token would be.
type Asked = Arc<Mutex<Vec<(String, HeaderMap)>>>;

#[tokio::test(flavor = "multi_thread")]
async fn swupdate_follows_to_a_cdn_and_keeps_its_token_to_itself() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    // By its other name, so that it is another host.
    let base = format!("http://localhost:{}", listener.local_addr()?.port());
    let template = format!("{base}/{{prefix}}/{{sha256}}");
    let redirect = [("OTARU_IMAGE_CDN_TEMPLATE", template), ("OTARU_DDI_IMAGE_REDIRECT", "true".to_owned())];
    let cluster = start(Cluster::lay_out()?, &redirect).await?;
    let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    let mut device = Device::new()?;
    let container = device.container(300_000)?;
    let image = std::fs::read(&container.path)?;
    campaign(&api, image.clone()).await?;
    let asked = Asked::default();
    let serve = move |State(asked): State<Asked>,
                      UrlPath((prefix, sha256)): UrlPath<(String, String)>,
                      headers: HeaderMap| async move {
        asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((format!("{prefix}/{sha256}"), headers));
        image
    };
    let routes = Router::new().route("/{prefix}/{sha256}", get(serve)).with_state(asked.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let credential = api.post(&format!("/vehicles/{VIN}/credentials"), &json!({})).await?;
    let token = credential["token"].as_str().context("no token")?;
    device.start(&cluster.url(Role::Gateway), VIN, token, &[])?;
    device.wait_for_log("Update successful", PATIENCE * 2).await?;
    ensure!(std::fs::read(device.target())? == container.payload, "another image is installed");
    device.stop()?;
    let asked = asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    ensure!(!asked.is_empty(), "it was downloaded elsewhere");
    ensure!(!format!("{asked:?}").contains(token), "the vehicle's token got to the CDN: {asked:?}");
    cluster.stop().await
}
