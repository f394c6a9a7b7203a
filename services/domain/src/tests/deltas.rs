use std::cell::Cell;
use std::io::{Cursor, Write as _};

use proptest::prelude::*;

use crate::delta::{Algorithm, ApplyError, MakeError, apply, is_worth_it, make, target_name};
use crate::tuf::{Target, TargetCustom, TargetDelta};

fn applied(algorithm: Algorithm, delta: &[u8], source: &[u8], image_bytes: u64) -> Result<Vec<u8>, ApplyError> {
    let mut image = Vec::new();
    apply(algorithm, delta, Cursor::new(source), source.len() as u64, image_bytes, &mut image)?;
    Ok(image)
}

/// What was written until the end, whatever that was.
fn written(algorithm: Algorithm, delta: &[u8], source: &[u8], image_bytes: u64) -> (usize, ApplyError) {
    let mut image = Vec::new();
    let ended = apply(algorithm, delta, Cursor::new(source), source.len() as u64, image_bytes, &mut image);
    (image.len(), ended.expect_err("it is no good delta"))
}

fn compressed(bytes: &[u8], window_log: u32) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(window_log).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A control of bsdiff's as it is written.
fn control(differences: u64, new: u64, skip: u64) -> Vec<u8> {
    [differences, new, skip].iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Bytes that do not repeat.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let next = std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    next.take(length).collect()
}

/// Changes that a new version of a file consists of.
#[derive(Debug, Clone)]
enum Edit {
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Fill(usize, u8, usize),
    Move(usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = 0..10_000_usize;
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (at.clone(), prop::collection::vec(any::<u8>(), 0..300)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (at.clone(), 0..600_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        (at.clone(), any::<u8>(), 0..3_000_usize).prop_map(|(at, byte, length)| Edit::Fill(at, byte, length)),
        (at, 0..2_000_usize).prop_map(|(at, length)| Edit::Move(at, length)),
    ]
}

fn edited(source: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut image = source.to_vec();
    for edit in edits {
        let place = |at: usize| if image.is_empty() { 0 } else { at % image.len() };
        match edit.clone() {
            Edit::Set(at, byte) => {
                let at = place(at);
                image.get_mut(at).into_iter().for_each(|old| *old = byte);
            }
            Edit::Insert(at, bytes) => drop(image.splice(place(at)..place(at), bytes)),
            Edit::Remove(at, length) => drop(image.drain(place(at)..image.len().min(place(at) + length))),
            Edit::Fill(at, byte, length) => drop(image.splice(place(at)..place(at), vec![byte; length])),
            Edit::Move(at, length) => {
                let moved: Vec<u8> = image.drain(place(at)..image.len().min(place(at) + length)).collect();
                image.extend(moved);
            }
        }
    }
    image
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_made_gives_the_image_back(
        seed in 0..1_000_u64,
        length in 0..12_000_usize,
        edits in prop::collection::vec(edit(), 0..12),
    ) {
        let source = noise(seed, length);
        let image = edited(&source, &edits);
        for algorithm in Algorithm::ALL {
            let delta = make(algorithm, &source, &image, &|| true).unwrap();
            prop_assert_eq!(&applied(algorithm, &delta, &source, image.len() as u64).unwrap(), &image, "{:?}", algorithm);
        }
    }

    /// Firmware is padded with runs of a byte, in which one alignment after the other fits equally well.
    #[test]
    fn what_is_made_of_runs_gives_the_image_back(
        parts in prop::collection::vec((1..120_usize, 1..60_usize), 8..40),
        pieces in prop::collection::vec((0..10_000_usize, 1..100_usize), 5..40),
    ) {
        let part = |(at, (run, other)): (u64, &(usize, usize))| [vec![0xff; *run], noise(at, *other)].concat();
        let source: Vec<u8> = (0..).zip(&parts).flat_map(part).collect();
        let piece = |(at, length): &(usize, usize)| source.iter().skip(at % source.len()).take(*length).copied().collect::<Vec<u8>>();
        let image: Vec<u8> = pieces.iter().flat_map(piece).collect();
        let delta = make(Algorithm::BsdiffZstd, &source, &image, &|| true).unwrap();
        prop_assert_eq!(applied(Algorithm::BsdiffZstd, &delta, &source, image.len() as u64).unwrap(), image);
    }

    #[test]
    fn nothing_that_a_stranger_wrote_gives_more_than_the_signed_length(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        image_bytes in 0..300_u64,
    ) {
        let source = noise(1, 500);
        let limit = usize::try_from(image_bytes).unwrap();
        for algorithm in Algorithm::ALL {
            for delta in [bytes.clone(), compressed(&bytes, 10)] {
                let mut image = Vec::new();
                let _ended = apply(algorithm, delta.as_slice(), Cursor::new(&source), 500, image_bytes, &mut image);
                prop_assert!(image.len() <= limit);
            }
        }
    }
}

#[test]
fn a_little_that_changed_is_little_to_download() {
    let source = noise(7, 200_000);
    let mut image = source.clone();
    image.splice(70_000..70_010, noise(8, 500));
    image[150_000] ^= 1;
    for algorithm in [Algorithm::ZstdPatchFrom, Algorithm::BsdiffZstd] {
        let delta = make(algorithm, &source, &image, &|| true).unwrap();
        assert!(delta.len() < 1_500, "{algorithm:?}: {}", delta.len());
    }
    assert!(make(Algorithm::Zstd, &[], &image, &|| true).unwrap().len() > 190_000, "noise does not compress");
}

#[test]
fn a_bomb_ends_at_the_signed_length() {
    let bomb = compressed(&vec![0; 50_000_000], 20);
    assert!(bomb.len() < 10_000);
    for algorithm in [Algorithm::Zstd, Algorithm::ZstdPatchFrom] {
        let (bytes, error) = written(algorithm, &bomb, b"source", 1_000_000);
        assert!(bytes <= 1_000_000 && matches!(error, ApplyError::TooLong), "{algorithm:?}: {bytes}, {error:?}");
    }
    let patch = [control(0, 50_000_000, 0), vec![0; 50_000_000]].concat();
    let (bytes, error) = written(Algorithm::BsdiffZstd, &compressed(&patch, 20), b"source", 1_000_000);
    assert!(bytes == 0 && matches!(error, ApplyError::TooLong), "{bytes}, {error:?}");
}

#[test]
fn no_delta_asks_for_more_memory_than_its_lengths_are_good_for() {
    // Each says that it needs what lies 32 MiB back.
    let greedy = compressed(&noise(1, 2_000_000), 25);
    for algorithm in Algorithm::ALL {
        let (bytes, error) = written(algorithm, &greedy, b"source", 2_000_000);
        assert!(bytes == 0 && matches!(error, ApplyError::Malformed(_)), "{algorithm:?}: {bytes}, {error:?}");
    }
    let mib = 1 << 20;
    assert_eq!(Algorithm::ZstdPatchFrom.memory_bytes(100 * mib, 90 * mib), (100 + 128 + 8) * mib);
    assert_eq!(Algorithm::BsdiffZstd.memory_bytes(100 * mib, 90 * mib), 16 * mib);
    assert!(Algorithm::ZstdPatchFrom.memory_bytes(u64::MAX, u64::MAX) > 1 << 40, "no overflow");
}

#[test]
fn a_patch_with_impossible_controls_is_refused() {
    let ended = |controls: Vec<u8>| written(Algorithm::BsdiffZstd, &compressed(&controls, 20), b"0123456789", 10).1;
    assert!(matches!(ended(control(u64::MAX, 11, 0)), ApplyError::TooLong), "the sum wraps");
    assert!(matches!(ended(control(1 << 63 | 5, 0, 0)), ApplyError::TooLong), "a negative length");
    assert!(matches!(ended(control(11, 0, 0)), ApplyError::TooLong));
    assert!(matches!(ended(control(4, 0, 0)), ApplyError::Malformed(_)), "the differences are missing");
    assert!(
        matches!(ended([control(0, 0, 3), control(0, 0, 3)].concat()), ApplyError::Malformed(_)),
        "no end in sight"
    );
    let more = [control(10, 0, 0), vec![0; 11]].concat();
    assert!(matches!(ended(more), ApplyError::TooLong), "something is left");
    // Far from the source there are zeros, as in every bsdiff.
    let far = [control(0, 2, u64::MAX), b"ab".to_vec(), control(8, 0, 0), vec![7; 8]].concat();
    assert_eq!(
        applied(Algorithm::BsdiffZstd, &compressed(&far, 20), b"0123456789", 10).unwrap(),
        b"ab\x07\x07\x07\x07\x07\x07\x07\x07"
    );
}

#[test]
fn a_changed_source_or_a_cut_delta_does_not_pass_for_the_image() {
    let source = noise(3, 20_000);
    let mut image = source.clone();
    image.splice(5_000..5_004, noise(4, 90));
    for algorithm in [Algorithm::ZstdPatchFrom, Algorithm::BsdiffZstd] {
        let delta = make(algorithm, &source, &image, &|| true).unwrap();
        let other = noise(5, 20_000);
        assert_ne!(applied(algorithm, &delta, &other, image.len() as u64).ok(), Some(image.clone()), "{algorithm:?}");
        assert!(applied(algorithm, &delta[..delta.len() / 2], &source, image.len() as u64).is_err(), "{algorithm:?}");
        assert!(applied(algorithm, &delta, &source[..10_000], image.len() as u64).ok() != Some(image.clone()));
    }
}

#[test]
fn a_pair_that_takes_too_long_is_given_up() {
    // Runs of one byte with little between them: what bsdiff takes longest for.
    let source = vec![0xff; 200_000];
    let mut image = source.clone();
    (0..2_000).for_each(|at| image[at * 100] = 0);
    for algorithm in Algorithm::ALL {
        let looks = Cell::new(0);
        let go_on = || {
            looks.set(looks.get() + 1);
            looks.get() < 2
        };
        let image = [image.as_slice(), &noise(1, 1_000_000)].concat();
        let ended = make(algorithm, &source, &image, &go_on);
        assert!(matches!(ended, Err(MakeError::GivenUp)), "{algorithm:?}");
        assert_eq!(looks.get(), 2, "{algorithm:?}");
    }
}

#[test]
fn a_delta_is_held_against_what_is_downloaded_without_it() {
    assert!(is_worth_it(37_355, 1_386_980), "a loader");
    assert!(
        !is_worth_it(1_510_765, 1_519_232),
        "a firmware that is compressed already: 41 % of the whole, and no gain"
    );
    assert!(!is_worth_it(10, 3_000), "more than its entry in the targets must be saved");
    assert!(!is_worth_it(5, 4), "no negative gain");
}

#[test]
fn who_knows_no_deltas_takes_one_for_an_image_of_no_ecu() {
    /// What readers of before know.
    #[derive(serde::Deserialize, serde::Serialize)]
    struct Before {
        #[serde(rename = "hardwareIds")]
        hardware_ids: Vec<String>,
        #[serde(rename = "releaseCounter")]
        release_counter: u64,
        version: String,
        release: i64,
    }
    let delta = TargetDelta {
        algorithm: "zstd-patch-from".to_owned(),
        image: "BCM-2.3.0-r4.bin".to_owned(),
        source_sha256: Some("0".repeat(64)),
    };
    let custom = TargetCustom {
        hardware_ids: Vec::new(),
        release_counter: 4,
        version: "2.3.0".to_owned(),
        release: 4,
        requires: Vec::new(),
        delta: Some(delta),
        encryption: None,
    };
    let written = serde_json::to_value(&custom).unwrap();
    let before: Before = serde_json::from_value(written.clone()).unwrap();
    assert!(before.hardware_ids.is_empty());
    let left: TargetCustom = serde_json::from_value(serde_json::to_value(&before).unwrap()).unwrap();
    assert_eq!(
        (left.delta.as_ref(), left.hardware_ids.len()),
        (None, 0),
        "written again by one of before, it is nobody's"
    );
    // And an algorithm of later does not make the file unreadable.
    let mut later = serde_json::json!({"length": 1, "hashes": {"sha256": "00"}, "custom": written});
    later["custom"]["delta"]["algorithm"] = "better".into();
    let later: Target = serde_json::from_value(later).unwrap();
    assert_eq!(Algorithm::parse(&later.custom.unwrap().delta.unwrap().algorithm), None);
}

#[test]
fn the_name_of_a_delta_is_flat_and_says_what_it_is() {
    let source = "ab".repeat(32).parse().unwrap();
    let name = target_name("BCM-2.3.0-r4.bin", Some(&source), Algorithm::ZstdPatchFrom);
    assert_eq!(name, "BCM-2.3.0-r4.bin.from-abababababababab.zstd-patch-from");
    assert_eq!(target_name("a.bin", None, Algorithm::Zstd), "a.bin.from-nothing.zstd");
}
