//! Nothing is lost and nothing counts twice, whatever goes away.

use crate::proxy::Proxy;
use crate::world::{Role, World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn owners_that_come_and_go_count_each_ack_once() {
    let world = World::new(600).await;
    let first = world.role().await;
    world.send(&world.installs(0..150)).await;
    eventually("the first role applies", async || !world.states().await.iter().any(|one| one.1 == 600)).await;
    let second = world.role().await;
    world.send(&world.installs(100..300)).await;
    first.abort().await;
    let third = world.role().await;
    world.send(&world.installs(300..450)).await;
    second.stop().await;
    world.send(&world.installs(450..600)).await;
    world.applied().await;
    assert_eq!(world.states().await, [("installed".to_owned(), 600)]);
    assert_eq!(world.assert_rebuilds().await, 3250);
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_may_go_away_and_come_back() {
    let world = World::new(200).await;
    let mut database = world.database.config();
    let mut url: url::Url = database.url.parse().unwrap();
    let mut proxy = Proxy::to(format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432))).await;
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.address.port())).unwrap();
    database.url = url.into();
    let role = Role::start(database, world.bus_config()).await;
    world.send(&world.installs(0..100)).await;
    world.applied().await;
    assert!(role.get("/readyz").await.starts_with("HTTP/1.1 200"));
    proxy.cut();
    world.send(&world.installs(100..200)).await;
    eventually("the role says that it is not ready", async || {
        let answer = role.get("/readyz").await;
        answer.starts_with("HTTP/1.1 503") && answer.contains("database")
    })
    .await;
    assert_eq!(world.states().await, [("assigned".to_owned(), 100), ("installed".to_owned(), 100)]);
    proxy.restore().await;
    world.applied().await;
    assert_eq!(world.states().await, [("installed".to_owned(), 200)]);
    eventually("the role is ready again", async || role.get("/readyz").await.starts_with("HTTP/1.1 200")).await;
    assert_eq!(world.assert_rebuilds().await, 1000);
    role.stop().await;
}
