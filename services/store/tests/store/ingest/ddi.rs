//! What the device API reads of a vehicle's assignments.

use otaru_domain::ack::Origin;
use otaru_domain::assignment::AssignmentState as S;
use otaru_store::ddi::{self, AutoConfirm, CANCEL_REJECTED};
use otaru_store::vehicle_tokens::{self, NewVehicleToken, TokenOutcome};
use sqlx::PgPool;
use uuid::Uuid;

use super::support::{Fleet, ack, after, by, vin};

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn an_answer_to_a_withdrawal_is_found_in_the_history(pool: PgPool) {
    let fleet = Fleet::new(&pool, 3, 1).await;
    let campaign = 1;
    let mut rejection = ack(1, campaign, 1, 1, S::Accepted);
    rejection.error_code = Some(CANCEL_REJECTED.to_owned());
    let acks = [
        by(Origin::Gateway, 0, campaign, 1, S::Offered, 1),
        by(Origin::Engine, 0, campaign, 1, S::Cancelled, 2),
        by(Origin::Gateway, 0, campaign, 1, S::Cancelled, 3),
        by(Origin::Engine, 1, campaign, 1, S::TimedOut, 2),
        rejection,
        ack(2, campaign, 1, 1, S::Installing),
        ack(2, campaign, 1, 2, S::Installed),
        by(Origin::Engine, 2, campaign, 1, S::Cancelled, 9),
    ];
    let mut claim = fleet.claim(0).await;
    fleet.apply(&mut claim, &acks).await;
    let mut found = Vec::new();
    for number in 0..3 {
        let standings = ddi::standings(&fleet.store, fleet.vehicle_id(number).await, &vin(number), None).await.unwrap();
        assert_eq!(standings.len(), 1);
        let one = standings[0].clone();
        found.push((one.step, one.exit, one.withdrawn, one.cancel_closed, one.cancel_rejected));
    }
    assert_eq!(
        found,
        [
            (S::Offered, None, Some(S::Cancelled), true, false),
            (S::Accepted, None, Some(S::TimedOut), false, true),
            (S::Installing, Some(S::Installed), Some(S::Cancelled), false, false),
        ]
    );
    let other = ddi::standings(&fleet.store, fleet.vehicle_id(0).await, &vin(1), None).await.unwrap();
    assert_eq!(other, [], "a row that is another VIN's");
    let none = ddi::standings(&fleet.store, fleet.vehicle_id(0).await, &vin(0), Some(campaign + 1)).await.unwrap();
    assert_eq!(none, []);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn consent_is_given_again_and_taken_back(pool: PgPool) {
    let fleet = Fleet::new(&pool, 1, 1).await;
    let vehicle = fleet.vehicle_id(0).await;
    assert_eq!(ddi::auto_confirm(&fleet.store, vehicle).await.unwrap(), None);
    for initiator in ["owner", "workshop"] {
        let given = AutoConfirm { initiator: Some(initiator.into()), remark: None, activated_at: after(1) };
        ddi::set_auto_confirm(&fleet.store, vehicle, Some(&given)).await.unwrap();
        assert_eq!(ddi::auto_confirm(&fleet.store, vehicle).await.unwrap(), Some(given));
    }
    ddi::set_auto_confirm(&fleet.store, vehicle, None).await.unwrap();
    assert_eq!(ddi::auto_confirm(&fleet.store, vehicle).await.unwrap(), None);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_token_is_one_vehicles_and_a_revoked_one_does_not_come_back(pool: PgPool) {
    let fleet = Fleet::new(&pool, 2, 1).await;
    let import = async |tokens: &[(usize, u8)]| {
        let new = |(vehicle, secret): &(usize, u8)| NewVehicleToken {
            id: Uuid::now_v7(),
            vin: vin(*vehicle),
            sha256: [*secret; 32],
        };
        let tokens: Vec<NewVehicleToken> = tokens.iter().map(new).collect();
        let mut tx = fleet.store.begin().await.unwrap();
        let outcomes = vehicle_tokens::import(&mut tx, &tokens, "test", after(0)).await.unwrap();
        tx.commit().await.unwrap();
        outcomes
    };
    use TokenOutcome::{Imported, Refused, Unchanged, UnknownVehicle};
    assert_eq!(import(&[(0, 1), (1, 2), (77, 3)]).await, [Imported, Imported, UnknownVehicle]);
    assert_eq!(import(&[(0, 1), (0, 2)]).await, [Unchanged, Refused]);
    let holder = vehicle_tokens::holder(&fleet.store, &[1; 32]).await.unwrap().unwrap();
    assert_eq!((holder.vin, holder.vehicle), (vin(0), fleet.vehicle_id(0).await));
    let mut tx = fleet.store.begin().await.unwrap();
    assert!(!vehicle_tokens::revoke(&mut tx, fleet.vehicle_id(1).await, holder.token, after(1)).await.unwrap());
    assert!(vehicle_tokens::revoke(&mut tx, fleet.vehicle_id(0).await, holder.token, after(1)).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(vehicle_tokens::holder(&fleet.store, &[1; 32]).await.unwrap(), None);
    assert_eq!(import(&[(0, 1)]).await, [Refused]);
    let listed = vehicle_tokens::list(&fleet.store, fleet.vehicle_id(0).await, None, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].revoked_at, Some(after(1)));
}
