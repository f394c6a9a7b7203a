use chrono::TimeDelta;
use proptest::prelude::*;

use super::{model, now, vin};
use crate::document::{CampaignDocument, DocumentState, DocumentWave, NotForVehicle};
use crate::id::Vin;
use crate::membership::{RANK_BITS, rank};
use crate::rollout::{WavePlan, wave_ends};

fn document(waves: Vec<DocumentWave>) -> CampaignDocument {
    CampaignDocument {
        schema_version: 1,
        campaign: 12,
        model: model("harbour"),
        release: 4,
        release_version: "2.3.0".into(),
        state: DocumentState::Running,
        salt: "c12".into(),
        waves,
        targets: Vec::new(),
        precondition: None,
        precondition_waived: false,
        installation: crate::release::Installation::Atomic,
        consent: None,
        windows: crate::rollout::Windows::default(),
        offer_expires: now() + TimeDelta::days(1),
    }
}

fn open(number: u32, cutoff: u64) -> DocumentWave {
    DocumentWave { number, cutoff, open: true, listed: false }
}

fn someone() -> Vin {
    vin("WVWZZZ1KZAW000001")
}

#[test]
fn a_rank_is_what_the_documentation_says() {
    // printf 'c12:WVWZZZ1KZAW000001' | sha256sum, the first 13 hexadecimal digits.
    assert_eq!(rank("c12", &someone()), 0x3_855c_fd2c_7c54);
    assert!(rank("c12", &someone()) < 1 << RANK_BITS);
    assert_ne!(rank("c12", &someone()), rank("c13", &someone()));
}

#[test]
fn a_member_of_an_open_wave_may_begin() {
    let document = document(vec![open(1, u64::MAX)]);
    assert_eq!(document.allows(&model("harbour"), &someone(), now()), Ok(()));
}

#[test]
fn what_stands_against_it_is_told() {
    let rank = rank("c12", &someone());
    let base = document(vec![open(1, rank)]);
    let refusal = |document: &CampaignDocument| document.allows(&model("harbour"), &someone(), now()).unwrap_err();
    assert_eq!(base.allows(&model("atlas"), &someone(), now()), Err(NotForVehicle::OtherModel));
    for state in [DocumentState::Paused, DocumentState::Ended] {
        assert_eq!(refusal(&CampaignDocument { state, ..base.clone() }), NotForVehicle::NotRunning);
    }
    assert_eq!(refusal(&CampaignDocument { offer_expires: now(), ..base.clone() }), NotForVehicle::Expired);
    let closed = DocumentWave { open: false, ..open(1, rank) };
    assert_eq!(refusal(&document(vec![closed, open(2, u64::MAX)])), NotForVehicle::WaveClosed);
    assert_eq!(refusal(&document(vec![open(1, rank - 1)])), NotForVehicle::NotMember);
    assert_eq!(refusal(&document(vec![])), NotForVehicle::NotMember);
}

#[test]
fn the_first_wave_whose_cutoff_is_not_below_the_rank_counts() {
    let rank = rank("c12", &someone());
    let number = |cutoffs: &[u64]| {
        let waves = (1..).zip(cutoffs).map(|(number, cutoff)| open(number, *cutoff)).collect();
        document(waves).wave_of(&someone()).map(|wave| wave.number)
    };
    assert_eq!(number(&[rank, rank + 1]), Some(1));
    assert_eq!(number(&[rank - 1, rank]), Some(2));
    assert_eq!(number(&[rank - 1, rank - 1, rank]), Some(3), "wave 2 is empty");
    assert_eq!(number(&[rank, rank, rank]), Some(1), "waves 2 and 3 are empty");
}

#[test]
fn a_document_of_a_newer_schema_is_readable_and_version_0_is_none() {
    assert!(CampaignDocument { schema_version: 7, ..document(vec![]) }.is_readable());
    assert!(!CampaignDocument { schema_version: 0, ..document(vec![]) }.is_readable());
}

#[test]
fn who_is_in_a_listed_wave_is_for_the_server_to_say() {
    let list = |open| DocumentWave { number: 1, cutoff: 0, open, listed: true };
    let rest = DocumentWave { number: 2, cutoff: u64::MAX, open: false, listed: false };
    let may = |first| document(vec![first, rest.clone()]).allows(&model("harbour"), &someone(), now());
    assert_eq!(may(list(true)), Ok(()));
    assert_eq!(may(list(false)), Err(NotForVehicle::WaveClosed));
}

proptest! {
    /// The cutoff of a wave is the rank of its last vehicle, or the one before's when it is empty.
    #[test]
    fn every_member_finds_the_wave_that_its_position_gives(
        numbers in prop::collection::btree_set(0..1_000_000_u32, 1..60),
        parts in prop::collection::vec(1..50_u32, 1..8),
    ) {
        let mut members: Vec<Vin> = numbers.iter().map(|n| vin(&format!("WVWZZZ1KZAW{n:06}"))).collect();
        members.sort_by_key(|vin| rank("c12", vin));
        let total = f64::from(parts.iter().sum::<u32>());
        let plan: Vec<WavePlan> = parts
            .iter()
            .map(|part| WavePlan::share(f64::from(*part) / total, 1.0))
            .collect();
        let ends: Vec<usize> = wave_ends(&plan, members.len() as u64).into_iter().map(|end| end.try_into().unwrap()).collect();
        let waves = (1..).zip(&ends).map(|(number, end)| open(number, rank("c12", &members[end - 1]))).collect();
        let document = document(waves);
        for (position, vin) in members.iter().enumerate() {
            let expected = ends.iter().position(|end| position < *end).map(|index| index + 1);
            prop_assert_eq!(document.wave_of(vin).map(|wave| wave.number as usize), expected);
        }
    }
}
