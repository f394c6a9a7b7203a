//! A rollout plan: how a campaign is cut into waves, what must hold between them, and when it stops by
//! itself. Everything here is arithmetic over counts, so that the engine, a preview, a rehearsal and a
//! benchmark decide by the same functions.

mod check;
mod consent;
mod gate;
mod halt;
mod pace;
mod policy;
mod wave;
mod window;

pub use check::{MAX_BYTES_PER_SEC, MAX_LISTED_VINS, MAX_WAVES, PlanError, check_plan};
pub use consent::{Consent, ConsentMode, ConsentText};
pub use gate::{Gate, GateFacts, GateView, Unmet};
pub use halt::{HaltPolicy, HaltReason, Outcomes, Sequential, Threshold, ThresholdOf, failures_until_halt, halts};
pub use pace::{Adapt, BUSY, LOOK, PaceReason, Window as PaceWindow, adapted};
pub use policy::{MIN_BYTES_PER_SEC, Membership, Policy, Rate, Retry, Timeouts};
pub use wave::{Ramp, Selector, WavePlan, rank_cutoffs, share_of, wave_ends};
pub use window::{Blackout, Day, WeeklyWindow, Windows};
