//! A repository with anything in its files changed, a thousand ways: a vehicle installs what was signed, or nothing.

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::car::{Car, peer_with};
use crate::edits::edit;
use crate::repository::firmware;

const CASES: u64 = 300;

#[tokio::test]
async fn whatever_is_changed_in_a_repository_only_the_genuine_image_is_ever_installed() {
    let peer = peer_with(None).await;
    let (model, files) = {
        let mut world = peer.world();
        let model = world.model();
        (model.id.to_string(), model.files.clone())
    };
    let mut installed = 0;
    let mut seen = std::collections::BTreeSet::new();
    for case in 0..CASES {
        let mut rng = SmallRng::seed_from_u64(case);
        let (name, sound) = files.iter().nth(rng.random_range(0..files.len())).unwrap();
        let (_, other) = files.iter().nth(rng.random_range(0..files.len())).unwrap();
        let mut changed = sound.clone();
        for _ in 0..rng.random_range(1..4) {
            edit(&mut rng, &mut changed, other);
        }
        peer.world().overrides = [(format!("{model}/{name}"), changed.clone())].into();
        let car = Car::new(&peer);
        let ended = car.run_once().await;
        if car.active().is_some() {
            assert_eq!(car.image("a", "BCM"), firmware(1, 300_000), "case {case}, {name}");
            assert!(ended.is_ok(), "case {case}, {name}: {ended:?}");
            installed += 1;
        } else {
            assert!(ended.is_err(), "case {case}, {name}: nothing is installed and nobody is told");
            seen.insert(name.split('.').next_back().unwrap_or_default().to_owned());
        }
    }
    // Files of earlier versions are read by nobody, and a few edits leave a file as it was.
    assert!(
        installed > 0 && installed < CASES * 9 / 10 && seen.len() > 1,
        "{installed} of {CASES} installed; {seen:?}"
    );
}
