//! What triage makes of failures: templates of their logs, a label per failed attempt, and the clusters that people see.
//! Nothing that moves a campaign reads it.

use chrono::{DateTime, Utc};
use otaru_domain::ack::Ack;
use otaru_domain::id::CampaignId;
use otaru_domain::triage::{Mined, Miner};
use sqlx::FromRow;

use crate::offsets::{self, Claim, Position};
use crate::{Store, StoreError, Tx};

/// The name under which it keeps how far it read `otaru.acks`.
pub const CONSUMER: &str = "triage";
/// The most templates that are kept; a fleet whose logs make more has logs that say nothing.
const MAX_TEMPLATES: usize = 10_000;
/// Processes that mine take turns, so that a template has one row.
const TURN: i64 = 0x6f74_6172_7500_0013;

/// Labels the failures of a batch of one partition of `otaru.acks` and moves the partition's offset. Read twice, they
/// have the same labels. How many were labelled.
///
/// # Errors
/// [`StoreError::Fenced`] when another process owns the partition by now.
pub async fn label(
    tx: &mut Tx,
    claim: &Claim,
    to: Position,
    failures: &[Ack],
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    offsets::advance(tx, claim, to, now).await?;
    if failures.is_empty() {
        return Ok(0);
    }
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(TURN).execute(&mut **tx).await?;
    let kept: Vec<(i64, String)> =
        sqlx::query_as("SELECT id, template FROM triage_templates ORDER BY id").fetch_all(&mut **tx).await?;
    let (mut ids, templates): (Vec<i64>, Vec<String>) = kept.into_iter().unzip();
    let mut miner = Miner::with(templates);
    let mut labels: Vec<(&Ack, i64)> = Vec::with_capacity(failures.len());
    for ack in failures {
        if miner.len() >= MAX_TEMPLATES {
            tracing::warn!(MAX_TEMPLATES, "failures are labelled no more: their logs make too many templates");
            break;
        }
        let Some(mined) = ack.log.as_deref().and_then(|log| miner.mine(log)) else { continue };
        keep(tx, &miner, mined, &mut ids, now).await?;
        labels.extend(ids.get(mined.id()).map(|id| (ack, *id)));
    }
    write(tx, &labels).await
}

async fn keep(
    tx: &mut Tx,
    miner: &Miner,
    mined: Mined,
    ids: &mut Vec<i64>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let template = miner.template(mined.id()).unwrap_or_default();
    match mined {
        Mined::Known(_) => {}
        Mined::New(_) => ids.push(
            sqlx::query_scalar("INSERT INTO triage_templates (template, first_at) VALUES ($1, $2) RETURNING id")
                .bind(template)
                .bind(now)
                .fetch_one(&mut **tx)
                .await?,
        ),
        Mined::Widened(id) => {
            sqlx::query("UPDATE triage_templates SET template = $2 WHERE id = $1")
                .bind(ids.get(id))
                .bind(template)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

async fn write(tx: &mut Tx, labels: &[(&Ack, i64)]) -> Result<u64, StoreError> {
    let attempts = labels.iter().map(|(ack, _)| i32::try_from(ack.attempt).unwrap_or(i32::MAX));
    // Of two reports of an attempt in one batch the later one counts.
    let written = sqlx::query(
        "INSERT INTO triage_labels (campaign_id, vehicle_id, attempt, template_id)
         SELECT DISTINCT ON (l.campaign, v.id, l.attempt) l.campaign, v.id, l.attempt, l.template
           FROM unnest($1::bigint[], $2::text[], $3::int[], $4::bigint[]) WITH ORDINALITY
                AS l (campaign, vin, attempt, template, place)
           JOIN vehicles v ON v.vin = l.vin
          ORDER BY l.campaign, v.id, l.attempt, l.place DESC
         ON CONFLICT (campaign_id, vehicle_id, attempt) DO UPDATE SET template_id = excluded.template_id",
    )
    .bind(labels.iter().map(|(ack, _)| ack.campaign).collect::<Vec<_>>())
    .bind(labels.iter().map(|(ack, _)| ack.vin.as_str()).collect::<Vec<_>>())
    .bind(attempts.collect::<Vec<_>>())
    .bind(labels.iter().map(|(_, template)| *template).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(written.rows_affected())
}

/// Failed vehicles with the same template, for an ECU of the release, from the same version of it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Cluster {
    pub template: String,
    pub hardware_id: String,
    /// What the ECU ran when the vehicles were assigned; `None` when nobody had told.
    pub from_version: Option<String>,
    pub vehicles: i64,
    pub sample_vin: String,
}

/// The clusters of a campaign as it stands, the largest first, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn clusters(store: &Store, campaign: CampaignId, limit: i64) -> Result<Vec<Cluster>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT t.template, i.hardware_id, h.version AS from_version, count(*) AS vehicles, min(v.vin) AS sample_vin
           FROM triage_labels l
           JOIN assignments a ON a.campaign_id = l.campaign_id AND a.vehicle_id = l.vehicle_id AND a.attempt = l.attempt
            AND a.state IN ('failed', 'rolled_back', 'declined')
           JOIN triage_templates t ON t.id = l.template_id
           JOIN vehicles v ON v.id = l.vehicle_id
           JOIN campaigns c ON c.id = l.campaign_id
           JOIN release_images i ON i.release_id = c.release_id
           LEFT JOIN LATERAL (SELECT version FROM vehicle_ecu_history h
                               WHERE h.vehicle_id = l.vehicle_id AND h.hardware_id = i.hardware_id
                                 AND h.valid_from <= a.assigned_at
                               ORDER BY h.valid_from DESC LIMIT 1) h ON true
          WHERE l.campaign_id = $1
          GROUP BY 1, 2, 3 ORDER BY vehicles DESC, t.template, i.hardware_id, h.version LIMIT $2",
    )
    .bind(campaign)
    .bind(limit)
    .fetch_all(store.pool())
    .await?)
}
