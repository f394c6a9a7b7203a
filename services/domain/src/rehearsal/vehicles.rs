//! What simulated vehicles do in a run: they come, are offered the update as far as the pace allows, and end; some are never heard
//! of again, and some try again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::RngExt as _;

use super::conditions::{binomial, secs};
use super::group::{Event, Group, slots};
use super::run::Run;
use crate::assignment::AssignmentState as S;
use crate::planner::CampaignFacts;
use crate::rollout::Retry;

/// Vehicles that are drawn to see how many of those under way go on.
const SAMPLE: u32 = 100;

impl Run<'_> {
    /// Vehicles of waves that are open already: those that have not come yet, and those under way.
    pub(super) fn take_up(&mut self) {
        for index in 0..self.facts.waves.len() {
            let wave = &self.facts.waves[index];
            let Some(opened_at) = wave.opened_at else { continue };
            let (size, elapsed) = (wave.size, secs(self.course.now - opened_at));
            let terminal: u64 = wave.counts.iter().filter(|(state, _)| state.is_terminal()).map(|(_, n)| n).sum();
            let assigned = wave.counts.get(&S::Assigned).copied().unwrap_or(0);
            let offered = size.saturating_sub(terminal + assigned);
            self.ended += terminal;
            let counts = &mut self.facts.waves[index].counts;
            counts.retain(|state, _| state.is_terminal() || *state == S::Assigned);
            counts.insert(S::Offered, offered);
            self.await_vehicles(index, size, assigned, elapsed);
            let silent_ratio = if offered > 0 { self.silent_by_now(elapsed) } else { 0.0 };
            for group in self.grain.cut(number(index), offered) {
                self.under_way += u64::from(slots(group.vehicles, self.course.policy.max_in_flight));
                let left = self.left_of_update(elapsed);
                self.ends(group, left, silent_ratio);
            }
        }
        self.take_up_retries();
        self.note_milestones();
    }

    /// Vehicles that failed and are about to try again: when, is not known; within the first pause.
    fn take_up_retries(&mut self) {
        let mut pending = std::mem::take(&mut self.facts.pending_retries);
        let pause = self.course.policy.retry.as_ref().map_or(0, |retry| whole_secs(retry.pause_secs(2)));
        for index in 0..self.facts.waves.len() {
            let wave = &self.facts.waves[index];
            let failed = wave.counts.get(&S::Failed).copied().unwrap_or(0);
            let here = failed.min(pending);
            pending -= here;
            self.facts.pending_retries += here;
            for group in self.grain.cut(number(index), here) {
                let group = Group { attempt: 2, ..group };
                let at = self.random.random_range(0..=pause);
                self.events.push(Reverse((at, Event::Retries { group, timed_out: false })));
            }
        }
    }

    /// Of vehicles that were offered the update within the last `elapsed` seconds and have not ended, the share that never will: the
    /// longer ago it was, the fewer of the others are left.
    fn silent_by_now(&mut self, elapsed: f64) -> f64 {
        let silent = self.conditions.profile.silent_ratio;
        let goes_on = (0..SAMPLE).filter(|_| {
            let began = self.conditions.came(elapsed, &mut self.random);
            began + self.conditions.update(&mut self.random) > elapsed
        });
        let going_on = f64::from(u32::try_from(goes_on.count()).unwrap_or(SAMPLE).max(1)) / f64::from(SAMPLE);
        silent / (silent + (1.0 - silent) * going_on)
    }

    /// What is left, in seconds, of an update that began within the last `elapsed` seconds and has not ended.
    fn left_of_update(&mut self, elapsed: f64) -> f64 {
        for _ in 0..16 {
            let began = self.conditions.came(elapsed, &mut self.random);
            let left = began + self.conditions.update(&mut self.random) - elapsed;
            if left > 0.0 {
                return left;
            }
        }
        self.conditions.update(&mut self.random)
    }

    /// `vehicles` of the wave come when they do, or never; those there are too many of for their time have come and wait.
    pub(super) fn await_vehicles(&mut self, index: usize, size: u64, vehicles: u64, elapsed: f64) {
        let away =
            if self.course.is_free() { 1.0 } else { expected_share(self.conditions.away(elapsed), size, vehicles) };
        let absent = self.conditions.absent(elapsed);
        let mut coming = Vec::new();
        for (mut group, from, to) in self.grain.by_arrival(number(index), vehicles) {
            let here = away < 1.0 && binomial(1, 1.0 - away, &mut self.random) == 1;
            let at = if here {
                elapsed
            } else {
                group.vehicles -= binomial(group.vehicles, absent, &mut self.random);
                self.conditions.comes(elapsed, from, to, &mut self.random)
            };
            if group.vehicles > 0 {
                coming.push(Reverse((self.now_ms + ms(at - elapsed), Event::Comes(group))));
            }
        }
        self.events.append(&mut BinaryHeap::from(coming));
    }

    pub(super) fn happens(&mut self, event: Event) {
        match event {
            Event::Comes(group) => {
                self.waiting.push_back(group);
                self.offer();
            }
            Event::Free => {
                self.awaits_pace = false;
                self.offer();
            }
            Event::Ends { group, failed, declined, silent } => self.ended(group, failed, declined, silent),
            Event::TimesOut(group) => self.timed_out(group),
            Event::Retries { group, timed_out } => self.retried(group, timed_out),
        }
    }

    /// Offers the update to those that wait, as far as rate and `max_in_flight` allow.
    fn offer(&mut self) {
        while let Some(group) = self.waiting.front().copied() {
            let slots = slots(group.vehicles, self.course.policy.max_in_flight);
            let full = |most: u64| self.under_way > 0 && self.under_way + u64::from(slots) > most;
            if self.course.policy.max_in_flight.is_some_and(full) {
                return;
            }
            if let Some(pace) = &mut self.pace {
                let facts = &self.facts;
                pace.look(&self.course.policy, self.now_ms, || outcomes(facts));
                if pace.free_ms() > self.now_ms {
                    if !self.awaits_pace {
                        self.awaits_pace = true;
                        self.events.push(Reverse((pace.free_ms(), Event::Free)));
                    }
                    return;
                }
                pace.take(self.now_ms, u64::from(group.vehicles));
            }
            self.waiting.pop_front();
            self.shift(group, S::Assigned, S::Offered, group.vehicles);
            self.under_way += u64::from(slots);
            self.hour().0 += u64::from(group.vehicles);
            let passes = f64::from(group.vehicles) / f64::from(slots.max(1));
            let takes = self.conditions.update(&mut self.random) * passes;
            self.ends(group, takes, self.conditions.profile.silent_ratio);
        }
    }

    /// Draws how an update that goes on for `secs` ends, and when: half of it is the download, what follows waits for a window.
    fn ends(&mut self, group: Group, secs: f64, silent_ratio: f64) {
        let half = ms(secs / 2.0);
        let at = self.course.openings.next(self.now_ms + half).saturating_add(half);
        let profile = self.conditions.profile;
        let failed = binomial(group.vehicles, self.conditions.failed_ratio, &mut self.random);
        let declined = binomial(group.vehicles - failed, profile.declined_ratio, &mut self.random);
        let silent = binomial(group.vehicles - failed - declined, silent_ratio, &mut self.random);
        self.events.push(Reverse((at, Event::Ends { group, failed, declined, silent })));
    }

    fn ended(&mut self, group: Group, failed: u32, declined: u32, silent: u32) {
        let installed = group.vehicles - failed - declined - silent;
        for (state, vehicles) in [(S::Installed, installed), (S::Failed, failed), (S::Declined, declined)] {
            self.shift(group, S::Offered, state, vehicles);
        }
        self.wave(group).healthy += u64::from(installed);
        self.hour().1 += u64::from(group.vehicles - silent);
        self.ended += u64::from(group.vehicles - silent);
        self.freed(group, silent);
        if failed > 0 {
            self.ask_ms = self.now_ms;
            self.try_again(Group { vehicles: failed, ..group }, false);
        }
        let timeouts = &self.course.policy.timeouts;
        if let Some(wait) = timeouts.step_secs.max(timeouts.offer_secs).filter(|_| silent > 0) {
            let at = self.now_ms.saturating_add(whole_secs(wait));
            self.events.push(Reverse((at, Event::TimesOut(Group { vehicles: silent, ..group }))));
        }
        self.changed();
    }

    /// Slots that the end of a group frees: all but those of its silent vehicles.
    fn freed(&mut self, group: Group, silent: u32) {
        let slots = slots(group.vehicles, self.course.policy.max_in_flight);
        self.under_way = self.under_way.saturating_sub(u64::from(slots.saturating_sub(silent)));
        self.offer();
    }

    fn timed_out(&mut self, group: Group) {
        self.shift(group, S::Offered, S::TimedOut, group.vehicles);
        self.ended += u64::from(group.vehicles);
        self.under_way = self.under_way.saturating_sub(u64::from(group.vehicles));
        if self.course.policy.retry.as_ref().is_some_and(|retry| retry.timed_out) {
            self.try_again(group, true);
        }
        self.offer();
        self.changed();
    }

    /// Notes that vehicles get another attempt, if the policy gives them one.
    fn try_again(&mut self, group: Group, timed_out: bool) {
        let next = group.attempt + 1;
        let covers = |retry: &&Retry| u32::from(next) <= retry.max_attempts && (timed_out || retry.covers(None));
        let Some(retry) = self.course.policy.retry.as_ref().filter(covers) else { return };
        let at = self.now_ms.saturating_add(whole_secs(retry.pause_secs(next.into())));
        self.facts.pending_retries += u64::from(group.vehicles);
        let group = Group { attempt: next, ..group };
        self.events.push(Reverse((at, Event::Retries { group, timed_out })));
    }

    fn retried(&mut self, group: Group, timed_out: bool) {
        let from = if timed_out { S::TimedOut } else { S::Failed };
        self.shift(group, from, S::Assigned, group.vehicles);
        *self.wave(group).earlier.entry(from).or_default() += u64::from(group.vehicles);
        self.facts.pending_retries = self.facts.pending_retries.saturating_sub(u64::from(group.vehicles));
        self.ended = self.ended.saturating_sub(u64::from(group.vehicles));
        self.waiting.push_back(group);
        self.offer();
        self.changed();
    }
}

fn number(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "durations of some years")]
fn ms(secs: f64) -> i64 {
    (secs * 1000.0).clamp(0.0, 1e15) as i64
}

fn whole_secs(secs: u64) -> i64 {
    i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(1000)
}

/// Of `vehicles` that were not offered anything yet, the share that has not come, where `away` of `size` have not.
#[expect(clippy::cast_precision_loss, reason = "vehicles are below 2^52")]
fn expected_share(away: f64, size: u64, vehicles: u64) -> f64 {
    if vehicles == 0 { 1.0 } else { (away * size as f64 / vehicles as f64).min(1.0) }
}

/// Ends of all waves that count for or against the release, and failures among them.
fn outcomes(facts: &CampaignFacts) -> (u64, u64) {
    let all = facts.waves.iter().map(|wave| wave.outcomes(&facts.halt));
    all.fold((0, 0), |(finished, failed), one| (finished + one.finished, failed + one.failed))
}
