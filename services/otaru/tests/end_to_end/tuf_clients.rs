//! TUF clients that nobody on this project wrote, given only a model's root, take what is genuine and refuse the rest.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use otaru::demo::api::Api;
use otaru::demo::stage;
use otaru_domain::clock;
use serde_json::Value;
use tokio::process::Command;

use crate::cluster::{ADMIN_TOKEN, Cluster, Role, eventually};
use crate::tamper;

struct Client<'a> {
    command: Vec<PathBuf>,
    root: &'a Path,
    work: &'a Path,
}

impl Client<'_> {
    /// Refreshes from `gateway` and downloads; what the client says as JSON. Each run begins with nothing but the root.
    async fn run(&self, gateway: &str, model: &str, names: &[&str]) -> anyhow::Result<Value> {
        let work = tempfile::tempdir_in(self.work)?;
        let base = format!("{gateway}/tuf/{model}");
        let output = Command::new(&self.command[0])
            .args(&self.command[1..])
            .args([format!("{base}/metadata/"), format!("{base}/targets/")])
            .arg(self.root)
            .arg(work.path())
            .args(names)
            .output()
            .await
            .context("target/python or target/go-tuf is missing: ops/lib/python.sh and ops/lib/go.sh make them")?;
        ensure!(output.status.success(), "the client crashed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_tuf_and_go_tuf_take_what_is_genuine_and_refuse_the_rest() -> anyhow::Result<()> {
    let mut cluster = Cluster::start(None).await?;
    let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    let stage = stage::set(&api, 12, clock::now()).await?;
    let model = stage.vehicles[0].model.as_str();
    let other = stage.vehicles[1].model.as_str();
    ensure!(model != other);
    let document = format!("campaign-{}.json", stage.campaign);
    let campaign = api.get(&format!("/campaigns/{}", stage.campaign)).await?;
    let release = api.get(&format!("/releases/{}", campaign["release"])).await?;
    let image = release["images"][0]["target_name"].as_str().context("no target_name")?;

    let root = cluster.dir.path().join("root.json");
    std::fs::write(&root, serde_json::to_vec(&api.get(&format!("/models/{model}/root")).await?)?)?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = here.join("../../target");
    let python = vec![target.join("python/bin/python"), here.join("tests/end_to_end/tuf_client.py")];
    let client = Client { command: python, root: &root, work: cluster.dir.path() };
    let go = Client { command: vec![target.join("go-tuf/client")], root: &root, work: cluster.dir.path() };
    let gateway = cluster.url(Role::Gateway);

    let (client, gateway_url) = (&client, gateway.as_str());
    let genuine = eventually("the campaign document", Duration::from_secs(30), || async move {
        let answer = client.run(gateway_url, model, &[image, &format!("campaign-{}.json", stage.campaign)]).await?;
        Ok(answer.get("targets").is_some().then_some(answer))
    })
    .await?;
    let length = std::fs::metadata("/usr/share/seabios/bios-256k.bin")?.len();
    assert_eq!(genuine["targets"][image], length);
    assert!(genuine["targets"][&document].as_u64().is_some_and(|length| length > 100));

    let error = |answer: Value| answer["error"].as_str().unwrap_or("none").to_owned();
    let changed_image = tamper::start(&gateway, image).await?;
    assert_eq!(error(client.run(&changed_image, model, &[image]).await?), "LengthOrHashMismatchError");
    let changed_document = tamper::start(&gateway, &document).await?;
    assert_eq!(error(client.run(&changed_document, model, &[&document]).await?), "LengthOrHashMismatchError");
    let changed_timestamp = tamper::start(&gateway, "timestamp.json").await?;
    assert_eq!(error(client.run(&changed_timestamp, model, &[image]).await?), "UnsignedMetadataError");
    assert_eq!(error(client.run(&gateway, model, &["BCM-9.9.9-r9.bin"]).await?), "UnknownTarget");
    assert_eq!(error(client.run(&gateway, other, &[image]).await?), "UnsignedMetadataError");

    let genuine = go.run(&gateway, model, &[image, &document]).await?;
    assert_eq!(genuine["targets"][image], length, "{genuine}");
    assert!(genuine["targets"][&document].as_u64().is_some_and(|length| length > 100));
    let mismatch = "*metadata.ErrLengthOrHashMismatch";
    assert_eq!(error(go.run(&changed_image, model, &[image]).await?), mismatch);
    assert_eq!(error(go.run(&changed_document, model, &[&document]).await?), mismatch);
    assert_eq!(error(go.run(&changed_timestamp, model, &[image]).await?), "*metadata.ErrUnsignedMetadata");
    assert_ne!(error(go.run(&gateway, model, &["BCM-9.9.9-r9.bin"]).await?), "none");
    assert_eq!(error(go.run(&gateway, other, &[image]).await?), "*metadata.ErrUnsignedMetadata");
    cluster.wait_ready(Role::Gateway).await?;
    cluster.stop().await
}
