//! A rate that downloads share: each piece reserves its time, in the order in which pieces ask, so downloads take turns and
//! none starves. `governor` would not do: whoever waits there competes anew, and its rates never change.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// What was not used of so much time may be made up for.
const BURST: Duration = Duration::from_millis(100);
/// Of the pieces in which a rate is handed out, so many go in a second: few enough to cost nothing, and enough that some
/// thousand downloads are all heard of before their clients take them for dead.
const PIECES_PER_SEC: u64 = 50;
const SMALLEST_PIECE: u64 = 512;
const LARGEST_PIECE: u64 = 16 * 1024;

/// Bytes per second; none, as many as there are.
pub(super) type Rate = Option<u64>;

#[derive(Debug)]
pub(super) struct Bucket {
    rate: watch::Sender<Rate>,
    line: Mutex<Line>,
}

/// When the next piece may go.
#[derive(Debug)]
struct Line(Instant);

impl Line {
    /// When `bytes` may go that ask at `now`; what asks later goes later.
    fn reserve(&mut self, bytes: usize, rate: u64, now: Instant) -> Instant {
        let at = self.0.max(now.checked_sub(BURST).unwrap_or(now));
        self.0 = at + Duration::from_secs_f64(bytes as f64 / rate as f64);
        at
    }
}

impl Bucket {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate: watch::Sender::new(rate), line: Mutex::new(Line(Instant::now())) }
    }

    pub(super) fn rate(&self) -> Rate {
        *self.rate.borrow()
    }

    /// Changes the rate, for those who wait already, too: they line up anew.
    pub(super) fn set_rate(&self, rate: Rate) {
        self.rate.send_if_modified(|old| {
            let changed = *old != rate;
            if changed {
                *old = rate;
                self.line.lock().unwrap_or_else(PoisonError::into_inner).0 = Instant::now();
            }
            changed
        });
    }

    /// The most bytes to ask for at once.
    pub(super) fn piece(&self) -> u64 {
        self.rate().map_or(u64::MAX, |rate| (rate / PIECES_PER_SEC).clamp(SMALLEST_PIECE, LARGEST_PIECE))
    }

    /// Waits until `bytes` may go, and says for how long. Nothing is held meanwhile, so a client that reads no more keeps
    /// nobody from going on.
    pub(super) async fn take(&self, bytes: usize) -> Duration {
        if self.rate().is_none() {
            return Duration::ZERO;
        }
        let began = Instant::now();
        let mut changes = self.rate.subscribe();
        loop {
            let rate = *changes.borrow_and_update();
            let Some(rate) = rate else { break };
            let at = (rate > 0).then(|| {
                let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
                line.reserve(bytes, rate, Instant::now())
            });
            let go = async {
                match at {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = go => break,
                // The sender is `self`, so there is always a next rate to wait for.
                _ = changes.changed() => {}
            }
        }
        began.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_go_one_after_the_other_at_the_rate() {
        let now = Instant::now();
        let mut line = Line(now);
        let at: Vec<_> = (0..5).map(|_| line.reserve(250, 1_000, now) - now).collect();
        assert_eq!(at, [0, 250, 500, 750, 1_000].map(Duration::from_millis));
    }

    #[test]
    fn an_idle_time_is_made_up_for_by_a_tenth_of_a_second_and_no_more() {
        let start = Instant::now();
        let mut line = Line(start);
        let later = start + Duration::from_secs(3_600);
        let at_once = (0..1_000).take_while(|_| line.reserve(10, 1_000, later) <= later).count();
        assert_eq!(at_once, 11, "100 of 1,000 bytes, and the piece at the very moment");
    }

    #[tokio::test]
    async fn who_waits_without_a_share_goes_on_when_there_is_one() {
        let bucket = Bucket::new(Some(0));
        let (_, ()) = tokio::join!(bucket.take(1_000_000), async {
            tokio::task::yield_now().await;
            bucket.set_rate(Some(1));
            tokio::task::yield_now().await;
            bucket.set_rate(None);
        });
    }

    #[test]
    fn pieces_are_small_where_the_rate_is() {
        let piece = |rate| Bucket::new(rate).piece();
        assert_eq!((piece(Some(0)), piece(Some(100_000))), (512, 2_000));
        assert_eq!((piece(Some(u64::MAX)), piece(None)), (16 * 1024, u64::MAX));
    }
}
