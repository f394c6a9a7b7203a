use std::collections::BTreeMap;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::now;
use crate::audit::{Break, Entry, GENESIS, Walk, replace_word, vin_like};
use crate::id::Vin;
use crate::pseudonym;

fn chain(length: i64) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for id in 1..=length {
        let mut entry = Entry {
            id,
            at: now() + TimeDelta::seconds(id),
            actor: "ada".into(),
            action: "campaign_created".into(),
            object: format!("campaign-{id}"),
            details: "{}".into(),
            previous: entries.last().map_or(GENESIS, |last| last.digest),
            digest: GENESIS,
        };
        entry.digest = entry.computed();
        entries.push(entry);
    }
    entries
}

fn walked(entries: &[Entry], head: &Entry) -> Result<(), Break> {
    let mut walk = Walk::new(BTreeMap::new());
    entries.iter().try_for_each(|entry| walk.step(entry))?;
    walk.end(head.id, &head.digest)
}

#[test]
fn an_untouched_chain_holds() {
    let entries = chain(5);
    assert_eq!(walked(&entries, &entries[4]), Ok(()));
    assert_eq!(Walk::new(BTreeMap::new()).end(0, &GENESIS), Ok(()));
}

#[test]
fn a_change_of_any_field_is_found_at_its_entry() {
    let changes: [fn(&mut Entry); 6] = [
        |entry| entry.at += TimeDelta::microseconds(1),
        |entry| entry.actor = "eve".into(),
        |entry| entry.action = "campaign_changed".into(),
        |entry| entry.object = "campaign-9".into(),
        |entry| entry.details = "{ }".into(),
        |entry| entry.digest[31] ^= 1,
    ];
    for change in changes {
        let mut entries = chain(5);
        change(&mut entries[2]);
        assert_eq!(walked(&entries, &chain(5)[4]), Err(Break::Content(3)));
    }
    let mut entries = chain(5);
    entries[2].previous[0] ^= 1;
    assert_eq!(walked(&entries, &chain(5)[4]), Err(Break::Link(3)));
}

#[test]
fn text_moved_from_one_field_to_the_next_is_another_entry() {
    let [mut entry] = <[Entry; 1]>::try_from(chain(1)).unwrap();
    (entry.actor, entry.action) = ("adac".into(), "ampaign_created".into());
    assert_ne!(entry.computed(), entry.digest);
}

#[test]
fn a_changed_entry_that_was_hashed_anew_is_found_at_the_next() {
    let mut entries = chain(5);
    entries[2].actor = "eve".into();
    entries[2].digest = entries[2].computed();
    assert_eq!(walked(&entries, &chain(5)[4]), Err(Break::Link(4)));
}

#[test]
fn entries_that_were_removed_moved_or_cut_off_are_missed() {
    let head = chain(5)[4].clone();
    let mut removed = chain(5);
    removed.remove(1);
    assert_eq!(walked(&removed, &head), Err(Break::Missing { expected: 2, found: 3 }));
    let mut swapped = chain(5);
    swapped.swap(1, 2);
    assert_eq!(walked(&swapped, &head).unwrap_err().entry(), 2);
    // As if the ids had been exchanged, too.
    (swapped[1].id, swapped[2].id) = (2, 3);
    assert_eq!(walked(&swapped, &head), Err(Break::Link(2)));
    assert_eq!(walked(&chain(4), &head), Err(Break::Head { last: 4, head: 5 }));
}

#[test]
fn a_log_written_anew_does_not_have_the_digest_that_was_kept_elsewhere() {
    let entries = chain(5);
    let anchored = |id: i64, digest| {
        let mut walk = Walk::new(BTreeMap::from([(id, digest)]));
        entries.iter().try_for_each(|entry| walk.step(entry)).and_then(|()| walk.end(5, &entries[4].digest))
    };
    assert_eq!(anchored(3, entries[2].digest), Ok(()));
    assert_eq!(anchored(3, entries[3].digest), Err(Break::Anchor(3)));
    assert_eq!(anchored(6, entries[3].digest), Err(Break::AnchorMissing(6)));
}

#[test]
fn vins_are_found_in_prose_and_replaced_in_either_case() {
    let text = r#"{"reason":"wvwzzz1kzaw000001 and WVWZZZ1KZAW000001, not XWVWZZZ1KZAW000001 nor abc"}"#;
    assert_eq!(vin_like(text), ["WVWZZZ1KZAW000001"]);
    let replaced = replace_word("é wvwzzz1kzaw000001/WVWZZZ1KZAW000001", "WVWZZZ1KZAW000001", "vehicle-1");
    assert_eq!(replaced, "é vehicle-1/vehicle-1");
}

proptest! {
    #[test]
    fn a_pseudonym_is_a_vin_by_its_form_and_says_that_it_is_one(random: u64) {
        let vin = pseudonym::of(random).unwrap();
        prop_assert!(pseudonym::is_one(&vin));
        prop_assert_eq!(Vin::parse(vin.as_str()), Ok(vin));
    }
}
