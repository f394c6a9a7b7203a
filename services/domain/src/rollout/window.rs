//! When a vehicle may begin to install, by the clock on its own wall. The signed document carries this, and the
//! vehicle keeps to it: only it knows where it is. A server that has to judge for one takes the zone it was told.

use chrono::{
    DateTime, Datelike as _, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _, Utc, Weekday,
};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::check::{PlanError, refuse};

/// The longest time that is searched for the next opening; no pattern repeats later than in a week, but blackouts are
/// as long as their author likes.
const SEARCH_DAYS: u64 = 400;
const MAX_WEEKLY: usize = 50;
const MAX_BLACKOUTS: usize = 100;
const MAX_REASON_BYTES: usize = 200;

/// When vehicles may begin to install; at any time without it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Windows {
    /// The IANA zone of vehicles that do not know theirs; UTC without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Europe/Berlin")]
    pub default_zone: Option<String>,
    /// Only within one of these; at any time without them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 50)]
    pub weekly: Vec<WeeklyWindow>,
    /// Never on these days.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub blackouts: Vec<Blackout>,
}

/// A time of the week, by the vehicle's local clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeeklyWindow {
    /// The days on which it opens; every day without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Day>,
    /// `HH:MM`.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "22:00")]
    pub from: String,
    /// `HH:MM`, the first minute after it; not after `from` means on the next day.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "05:00")]
    pub to: String,
}

/// A day of the week, written short; its whole name is taken, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    #[serde(alias = "monday")]
    Mon,
    #[serde(alias = "tuesday")]
    Tue,
    #[serde(alias = "wednesday")]
    Wed,
    #[serde(alias = "thursday")]
    Thu,
    #[serde(alias = "friday")]
    Fri,
    #[serde(alias = "saturday")]
    Sat,
    #[serde(alias = "sunday")]
    Sun,
}

impl Day {
    fn is(self, day: Weekday) -> bool {
        self as u32 == day.num_days_from_monday()
    }
}

/// Days on which nothing is installed, such as holidays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Blackout {
    /// The first day.
    #[serde(deserialize_with = "day")]
    pub from: NaiveDate,
    /// The last day.
    #[serde(deserialize_with = "day")]
    pub to: NaiveDate,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub reason: Option<String>,
}

/// Reads a day, and says what one looks like.
fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        let given: String = text.chars().take(40).collect();
        D::Error::custom(format!("a day is written as 2026-12-24, without a time, got {given:?}"))
    })
}

impl WeeklyWindow {
    fn times(&self) -> Option<(NaiveTime, NaiveTime)> {
        let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").ok();
        Some((time(&self.from)?, time(&self.to)?))
    }

    /// Begin and end of the one that opens on `day`, if it does.
    fn on(&self, day: NaiveDate) -> Option<(NaiveDateTime, NaiveDateTime)> {
        if !self.days.is_empty() && !self.days.iter().any(|one| one.is(day.weekday())) {
            return None;
        }
        let (from, to) = self.times()?;
        let last = if to > from { day } else { day.checked_add_days(Days::new(1))? };
        Some((day.and_time(from), last.and_time(to)))
    }
}

impl Windows {
    /// Whether it restricts nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.weekly.is_empty() && self.blackouts.is_empty()
    }

    /// The zone of a vehicle that says it is in `own`.
    #[must_use]
    pub fn zone(&self, own: Option<&str>) -> Tz {
        let parse = |name: &str| name.parse::<Tz>().ok();
        own.and_then(parse).or_else(|| self.default_zone.as_deref().and_then(parse)).unwrap_or(Tz::UTC)
    }

    /// When a vehicle in `zone` may begin, `now` or later; none within the next 400 days.
    #[must_use]
    pub fn opens(&self, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let local = now.with_timezone(&zone).naive_local();
        // A window that opened yesterday may be open still.
        let first = local.date().checked_sub_days(Days::new(1))?;
        for day in first.iter_days().take(usize::try_from(SEARCH_DAYS).unwrap_or(usize::MAX)) {
            let openings = self.openings(day).into_iter();
            let next = openings.filter_map(|(from, to)| self.first_free(from.max(local), to)).min();
            if let Some(at) = next {
                return Some(if at == local { now } else { utc(zone, at)?.max(now) });
            }
        }
        None
    }

    fn openings(&self, day: NaiveDate) -> Vec<(NaiveDateTime, NaiveDateTime)> {
        if self.weekly.is_empty() {
            let begin = day.and_time(NaiveTime::MIN);
            return day
                .checked_add_days(Days::new(1))
                .map(|next| (begin, next.and_time(NaiveTime::MIN)))
                .into_iter()
                .collect();
        }
        self.weekly.iter().filter_map(|window| window.on(day)).collect()
    }

    /// The first time from `from` on, and before `to`, on a day that is not blacked out.
    fn first_free(&self, from: NaiveDateTime, to: NaiveDateTime) -> Option<NaiveDateTime> {
        let mut at = from;
        while at < to {
            match self.blackouts.iter().find(|one| (one.from..=one.to).contains(&at.date())) {
                None => return Some(at),
                Some(blackout) => at = blackout.to.checked_add_days(Days::new(1))?.and_time(NaiveTime::MIN),
            }
        }
        None
    }
}

/// A local time that a change of clocks skips is the one right after; of two, the first.
fn utc(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    let found = |at: NaiveDateTime| zone.from_local_datetime(&at).earliest().map(|at| at.with_timezone(&Utc));
    found(local).or_else(|| found(local + TimeDelta::hours(1)))
}

/// Refuses windows that say nothing, or never come between `from` and `deadline`.
pub(super) fn check(windows: &Windows, from: DateTime<Utc>, deadline: DateTime<Utc>) -> Result<(), PlanError> {
    let at = "/policy/windows";
    if let Some(zone) = &windows.default_zone
        && zone.parse::<Tz>().is_err()
    {
        return refuse(format!("{at}/default_zone"), "is no IANA time zone, such as Europe/Berlin");
    }
    if windows.weekly.len() > MAX_WEEKLY {
        return refuse(format!("{at}/weekly"), format!("takes at most {MAX_WEEKLY}"));
    }
    if windows.blackouts.len() > MAX_BLACKOUTS {
        return refuse(format!("{at}/blackouts"), format!("takes at most {MAX_BLACKOUTS}"));
    }
    for (index, window) in windows.weekly.iter().enumerate() {
        if window.times().is_none() || window.from.len() != 5 || window.to.len() != 5 {
            return refuse(format!("{at}/weekly/{index}"), "needs from and to as HH:MM, such as 22:00 and 05:00");
        }
    }
    for (index, blackout) in windows.blackouts.iter().enumerate() {
        if blackout.to < blackout.from {
            return refuse(format!("{at}/blackouts/{index}/to"), "lies before its /from");
        }
        if blackout.reason.as_ref().is_some_and(|reason| reason.len() > MAX_REASON_BYTES) {
            return refuse(format!("{at}/blackouts/{index}/reason"), format!("takes at most {MAX_REASON_BYTES} bytes"));
        }
    }
    // Wherever a vehicle is: the same local time comes within 26 hours around the world.
    let zones = [windows.zone(None), Tz::Pacific__Kiritimati, Tz::Etc__GMTPlus12];
    if zones.into_iter().any(|zone| windows.opens(from, zone).is_none_or(|opens| opens >= deadline)) {
        return refuse(at, "never open between the start and the deadline, at least not everywhere");
    }
    Ok(())
}
