//! The crate `hawkbit` as a device: another DDI client that nobody on this project wrote, which reads answers by types where
//! SWUpdate picks out fields.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::{Stream, TryStreamExt as _};
use hawkbit::ddi::{Client, ClientAuthorization, Error, Execution, Finished, Mode, Type, Update};
use otaru::demo::api::Api;
use rand::RngExt as _;
use serde_json::{Value, json};

use crate::cluster::{ADMIN_TOKEN, Cluster, Role, eventually};
use crate::database::query;
use crate::ddi_stage::{PATIENCE, Stage, asking, stage};

const LENGTH: usize = 400_000;

/// An image, a vehicle that is to have it, and its client.
async fn device(
    cluster: &Cluster,
    api: &Api,
    number: usize,
    policy: Value,
) -> anyhow::Result<(Stage, Client, Vec<u8>)> {
    let mut image = vec![0; LENGTH];
    rand::rng().fill(image.as_mut_slice());
    let staged = stage(api, number, &format!("body-{number}.bin"), image.clone(), policy).await?;
    let client = client(cluster, &staged.vin, &staged.token)?;
    Ok((staged, client, image))
}

fn client(cluster: &Cluster, vin: &str, token: &str) -> anyhow::Result<Client> {
    let token = ClientAuthorization::TargetToken(token.to_owned());
    let patience = Some(Duration::from_secs(30));
    Ok(Client::new(&cluster.url(Role::Gateway), "DEFAULT", vin, token, None, None, patience)?)
}

/// The update that the device finds when its wave is open.
async fn update(client: &Client) -> anyhow::Result<Update> {
    eventually("an update", PATIENCE, || async move {
        let reply = client.poll().await?;
        ensure!(reply.polling_sleep()? <= Duration::from_secs(24 * 3600), "a wait that nobody waits");
        match reply.update() {
            Some(update) => Ok(Some(update.fetch().await?)),
            None => Ok(None),
        }
    })
    .await
}

/// All that a stream gives, if it ends well.
async fn all(stream: impl Stream<Item = Result<bytes::Bytes, Error>>) -> Result<Vec<u8>, Error> {
    let chunks: Vec<_> = stream.try_collect().await?;
    Ok(chunks.concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_crate_hawkbit_describes_itself_downloads_and_installs() -> anyhow::Result<()> {
    let cluster = Cluster::start(None).await?;
    let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    let (good, client, image) = device(&cluster, &api, 11, json!({})).await?;
    let request = client.poll().await?.config_data_request().context("it is not asked what it is")?;
    let said = json!({"trim": "sport", "hwRevision": "2"});
    request.upload(Execution::Closed, Finished::Success, Some(Mode::Merge), said, vec!["all of it"]).await?;
    let (url, vin) = (cluster.database_url.as_str(), good.vin.as_str());
    eventually("its attributes", PATIENCE, || async move {
        let rows = query(url, &format!("SELECT attributes ->> 'trim' FROM vehicles WHERE vin = '{vin}'")).await?;
        Ok((rows == ["sport"]).then_some(()))
    })
    .await?;

    let update = update(&client).await?;
    ensure!((update.download_type(), update.update_type()) == (Type::Forced, Type::Forced), "{update:?}");
    let chunk = update.chunks().next().context("no chunk")?;
    assert_eq!((chunk.part(), chunk.name(), chunk.version()), ("BCM", "Body", "2.11.0"));
    let artifact = chunk.artifacts().next().context("no artifact")?;
    let size: u32 = artifact.size();
    assert_eq!((artifact.filename(), size), ("body-11.bin", u32::try_from(LENGTH)?));
    update.send_feedback(Execution::Download, Finished::None, vec!["it begins"]).await?;
    good.wait_for(&cluster, "downloading").await?;
    for whole in [
        all(artifact.download_stream_with_md5_check().await?).await?,
        all(artifact.download_stream_with_sha1_check().await?).await?,
        all(artifact.download_stream_with_sha256_check().await?).await?,
    ] {
        ensure!(whole == image, "another image");
    }
    // A download that broke off goes on where it did.
    let dir = tempfile::tempdir()?;
    let folder = dir.path().join(chunk.name());
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("body-11.bin.part"), &image[..LENGTH / 3])?;
    let downloaded = update.download(dir.path()).await?.pop().context("no file")?;
    downloaded.check_md5().await?;
    downloaded.check_sha1().await?;
    downloaded.check_sha256().await?;
    ensure!(std::fs::read(downloaded.file())? == image, "another image");

    let progress = json!({"cnt": 1, "of": 4});
    update.send_feedback_with_progress(Execution::Proceeding, Finished::None, progress, vec!["writing"]).await?;
    good.wait_for(&cluster, "installing").await?;
    let percent = format!("SELECT progress_percent FROM assignments WHERE campaign_id = {}", good.campaign);
    assert_eq!(query(url, &percent).await?, ["25"]);
    update.send_feedback(Execution::Closed, Finished::Success, vec!["it runs"]).await?;
    good.wait_for(&cluster, "installed").await?;
    ensure!(client.poll().await?.update().is_none(), "it is offered again");
    let late = update.send_feedback(Execution::Closed, Finished::Failure, vec![]).await;
    ensure!(
        matches!(&late, Err(Error::ReqwestError(error)) if error.status() == Some(reqwest::StatusCode::GONE)),
        "{late:?}"
    );

    let stranger = self::client(&cluster, &good.vin, "none-of-ours")?.poll().await;
    let status = |error: &Error| match error {
        Error::ReqwestError(error) => error.status(),
        _ => None,
    };
    assert_eq!(stranger.as_ref().err().and_then(status), Some(reqwest::StatusCode::UNAUTHORIZED));
    cluster.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_crate_hawkbit_fails_stops_and_asks_its_user() -> anyhow::Result<()> {
    let cluster = Cluster::start(None).await?;
    let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    let url = cluster.database_url.as_str();

    let (bad, client, _) = device(&cluster, &api, 12, json!({})).await?;
    let failing = update(&client).await?;
    failing.send_feedback(Execution::Closed, Finished::Failure, vec!["slot b is broken", "giving up"]).await?;
    bad.wait_for(&cluster, "failed").await?;
    let why = format!("SELECT error_code, log FROM assignment_failures WHERE campaign_id = {}", bad.campaign);
    assert_eq!(query(url, &why).await?, ["ddi-failure|slot b is broken", "giving up"]);

    let (stopped, client, _) = device(&cluster, &api, 13, json!({})).await?;
    let running = update(&client).await?;
    running.send_feedback(Execution::Proceeding, Finished::None, vec![]).await?;
    stopped.wait_for(&cluster, "installing").await?;
    api.post(&format!("/campaigns/{}/cancel", stopped.campaign), &json!({})).await?;
    let asking_client = &client;
    let cancel = eventually("the cancellation", PATIENCE, || async move {
        let reply = asking_client.poll().await?;
        ensure!(reply.cancel_action().is_none() || reply.update().is_none(), "two things at once");
        Ok(reply.cancel_action())
    })
    .await?;
    assert_eq!(cancel.id().await?, running.action_id());
    cancel.send_feedback(Execution::Closed, Finished::Success, vec!["stopped"]).await?;
    let origins = format!(
        "SELECT a.state, h.origin FROM assignments a JOIN ack_history h USING (vehicle_id, campaign_id)
          WHERE campaign_id = {} AND h.state = 'cancelled' ORDER BY h.origin",
        stopped.campaign
    );
    let origins = origins.as_str();
    eventually("it has stopped", PATIENCE, || async move {
        Ok((query(url, origins).await? == ["cancelled|engine", "cancelled|gateway"]).then_some(()))
    })
    .await?;

    for (number, agrees) in [(14, true), (15, false)] {
        let (asked, client, _) = device(&cluster, &api, number, asking()).await?;
        let asking_client = &client;
        let question = eventually("the question", PATIENCE, || async move {
            let reply = asking_client.poll().await?;
            ensure!(reply.update().is_none(), "it does not wait for its user");
            Ok(reply.confirmation_base())
        })
        .await?;
        let action = question.update_info().await?.action_id().to_owned();
        if agrees {
            question.confirm().await?;
            let confirmed = update(&client).await?;
            assert_eq!(confirmed.action_id(), action);
            confirmed.send_feedback(Execution::Closed, Finished::Success, vec![]).await?;
            asked.wait_for(&cluster, "installed").await?;
        } else {
            question.decline().await?;
            asked.wait_for(&cluster, "declined").await?;
            ensure!(client.poll().await?.confirmation_base().is_none(), "it is asked again");
        }
    }
    cluster.stop().await
}
