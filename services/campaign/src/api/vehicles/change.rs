//! `PATCH /vehicles/{vin}`

use std::collections::BTreeMap;

use axum::extract::State;
use otaru_domain::clock;
use otaru_domain::id::Vin;
use otaru_http::Json;
use otaru_store::vehicles::{self, Details};
use otaru_store::{StoreError, audit};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use utoipa::ToSchema;

use super::{Vehicle, fields, lock_in_service, with_ecus};
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::PathPart;

/// What to change of a vehicle (as in RFC 7396): what is missing stays, and `null` removes.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VehicleChange)]
pub struct Body {
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<i32>)]
    pub model_year: Option<Option<i32>>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    pub region: Option<Option<String>>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    pub rxswin: Option<Option<String>>,
    /// Whether its holder wants no updates over the air: then none is offered to it, and no campaign takes it.
    pub opted_out: Option<bool>,
    /// All tags it is to have.
    pub tags: Option<Vec<String>>,
    /// Attributes to set, or with `null` to remove; others stay.
    pub attributes: Option<BTreeMap<String, Option<String>>>,
}

/// Tells `null` from missing.
pub(crate) fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

impl Body {
    /// The fields that are said; what they say may tell of a person, and the log keeps it for ever.
    fn fields(&self) -> Vec<&'static str> {
        let fields = [
            ("model_year", self.model_year.is_some()),
            ("region", self.region.is_some()),
            ("rxswin", self.rxswin.is_some()),
            ("opted_out", self.opted_out.is_some()),
            ("tags", self.tags.is_some()),
            ("attributes", self.attributes.is_some()),
        ];
        fields.into_iter().filter(|(_, said)| *said).map(|(field, _)| field).collect()
    }

    fn apply(self, details: &mut Details) {
        if let Some(model_year) = self.model_year {
            details.model_year = model_year;
        }
        if let Some(region) = self.region {
            details.region = region;
        }
        if let Some(rxswin) = self.rxswin {
            details.rxswin = rxswin;
        }
        if let Some(opted_out) = self.opted_out {
            details.opted_out = opted_out;
        }
        if let Some(tags) = self.tags {
            details.tags = tags;
        }
        for (name, value) in self.attributes.unwrap_or_default() {
            match value {
                Some(value) => details.attributes.insert(name, value),
                None => details.attributes.remove(&name),
            };
        }
    }
}

/// Change a vehicle
///
/// What is missing stays, `null` removes. A vehicle's model never changes.
#[utoipa::path(patch, path = "/vehicles/{vin}", tag = "vehicles", operation_id = "change_vehicle", request_body = Body,
    params(("vin" = Vin, Path)), responses((status = 200, body = Vehicle)))]
pub(super) async fn change(
    State(app): State<App>,
    actor: Actor,
    PathPart(vin): PathPart<Vin>,
    Json(body): Json<Body>,
) -> Result<Json<Vehicle>, ApiError> {
    let mut tx = app.store.begin().await?;
    let mut vehicle = lock_in_service(&mut tx, &vin).await?;
    let said = body.fields();
    body.apply(&mut vehicle.details);
    fields::details(&vehicle.details)?;
    let now = clock::now();
    vehicles::update(&mut tx, vehicle.id, &vehicle.details, now).await?;
    let details = &vehicle.details;
    let said = json!({"fields": said, "rxswin": details.rxswin, "opted_out": details.opted_out});
    audit::record(&mut tx, &actor.name, "vehicle_changed", &audit::vehicle(vehicle.id), &said, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    with_ecus(&app, &vin).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_removes_and_missing_stays() {
        let mut details = Details {
            model_year: Some(2024),
            region: Some("EU".into()),
            tags: vec!["beta".into()],
            attributes: BTreeMap::from([("a".into(), "1".into()), ("b".into(), "2".into())]),
            ..Details::default()
        };
        let body: Body = serde_json::from_str(r#"{"region": null, "attributes": {"a": null, "c": "3"}}"#).unwrap();
        body.apply(&mut details);
        assert_eq!(details.model_year, Some(2024));
        assert_eq!(details.region, None);
        assert_eq!(details.tags, ["beta"]);
        assert_eq!(details.attributes, BTreeMap::from([("b".into(), "2".into()), ("c".into(), "3".into())]));
    }
}
