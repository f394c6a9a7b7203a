//! How many bytes of images go out in a second: over this gateway's link, for a model and for a campaign. A model's or
//! campaign's cap is that of the whole installation: every gateway holds a share of it, by lease from Postgres, in
//! proportion to the downloads it has; nothing is asked per download or piece.

mod bucket;
mod flow;
mod shares;

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};
use otaru_domain::id::CampaignId;
use otaru_http::{Problem, chain};
use otaru_store::StoreError;
use otaru_store::bandwidth::Scope;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use uuid::Uuid;

use self::bucket::Bucket;
use crate::api::jittered_secs;

pub(crate) use flow::Flow;
pub(crate) use shares::keep;

/// What one gateway sends at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of images per second over this gateway's own link; none, as many as there are.
    pub bytes_per_sec: Option<NonZeroU64>,
    /// The most downloads that share one cap here; more are told when to come back.
    pub downloads_per_cap: usize,
}

impl Default for Limits {
    /// So many that each still gets a part of a cap that is worth having.
    fn default() -> Self {
        Self { bytes_per_sec: None, downloads_per_cap: 200 }
    }
}

/// What goes out of this gateway.
#[derive(Debug)]
pub(crate) struct Bandwidth {
    gateway: Uuid,
    downloads_per_cap: usize,
    link: Arc<Bucket>,
    scopes: Mutex<Scopes>,
    /// A scope with a cap is new here and has no share yet.
    wake: Notify,
    /// Postgres did not answer last time: nobody waits for a share.
    alone: AtomicBool,
}

#[derive(Debug, Default)]
struct Scopes {
    caps: HashMap<Scope, u64>,
    in_use: HashMap<Scope, Arc<Downloads>>,
}

/// The downloads of a scope here, and the rate that they share.
#[derive(Debug)]
struct Downloads {
    count: AtomicU64,
    bucket: Bucket,
}

impl Bandwidth {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            gateway: Uuid::new_v4(),
            downloads_per_cap: limits.downloads_per_cap,
            link: Arc::new(Bucket::new(limits.bytes_per_sec.map(NonZeroU64::get))),
            scopes: Mutex::default(),
            wake: Notify::new(),
            alone: AtomicBool::new(false),
        }
    }

    fn scopes(&self) -> MutexGuard<'_, Scopes> {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether any campaign has a cap: without, nobody need know whose download it is.
    pub(crate) fn caps_campaigns(&self) -> bool {
        self.scopes().caps.keys().any(|scope| matches!(scope, Scope::Campaign(_)))
    }

    fn caps_campaign(&self, campaign: CampaignId) -> bool {
        self.scopes().caps.contains_key(&Scope::Campaign(campaign))
    }

    /// Lets a download begin.
    ///
    /// # Errors
    /// 503 when as many share one of its caps as may. A place gets free whenever the cap has sent an image.
    pub(crate) fn begin(&self, flow: &Flow, length_bytes: u64) -> Result<Turns, Problem> {
        let model = flow.model.to_string();
        let mut scopes = self.scopes();
        let named = flow.scopes();
        for scope in &named {
            let Some(cap) = scopes.caps.get(scope) else { continue };
            let here = scopes.in_use.get(scope).map_or(0, |downloads| downloads.count.load(Ordering::Relaxed));
            if here >= self.downloads_per_cap as u64 {
                metrics::counter!("otaru_gateway_shed_total", "what" => "capped").increment(1);
                let wait = Duration::from_secs((length_bytes / cap.max(&1)).clamp(10, 300));
                let secs = u32::try_from(jittered_secs(wait)).unwrap_or(u32::MAX);
                return Err(Problem::unavailable("as many downloads as may share the bandwidth; come back", secs));
            }
        }
        let mut taken = Vec::with_capacity(named.len());
        for scope in named {
            let by = scope.kind();
            let rate = scopes.caps.get(&scope).map(|cap| self.share_unasked(*cap));
            let downloads = scopes.in_use.entry(scope).or_insert_with(|| {
                if rate.is_some() {
                    self.wake.notify_one();
                }
                Arc::new(Downloads { count: AtomicU64::new(0), bucket: Bucket::new(rate) })
            });
            downloads.count.fetch_add(1, Ordering::Relaxed);
            taken.push((by, Arc::clone(downloads)));
        }
        Ok(Turns {
            taken,
            link: Arc::clone(&self.link),
            sent: metrics::counter!("otaru_gateway_image_bytes_total", "model" => model),
        })
    }
}

/// A download's part in what is shared.
pub(crate) struct Turns {
    taken: Vec<(&'static str, Arc<Downloads>)>,
    link: Arc<Bucket>,
    sent: metrics::Counter,
}

impl Turns {
    /// The most bytes to send at once.
    fn piece(&self) -> usize {
        let shared = self.taken.iter().map(|(_, downloads)| downloads.bucket.piece());
        let piece = shared.chain([self.link.piece()]).min().unwrap_or(u64::MAX);
        usize::try_from(piece).unwrap_or(usize::MAX)
    }

    /// Waits until `bytes` may go.
    async fn take(&self, bytes: usize) {
        for (by, downloads) in &self.taken {
            throttled(by, downloads.bucket.take(bytes).await);
        }
        throttled("gateway", self.link.take(bytes).await);
        self.sent.increment(bytes as u64);
    }
}

fn throttled(by: &'static str, wait: Duration) {
    let micros = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
    if micros > 0 {
        metrics::counter!("otaru_gateway_throttled_microseconds_total", "by" => by).increment(micros);
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        for (_, downloads) in &self.taken {
            downloads.count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The bytes of `stream`, at the rate that their caps allow; `place` is held until they have gone.
pub(crate) fn paced(
    mut stream: BoxStream<'static, Result<Bytes, StoreError>>,
    turns: Turns,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, StoreError>> {
    async_stream::try_stream! {
        let _place = place;
        while let Some(chunk) = stream.next().await {
            let mut chunk = chunk.inspect_err(|error| {
                tracing::warn!(error = chain(error), "a download broke off in the object store");
            })?;
            while !chunk.is_empty() {
                let piece = chunk.split_to(turns.piece().min(chunk.len()));
                turns.take(piece.len()).await;
                yield piece;
            }
        }
    }
}
