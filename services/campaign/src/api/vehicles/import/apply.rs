//! Writing the lines of an import, a chunk in a transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::id::{ModelId, Vin};
use otaru_domain::tuf::Key;
use otaru_http::Problem;
use otaru_store::models::{self, Model};
use otaru_store::vehicles::{self, Details, ImportVehicle, Imported};
use otaru_store::{StoreError, Tx, audit};
use serde_json::json;

use super::lines::Line;
use super::{ImportReport, ImportedLine, LineStatus};
use crate::api::vehicles::fields;
use crate::app::App;
use crate::auth::Actor;
use crate::credentials::{self, DEFAULT_DAYS, Holder};
use crate::error::ApiError;

/// How often a chunk is tried that collides with another change.
const TRIES: u32 = 5;

/// An import under way.
pub(super) struct Import {
    app: App,
    actor: Actor,
    /// Signs credentials, if they are asked for.
    key: Option<Key>,
    models: HashMap<ModelId, Option<Model>>,
    pub report: ImportReport,
}

/// What was written for a vehicle.
type Written = HashMap<Vin, (Imported, Option<String>)>;

impl Import {
    pub fn new(app: App, actor: Actor, with_credentials: bool) -> Result<Self, ApiError> {
        let key = if with_credentials { Some(app.keys.token_key()?) } else { None };
        Ok(Self { app, actor, key, models: HashMap::new(), report: ImportReport::default() })
    }

    /// Writes a chunk and adds its lines to the report.
    ///
    /// # Errors
    /// [`ApiError`] when the database is away: lines in the report are written, the others are not.
    pub async fn apply(&mut self, chunk: Vec<Line>) -> Result<(), ApiError> {
        self.learn_models(&chunk).await?;
        // A VIN twice: the later line comes after the earlier one is written.
        let mut batch: Vec<Line> = Vec::with_capacity(chunk.len());
        let mut vins = BTreeSet::new();
        for mut line in chunk {
            line.vehicle = line.vehicle.and_then(|vehicle| self.check(&vehicle).map(|()| vehicle));
            if let Ok(vehicle) = &line.vehicle
                && !vins.insert(vehicle.vin.clone())
            {
                vins = BTreeSet::from([vehicle.vin.clone()]);
                self.write(std::mem::take(&mut batch)).await?;
            }
            batch.push(line);
        }
        self.write(batch).await
    }

    async fn learn_models(&mut self, chunk: &[Line]) -> Result<(), ApiError> {
        let named = chunk.iter().filter_map(|line| line.vehicle.as_ref().ok()).map(|vehicle| &vehicle.model);
        let new: BTreeSet<ModelId> = named.filter(|model| !self.models.contains_key(*model)).cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        let new: Vec<ModelId> = new.into_iter().collect();
        let known = models::get_all(&self.app.store, &new).await?;
        self.models.extend(new.into_iter().map(|id| (id, None)));
        self.models.extend(known.into_iter().map(|model| (model.id.clone(), Some(model))));
        Ok(())
    }

    fn check(&self, vehicle: &ImportVehicle) -> Result<(), String> {
        let Some(model) = self.models.get(&vehicle.model).and_then(Option::as_ref) else {
            return Err(format!("/model: there is no model {}", vehicle.model));
        };
        if self.actor.require_models([&model.id]).is_err() {
            return Err(format!("/model: the token changes nothing of model {}", model.id));
        }
        if vehicle.ack_key.is_some() && self.key.is_none() {
            return Err("/ack_key: it goes with a credential: import with ?credentials=true".to_owned());
        }
        let details = Details {
            model_year: vehicle.model_year,
            region: vehicle.region.clone(),
            tags: vehicle.tags.clone().unwrap_or_default(),
            attributes: vehicle.attributes.clone().unwrap_or_default(),
            rxswin: vehicle.rxswin.clone(),
            opted_out: false,
        };
        let checked =
            fields::details(&details).and_then(|()| fields::against_model(model, &vehicle.vin, &vehicle.ecus));
        checked.map_err(|problem| {
            let problem = problem.body();
            format!("{}: {}", problem.pointer.as_deref().unwrap_or_default(), problem.detail)
        })
    }

    async fn write(&mut self, lines: Vec<Line>) -> Result<(), ApiError> {
        let vehicles: Vec<ImportVehicle> = lines.iter().filter_map(|line| line.vehicle.clone().ok()).collect();
        let mut tries = 1;
        let mut written = loop {
            match self.write_once(&vehicles).await {
                // Inventories of the same vehicles may be applied at the same time.
                Err(ApiError::Store(error)) if error.is_transient() && tries < TRIES => {
                    tokio::time::sleep(Duration::from_millis(20) * tries).await;
                    tries += 1;
                }
                Err(error) => return Err(self.stopped(error)),
                Ok(written) => break written,
            }
        };
        for line in lines {
            self.report.add(outcome(line, &mut written));
        }
        Ok(())
    }

    async fn write_once(&self, vehicles: &[ImportVehicle]) -> Result<Written, ApiError> {
        if vehicles.is_empty() {
            return Ok(Written::new());
        }
        let now = clock::now();
        let mut tx = self.app.store.begin().await?;
        let outcomes = vehicles::import(&mut tx, vehicles, now).await?;
        let mut tokens = BTreeMap::new();
        if let Some(key) = &self.key {
            let holders: Vec<Holder> = vehicles.iter().zip(&outcomes).filter_map(holder).collect();
            let expires_at = credentials::expiry(DEFAULT_DAYS, now);
            let issued = credentials::issue(&mut tx, key, &holders, expires_at, &self.actor.name, now).await?;
            tokens = holders.into_iter().map(|holder| holder.vin).zip(issued).collect();
        }
        self.record(&mut tx, &outcomes, tokens.len(), now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        let written = vehicles.iter().zip(outcomes).map(|(vehicle, outcome)| {
            let token = tokens.remove(&vehicle.vin).map(|issued| issued.token);
            (vehicle.vin.clone(), (outcome, token))
        });
        Ok(written.collect())
    }

    /// One entry for the chunk: a fleet's vehicles are told by their rows, in order of creation.
    async fn record(
        &self,
        tx: &mut Tx,
        outcomes: &[Imported],
        credentials: usize,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let (mut created, mut updated) = (Vec::new(), Vec::new());
        for outcome in outcomes {
            match outcome {
                Imported::Created(id) => created.push(*id),
                Imported::Updated(id) => updated.push(*id),
                Imported::OtherModel(_) | Imported::Retired => {}
            }
        }
        if created.is_empty() && updated.is_empty() {
            return Ok(());
        }
        created.sort_unstable();
        updated.sort_unstable();
        let details = json!({"created": created, "updated": updated, "credentials_issued": credentials});
        audit::record(tx, &self.actor.name, "vehicles_imported", "fleet", &details, now).await
    }

    /// Says how far the import came before it was stopped.
    fn stopped(&self, error: ApiError) -> ApiError {
        let done = self.report.lines.len();
        match error {
            ApiError::Store(error) if error.is_transient() => Problem::unavailable(
                format!("the database is away; the first {done} lines are in, send the file again"),
                5,
            )
            .into(),
            error => error,
        }
    }
}

fn holder((vehicle, outcome): (&ImportVehicle, &Imported)) -> Option<Holder> {
    match outcome {
        Imported::Created(id) | Imported::Updated(id) => {
            let (vin, model) = (vehicle.vin.clone(), vehicle.model.clone());
            Some(Holder { vehicle: *id, vin, model, ack_key: vehicle.ack_key })
        }
        Imported::OtherModel(_) | Imported::Retired => None,
    }
}

fn outcome(line: Line, written: &mut Written) -> ImportedLine {
    let failed = |detail: String| (LineStatus::Failed, Some(detail), None);
    let (status, detail, token) = match line.vehicle {
        Err(detail) => failed(detail),
        Ok(vehicle) => match written.remove(&vehicle.vin) {
            Some((Imported::Created(_), token)) => (LineStatus::Created, None, token),
            Some((Imported::Updated(_), token)) => (LineStatus::Updated, None, token),
            Some((Imported::OtherModel(model), _)) => {
                failed(format!("/model: the vehicle is a {model}, and a vehicle's model never changes"))
            }
            Some((Imported::Retired, _)) => failed("/vin: the vehicle is retired".to_owned()),
            None => failed("the line was not written".to_owned()),
        },
    };
    ImportedLine { line: line.number, vin: line.vin, status, detail, token }
}
