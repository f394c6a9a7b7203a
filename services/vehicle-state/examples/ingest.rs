//! How many acknowledgements a second vehicle-state takes in, from the broker to committed rows, on a million
//! assignments; and what a bare loop of set-based updates makes on the same Postgres. `ops/bench ingest` runs it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use otaru_bus::{Bus, BusConfig, Message};
use otaru_domain::ack::{Ack, Origin};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::{CampaignId, VehicleId, Vin};
use otaru_domain::{clock, topic};
use otaru_embedded::{Broker, Postgres};
use otaru_store::testing::{load, states};
use otaru_store::{Config, Store};
use rand::seq::SliceRandom as _;
use rand::{SeedableRng as _, rngs::SmallRng};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const CAMPAIGN: CampaignId = 1;
const BARE_ROWS: usize = 5_000;
const PARTITIONS: i32 = 6;
const SENT_AT_ONCE: usize = 20_000;
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let vehicles: i64 = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse()).context("a number")?;
    let folder = tempfile::tempdir()?;
    let postgres = Postgres::start(folder.path(), None).await?;
    let broker = Broker::start(folder.path(), SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let database = Config { url: postgres.url().to_owned(), max_connections: 16, schema: None };
    let bus = BusConfig {
        acks_partitions: PARTITIONS,
        properties: Broker::client_properties(),
        ..BusConfig::new(broker.bootstrap())
    };
    let store = Store::open(&database)?;
    store.migrate().await?;
    eprintln!("{vehicles} vehicles with an assignment each");
    let mut fleet = load::fleet(&store, "harbour", CAMPAIGN, vehicles, clock::now()).await?;
    // Vehicles report in no order.
    fleet.shuffle(&mut SmallRng::seed_from_u64(1));

    let ids: Vec<VehicleId> = fleet.iter().map(|(id, _)| *id).collect();
    let one = bare(&store, &ids, 1).await?;
    eprintln!("bare, one connection: {one:.0} rows/s");
    let parallel = bare(&store, &ids, usize::try_from(PARTITIONS)?).await?;
    eprintln!("bare, {PARTITIONS} connections: {parallel:.0} rows/s");
    send(&Bus::new(bus.clone()), &fleet).await?;
    let ingest = ingest(&store, database, bus, vehicles).await?;
    eprintln!("ingest: {ingest:.0} acks/s");
    broker.stop().await;
    postgres.stop().await;
    let result = serde_json::json!({
        "bench": "ingest", "assignments": vehicles, "acks_per_sec": ingest.round(),
        "bare_rows_per_sec": one.round(), "ratio": round(ingest / one),
        "bare_parallel_rows_per_sec": parallel.round(), "ratio_parallel": round(ingest / parallel),
        "bare_rows_per_update": BARE_ROWS, "partitions": PARTITIONS,
    });
    println!("{result}");
    Ok(())
}

fn round(ratio: f64) -> f64 {
    (ratio * 1_000.0).round() / 1_000.0
}

fn per_sec(count: usize, took: Duration) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from) / took.as_secs_f64()
}

/// Updates all rows of a fresh copy, `at_once` updates at a time; rows per second.
async fn bare(store: &Store, ids: &[VehicleId], at_once: usize) -> anyhow::Result<f64> {
    load::copy_assignments(store).await?;
    let now = clock::now();
    let begun = Instant::now();
    let mut updates = futures::stream::iter(ids.chunks(BARE_ROWS))
        .map(|chunk| load::bare_update(store, CAMPAIGN, chunk, now))
        .buffer_unordered(at_once);
    let mut updated = 0;
    while let Some(rows) = updates.try_next().await? {
        updated += rows;
    }
    let took = begun.elapsed();
    ensure!(usize::try_from(updated)? == ids.len(), "{updated} rows were updated");
    Ok(per_sec(ids.len(), took))
}

/// One acknowledgement of each vehicle, on the topic.
async fn send(bus: &Bus, fleet: &[(VehicleId, String)]) -> anyhow::Result<()> {
    bus.ensure_topics().await?;
    let producer = bus.producer()?;
    let now = clock::now();
    for part in fleet.chunks(SENT_AT_ONCE) {
        let messages = part.iter().map(|(_, vin)| {
            let ack = Ack {
                origin: Origin::Vehicle,
                id: Uuid::new_v4(),
                sequence: 1,
                ..Ack::by_server(Origin::Vehicle, Vin::parse(vin)?, CAMPAIGN, 1, AssignmentState::Accepted, now)
            };
            Ok(Message { key: Some(vin.clone().into_bytes()), value: Some(serde_json::to_vec(&ack)?), headers: vec![] })
        });
        producer.send_all(topic::ACKS, messages.collect::<anyhow::Result<_>>()?).await?;
    }
    eprintln!("{} acknowledgements are on the topic", fleet.len());
    Ok(())
}

/// Runs the role until it has applied all; acknowledgements per second, from the first batch to the last.
async fn ingest(store: &Store, database: Config, bus: BusConfig, vehicles: i64) -> anyhow::Result<f64> {
    let stop = CancellationToken::new();
    let config = otaru_vehicle_state::Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), database, bus };
    let mut role = tokio::spawn(otaru_vehicle_state::run(config, stop.clone()));
    let mut first: Option<(i64, Instant)> = None;
    let rate = loop {
        let applied = load::applied(store, topic::ACKS).await?;
        match first {
            None if applied > 0 => first = Some((applied, Instant::now())),
            Some((before, begun)) if applied >= vehicles => {
                break per_sec(usize::try_from(applied - before)?, begun.elapsed());
            }
            _ => {}
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            ended = &mut role => bail!("the role ended: {ended:?}"),
        }
    };
    stop.cancel();
    role.await??;
    let counted = states(store, CAMPAIGN).await?;
    ensure!(counted == [("accepted".to_owned(), vehicles)], "the rows say {counted:?}");
    Ok(rate)
}
