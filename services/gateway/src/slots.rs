//! The offer slots this gateway holds: blocks that Postgres counts out over all gateways, each for a moment. Asking
//! for a block costs a transaction, so a block is larger the faster the last one went, and while there is none nobody
//! asks again at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use otaru_domain::id::CampaignId;
use otaru_store::slots::{self, Block, LEASE, NoSlots};
use otaru_store::{Store, StoreError};
use tokio::sync::Mutex;
use uuid::Uuid;

const FIRST_BLOCK: u64 = 8;
const LARGEST_BLOCK: u64 = 1_000;
/// Between two questions while there are no slots.
const PAUSE: Duration = Duration::from_millis(250);

/// The slots of every campaign.
#[derive(Debug)]
pub(crate) struct Slots {
    gateway: Uuid,
    campaigns: std::sync::Mutex<HashMap<CampaignId, Arc<Mutex<Held>>>>,
}

#[derive(Debug)]
struct Held {
    block: Option<(Block, Instant)>,
    refused: Option<(NoSlots, Instant)>,
    want: u64,
}

impl Default for Slots {
    fn default() -> Self {
        Self { gateway: Uuid::new_v4(), campaigns: std::sync::Mutex::default() }
    }
}

impl Slots {
    /// Takes one slot of `campaign`.
    ///
    /// # Errors
    /// [`StoreError`] when Postgres would have to be asked and cannot be.
    pub(crate) async fn take(&self, store: &Store, campaign: CampaignId) -> Result<Result<(), NoSlots>, StoreError> {
        let held = {
            let mut campaigns = self.campaigns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            campaigns.entry(campaign).or_default().clone()
        };
        let mut held = held.lock().await;
        if held.spend() {
            return Ok(Ok(()));
        }
        if let Some((why, _)) = held.refused.filter(|(_, until)| Instant::now() < *until) {
            return Ok(Err(why));
        }
        held.refill(store, self.gateway, campaign).await
    }
}

impl Default for Held {
    fn default() -> Self {
        Self { block: None, refused: None, want: FIRST_BLOCK }
    }
}

impl Held {
    /// Uses a slot of the block, if it may still be used.
    fn spend(&mut self) -> bool {
        match &mut self.block {
            Some((block, until)) if block.slots > 0 && Instant::now() < *until => {
                block.slots -= 1;
                true
            }
            _ => false,
        }
    }

    async fn refill(
        &mut self,
        store: &Store,
        gateway: Uuid,
        campaign: CampaignId,
    ) -> Result<Result<(), NoSlots>, StoreError> {
        let last = self.block.take().map(|(block, _)| block);
        // A block that was used up was too small; of one that was not, the rest is given back.
        self.want = match last {
            Some(Block { slots: 0, .. }) => (self.want * 2).min(LARGEST_BLOCK),
            Some(_) => (self.want / 2).max(FIRST_BLOCK),
            None => self.want,
        };
        // By this process's clock, and from before the question: it ends before the database's does.
        let until = Instant::now() + LEASE;
        match slots::take(store, gateway, campaign, self.want, last).await? {
            Ok(block) => {
                self.block = Some((block, until));
                self.refused = None;
                self.spend();
                Ok(Ok(()))
            }
            Err(why) => {
                self.refused = Some((why, Instant::now() + PAUSE));
                Ok(Err(why))
            }
        }
    }
}
