use serde_json::json;

use super::now;
use crate::review::{Review, ReviewError, Verdict, digest, may_approve, may_start};

fn step(verdict: Verdict, digest: &str) -> Review {
    Review { verdict, digest: digest.into(), by: "ada".into(), at: now(), reason: None }
}

#[test]
fn a_digest_depends_on_what_is_said_and_not_on_its_order() {
    let one = digest(&json!({"a": 1, "b": [{"c": 0.25, "d": null}]}));
    let same: serde_json::Value = serde_json::from_str(r#"{"b": [{"d": null, "c": 0.25}], "a": 1}"#).unwrap();
    assert_eq!(one, digest(&same));
    assert_eq!(one.len(), 64);
    assert_ne!(one, digest(&json!({"a": 1, "b": [{"c": 0.250_000_1, "d": null}]})));
    assert_ne!(digest(&json!([1, 2])), digest(&json!([2, 1])));
}

#[test]
fn what_may_start_follows_from_the_newest_step_and_the_content() {
    let table = [
        (None, Ok(()), Err(ReviewError::Needed)),
        (Some(step(Verdict::Rejected, "d")), Ok(()), Err(ReviewError::Needed)),
        (Some(step(Verdict::Voided, "d")), Ok(()), Err(ReviewError::Needed)),
        (Some(step(Verdict::Submitted, "d")), Err(ReviewError::Pending), Err(ReviewError::Pending)),
        (Some(step(Verdict::Approved, "d")), Ok(()), Ok(())),
        (Some(step(Verdict::Approved, "other")), Err(ReviewError::Void), Err(ReviewError::Void)),
    ];
    for (newest, unasked, required) in table {
        assert_eq!(may_start(false, newest.as_ref(), "d"), unasked, "{newest:?}");
        assert_eq!(may_start(true, newest.as_ref(), "d"), required, "{newest:?}");
    }
}

#[test]
fn nobody_approves_their_own_work_or_what_they_did_not_see() {
    assert_eq!(may_approve("grace", &["ada", "eve"], "d", "d"), Ok(()));
    for own in ["ada", "eve"] {
        assert_eq!(may_approve(own, &["ada", "eve"], "d", "d"), Err(ReviewError::OwnWork(own.into())));
    }
    assert_eq!(may_approve("grace", &["ada"], "old", "d"), Err(ReviewError::Changed("d".into())));
}

#[test]
fn a_verdict_is_found_by_its_name() {
    for verdict in Verdict::ALL {
        assert_eq!(Verdict::parse(verdict.as_str()), Some(verdict));
    }
    assert_eq!(Verdict::parse("perhaps"), None);
}
