//! Who would be in a campaign, in a table of the transaction: evaluated once, then cut into waves by statements over
//! sets. A start keeps what is in it, a preview throws it away, so that both say the same.

use std::collections::BTreeSet;

use otaru_domain::id::{CampaignId, ModelId, ReleaseId, VehicleId, Vin};
use otaru_domain::rollout::{Selector, WavePlan, wave_ends};
use otaru_domain::target::Target;
use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;

use super::membership::PreviewWave;
use crate::campaigns::{parse_models, unsigned};
use crate::{StoreError, Tx, groups, target_sql};

pub(super) fn encode<'a, T>(arguments: &mut PgArguments, value: T) -> Result<(), StoreError>
where
    T: sqlx::Encode<'a, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    arguments.add(value).map_err(|error| StoreError::Database(sqlx::Error::Encode(error)))
}

/// Evaluates the target over the vehicles in service of the release's models; only over `vehicles` if they are given.
pub(super) async fn rank(
    tx: &mut Tx,
    release: ReleaseId,
    salt: &str,
    target: &Target,
    vehicles: Option<&[VehicleId]>,
) -> Result<(), StoreError> {
    sqlx::query(
        "CREATE TEMP TABLE candidates (vehicle_id bigint NOT NULL, model_id text NOT NULL, rank bigint NOT NULL,
                                       vin text NOT NULL, wave integer, excluded text, hardware_id text, versions text) ON COMMIT DROP",
    )
    .execute(&mut **tx)
    .await?;
    let mut arguments = PgArguments::default();
    encode(&mut arguments, release)?;
    encode(&mut arguments, salt)?;
    encode(&mut arguments, vehicles)?;
    let mut target = target.clone();
    groups::resolve(tx, &mut target).await?;
    let before = "INSERT INTO pg_temp.candidates (vehicle_id, model_id, rank, vin)
                  SELECT v.id, v.model_id, otaru_rank($2, v.vin), v.vin
                    FROM vehicles v JOIN release_models m ON m.model_id = v.model_id AND m.release_id = $1
                   WHERE v.retired_at IS NULL AND ($3::bigint[] IS NULL OR v.id = ANY($3)) AND ";
    let (statement, arguments) = target_sql::statement(before, &target, "", arguments)?;
    sqlx::query_with(statement, arguments).persistent(false).execute(&mut **tx).await?;
    Ok(())
}

/// Puts the members of listed waves into them; who is in several is in the first.
pub(super) async fn list(tx: &mut Tx, plan: &[WavePlan]) -> Result<(), StoreError> {
    for (number, wave) in (1_i32..).zip(plan) {
        match wave.selector() {
            Selector::Expression(expression) => {
                let mut target = Target::parse(expression)
                    .map_err(|error| StoreError::inconsistent("campaign_waves", error.message))?;
                groups::resolve(tx, &mut target).await?;
                let mut arguments = PgArguments::default();
                encode(&mut arguments, number)?;
                let before = "UPDATE pg_temp.candidates c SET wave = $1 FROM vehicles v
                               WHERE c.wave IS NULL AND v.id = c.vehicle_id AND ";
                let (statement, arguments) = target_sql::statement(before, &target, "", arguments)?;
                sqlx::query_with(statement, arguments).persistent(false).execute(&mut **tx).await?;
            }
            Selector::Vins(vins) => {
                let vins: Vec<&str> = vins.iter().map(Vin::as_str).collect();
                sqlx::query("UPDATE pg_temp.candidates SET wave = $1 WHERE wave IS NULL AND vin = ANY($2)")
                    .persistent(false)
                    .bind(number)
                    .bind(vins)
                    .execute(&mut **tx)
                    .await?;
            }
            Selector::Share(_) | Selector::Count(_) | Selector::Rest => {}
        }
    }
    Ok(())
}

/// The listed waves that have somebody, counted from 0.
pub(super) async fn listed(tx: &mut Tx) -> Result<BTreeSet<usize>, StoreError> {
    let numbers: Vec<i32> = sqlx::query_scalar("SELECT DISTINCT wave FROM pg_temp.candidates WHERE wave IS NOT NULL")
        .persistent(false)
        .fetch_all(&mut **tx)
        .await?;
    let place = |number: i32| usize::try_from(number - 1);
    let places = numbers.into_iter().map(place).collect::<Result<_, _>>();
    places.map_err(|error| StoreError::inconsistent("campaign_waves", error))
}

/// All candidates, and those of them that no listed wave took.
pub(super) async fn count(tx: &mut Tx) -> Result<(u64, u64), StoreError> {
    let (all, ranked): (i64, i64) =
        sqlx::query_as("SELECT count(*), count(*) FILTER (WHERE wave IS NULL) FROM pg_temp.candidates")
            .persistent(false)
            .fetch_one(&mut **tx)
            .await?;
    Ok((unsigned("campaign_members", all)?, unsigned("campaign_members", ranked)?))
}

/// As Postgres has them.
pub(super) fn bigints(numbers: &[u64]) -> Result<Vec<i64>, StoreError> {
    let numbers = numbers.iter().map(|number| i64::try_from(*number));
    numbers.collect::<Result<_, _>>().map_err(|error| StoreError::inconsistent("campaign_waves", error))
}

/// Cuts the `ranked` candidates into the waves that are not listed. Gives the highest rank of each of those; 0, which
/// is nobody's, where nobody is ranked. Vehicles of the same rank are in the same wave, so a wave may be larger than its
/// plan by such a twin; in 52 bits there is hardly ever one.
pub(super) async fn cut(tx: &mut Tx, plan: &[WavePlan], ranked: u64) -> Result<Vec<i64>, StoreError> {
    let ends = wave_ends(plan, ranked);
    if ranked == 0 {
        return Ok(vec![0; ends.len()]);
    }
    let ends = bigints(&ends)?;
    let cutoffs: Vec<i64> = sqlx::query_scalar(
        "SELECT o.rank FROM unnest($1::bigint[]) WITH ORDINALITY AS e (place, wave)
         JOIN (SELECT rank, row_number() OVER (ORDER BY rank) AS place FROM pg_temp.candidates WHERE wave IS NULL) AS o
           ON o.place = e.place
         ORDER BY e.wave",
    )
    .persistent(false)
    .bind(&ends)
    .fetch_all(&mut **tx)
    .await?;
    if cutoffs.len() != ends.len() {
        return Err(StoreError::inconsistent("campaign_waves", "a wave ends before the first vehicle"));
    }
    place(tx, plan, &cutoffs).await?;
    Ok(cutoffs)
}

/// Puts the candidates that no listed wave took into the others by their `cutoffs`.
pub(super) async fn place(tx: &mut Tx, plan: &[WavePlan], cutoffs: &[i64]) -> Result<(), StoreError> {
    let numbers: Vec<i32> =
        (1_i32..).zip(plan).filter(|(_, wave)| !wave.selector().is_listed()).map(|(number, _)| number).collect();
    // One plus the number of cutoffs below the rank. Equal cutoffs are empty waves, and the first of them counts.
    sqlx::query(
        "UPDATE pg_temp.candidates SET wave = ($2::int[])[1 + width_bucket(rank - 1, $1::bigint[])] WHERE wave IS NULL",
    )
    .persistent(false)
    .bind(cutoffs)
    .bind(numbers)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Makes them members of `campaign`, each in its wave.
pub(super) async fn keep(tx: &mut Tx, campaign: CampaignId) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO campaign_members (campaign_id, vehicle_id, rank, wave)
         SELECT $1, vehicle_id, rank, wave FROM pg_temp.candidates ORDER BY wave, vehicle_id",
    )
    .persistent(false)
    .bind(campaign)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Their models.
pub(super) async fn models(tx: &mut Tx) -> Result<Vec<ModelId>, StoreError> {
    let models: Vec<String> = sqlx::query_scalar("SELECT DISTINCT model_id FROM pg_temp.candidates ORDER BY model_id")
        .persistent(false)
        .fetch_all(&mut **tx)
        .await?;
    parse_models(&models)
}

/// The size of a wave, and up to `sample` of its vehicles in rank order.
pub(super) async fn wave(tx: &mut Tx, number: usize, sample: i64) -> Result<PreviewWave, StoreError> {
    let number = i32::try_from(number).map_err(|error| StoreError::inconsistent("campaign_waves", error))?;
    let size = sqlx::query_scalar("SELECT count(*) FROM pg_temp.candidates WHERE wave = $1")
        .persistent(false)
        .bind(number)
        .fetch_one(&mut **tx)
        .await?;
    let sample = sqlx::query_scalar("SELECT vin FROM pg_temp.candidates WHERE wave = $1 ORDER BY rank, vin LIMIT $2")
        .persistent(false)
        .bind(number)
        .bind(sample)
        .fetch_all(&mut **tx)
        .await?;
    Ok(PreviewWave { size: unsigned("campaign_members", size)?, sample })
}

pub(super) async fn drop(tx: &mut Tx) -> Result<(), StoreError> {
    sqlx::query("DROP TABLE pg_temp.candidates").persistent(false).execute(&mut **tx).await?;
    Ok(())
}
