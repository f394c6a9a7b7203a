//! A small fleet with a release to be rolled out to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::ack::{Ack, AckReport, Origin, ReportedState, VehicleWait};
use otaru_domain::document::CampaignDocument;
use otaru_domain::id::{ModelId, Vin};
use otaru_domain::{clock, topic};
use otaru_store::ingest::{Arrived, apply_acks};
use otaru_store::offsets::{self, Claim, Position};
use otaru_store::triage;
use serde_json::{Value, json};

use crate::world::{Caller, World, eventually, vin};

pub struct Fleet<'a> {
    pub world: &'a World,
    pub engineer: Caller<'a>,
    pub model: String,
    pub vins: Vec<Vin>,
    pub release: i64,
    claim: Claim,
    applied: AtomicI64,
}

impl<'a> Fleet<'a> {
    pub async fn new(world: &'a World, vehicles: usize) -> Self {
        let engineer = world.engineer().await;
        let model = world.model(&engineer).await;
        let sha256 = engineer.upload("bcm.bin", b"firmware").await;
        let release = json!({
            "name": model, "version": "2.3.0", "models": [model],
            "images": [{"hardware_id": "BCM", "sha256": sha256, "version": "2.3.0"}],
        });
        let release = engineer.post("/releases", &release).await.is(201)["id"].as_i64().unwrap();
        engineer.post(&format!("/releases/{release}/lock"), &json!({})).await.is(200);
        let claim = offsets::claim(world.store(), "acks", topic::ACKS, 0, clock::now()).await.unwrap();
        let mut fleet = Self { world, engineer, model, vins: Vec::new(), release, claim, applied: AtomicI64::new(0) };
        fleet.grow(vehicles).await;
        fleet
    }

    /// More vehicles.
    pub async fn grow(&mut self, vehicles: usize) {
        let new: Vec<Vin> = (0..vehicles).map(|_| vin()).collect();
        let lines = new.iter().map(|vin| json!({"vin": vin, "model": self.model, "region": "EU"}).to_string() + "\n");
        let answer = self.engineer.send("/vehicles/import", "application/x-ndjson", lines.collect::<String>()).await;
        assert_eq!(answer.is(200)["created"], vehicles);
        self.vins.extend(new);
    }

    pub fn draft(&self, waves: &[(f64, f64)]) -> Value {
        let waves: Vec<Value> =
            waves.iter().map(|(share, gate)| json!({"share_ratio": share, "gate_installed_ratio": gate})).collect();
        json!({
            "name": "Body control 2.3", "release": self.release, "target": r#"region == "EU""#,
            "precondition": "battery.soc >= 40", "waves": waves, "deadline": clock::now() + TimeDelta::days(1),
        })
    }

    /// Creates a campaign; its id.
    pub async fn create(&self, draft: &Value) -> i64 {
        self.engineer.post("/campaigns", draft).await.is(201)["id"].as_i64().unwrap()
    }

    pub async fn command(&self, id: i64, command: &str) -> Value {
        self.engineer.post(&format!("/campaigns/{id}/{command}"), &json!({"reason": "test"})).await.is(200)
    }

    pub async fn campaign(&self, id: i64) -> Value {
        self.engineer.get(&format!("/campaigns/{id}")).await.is(200)
    }

    /// Waits until the campaign, as the API shows it, is as `wanted` says.
    pub async fn until(&self, id: i64, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(what, async || Some(self.campaign(id).await).filter(|campaign| wanted(campaign))).await
    }

    pub async fn until_state(&self, id: i64, state: &str) -> Value {
        self.until(id, state, |campaign| campaign["state"] == state).await
    }

    pub async fn until_open(&self, id: i64, wave: usize) -> Value {
        self.until(id, "the wave is open", |campaign| !campaign["waves"][wave - 1]["opened_at"].is_null()).await
    }

    /// The campaign's assignments, as the API lists them.
    pub async fn assignments(&self, id: i64, query: &str) -> Vec<Value> {
        let page = self.engineer.get(&format!("/campaigns/{id}/assignments?limit=1000{query}")).await.is(200);
        page["items"].as_array().unwrap().clone()
    }

    pub async fn vins_of_wave(&self, id: i64, wave: usize) -> Vec<Vin> {
        let rows = self.assignments(id, &format!("&wave={wave}")).await;
        rows.iter().map(|row| Vin::parse(row["vin"].as_str().unwrap()).unwrap()).collect()
    }

    /// Lets vehicles report a step.
    pub async fn report(&self, campaign: i64, vins: &[Vin], sequence: u64, state: ReportedState) {
        self.say(vins, &report(campaign, sequence, state)).await;
    }

    /// Lets vehicles report that they failed.
    pub async fn fail(&self, campaign: i64, vins: &[Vin], code: Option<&str>, log: Option<&str>) -> Vec<Ack> {
        let (error_code, log) = (code.map(str::to_owned), log.map(str::to_owned));
        self.say(vins, &AckReport { error_code, log, ..report(campaign, 1, ReportedState::Failed) }).await
    }

    /// What triage does with failures.
    pub async fn label(&self, failures: &[Ack]) {
        let now = clock::now();
        let claim = offsets::claim(self.world.store(), triage::CONSUMER, topic::ACKS, 0, now).await.unwrap();
        let next_offset = claim.next_offset + 1;
        let to = Position { next_offset, high_offset: next_offset, last_at: now };
        let mut tx = self.world.store().begin().await.unwrap();
        triage::label(&mut tx, &claim, to, failures, now).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Lets a vehicle that has downloaded report that it waits.
    pub async fn wait(&self, campaign: i64, vin: &Vin, sequence: u64, wait: VehicleWait) {
        let report = AckReport { waiting_for: Some(wait), ..report(campaign, sequence, ReportedState::Downloaded) };
        self.say(std::slice::from_ref(vin), &report).await;
    }

    /// Lets vehicles send this report.
    pub async fn say(&self, vins: &[Vin], report: &AckReport) -> Vec<Ack> {
        let now = clock::now();
        let acks: Vec<Ack> = vins.iter().map(|vin| report.clone().into_ack(vin.clone(), None, now)).collect();
        self.apply(acks.clone()).await;
        acks
    }

    /// What vehicle-state does with messages of `otaru.acks`.
    pub async fn apply(&self, acks: Vec<Ack>) {
        let count = i64::try_from(acks.len()).unwrap();
        let first = self.applied.fetch_add(count, Ordering::SeqCst);
        let claim = Claim { next_offset: first, ..self.claim.clone() };
        let arrived: Vec<_> = (first..)
            .zip(acks)
            .map(|(offset, ack)| Arrived { offset, key: None, value: None, stored_at: None, message: Ok(ack) })
            .collect();
        let (next, now) = (first + count, clock::now());
        let to = Position { next_offset: next, high_offset: next, last_at: now };
        let mut tx = self.world.store().begin().await.unwrap();
        let applied = apply_acks(&mut tx, &claim, to, &arrived, now).await.unwrap();
        assert!(applied.dead.is_empty(), "{:?}", applied.dead);
        tx.commit().await.unwrap();
    }

    /// What the engine said on `otaru.acks` of this fleet's vehicles, once there are `count` messages.
    pub async fn withdrawals(&self, count: usize) -> Vec<Ack> {
        let ours: BTreeSet<&Vin> = self.vins.iter().collect();
        eventually("the withdrawals are sent", async || {
            let records = self.world.bus.read_topic(topic::ACKS).await.ok()?;
            let acks = records.iter().filter_map(|record| serde_json::from_slice::<Ack>(record.value.as_deref()?).ok());
            let acks: Vec<Ack> = acks.filter(|ack| ack.origin == Origin::Engine && ours.contains(&ack.vin)).collect();
            (acks.len() >= count).then_some(acks)
        })
        .await
    }

    /// The campaign's document as the newest complete repository of the model's topic has it.
    pub async fn document(&self, campaign: i64) -> Option<CampaignDocument> {
        let topic = topic::manifests(&ModelId::parse(&self.model).unwrap());
        let records = self.world.bus.read_topic(&topic).await.ok()?;
        let files: BTreeMap<String, Vec<u8>> = records
            .into_iter()
            .filter_map(|record| Some((String::from_utf8(record.key?).ok()?, record.value?)))
            .collect();
        let json = |name: &str| serde_json::from_slice::<Value>(files.get(name)?).ok();
        let snapshot = json("timestamp.json")?["signed"]["meta"]["snapshot.json"]["version"].as_u64()?;
        let snapshot = json(&format!("{snapshot}.snapshot.json"))?;
        let campaigns = snapshot["signed"]["meta"]["campaigns.json"]["version"].as_u64()?;
        let campaigns = json(&format!("{campaigns}.campaigns.json"))?;
        let name = CampaignDocument::name_of(campaign);
        let sha256 = campaigns["signed"]["targets"][&name]["hashes"]["sha256"].as_str()?.to_owned();
        serde_json::from_slice(files.get(&format!("{sha256}.{name}"))?).ok()
    }

    /// Waits until the published document is as `wanted` says.
    pub async fn until_published(
        &self,
        campaign: i64,
        what: &str,
        wanted: impl Fn(&CampaignDocument) -> bool,
    ) -> CampaignDocument {
        eventually(what, async || self.document(campaign).await.filter(|document| wanted(document))).await
    }

    /// What happened to the campaign so far.
    pub async fn events(&self, campaign: i64) -> Vec<Value> {
        let events = otaru_store::events::after(self.world.store(), 0, Some(campaign), 100).await.unwrap();
        events.iter().map(|event| serde_json::to_value(event).unwrap()).collect()
    }
}

pub fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

fn report(campaign: i64, sequence: u64, state: ReportedState) -> AckReport {
    AckReport::of(campaign, 1, sequence, state)
}
