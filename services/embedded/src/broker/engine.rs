//! One life of the broker: a thread with a runtime of its own, because its store calls sqlite on the runtime's
//! threads, and because dropping the runtime is the only way to end all of its tasks for certain.

use std::net::SocketAddr;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tansu_broker::broker::Broker as Tansu;
use tansu_broker::coordinator::group::administrator::Controller;
use tansu_storage::StorageContainer;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Setup, reachable};

/// How long tasks that are under way may take to end. What they have not committed is rolled back.
const GOODBYE: Duration = Duration::from_secs(3);
const CLUSTER: &str = "otaru";
const NODE: i32 = 1;

pub(super) struct Engine {
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    pub fn start(setup: &Setup) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("broker")
            .enable_all()
            .build()
            .context("no threads for the embedded broker")?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let (storage, address) = (setup.storage.clone(), setup.address);
        let thread = std::thread::Builder::new().name("broker".to_owned()).spawn(move || {
            let outcome = runtime.block_on(async {
                // In a task: a panic in it ends the task, not this thread.
                let serving = tokio::spawn(serve(storage, address));
                tokio::select! {
                    () = stopped.cancelled() => Ok(()),
                    ended = serving => ended.map_err(anyhow::Error::from).and_then(|outcome| outcome),
                }
            });
            if let Err(error) = outcome {
                tracing::error!(error = format!("{error:#}"), "the embedded broker ended");
            }
            runtime.shutdown_timeout(GOODBYE);
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }

    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    pub fn stop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the embedded broker ended in a panic");
        }
    }
}

async fn serve(storage: Url, address: SocketAddr) -> anyhow::Result<()> {
    let mut broker = Box::pin(
        Tansu::<Controller<StorageContainer>, StorageContainer>::builder()
            .node_id(NODE)
            .cluster_id(CLUSTER)
            .incarnation_id(uuid::Uuid::new_v4())
            .listener(tcp(address)?)
            .advertised_listener(tcp(reachable(address))?)
            .storage(storage)
            .silent(true)
            .build(),
    )
    .await
    .map_err(|error| anyhow::anyhow!("its store cannot be opened: {error:?}"))?;
    Box::pin(broker.serve(Instant::now())).await.map_err(|error| anyhow::anyhow!("it stopped serving: {error:?}"))
}

fn tcp(address: SocketAddr) -> anyhow::Result<Url> {
    Ok(Url::parse(&format!("tcp://{address}"))?)
}

/// The URL by which the broker finds `path`.
///
/// It takes the URL's path without its first slash and pushes that onto the working directory. A second slash
/// makes it absolute, and so independent of where the process was started; but it does not decode what the URL
/// encodes, so a folder with a blank in its name is reached from the working directory or not at all.
pub(super) fn storage_url(path: &Path) -> anyhow::Result<Url> {
    let absolute = std::path::absolute(path)?;
    let relative = absolute.strip_prefix(std::env::current_dir()?).ok();
    for candidate in [Some(absolute.as_path()), relative].into_iter().flatten() {
        let Some(text) = candidate.to_str() else { continue };
        let url = Url::parse(&format!("sqlite:///{text}"))?;
        if url.path().strip_prefix('/') == Some(text) {
            return Ok(url);
        }
    }
    bail!(
        "the embedded broker cannot keep its data in {}: choose a --data-dir whose path has no blanks and no characters \
         but letters, digits and -_./ or start in the folder above it",
        absolute.display()
    )
}
