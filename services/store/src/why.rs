//! What is known of one vehicle in one campaign: the facts of [`otaru_domain::why`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_domain::ack::VehicleWait;
use otaru_domain::exclusion::Exclusion;
use otaru_domain::id::{CampaignId, HardwareId, Vin};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::ecus::same_ecu;
use crate::slots::under_way;
use crate::waves::exclusion;
use crate::{Store, StoreError};

/// A vehicle, and where it is in the campaign.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct VehicleFacts {
    pub retired: bool,
    /// Whether its holder wants no updates over the air.
    pub opted_out: bool,
    /// Whether a credential or an imported token of it works.
    pub can_sign_in: bool,
    pub last_heard: Option<DateTime<Utc>>,
    /// Whether its newest inventory came over DDI.
    pub ddi: bool,
    /// Whether it registered ECUs over Uptane.
    pub uptane: bool,
    /// As its inventories and engineers say.
    pub time_zone: Option<String>,
    pub wave: Option<i32>,
    pub state: Option<String>,
    pub attempt: Option<i32>,
    pub error_code: Option<String>,
    pub updated_at: Option<DateTime<Utc>>,
    /// Of the vehicle's last report in this attempt.
    pub waiting_for: Option<Json<VehicleWait>>,
    /// As that report says, by hardware id.
    pub versions: Option<Json<BTreeMap<HardwareId, String>>>,
    /// A campaign for one of the same ECUs that is under way on the vehicle, or goes first.
    pub behind: Option<CampaignId>,
    /// Why the campaign left the vehicle out, if it did.
    excluded: Option<String>,
    excluded_ecu: Option<String>,
    excluded_versions: Option<String>,
}

impl VehicleFacts {
    /// Why the campaign left the vehicle out, if it did.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`].
    pub fn exclusion(&self) -> Result<Option<Exclusion>, StoreError> {
        let exclusion =
            |reason: &String| exclusion(reason, self.excluded_ecu.as_deref(), self.excluded_versions.clone());
        self.excluded.as_ref().map(exclusion).transpose()
    }
}

/// What is known of `vin` in `campaign`; `None` when there is no such vehicle.
///
/// # Errors
/// [`StoreError`].
pub async fn vehicle(store: &Store, campaign: CampaignId, vin: &Vin) -> Result<Option<VehicleFacts>, StoreError> {
    Ok(sqlx::query_as(concat!(
        "SELECT v.retired_at IS NOT NULL AS retired, v.opted_out_at IS NOT NULL AS opted_out,
                EXISTS (SELECT FROM vehicle_credentials k
                         WHERE k.vehicle_id = v.id AND k.revoked_at IS NULL AND k.expires_at > clock_timestamp())
                  OR EXISTS (SELECT FROM vehicle_tokens t WHERE t.vehicle_id = v.id AND t.revoked_at IS NULL)
                  AS can_sign_in,
                greatest(r.inventory_at, r.ack_at, p.heard_at) AS last_heard,
                coalesce(r.ddi, false) AS ddi,
                EXISTS (SELECT FROM uptane_ecus u WHERE u.vehicle_id = v.id AND u.is_primary) AS uptane,
                v.attributes->>'time_zone' AS time_zone,
                (SELECT m.wave FROM campaign_waves w
                   JOIN campaign_members m
                     ON m.campaign_id = w.campaign_id AND m.wave = w.number AND m.vehicle_id = v.id
                  WHERE w.campaign_id = c.id) AS wave,
                a.state, a.attempt, f.error_code, a.updated_at, h.waiting_for, h.versions,
                (SELECT d.id FROM assignments b JOIN campaigns d ON d.id = b.campaign_id
                  WHERE b.vehicle_id = v.id AND d.id <> c.id AND d.state = 'running' AND d.closing IS NULL
                    AND (b.state IN ('accepted', 'downloading', 'downloaded', 'installing')
                         OR b.state IN ('assigned', 'offered') AND (d.priority, -d.id) > (c.priority, -c.id))
                    AND ",
        same_ecu!("c.release_id", "d.release_id"),
        "
                  ORDER BY d.priority DESC, d.id LIMIT 1) AS behind,
                x.reason AS excluded, x.hardware_id AS excluded_ecu, x.versions AS excluded_versions
           FROM vehicles v
           JOIN campaigns c ON c.id = $2
           LEFT JOIN vehicle_reports r ON r.vehicle_id = v.id
           LEFT JOIN vehicle_presence p ON p.vehicle_id = v.id
           LEFT JOIN assignments a ON a.vehicle_id = v.id AND a.campaign_id = c.id
           LEFT JOIN assignment_failures f
             ON f.campaign_id = c.id AND f.vehicle_id = v.id AND f.attempt = a.attempt
           LEFT JOIN campaign_exclusions x ON x.campaign_id = c.id AND x.vehicle_id = v.id
           LEFT JOIN LATERAL (
                SELECT waiting_for, versions FROM ack_history h
                 WHERE h.vehicle_id = v.id AND h.campaign_id = c.id AND h.attempt = a.attempt AND h.origin = 'vehicle'
                 ORDER BY h.sequence DESC, h.received_at DESC LIMIT 1) h ON true
          WHERE v.vin = $1"
    ))
    .bind(vin.as_str())
    .bind(campaign)
    .fetch_optional(store.pool())
    .await?)
}

/// Whether as many vehicles of `campaign` are under way as `most`.
///
/// # Errors
/// [`StoreError`].
pub async fn is_full(store: &Store, campaign: CampaignId, most: u64) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    Ok(under_way(&mut tx, campaign).await? >= most)
}
