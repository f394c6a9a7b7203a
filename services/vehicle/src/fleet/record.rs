//! Writes down which reports were answered 202, so that a test can look for each of them in the history.

use std::path::Path;

use anyhow::Context as _;
use otaru_domain::id::Vin;
use serde::Serialize;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt as _, BufWriter};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Lines that may wait for the disk.
const QUEUE: usize = 10_000;

#[derive(Serialize)]
struct Accepted {
    vin: Vin,
    id: Uuid,
}

/// Where vehicles note accepted reports; does nothing without a file.
#[derive(Clone)]
pub(super) struct Recorder(Option<mpsc::Sender<Accepted>>);

impl Recorder {
    /// Starts the writer, which ends when the last recorder is gone.
    pub(super) async fn start(path: Option<&Path>) -> anyhow::Result<(Self, JoinHandle<anyhow::Result<()>>)> {
        let Some(path) = path else {
            return Ok((Self(None), tokio::spawn(async { Ok(()) })));
        };
        let failed = format!("cannot write {}: check its folder and the free space", path.display());
        let file = File::create(path).await.with_context(|| failed.clone())?;
        let (sender, receiver) = mpsc::channel(QUEUE);
        let writer = tokio::spawn(async move { write(file, receiver).await.context(failed) });
        Ok((Self(Some(sender)), writer))
    }

    pub(super) async fn accepted(&self, vin: &Vin, id: Option<Uuid>) {
        if let (Some(sender), Some(id)) = (&self.0, id) {
            // A writer that ended has its error told at the end of the run.
            let _ = sender.send(Accepted { vin: vin.clone(), id }).await;
        }
    }
}

async fn write(file: File, mut receiver: mpsc::Receiver<Accepted>) -> std::io::Result<()> {
    let mut file = BufWriter::new(file);
    let mut lines = Vec::new();
    while receiver.recv_many(&mut lines, QUEUE).await > 0 {
        for accepted in lines.drain(..) {
            let mut line = serde_json::to_vec(&accepted)?;
            line.push(b'\n');
            file.write_all(&line).await?;
        }
        file.flush().await?;
    }
    file.into_inner().sync_all().await
}
