//! Who is in a campaign, in which wave, and what becomes of them: decided once, as rows, by statements over
//! sets. No vehicle is looked at alone, so a million of them cost seconds.

mod assign;
mod candidates;
mod exclude;
mod exclusions;
mod join;
mod membership;
mod selects;
mod supersede;
mod sweep;

pub use assign::{CHUNK, Chunk, assign_chunk, mark_open};
pub use exclude::Excluded;
pub(crate) use exclude::exclusion;
pub use exclusions::{ExcludedVehicle, excluded, exclusion_counts};
pub(crate) use join::look;
pub use join::{assign_joined, join, take_changes};
pub use membership::{Frozen, Preview, PreviewWave, Prospect, freeze, preview};
pub use selects::{Empty, empty};
pub use supersede::superseded_chunk;
pub(crate) use sweep::leftovers;
pub use sweep::{Leftover, Swept, sweep_chunk};
