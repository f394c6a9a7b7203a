//! What drivers read, and what is refused before they would.

use chrono::TimeDelta;

use super::now;
use crate::rollout::{Consent, ConsentMode, ConsentText, Policy, WavePlan, check_plan};

fn consent(tags: &[&str]) -> Consent {
    let text = |tag: &&str| ((*tag).to_owned(), ConsentText { title: (*tag).to_owned(), body: "b".into() });
    Consent {
        mode: ConsentMode::Ask,
        texts: tags.iter().map(text).collect(),
        minutes: None,
        unavailable: Vec::new(),
        max_reminders: None,
        force_reason: None,
    }
}

#[test]
fn a_driver_reads_the_nearest_language() {
    let shown = |tags: &[&str], language: &str| consent(tags).text(language).map(|text| text.title.clone());
    assert_eq!(shown(&["de", "de-AT", "en"], "de-AT").as_deref(), Some("de-AT"));
    assert_eq!(shown(&["de-AT", "en"], "de-CH").as_deref(), Some("de-AT"));
    assert_eq!(shown(&["de", "en"], "fr").as_deref(), Some("en"));
    assert_eq!(shown(&["de", "ja"], "fr").as_deref(), Some("de"));
}

#[test]
fn only_a_reason_lets_a_campaign_go_on_unasked() {
    assert!(consent(&["en"]).must_ask());
    assert!(!Consent { mode: ConsentMode::Inform, ..consent(&["en"]) }.must_ask());
    assert!(!Consent { force_reason: Some("brakes".into()), ..consent(&["en"]) }.must_ask());
}

#[test]
fn what_nobody_could_read_is_refused() {
    let refused = |consent: Consent| {
        let policy = Policy { consent: Some(consent), ..Policy::default() };
        let plan = check_plan(&[WavePlan::share(1.0, 0.0)], &policy, None, now() + TimeDelta::days(1), now());
        plan.err().map(|error| error.pointer)
    };
    assert_eq!(refused(consent(&["en", "zh-Hant-TW"])), None);
    assert_eq!(refused(consent(&[])).as_deref(), Some("/policy/consent/texts"));
    assert_eq!(refused(consent(&["english!"])).as_deref(), Some("/policy/consent/texts/english!"));
    let mut silent = consent(&["en"]);
    silent.texts.insert("de".into(), ConsentText { title: " ".into(), body: "b".into() });
    assert_eq!(refused(silent).as_deref(), Some("/policy/consent/texts/de/title"));
    let endless = Consent { minutes: Some(0), ..consent(&["en"]) };
    assert_eq!(refused(endless).as_deref(), Some("/policy/consent/minutes"));
    let unfounded = Consent { force_reason: Some(String::new()), ..consent(&["en"]) };
    assert_eq!(refused(unfounded).as_deref(), Some("/policy/consent/force_reason"));
}
