//! Each case is a support call.

use std::collections::BTreeMap;

use crate::ack::VehicleWait;
use crate::assignment::AssignmentState as S;
use crate::campaign::CampaignState;
use crate::exclusion::{Exclusion, Reason};
use crate::why::{Facts, Standing, why_not};

fn running() -> Facts {
    Facts {
        emergency_stop: None,
        retired: false,
        opted_out: false,
        excluded: None,
        can_sign_in: true,
        last_heard: None,
        state: CampaignState::Running,
        state_reason: None,
        start_at: None,
        closing: false,
        wave: Some((2, true)),
        assignment: None,
        campaign_waits: "waits".into(),
        behind: None,
        cannot_check: false,
        full: false,
        window_opens: None,
    }
}

fn standing(state: S) -> Option<Standing> {
    let updated_at = "2026-11-23T08:00:00Z".parse().unwrap();
    Some(Standing { state, attempt: 1, error_code: None, updated_at, waits: None, versions: BTreeMap::new() })
}

fn code(facts: &Facts) -> String {
    why_not(facts).map_or_else(|| "-".to_owned(), |why| why.code)
}

#[test]
fn what_stands_first_in_the_way_is_named_first() {
    let wait = VehicleWait { code: "precondition".into(), text: "battery.soc >= 40".into(), until: None };
    let waiting = Standing { waits: Some(wait), ..standing(S::Downloaded).unwrap() };
    let failed = Standing { error_code: Some("flash_write_error".into()), ..standing(S::Failed).unwrap() };
    let there = Exclusion { reason: Reason::AlreadyThere, hardware_id: None, versions: None };
    let opens = "2026-11-23T22:00:00Z".parse().ok();
    for (expected, facts) in [
        ("-", Facts { assignment: standing(S::Installed), emergency_stop: Some("x".into()), ..running() }),
        ("failed", Facts { assignment: Some(failed), state: CampaignState::Halted, ..running() }),
        ("emergency_stop", Facts { emergency_stop: Some("fire".into()), retired: true, ..running() }),
        ("retired", Facts { retired: true, can_sign_in: false, ..running() }),
        ("opted_out", Facts { opted_out: true, can_sign_in: false, ..running() }),
        ("no_credentials", Facts { can_sign_in: false, state: CampaignState::Paused, ..running() }),
        ("draft", Facts { state: CampaignState::Draft, wave: None, ..running() }),
        ("halted", Facts { state: CampaignState::Halted, wave: Some((3, false)), ..running() }),
        ("campaign_ended", Facts { closing: true, ..running() }),
        ("not_member", Facts { wave: None, ..running() }),
        ("already_there", Facts { wave: None, excluded: Some(there), ..running() }),
        ("wave_closed", Facts { wave: Some((2, false)), ..running() }),
        ("wave_opening", running()),
        ("other_campaign", Facts { assignment: standing(S::Assigned), behind: Some(7), full: true, ..running() }),
        (
            "precondition_not_evaluated",
            Facts { assignment: standing(S::Assigned), cannot_check: true, behind: Some(7), ..running() },
        ),
        ("max_in_flight", Facts { assignment: standing(S::Assigned), full: true, ..running() }),
        ("not_polled", Facts { assignment: standing(S::Assigned), ..running() }),
        ("offered", Facts { assignment: standing(S::Offered), full: true, ..running() }),
        ("vehicle_precondition", Facts { assignment: Some(waiting), window_opens: opens, ..running() }),
        ("window", Facts { assignment: standing(S::Downloaded), window_opens: opens, ..running() }),
        ("under_way", Facts { assignment: standing(S::Installing), window_opens: opens, ..running() }),
    ] {
        assert_eq!(code(&facts), expected, "{facts:?}");
    }
}

#[test]
fn the_words_say_what_the_code_does_not() {
    let closed = Facts { wave: Some((2, false)), campaign_waits: "waits for an approval".into(), ..running() };
    assert_eq!(why_not(&closed).unwrap().text, "its wave, 2, is not open: the campaign waits for an approval");
    let halted =
        Facts { state: CampaignState::Halted, state_reason: Some("4 of 7 vehicles failed".into()), ..running() };
    assert_eq!(why_not(&halted).unwrap().text, "the campaign is halted: 4 of 7 vehicles failed");
    let versions =
        [("BCM", "1.4.2"), ("IVI", "7.0.0")].map(|(ecu, version)| (ecu.parse().unwrap(), version.to_owned()));
    let code = Some("health_check_failed".into());
    let back = Standing { error_code: code, versions: versions.into(), ..standing(S::RolledBack).unwrap() };
    assert_eq!(
        why_not(&Facts { assignment: Some(back), ..running() }).unwrap().text,
        "attempt 1 ended: rolled_back with health_check_failed, it runs BCM 1.4.2, IVI 7.0.0; a retry would begin another one"
    );
    let at = "2026-12-01T00:00:00Z".parse().ok();
    let scheduled = Facts { state: CampaignState::Scheduled, start_at: at, ..running() };
    assert_eq!(why_not(&scheduled).unwrap().until, at);
}
