//! Encrypted images on their whole way, over real roles: keys made by another implementation of age, which also reads what the
//! gateway serves; the plaintext is nowhere that a gateway reads.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use otaru::demo::api::Api;
use otaru_domain::clock;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::backing::otaru;
use crate::cluster::{ADMIN_TOKEN, Cluster, Role, eventually};

const OWN: &str = "WVWZZZ1KZAW000001";
const STRANGER: &str = "WVWZZZ1KZAW000002";
const PATIENCE: Duration = Duration::from_secs(60);
const WORDS: &str = "the body control of next spring ";

/// Firmware of some chunks, in which its words are found again.
fn firmware(version: &str) -> Vec<u8> {
    format!("{WORDS}{version}\n").repeat(6_000).into_bytes()
}

fn contains(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}

fn age_client() -> Command {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(here.join("../../target/python/bin/python"));
    command.arg(here.join("tests/end_to_end/age_client.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Has the other implementation make a key, in a file for the owner alone; the file, and the recipient.
async fn make_key(cluster: &Cluster, name: &str) -> anyhow::Result<(PathBuf, String)> {
    let made = age_client().arg("make").output().await.context("pyrage: run ops/lib/python.sh")?;
    let made = String::from_utf8(made.stdout)?;
    let (identity, recipient) = made.trim().split_once(' ').context("a key and its recipient")?;
    let path = cluster.dir.path().join(name);
    std::fs::write(&path, format!("{identity}\n"))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok((path, recipient.to_owned()))
}

/// What the other implementation reads with a key; none where the key is another.
async fn decrypt(ciphertext: &[u8], key: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let mut child = age_client().arg("decrypt").arg(key).stderr(Stdio::null()).spawn()?;
    child.stdin.take().context("its input")?.write_all(ciphertext).await?;
    let output = child.wait_with_output().await?;
    Ok(output.status.success().then_some(output.stdout))
}

/// Locks a release that brings the BCM to a version, and starts a campaign of it once it is encrypted; the encrypted image.
async fn campaign(api: &Api, version: &str) -> anyhow::Result<Value> {
    let upload = api.upload("/artifacts?file_name=bcm.bin", "application/octet-stream", firmware(version)).await?;
    let images = json!([{"hardware_id": "BCM", "sha256": upload["sha256"], "version": version}]);
    let release = json!({"name": "Spring", "version": version, "models": ["harbour"], "images": images});
    let release = api.post("/releases", &release).await?["id"].clone();
    api.post(&format!("/releases/{release}/lock"), &json!({})).await?;
    let path = &format!("/releases/{release}/encryption");
    let image = eventually("the release to be encrypted", PATIENCE, || async move {
        let image = api.get(path).await?["items"][0].clone();
        Ok(image["published_at"].is_string().then_some(image))
    });
    let image = image.await?;
    let body = json!({
        "name": version, "release": release, "target": r#"region == "EU""#,
        "waves": [{"share_ratio": 1.0, "gate_installed_ratio": 0.0}], "deadline": clock::now() + TimeDelta::hours(1),
    });
    let campaign = api.post("/campaigns", &body).await?["id"].clone();
    api.post(&format!("/campaigns/{campaign}/start"), &json!({})).await?;
    let path = &format!("/campaigns/{campaign}");
    eventually("its wave to be open", PATIENCE, || async move {
        Ok((!api.get(path).await?["waves"][0]["opened_at"].is_null()).then_some(()))
    })
    .await?;
    Ok(json!({"name": format!("BCM-{version}-r{release}.bin"), "image": image}))
}

async fn register(cluster: &Cluster, api: &Api, vin: &str) -> anyhow::Result<()> {
    api.post("/vehicles", &json!({"vin": vin, "model": "harbour", "region": "EU"})).await?;
    let credentials = api.post(&format!("/vehicles/{vin}/credentials"), &json!({})).await?;
    Ok(std::fs::write(cluster.dir.path().join(format!("{vin}.json")), serde_json::to_vec(&credentials)?)?)
}

async fn once(cluster: &Cluster, vin: &str, key: &Path) -> anyhow::Result<Output> {
    let dir = cluster.dir.path();
    let mut command = otaru();
    command.args(["vehicle", "--once", "--ecu", "BCM=0.9", "--gateway", &cluster.url(Role::Gateway)]);
    command.arg("--credentials").arg(dir.join(format!("{vin}.json"))).arg("--state-dir").arg(dir.join(vin));
    command.arg("--age-identity").arg(key).output().await.context("otaru vehicle")
}

/// Has the agent look until this version runs.
async fn until(cluster: &Cluster, vin: &str, key: &Path, version: &str) -> anyhow::Result<()> {
    let slots = &cluster.dir.path().join(vin).join("slots");
    eventually("the image to be installed", PATIENCE, || async move {
        let output = once(cluster, vin, key).await?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let Ok(slot) = std::fs::read_to_string(slots.join("active")) else { return Ok(None) };
        Ok((std::fs::read(slots.join(slot.trim()).join("BCM.bin"))? == firmware(version)).then_some(()))
    })
    .await
}

/// What a file of the model's repository is; none where it has no such file.
async fn target(cluster: &Cluster, sha256: &Value, name: &Value) -> anyhow::Result<Option<Vec<u8>>> {
    let (sha256, name) = (sha256.as_str().context("a hash")?, name.as_str().context("a name")?);
    let url = format!("{}/tuf/harbour/targets/{sha256}.{name}", cluster.url(Role::Gateway));
    let answer = reqwest::get(url).await?;
    if answer.status() == reqwest::StatusCode::NOT_FOUND {
        return Ok(None);
    }
    Ok(Some(answer.error_for_status()?.bytes().await?.to_vec()))
}

/// The files below a folder.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_image_is_read_by_who_has_the_key_and_by_nobody_on_the_way() -> anyhow::Result<()> {
    let owned = Cluster::start(None).await?;
    let cluster = &owned;
    let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    let hardware = json!([{"hardware_id": "BCM", "name": "BCM"}]);
    api.post("/models", &json!({"id": "harbour", "name": "Harbour", "hardware": hardware})).await?;
    let ((key, recipient), (next, next_recipient)) =
        (make_key(cluster, "key").await?, make_key(cluster, "next").await?);
    let encrypt_for = |recipient: &str| json!({"recipients": [recipient]}).to_string().into_bytes();
    api.put_bytes("/models/harbour/encryption", encrypt_for(&recipient)).await?;
    for vin in [OWN, STRANGER] {
        register(cluster, &api, vin).await?;
    }
    let first = campaign(&api, "1.0").await?;
    until(cluster, OWN, &key, "1.0").await?;
    let stranger = once(cluster, STRANGER, &next).await?;
    let said = String::from_utf8_lossy(&stranger.stderr).into_owned();
    assert!(stranger.status.code() == Some(1) && said.contains("failed with wrong_decryption_key"), "{said}");

    let ciphertext = target(cluster, &first["image"]["sha256"], &first["name"]).await?.context("it is served")?;
    assert!(!contains(&ciphertext, WORDS.as_bytes()));
    assert_eq!(decrypt(&ciphertext, &key).await?, Some(firmware("1.0")));
    assert_eq!(decrypt(&ciphertext, &next).await?, None);
    assert_eq!(target(cluster, &first["image"]["plain_sha256"], &first["name"]).await?, None, "whoever knows its hash");

    // The next key, which vehicles have beside the present one.
    api.put_bytes("/models/harbour/encryption", encrypt_for(&next_recipient)).await?;
    std::fs::write(&key, [std::fs::read(&key)?, std::fs::read(&next)?].concat())?;
    let second = campaign(&api, "2.0").await?;
    until(cluster, OWN, &key, "2.0").await?;
    let ciphertext = target(cluster, &second["image"]["sha256"], &second["name"]).await?.context("it is served")?;
    assert_eq!(decrypt(&ciphertext, &next).await?, Some(firmware("2.0")));
    assert_eq!(decrypt(&ciphertext, &key).await?, None, "its first line is the key of before");
    for file in files(&cluster.dir.path().join("artifacts/sha256"))? {
        assert!(!contains(&std::fs::read(&file)?, WORDS.as_bytes()), "{}", file.display());
    }
    owned.stop().await
}
