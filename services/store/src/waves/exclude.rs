//! Who is selected by a campaign's target and left out all the same: each by the first reason that applies, by
//! statements over sets.

use chrono::{DateTime, Utc};
use otaru_domain::exclusion::{Exclusion, Reason};
use otaru_domain::id::{CampaignId, HardwareId, ReleaseId, VehicleId};
use otaru_domain::requirement::Requirement;
use sqlx::types::Json;

use crate::campaigns::{Needs, unsigned};
use crate::ecus::same_ecu;
use crate::{StoreError, Tx};

/// Vehicles that are left out for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excluded {
    pub exclusion: Exclusion,
    pub vehicles: u64,
    /// Up to five of them, by VIN.
    pub sample: Vec<String>,
}

/// Marks the candidates that `release` is not for, of a campaign that asks for what `needs` says.
pub(super) async fn mark(tx: &mut Tx, release: ReleaseId, needs: Needs, now: DateTime<Utc>) -> Result<(), StoreError> {
    // What follows joins them with the whole fleet.
    sqlx::query("ANALYZE pg_temp.candidates").persistent(false).execute(&mut **tx).await?;
    sqlx::query(
        "UPDATE pg_temp.candidates c SET excluded = 'opted_out'
           FROM vehicles v WHERE v.id = c.vehicle_id AND v.opted_out_at IS NOT NULL",
    )
    .persistent(false)
    .execute(&mut **tx)
    .await?;
    // A vehicle that never had one may come by a certificate, or a gateway's token.
    sqlx::query(
        "UPDATE pg_temp.candidates SET excluded = 'no_credentials'
          WHERE excluded IS NULL AND vehicle_id IN (
                SELECT k.vehicle_id FROM (
                    SELECT vehicle_id, revoked_at IS NULL AND expires_at > $1 AS works FROM vehicle_credentials
                    UNION ALL SELECT vehicle_id, revoked_at IS NULL FROM vehicle_tokens
                ) AS k JOIN pg_temp.candidates USING (vehicle_id)
                GROUP BY k.vehicle_id HAVING NOT bool_or(k.works))",
    )
    .persistent(false)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    // What they report would be taken from nobody; who speaks DDI or Uptane has no way to sign it.
    sqlx::query(
        "UPDATE pg_temp.candidates c SET excluded = 'cannot_sign'
           FROM models m
          WHERE c.excluded IS NULL AND m.id = c.model_id AND m.ack_signatures = 'required'
            AND (NOT EXISTS (SELECT FROM vehicle_credentials k
                              WHERE k.vehicle_id = c.vehicle_id AND k.ack_key IS NOT NULL AND k.revoked_at IS NULL
                                AND k.expires_at > $1)
                 OR EXISTS (SELECT FROM vehicle_reports r WHERE r.vehicle_id = c.vehicle_id AND r.ddi)
                 OR EXISTS (SELECT FROM uptane_ecus u WHERE u.vehicle_id = c.vehicle_id AND u.is_primary))",
    )
    .persistent(false)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    by_encryption(tx, release).await?;
    by_client(tx, needs).await?;
    by_ecus(tx, release).await?;
    for (hardware_id, version, requires) in requirements(tx, release).await? {
        for requirement in requires {
            by_requirement(tx, release, &hardware_id, &version, &requirement).await?;
        }
    }
    Ok(())
}

/// Those who would install a ciphertext as it is, or never find the image. Before the release is locked its model tells.
async fn by_encryption(tx: &mut Tx, release: ReleaseId) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE pg_temp.candidates c SET excluded = 'cannot_decrypt'
           FROM models m
          WHERE c.excluded IS NULL AND m.id = c.model_id
            AND (EXISTS (SELECT FROM release_ciphertexts e WHERE e.release_id = $1 AND e.model_id = m.id)
                 OR cardinality(m.age_recipients) > 0
                    AND EXISTS (SELECT FROM releases r WHERE r.id = $1 AND r.state = 'draft'))
            AND (EXISTS (SELECT FROM vehicle_reports r WHERE r.vehicle_id = c.vehicle_id AND r.ddi)
                 OR EXISTS (SELECT FROM uptane_ecus u WHERE u.vehicle_id = c.vehicle_id AND u.is_primary))",
    )
    .persistent(false)
    .bind(release)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Those whose client cannot do what the campaign asks for: DDI's and Uptane's evaluate no precondition, and Uptane's ask
/// no driver.
async fn by_client(tx: &mut Tx, needs: Needs) -> Result<(), StoreError> {
    let ddi = "UPDATE pg_temp.candidates c SET excluded = 'precondition_not_evaluated'
                 FROM vehicle_reports r WHERE c.excluded IS NULL AND r.vehicle_id = c.vehicle_id AND r.ddi";
    let uptane = "UPDATE pg_temp.candidates c SET excluded = 'precondition_not_evaluated'
                    FROM uptane_ecus u WHERE c.excluded IS NULL AND u.vehicle_id = c.vehicle_id AND u.is_primary";
    for (statement, applies) in [(ddi, needs.signals), (uptane, needs.signals || needs.driver)] {
        if applies {
            sqlx::query(statement).persistent(false).execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// Those without the hardware, and those that have all of the release.
async fn by_ecus(tx: &mut Tx, release: ReleaseId) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE pg_temp.candidates c SET excluded = 'incompatible_hardware', hardware_id = m.hardware_id
           FROM (SELECT c.vehicle_id, min(i.hardware_id) AS hardware_id
                   FROM pg_temp.candidates c
                   JOIN release_images i ON i.release_id = $1
                   JOIN model_hardware h ON h.model_id = c.model_id AND h.hardware_id = i.hardware_id
                   LEFT JOIN vehicle_ecus e ON e.vehicle_id = c.vehicle_id AND e.hardware_id = i.hardware_id
                  WHERE c.excluded IS NULL AND e.vehicle_id IS NULL
                    AND EXISTS (SELECT FROM vehicle_inventories t WHERE t.vehicle_id = c.vehicle_id)
                  GROUP BY c.vehicle_id) AS m
          WHERE c.vehicle_id = m.vehicle_id",
    )
    .persistent(false)
    .bind(release)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "UPDATE pg_temp.candidates SET excluded = 'already_there'
          WHERE excluded IS NULL AND vehicle_id IN (
                SELECT c.vehicle_id
                  FROM pg_temp.candidates c
                  JOIN release_images i ON i.release_id = $1
                  JOIN model_hardware h ON h.model_id = c.model_id AND h.hardware_id = i.hardware_id
                  LEFT JOIN vehicle_ecus e ON e.vehicle_id = c.vehicle_id AND e.hardware_id = i.hardware_id
                 GROUP BY c.vehicle_id HAVING bool_and(e.version IS NOT DISTINCT FROM i.version))",
    )
    .persistent(false)
    .bind(release)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

type ImageRequirements = (HardwareId, String, Vec<Requirement>);

async fn requirements(tx: &mut Tx, release: ReleaseId) -> Result<Vec<ImageRequirements>, StoreError> {
    let rows: Vec<(String, String, Json<Vec<Requirement>>)> = sqlx::query_as(
        "SELECT hardware_id, version, requires FROM release_images
          WHERE release_id = $1 AND requires <> '[]' ORDER BY hardware_id",
    )
    .bind(release)
    .fetch_all(&mut **tx)
    .await?;
    let parsed = rows.into_iter().map(|(hardware_id, version, requires)| {
        let hardware_id = HardwareId::parse(&hardware_id);
        let hardware_id = hardware_id.map_err(|error| StoreError::inconsistent("release_images", error))?;
        Ok((hardware_id, version, requires.0))
    });
    parsed.collect()
}

/// Those that do not meet a requirement of the image for `own`, in the sense of [`otaru_domain::requirement::unmet`].
/// What the release itself brings was held against it when it was drafted.
async fn by_requirement(
    tx: &mut Tx,
    release: ReleaseId,
    own: &HardwareId,
    version: &str,
    requirement: &Requirement,
) -> Result<(), StoreError> {
    let (operators, keys) = requirement.versions.bounds();
    sqlx::query(
        "UPDATE pg_temp.candidates c SET excluded = 'dependency_not_met', hardware_id = $3, versions = $4
           FROM model_hardware h
          WHERE c.excluded IS NULL AND h.model_id = c.model_id AND h.hardware_id = $2
            AND ($2 = $3 OR NOT EXISTS (SELECT FROM release_images i WHERE i.release_id = $1 AND i.hardware_id = $3))
            AND NOT EXISTS (
                SELECT FROM vehicle_ecus e
                 WHERE e.vehicle_id = c.vehicle_id AND e.hardware_id = $3
                   AND ($2 = $3 AND e.version = $5 OR (
                        SELECT bool_and(CASE b.operator
                                        WHEN '>=' THEN e.version_key >= b.key
                                        WHEN '<=' THEN e.version_key <= b.key
                                        WHEN '!=' THEN e.version_key <> b.key
                                        WHEN '>' THEN e.version_key > b.key
                                        WHEN '<' THEN e.version_key < b.key
                                        WHEN '=' THEN e.version_key = b.key END)
                          FROM unnest($6::text[], $7::text[]) AS b (operator, key))))",
    )
    .persistent(false)
    .bind(release)
    .bind(own.as_str())
    .bind(requirement.hardware_id.as_str())
    .bind(requirement.versions.to_string())
    .bind(version)
    .bind(operators)
    .bind(keys)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What was marked, the reason that takes most first.
pub(super) async fn summary(tx: &mut Tx) -> Result<Vec<Excluded>, StoreError> {
    let rows: Vec<(String, Option<String>, Option<String>, i64, Vec<String>)> = sqlx::query_as(
        "SELECT excluded, hardware_id, versions, count(*), (array_agg(vin ORDER BY rank))[1:5]
           FROM pg_temp.candidates WHERE excluded IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3",
    )
    .persistent(false)
    .fetch_all(&mut **tx)
    .await?;
    let excluded = rows.into_iter().map(|(reason, hardware_id, versions, vehicles, sample)| {
        Ok(Excluded {
            exclusion: exclusion(&reason, hardware_id.as_deref(), versions)?,
            vehicles: unsigned("campaign_exclusions", vehicles)?,
            sample,
        })
    });
    excluded.collect()
}

/// What a row says.
pub(crate) fn exclusion(
    reason: &str,
    hardware_id: Option<&str>,
    versions: Option<String>,
) -> Result<Exclusion, StoreError> {
    let wrong = |error: String| StoreError::inconsistent("campaign_exclusions", error);
    let reason: Reason = reason.parse().map_err(|error| wrong(format!("{error}")))?;
    let hardware_id = hardware_id.map(HardwareId::parse).transpose().map_err(|error| wrong(error.to_string()))?;
    Ok(Exclusion { reason, hardware_id, versions })
}

/// Keeps who was marked, by `campaign`.
pub(super) async fn keep(tx: &mut Tx, campaign: CampaignId) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO campaign_exclusions (campaign_id, vehicle_id, reason, hardware_id, versions)
         SELECT $1, vehicle_id, excluded, hardware_id, versions FROM pg_temp.candidates WHERE excluded IS NOT NULL",
    )
    .persistent(false)
    .bind(campaign)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets who was left out before, of `vehicles` (of all without them): they are looked at anew.
pub(super) async fn forget(
    tx: &mut Tx,
    campaign: CampaignId,
    vehicles: Option<&[VehicleId]>,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM campaign_exclusions
          WHERE campaign_id = $1 AND ($2::bigint[] IS NULL OR vehicle_id = ANY($2))",
    )
    .persistent(false)
    .bind(campaign)
    .bind(vehicles)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes who was marked from the candidates.
pub(super) async fn take_out(tx: &mut Tx) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM pg_temp.candidates WHERE excluded IS NOT NULL")
        .persistent(false)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// How many candidates have an update of the same ECU under way or before them, by its campaign: they wait for it.
pub(super) async fn behind(tx: &mut Tx, release: ReleaseId) -> Result<Vec<(CampaignId, u64)>, StoreError> {
    let rows: Vec<(CampaignId, i64)> = sqlx::query_as(concat!(
        "SELECT d.id, count(*) FROM pg_temp.candidates c
           JOIN assignments b ON b.vehicle_id = c.vehicle_id
            AND b.state IN ('assigned', 'offered', 'accepted', 'downloading', 'downloaded', 'installing')
           JOIN campaigns d ON d.id = b.campaign_id AND d.state = 'running' AND d.closing IS NULL
          WHERE ",
        same_ecu!("$1", "d.release_id"),
        " GROUP BY d.id ORDER BY count(*) DESC, d.id LIMIT 20"
    ))
    .persistent(false)
    .bind(release)
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(|(campaign, vehicles)| Ok((campaign, unsigned("assignments", vehicles)?))).collect()
}
