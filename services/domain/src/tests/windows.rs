//! Windows by local clocks: each case is a date somebody would get wrong.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::rollout::{Blackout, Day, Policy, WavePlan, WeeklyWindow, Windows, check_plan};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn nights(days: &[Day]) -> Windows {
    let night = WeeklyWindow { days: days.to_vec(), from: "22:00".into(), to: "05:00".into() };
    Windows { default_zone: Some("Europe/Berlin".into()), weekly: vec![night], blackouts: Vec::new() }
}

fn opens(windows: &Windows, now: &str, own: Option<&str>) -> Option<String> {
    let opens = windows.opens(at(now), windows.zone(own))?;
    Some(opens.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}

#[test]
fn a_night_belongs_to_the_day_on_which_it_began() {
    let windows = nights(&[Day::Fri]);
    // 2026-11-27 is a Friday; Berlin is an hour ahead of UTC.
    assert_eq!(opens(&windows, "2026-11-27T20:59:00Z", None).unwrap(), "2026-11-27T21:00:00Z");
    assert_eq!(opens(&windows, "2026-11-27T21:00:00Z", None).unwrap(), "2026-11-27T21:00:00Z");
    assert_eq!(opens(&windows, "2026-11-28T03:59:59Z", None).unwrap(), "2026-11-28T03:59:59Z");
    assert_eq!(opens(&windows, "2026-11-28T04:00:00Z", None).unwrap(), "2026-12-04T21:00:00Z");
}

#[test]
fn the_vehicles_own_zone_outweighs_the_default_and_an_unknown_one_does_not() {
    let windows = nights(&[]);
    let noon = "2026-07-01T12:00:00Z";
    assert_eq!(opens(&windows, noon, Some("Asia/Tokyo")).unwrap(), "2026-07-01T13:00:00Z");
    assert_eq!(opens(&windows, noon, Some("Mars/Olympus")).unwrap(), "2026-07-01T20:00:00Z");
    assert_eq!(opens(&windows, noon, None).unwrap(), "2026-07-01T20:00:00Z");
}

#[test]
fn a_window_in_the_hour_that_a_change_of_clocks_skips_opens_right_after() {
    let window = WeeklyWindow { days: Vec::new(), from: "02:30".into(), to: "03:30".into() };
    let windows = Windows { default_zone: Some("Europe/Berlin".into()), weekly: vec![window], ..Windows::default() };
    // On 2027-03-28 clocks in Berlin go from 02:00 to 03:00, at 01:00 UTC.
    assert_eq!(opens(&windows, "2027-03-28T00:30:00Z", None).unwrap(), "2027-03-28T01:30:00Z");
    // On 2026-10-25 there are two times 02:30.
    assert_eq!(opens(&windows, "2026-10-24T22:00:00Z", None).unwrap(), "2026-10-25T00:30:00Z");
}

#[test]
fn blackouts_close_days_and_the_rest_of_a_night() {
    let mut windows = nights(&[]);
    let day = |text: &str| text.parse().unwrap();
    windows.blackouts.push(Blackout { from: day("2026-12-24"), to: day("2026-12-26"), reason: None });
    // The night of the 23rd ends at midnight, and that of the 26th begins with the 27th.
    assert_eq!(opens(&windows, "2026-12-23T22:30:00Z", None).unwrap(), "2026-12-23T22:30:00Z");
    assert_eq!(opens(&windows, "2026-12-23T23:00:00Z", None).unwrap(), "2026-12-26T23:00:00Z");
    windows.weekly.clear();
    assert_eq!(opens(&windows, "2026-12-25T10:00:00Z", None).unwrap(), "2026-12-26T23:00:00Z");
    assert_eq!(opens(&windows, "2026-12-27T10:00:00Z", None).unwrap(), "2026-12-27T10:00:00Z");
}

#[test]
fn windows_that_never_come_are_refused() {
    let now = at("2026-11-27T12:00:00Z");
    let refused = |windows: Windows, hours: i64| {
        let policy = Policy { windows, ..Policy::default() };
        let plan = check_plan(&[WavePlan::share(1.0, 0.0)], &policy, None, now + TimeDelta::hours(hours), now);
        plan.err().map(|error| error.pointer)
    };
    assert_eq!(refused(nights(&[Day::Mon]), 48).as_deref(), Some("/policy/windows"));
    assert_eq!(refused(nights(&[Day::Mon]), 24 * 7), None);
    let day = |text: &str| text.parse().unwrap();
    let blackout = |from, to| Blackout { from: day(from), to: day(to), reason: None };
    let dark = Windows { blackouts: vec![blackout("2026-11-26", "2026-12-10")], ..Windows::default() };
    assert_eq!(refused(dark, 24 * 7).as_deref(), Some("/policy/windows"));
    let backwards = Windows { blackouts: vec![blackout("2026-12-10", "2026-12-01")], ..Windows::default() };
    assert_eq!(refused(backwards, 24).as_deref(), Some("/policy/windows/blackouts/0/to"));
    let mut odd = nights(&[]);
    odd.weekly[0].to = "5 am".into();
    assert_eq!(refused(odd, 48).as_deref(), Some("/policy/windows/weekly/0"));
    let nowhere = Windows { default_zone: Some("Europe/Atlantis".into()), ..Windows::default() };
    assert_eq!(refused(nowhere, 48).as_deref(), Some("/policy/windows/default_zone"));
}

#[test]
fn days_are_read_as_people_write_them_and_what_is_none_is_told_how() {
    let windows = |json: serde_json::Value| serde_json::from_value::<Windows>(json);
    let weekly = json!({"weekly": [{"days": ["monday", "tue"], "from": "22:00", "to": "05:00"}]});
    assert_eq!(windows(weekly).unwrap().weekly[0].days, [Day::Mon, Day::Tue]);
    let weekly = json!({"weekly": [{"days": ["Montag"], "from": "22:00", "to": "05:00"}]});
    let error = windows(weekly).unwrap_err().to_string();
    assert!(error.contains("`mon`") && error.contains("`sunday`"), "{error}");
    let blackouts = json!({"blackouts": [{"from": "2026-12-24T00:00:00Z", "to": "2026-12-26"}]});
    let error = windows(blackouts).unwrap_err().to_string();
    assert!(error.contains("2026-12-24, without a time"), "{error}");
}
