//! Which deltas a release gets: against the images that most vehicles of its models run now, against the one before, and
//! against nothing, for vehicles that run something else.

use chrono::{DateTime, Utc};
use otaru_domain::id::ReleaseId;
use otaru_http::chain;
use otaru_store::deltas::{self, Candidate, Pair};
use otaru_store::leadership::Epoch;
use otaru_store::{StoreError, ciphertexts, releases};

use super::begin;
use crate::app::App;
use crate::engine::CampaignError;

/// Decides for the next release that it was not decided for; whether there was one.
pub(super) async fn next(app: &App, epoch: Epoch, now: DateTime<Utc>) -> Result<bool, CampaignError> {
    let Some(id) = deltas::unplanned(&app.store).await?.first().copied() else { return Ok(false) };
    let pairs = match pairs(app, id).await {
        Ok(pairs) => pairs,
        Err(error) if error.is_transient() => return Err(error.into()),
        Err(error) => {
            // Else no other release had its turn.
            tracing::error!(release = id, error = chain(&error), "it cannot be decided which deltas the release gets");
            Vec::new()
        }
    };
    let mut tx = begin(app, epoch).await?;
    deltas::plan(&mut tx, id, &pairs, "engine", now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(release = id, deltas = pairs.len(), "the release's deltas are decided on");
    Ok(true)
}

async fn pairs(app: &App, id: ReleaseId) -> Result<Vec<Pair>, StoreError> {
    // A delta shows what is encrypted.
    if ciphertexts::models_of(&app.store, id).await?.1 {
        return Ok(Vec::new());
    }
    let release = releases::get(&app.store, id).await?;
    let release = release.ok_or_else(|| StoreError::inconsistent("releases", format!("release {id} is gone")))?;
    // Counted before the transaction: it may take seconds.
    let candidates = deltas::candidates(&app.store, id).await?;
    let mut pairs = Vec::new();
    for image in &release.images {
        pairs.push(Pair { hardware_id: image.hardware_id.clone(), source: None });
        let of_image: Vec<_> = candidates.iter().filter(|one| one.hardware_id == image.hardware_id).collect();
        pairs.extend(chosen(&of_image, app.deltas.sources).into_iter().map(|one| Pair {
            hardware_id: one.hardware_id.clone(),
            source: Some((one.sha256.clone(), Some(one.version.clone()))),
        }));
    }
    Ok(pairs)
}

/// Of the images that are known of an ECU, what most vehicles run first: the `most` that any vehicle runs, and the newest.
fn chosen<'a>(candidates: &[&'a Candidate], most: usize) -> Vec<&'a Candidate> {
    let mut chosen: Vec<&Candidate> = Vec::new();
    let newest = candidates.iter().max_by_key(|one| one.release_counter);
    let run = candidates.iter().filter(|one| one.vehicles > 0);
    for one in run.chain(newest) {
        let is_newest = newest.is_some_and(|newest| newest.release_counter == one.release_counter);
        // The same bytes may have been released under two versions.
        let known = chosen.iter().any(|known| known.sha256 == one.sha256);
        if !known && (chosen.len() < most || is_newest) {
            chosen.push(one);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(seed: u8, vehicles: u64, release_counter: i64) -> Candidate {
        Candidate {
            hardware_id: "BCM".parse().unwrap(),
            sha256: hex::encode([seed; 32]).parse().unwrap(),
            version: format!("{seed}.0"),
            vehicles,
            release_counter,
        }
    }

    #[test]
    fn the_versions_that_most_vehicles_run_are_chosen_and_the_one_before() {
        let all =
            [candidate(1, 90, 3), candidate(2, 50, 1), candidate(1, 40, 4), candidate(3, 7, 2), candidate(4, 0, 9)];
        let all: Vec<&Candidate> = all.iter().collect();
        let versions = |most| chosen(&all, most).iter().map(|one| one.version.clone()).collect::<Vec<_>>();
        assert_eq!(versions(2), ["1.0", "2.0", "4.0"], "the newest, which nobody runs yet, beside the two");
        assert_eq!(versions(9), ["1.0", "2.0", "3.0", "4.0"], "the same bytes once");
        assert_eq!(versions(0), ["4.0"]);
        assert_eq!(chosen(&[], 3), Vec::<&Candidate>::new());
    }
}
