//! Signing keys in a hardware module (SoftHSM) and in the environment: python-tuf takes what they sign, also after the
//! service was killed, and no PIN is logged.

use std::path::Path;

use anyhow::{Context as _, ensure};
use otaru::demo::api::Api;
use serde_json::json;
use tokio::process::Command;

use crate::cluster::{ADMIN_TOKEN, Cluster, Role, eventually};
use crate::rotation::{MODEL, keys, python_tuf, said};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "4711-secret-pin";

fn program(name: &str, arguments: &[&str], settings: &Path) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).env("SOFTHSM2_CONF", settings);
    command
}

/// A token with an ed25519 key for each label; gives the module's settings and a PEM of another key.
async fn token(dir: &Path, labels: &[&str]) -> anyhow::Result<(String, String)> {
    std::fs::create_dir_all(dir.join("tokens"))?;
    let conf = dir.join("softhsm2.conf");
    let settings = format!("directories.tokendir = {}\nobjectstore.backend = file\n", dir.join("tokens").display());
    std::fs::write(&conf, settings)?;
    let init = ["--init-token", "--free", "--label", "otaru", "--so-pin", "12345678", "--pin", PIN];
    said(program("softhsm2-util", &init, &conf)).await?;
    let pem = dir.join("imported.pem");
    let pem_path = pem.to_str().context("path")?;
    for (number, label) in labels.iter().enumerate() {
        said(program("openssl", &["genpkey", "-algorithm", "ed25519", "-out", pem_path], &conf)).await?;
        let id = format!("{:02}", number + 1);
        let import = ["--import", pem_path, "--token", "otaru", "--label", label, "--id", &id, "--pin", PIN];
        said(program("softhsm2-util", &import, &conf)).await?;
    }
    said(program("openssl", &["genpkey", "-algorithm", "ed25519", "-out", pem_path], &conf)).await?;
    Ok((conf.to_str().context("path")?.to_owned(), std::fs::read_to_string(pem)?))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_signs_with_keys_that_it_never_sees() -> anyhow::Result<()> {
    let mut cluster = Cluster::lay_out()?;
    let (settings, pem) = token(cluster.dir.path(), &["harbour-timestamp", "harbour-campaigns"]).await?;
    let variables = [
        ("SOFTHSM2_CONF", settings.as_str()),
        ("OTARU_PKCS11_MODULE", MODULE),
        ("OTARU_PKCS11_PIN", PIN),
        ("OTARU_KEY_HARBOUR_SNAPSHOT", &pem),
    ];
    cluster.campaign_env = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    cluster.broker.start().await?;
    cluster.start_postgres().await?;
    cluster.start_roles().await?;
    let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    let hardware = json!([{"hardware_id": "BCM", "name": "BCM"}]);
    api.post("/models", &json!({"id": MODEL, "name": "Harbour", "hardware": hardware})).await?;
    let first = serde_json::to_vec(&api.get(&format!("/models/{MODEL}/root")).await?)?;
    std::fs::write(cluster.dir.path().join("1.root.json"), first)?;

    let rotate =
        async |role: &str, reference: &str| keys(&cluster, &["rotate", "--role", role, "--reference", reference]).await;
    let no_such = rotate("timestamp", "pkcs11:token=otaru;object=other").await.map_err(|error| error.to_string());
    ensure!(no_such.as_ref().is_err_and(|error| error.contains("has no ed25519")), "{no_such:?}");
    rotate("timestamp", "pkcs11:token=otaru;object=harbour-timestamp").await?;
    let twice =
        rotate("snapshot", "pkcs11:token=otaru;object=harbour-timestamp").await.map_err(|error| error.to_string());
    ensure!(twice.as_ref().is_err_and(|error| error.contains("has a role already")), "{twice:?}");
    rotate("snapshot", "env:OTARU_KEY_HARBOUR_SNAPSHOT").await?;
    rotate("campaigns", "pkcs11:token=otaru;object=harbour-campaigns").await?;
    let (draft, root) = (cluster.dir.path().join("draft"), cluster.dir.path().join("root"));
    let (draft, root) = (draft.to_str().context("path")?, root.to_str().context("path")?);
    keys(&cluster, &["draft", "--out", draft]).await?;
    let mut sign = crate::backing::otaru();
    let root_key = cluster.dir.path().join("keys").join(MODEL).join("root.pem");
    sign.args(["keys", "sign-root", "--draft", draft, "--out", root, "--key"]).arg(root_key);
    said(sign).await?;
    keys(&cluster, &["put-root", "--root", root]).await?;

    cluster.kill(Role::Campaign).await?;
    cluster.start_role(Role::Campaign).await?;
    cluster.wait_ready(Role::Campaign).await?;
    // Whatever is published now is signed by the module.
    let artifact =
        api.upload("/artifacts?file_name=bcm.bin", "application/octet-stream", b"firmware".as_slice()).await?;
    let images = json!([{"hardware_id": "BCM", "sha256": artifact["sha256"], "version": "2"}]);
    let release = json!({"name": "Spring", "version": "2", "models": [MODEL], "images": images});
    let release = api.post("/releases", &release).await?["id"].clone();
    let locked = api.post(&format!("/releases/{release}/lock"), &json!({})).await?;
    let name = locked["images"][0]["target_name"].as_str().context("no target_name")?;
    let (reached, gateway) = (&cluster, cluster.url(Role::Gateway));
    let gateway = gateway.as_str();
    eventually("python-tuf to take it", std::time::Duration::from_secs(30), || async move {
        let answer = python_tuf(reached, gateway, name).await?;
        Ok((answer["targets"][name] == 8).then_some(()))
    })
    .await?;
    let log = std::fs::read_to_string(cluster.dir.path().join("campaign.log"))?;
    ensure!(!log.contains(PIN) && !log.contains("PRIVATE KEY"), "a secret is logged");
    cluster.stop().await
}
