//! The membership of a campaign, frozen when it starts. A vehicle's wave follows from its rank and the waves'
//! cutoffs alone, so that the signed document and these rows say the same of every member.

use chrono::{DateTime, Utc};
use otaru_domain::campaign::{WavePlan, wave_ends};
use otaru_domain::id::{ModelId, ReleaseId};
use otaru_domain::target::Target;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, Row as _};

use crate::campaigns::{self, Campaign};
use crate::{Store, StoreError, Tx, target_sql};

/// A membership that was frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// At least 1.
    pub members: u64,
    /// The models that have members.
    pub models: Vec<ModelId>,
}

/// What a campaign would begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    pub matching: u64,
    /// The size of each wave.
    pub waves: Vec<u64>,
    /// Some of the vehicles, by VIN.
    pub sample: Vec<String>,
}

/// The vehicles in service of the release's models, `$1` being the release.
macro_rules! candidates {
    ($select:literal) => {
        concat!(
            $select,
            " FROM vehicles v JOIN release_models m ON m.model_id = v.model_id AND m.release_id = $1",
            " WHERE v.retired_at IS NULL AND "
        )
    };
}

fn encode<'a, T>(arguments: &mut PgArguments, value: T) -> Result<(), StoreError>
where
    T: sqlx::Encode<'a, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    arguments.add(value).map_err(|error| StoreError::Database(sqlx::Error::Encode(error)))
}

/// Writes who is in `campaign`, by `target` and its release's models, each in its wave, and what the waves
/// amount to. `None` when no vehicle matches: then nothing was written. The campaign is locked.
///
/// # Errors
/// [`StoreError`].
pub async fn freeze(
    tx: &mut Tx,
    campaign: &Campaign,
    plan: &[WavePlan],
    target: &Target,
    now: DateTime<Utc>,
) -> Result<Option<Frozen>, StoreError> {
    rank_candidates(tx, campaign, target).await?;
    let members = sqlx::query_scalar("SELECT count(*) FROM pg_temp.candidates").persistent(false);
    let members = campaigns::unsigned("campaign_members", members.fetch_one(&mut **tx).await?)?;
    if members == 0 {
        sqlx::query("DROP TABLE pg_temp.candidates").persistent(false).execute(&mut **tx).await?;
        return Ok(None);
    }
    let cutoffs = cutoffs(tx, &wave_ends(plan, members)).await?;
    // One plus the number of cutoffs below the rank. Equal cutoffs are empty waves, and the first of them counts.
    sqlx::query(
        "INSERT INTO campaign_members (campaign_id, vehicle_id, rank, wave)
         SELECT $1, vehicle_id, rank, 1 + width_bucket(rank - 1, $2::bigint[]) AS wave FROM pg_temp.candidates
         ORDER BY wave, vehicle_id",
    )
    .persistent(false)
    .bind(campaign.id)
    .bind(&cutoffs)
    .execute(&mut **tx)
    .await?;
    write_waves(tx, campaign, &cutoffs).await?;
    campaigns::set_members(tx, campaign.id, members, now).await?;
    let models: Vec<String> = sqlx::query_scalar("SELECT DISTINCT model_id FROM pg_temp.candidates ORDER BY model_id")
        .persistent(false)
        .fetch_all(&mut **tx)
        .await?;
    sqlx::query("DROP TABLE pg_temp.candidates").persistent(false).execute(&mut **tx).await?;
    Ok(Some(Frozen { members, models: campaigns::parse_models(&models)? }))
}

/// Evaluates the target once, into a table of this transaction.
async fn rank_candidates(tx: &mut Tx, campaign: &Campaign, target: &Target) -> Result<(), StoreError> {
    sqlx::query(
        "CREATE TEMP TABLE candidates (vehicle_id bigint NOT NULL, model_id text NOT NULL, rank bigint NOT NULL)
         ON COMMIT DROP",
    )
    .execute(&mut **tx)
    .await?;
    let mut arguments = PgArguments::default();
    encode(&mut arguments, campaign.release)?;
    encode(&mut arguments, campaign.salt.as_str())?;
    let before = candidates!("INSERT INTO pg_temp.candidates SELECT v.id, v.model_id, otaru_rank($2, v.vin)");
    let (statement, arguments) = target_sql::statement(before, target, "", arguments)?;
    sqlx::query_with(statement, arguments).persistent(false).execute(&mut **tx).await?;
    Ok(())
}

/// The highest rank of each wave. Vehicles of the same rank are in the same wave, so a wave may be larger
/// than its plan by such a twin; in 52 bits there is hardly ever one.
async fn cutoffs(tx: &mut Tx, ends: &[u64]) -> Result<Vec<i64>, StoreError> {
    let ends = ends.iter().map(|end| i64::try_from(*end));
    let ends: Vec<i64> =
        ends.collect::<Result<_, _>>().map_err(|error| StoreError::inconsistent("campaign_waves", error))?;
    let cutoffs: Vec<i64> = sqlx::query_scalar(
        "SELECT o.rank FROM unnest($1::bigint[]) WITH ORDINALITY AS e (place, wave)
         JOIN (SELECT rank, row_number() OVER (ORDER BY rank) AS place FROM pg_temp.candidates) AS o ON o.place = e.place
         ORDER BY e.wave",
    )
    .persistent(false)
    .bind(&ends)
    .fetch_all(&mut **tx)
    .await?;
    if cutoffs.len() == ends.len() {
        Ok(cutoffs)
    } else {
        Err(StoreError::inconsistent("campaign_waves", "a wave ends before the first vehicle"))
    }
}

async fn write_waves(tx: &mut Tx, campaign: &Campaign, cutoffs: &[i64]) -> Result<(), StoreError> {
    let written = sqlx::query(
        "UPDATE campaign_waves AS w
         SET cutoff = c.cutoff,
             size = (SELECT count(*) FROM campaign_members m WHERE m.campaign_id = $1 AND m.wave = w.number)
         FROM unnest($2::bigint[]) WITH ORDINALITY AS c (cutoff, number)
         WHERE w.campaign_id = $1 AND w.number = c.number",
    )
    .bind(campaign.id)
    .bind(cutoffs)
    .execute(&mut **tx)
    .await?;
    if written.rows_affected() == cutoffs.len() as u64 {
        Ok(())
    } else {
        Err(StoreError::inconsistent("campaign_waves", format!("campaign {} has other waves", campaign.id)))
    }
}

/// What a campaign with this target would begin with, and up to `sample` of its vehicles.
///
/// # Errors
/// [`StoreError`].
pub async fn preview(
    store: &Store,
    release: ReleaseId,
    target: &Target,
    plan: &[WavePlan],
    sample: i64,
) -> Result<Preview, StoreError> {
    let mut arguments = PgArguments::default();
    encode(&mut arguments, release)?;
    let (statement, arguments) = target_sql::statement(candidates!("SELECT count(*)"), target, "", arguments)?;
    let row = sqlx::query_with(statement, arguments).persistent(false).fetch_one(store.pool()).await?;
    let matching = campaigns::unsigned("vehicles", row.try_get(0)?)?;

    let mut arguments = PgArguments::default();
    encode(&mut arguments, release)?;
    encode(&mut arguments, sample)?;
    let (statement, arguments) =
        target_sql::statement(candidates!("SELECT v.vin"), target, "ORDER BY v.id LIMIT $2", arguments)?;
    let rows = sqlx::query_with(statement, arguments).persistent(false).fetch_all(store.pool()).await?;
    let sample = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;

    let mut before = 0;
    let sizes = wave_ends(plan, matching).into_iter().map(|end| end - std::mem::replace(&mut before, end));
    Ok(Preview { matching, waves: sizes.collect(), sample })
}
