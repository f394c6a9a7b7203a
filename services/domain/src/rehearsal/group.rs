//! Vehicles that a run moves together. A run of a million moves each on its own; for a distribution some hundred runs of fewer
//! groups do. How many of a group fail is drawn as for single vehicles, so the planner sees true counts; only time is coarser.

/// Vehicles of one wave that come, and are offered the update, at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    /// The wave's place, from 0.
    pub(super) wave: u16,
    pub(super) attempt: u16,
    pub(super) vehicles: u32,
}

/// What happens to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// It is online and would take an offer.
    Comes(Group),
    /// Its vehicles have ended, all but the silent.
    Ends { group: Group, failed: u32, declined: u32, silent: u32 },
    /// Silent vehicles have been so for too long.
    TimesOut(Group),
    /// Its vehicles, which failed or timed out, are tried again.
    Retries { group: Group, timed_out: bool },
    /// An offer may be made.
    Free,
}

/// How finely a run is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grain {
    /// At most about so many groups a wave.
    per_wave: u64,
}

impl Grain {
    /// Each vehicle on its own.
    pub(super) const SINGLE: Self = Self { per_wave: u64::MAX };

    /// About `groups` in all, over `waves`.
    pub(super) fn of(groups: u64, waves: usize) -> Self {
        Self { per_wave: (groups / u64::try_from(waves.max(1)).unwrap_or(u64::MAX)).max(60) }
    }

    /// `vehicles` of a wave in groups, each with the share of vehicles that come before it and the share that come before the next. The
    /// last of a hundred groups comes sooner than the last of a million vehicles, and a campaign ends with its last: the later vehicles
    /// come, the smaller their groups, down to single ones.
    pub(super) fn by_arrival(self, wave: u16, vehicles: u64) -> Vec<(Group, f64, f64)> {
        let per_part = (self.per_wave / 3).max(1);
        let (mut groups, mut left, mut from) = (Vec::new(), vehicles, 0.0);
        while left > per_part {
            let part = left * 9 / 10;
            let to = from + (1.0 - from) * 0.9;
            groups.extend(cut(wave, part, part.div_ceil(per_part)).map(|group| (group, from, to)));
            (left, from) = (left - part, to);
        }
        groups.extend(cut(wave, left, 1).map(|group| (group, from, 1.0)));
        groups
    }

    /// `vehicles` of a wave in groups.
    pub(super) fn cut(self, wave: u16, vehicles: u64) -> impl Iterator<Item = Group> {
        cut(wave, vehicles, vehicles.div_ceil(self.per_wave))
    }
}

/// `vehicles` in groups of `each`, the last one of what is left.
fn cut(wave: u16, vehicles: u64, each: u64) -> impl Iterator<Item = Group> {
    let each = u32::try_from(each.max(1)).unwrap_or(u32::MAX);
    (0..vehicles.div_ceil(u64::from(each))).map(move |number| {
        let left = vehicles - number * u64::from(each);
        Group { wave, attempt: 1, vehicles: each.min(u32::try_from(left).unwrap_or(u32::MAX)) }
    })
}

/// How many of `vehicles` are under way at once where `most` may be: a group of more is worked off one part after the other.
pub(super) fn slots(vehicles: u32, most: Option<u64>) -> u32 {
    let part = most.map_or(u32::MAX, |most| u32::try_from((most / 10).max(1)).unwrap_or(u32::MAX));
    vehicles.min(part)
}
