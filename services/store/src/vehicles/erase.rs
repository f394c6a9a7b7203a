//! Erasing what tells of a vehicle's holder. The row stays, with a pseudonym for its VIN, so everything that
//! was recorded of the vehicle still belongs together; that it was this VIN is known nowhere any more.

use chrono::{DateTime, Utc};
use otaru_domain::id::{VehicleId, Vin};

use super::one_row;
use crate::{StoreError, Tx, presence};

/// Gives the vehicle, which is locked, `pseudonym` for its VIN, and removes what could name it or its holder:
/// tags, attributes, its places on lists, serial numbers, its ECUs' keys, what it wrote to its logs, dead letters with its VIN. It is retired.
///
/// # Errors
/// [`StoreError`].
pub async fn erase(
    tx: &mut Tx,
    id: VehicleId,
    vin: &Vin,
    pseudonym: &Vin,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let erased = sqlx::query(
        "UPDATE vehicles SET vin = $2, tags = '{}', attributes = '{}', retired_at = coalesce(retired_at, $3),
                             updated_at = $3, erased_at = $3
         WHERE id = $1",
    )
    .bind(id)
    .bind(pseudonym.as_str())
    .bind(now)
    .execute(&mut **tx)
    .await?;
    one_row(erased.rows_affected(), id)?;
    presence::forget(tx, id, now).await?;
    for statement in [
        "UPDATE vehicle_ecus SET serial = NULL WHERE vehicle_id = $1 AND serial IS NOT NULL",
        "UPDATE vehicle_ecu_history SET serial = NULL WHERE vehicle_id = $1 AND serial IS NOT NULL",
        "UPDATE assignment_failures SET log = NULL WHERE vehicle_id = $1 AND log IS NOT NULL",
        "DELETE FROM group_vehicles WHERE vehicle_id = $1",
        "DELETE FROM vehicle_presence WHERE vehicle_id = $1",
        "DELETE FROM uptane_ecus WHERE vehicle_id = $1",
        "DELETE FROM uptane_directions WHERE vehicle_id = $1",
    ] {
        sqlx::query(statement).bind(id).execute(&mut **tx).await?;
    }
    sqlx::query("DELETE FROM dead_letters WHERE key = $1 OR position($1 in coalesce(value, '')) > 0")
        .bind(vin.as_str().as_bytes())
        .execute(&mut **tx)
        .await?;
    in_words(tx, vin, pseudonym).await
}

/// Where people wrote the VIN. A target that names it goes on meaning this vehicle.
async fn in_words(tx: &mut Tx, vin: &Vin, pseudonym: &Vin) -> Result<(), StoreError> {
    for statement in [
        "UPDATE campaigns SET target = replace(target, $1, $2), name = replace(name, $1, $2),
                              state_reason = replace(state_reason, $1, $2)
         WHERE position($1 in target || ' ' || name || ' ' || coalesce(state_reason, '')) > 0",
        "UPDATE campaign_waves SET expression = replace(expression, $1, $2), vins = array_replace(vins, $1, $2)
         WHERE $1 = ANY(vins) OR position($1 in expression) > 0",
        "UPDATE groups SET name = replace(name, $1, $2), expression = replace(expression, $1, $2)
         WHERE position($1 in name || ' ' || coalesce(expression, '')) > 0",
        "UPDATE releases SET recall_reason = replace(recall_reason, $1, $2) WHERE position($1 in recall_reason) > 0",
        "UPDATE emergency_stop SET reason = replace(reason, $1, $2) WHERE position($1 in reason) > 0",
        "UPDATE campaign_reviews SET reason = replace(reason, $1, $2) WHERE position($1 in reason) > 0",
    ] {
        sqlx::query(statement).bind(vin.as_str()).bind(pseudonym.as_str()).execute(&mut **tx).await?;
    }
    Ok(())
}
