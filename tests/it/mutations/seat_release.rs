//! What becomes of the seat that a member leaves.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::domain::ids::OrganizationId;
use tollgate::domain::membership::Role;

use super::member::{ask, done, member};
use super::subscription_change::seat_plan;
use crate::support::{Client, TestApp, TestOptions, eventually, uuid_of};

struct Seats {
    owner: Client,
    organization: String,
}

/// An organization with five seats of which four are held.
async fn seats(app: &TestApp, card: &str) -> Seats {
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = seat_plan(app, "pro", 2_900).await;
    app.card(&owner, &organization, card).await;
    let input = json!({ "input": { "organizationId": organization, "planId": plan, "quantity": "5" } });
    owner.send(crate::support::SUBSCRIBE, input).await.data();
    for name in ["peter", "quinn", "rosa"] {
        app.member(&organization, name).await;
    }
    app.settled().await;
    Seats { owner, organization }
}

impl Seats {
    async fn subscription(&self) -> Value {
        let query = "query($id: ID!) { organization(id: $id) { subscription { quantity scheduledChange { quantity } } } }";
        let answer = self.owner.send(query, json!({ "id": self.organization })).await;
        answer.data()["organization"]["subscription"].clone()
    }

    async fn until(&self, what: &str, expected: Value) {
        eventually(what, || async { (self.subscription().await == expected).then_some(()) }).await;
    }

    async fn remove(&self, name: &str) -> Value {
        let id = member(&self.owner, &self.organization, name).await["id"].clone();
        done(&self.owner, "memberRemove", json!({ "memberId": id }), "operation { kind state }").await
    }

    async fn policy(&self, release: &str) {
        let input = json!({ "organizationId": self.organization, "seatRelease": release });
        let set =
            done(&self.owner, "organizationSeatReleaseSet", input, "organization { seatRelease }").await;
        assert_eq!(set["organization"]["seatRelease"], release);
    }
}

#[tokio::test]
async fn a_seat_is_released_when_the_period_is_over_and_each_further_one_with_it() {
    let app = TestApp::start().await;
    let it = seats(&app, "pm_card_visa").await;
    let removed = it.remove("peter").await;
    assert_eq!(removed["operation"]["kind"], "subscription.change", "{removed:#}");
    it.until("one seat less", json!({ "quantity": "5", "scheduledChange": { "quantity": "4" } })).await;
    let suspend = member(&it.owner, &it.organization, "quinn").await["id"].clone();
    done(&it.owner, "memberSuspend", json!({ "memberId": suspend }), "operation { kind }").await;
    it.until("two seats less", json!({ "quantity": "5", "scheduledChange": { "quantity": "3" } })).await;
    // Whoever is suspended has left their seat already.
    let removed = it.remove("quinn").await;
    assert_eq!(removed["operation"], Value::Null);
    let records = app.audit_records().await;
    let ended = records.iter().find(|record| {
        record.action == "member.remove"
            && record.new_values.as_ref().is_some_and(|new| new["seat"] == "released")
    });
    assert!(
        ended.is_some_and(|record| record.new_values.as_ref().expect("values")["operationId"].is_string())
    );
}

/// What is given up for the end of the period is billed until then, and by nobody afterwards: whoever sat down on it would
/// sit there unpaid.
#[tokio::test]
async fn a_seat_that_is_given_up_is_taken_again_only_when_it_is_kept() {
    let app = TestApp::start().await;
    let it = seats(&app, "pm_card_visa").await;
    it.remove("peter").await;
    it.until("one seat less", json!({ "quantity": "5", "scheduledChange": { "quantity": "4" } })).await;
    it.remove("quinn").await;
    it.until("two seats less", json!({ "quantity": "5", "scheduledChange": { "quantity": "3" } })).await;
    let invite =
        |name: &str| json!({ "organizationId": it.organization, "email": format!("{name}@example.com") });
    done(&it.owner, "memberInvite", invite("third"), "invitation { id }").await;
    let refused = ask(&it.owner, "memberInvite", invite("fourth"), "").await;
    let (code, _, message) = refused.user_error("memberInvite");
    assert_eq!(code, "LIMIT_EXCEEDED", "{message}");
    assert!(message.contains("subscriptionScheduledChangeRevoke"), "{message}");
    let query = "query($id: ID!) { organization(id: $id) { subscription { id } } }";
    let answer = it.owner.send(query, json!({ "id": it.organization })).await;
    let id = &answer.data()["organization"]["subscription"]["id"];
    done(&it.owner, "subscriptionScheduledChangeRevoke", json!({ "subscriptionId": id }), "").await;
    done(&it.owner, "memberInvite", invite("fourth"), "invitation { id }").await;
}

#[tokio::test]
async fn a_seat_is_released_at_once_or_kept_as_the_organization_wants_it() {
    let app = TestApp::start().await;
    let it = seats(&app, "pm_card_visa").await;
    it.policy("KEEP").await;
    assert_eq!(it.remove("peter").await["operation"], Value::Null);
    assert_eq!(it.subscription().await["quantity"], "5");
    it.policy("NOW").await;
    it.remove("quinn").await;
    it.until("one seat less now", json!({ "quantity": "4", "scheduledChange": null })).await;
    let manager = app.member_as(&it.organization, "ada", Role::Auditor).await;
    let input = json!({ "organizationId": it.organization, "seatRelease": "KEEP" });
    assert_eq!(ask(&manager, "organizationSeatReleaseSet", input, "").await.code(), "FORBIDDEN");
}

#[tokio::test]
async fn while_a_payment_is_due_a_seat_stays_and_is_released_when_it_is_made() {
    let app = TestApp::start().await;
    let it = seats(&app, "pm_card_visa").await;
    app.disturb("UPDATE subscriptions SET status = 'past_due'").await;
    let removed = it.remove("peter").await;
    assert_eq!(removed["operation"], Value::Null);
    assert_eq!(app.service.release_freed_seats().await.expect("looked at"), 0);
    assert_eq!(it.subscription().await, json!({ "quantity": "5", "scheduledChange": null }));
    app.disturb("UPDATE subscriptions SET status = 'active'").await;
    it.until("the seat", json!({ "quantity": "5", "scheduledChange": { "quantity": "4" } })).await;
    let record = eventually("the record", || async {
        app.audit_records().await.into_iter().find(|record| record.action == "seats.release")
    })
    .await;
    assert_eq!(record.new_values, Some(json!({ "seats": 1, "outcome": "released" })));
}

/// A payment may fall due after the seat was decided about and before Stripe is told: Stripe's own word counts.
#[tokio::test]
async fn a_seat_that_is_about_to_be_released_stays_when_a_payment_falls_due() {
    // Nothing runs by itself: the operation is written down, and run by hand.
    let mut options = TestOptions::default();
    options.worker.sweep = Duration::from_secs(3_600);
    options.worker.settle_when_told = false;
    let app = TestApp::start_with(options).await;
    let it = seats(&app, "pm_card_visa").await;
    let organization = OrganizationId(uuid_of(&it.organization));
    let removed = it.remove("peter").await;
    assert_eq!(removed["operation"]["kind"], "subscription.change", "{removed:#}");
    assert_eq!(app.store().count_freed_seats(organization).await.expect("a count"), 0);
    let at_stripe = |status: &str| {
        let mut subscription = app.sandbox.objects("subscription").pop().expect("a subscription");
        subscription["status"] = json!(status);
        app.sandbox.import(vec![subscription]);
    };
    at_stripe("past_due");
    app.service.settle_abandoned_operations().await.expect("it is run");
    assert_eq!(app.operation_states(&it.organization, "subscription.change").await, ["FAILED"]);
    assert_eq!(app.store().count_freed_seats(organization).await.expect("a count"), 1);
    assert_eq!(it.subscription().await, json!({ "quantity": "5", "scheduledChange": null }));
    let records = app.audit_records().await;
    let put_off = records.iter().find(|record| record.action == "seats.release").expect("a record");
    assert_eq!(put_off.new_values, Some(json!({ "seats": 1, "outcome": "released_later" })));

    at_stripe("active");
    assert_eq!(app.service.release_freed_seats().await.expect("looked at"), 1);
    app.service.settle_abandoned_operations().await.expect("it is run");
    assert_eq!(it.subscription().await, json!({ "quantity": "5", "scheduledChange": { "quantity": "4" } }));
    assert_eq!(app.store().count_freed_seats(organization).await.expect("a count"), 0);
}

/// Until Stripe is told, a seat that was left is there to be sat on: whoever comes back to it, or in somebody's place, takes
/// none of the spare ones.
#[tokio::test]
async fn a_seat_that_somebody_takes_again_while_a_payment_is_due_is_not_released() {
    let app = TestApp::start().await;
    let it = seats(&app, "pm_card_visa").await;
    let organization = OrganizationId(uuid_of(&it.organization));
    let freed = async || app.store().count_freed_seats(organization).await.expect("a count");
    app.disturb("UPDATE subscriptions SET status = 'past_due'").await;
    let id = member(&it.owner, &it.organization, "peter").await["id"].clone();
    done(&it.owner, "memberSuspend", json!({ "memberId": id }), "").await;
    assert_eq!(freed().await, 1);
    done(&it.owner, "memberReinstate", json!({ "memberId": id }), "").await;
    assert_eq!(freed().await, 0);
    it.remove("quinn").await;
    assert_eq!(freed().await, 1);
    let invite = json!({ "organizationId": it.organization, "email": "nora@example.com" });
    let token = done(&it.owner, "memberInvite", invite, "token").await["token"].clone();
    done(&app.client("nora"), "invitationAccept", json!({ "token": token }), "member { id }").await;
    assert_eq!(freed().await, 0);
    for action in ["member.reinstate", "invitation.accept"] {
        let records = app.audit_records().await;
        let record = records.iter().find(|record| record.action == action).expect("a record");
        let values = record.new_values.as_ref().expect("values");
        assert_eq!(values["seat"], "kept", "{action}: {values:#}");
    }
    app.disturb("UPDATE subscriptions SET status = 'active'").await;
    assert_eq!(app.service.release_freed_seats().await.expect("looked at"), 0);
    assert_eq!(it.subscription().await, json!({ "quantity": "5", "scheduledChange": null }));
}

/// An organization that cannot be looked at, however early it stands, keeps no other one's seat.
#[tokio::test]
async fn a_fault_in_one_organization_keeps_no_other_ones_seat() {
    let app = TestApp::start().await;
    let broken = app.organization(&app.client("olivia"), "broken").await;
    let it = seats(&app, "pm_card_visa").await;
    app.disturb("UPDATE subscriptions SET status = 'past_due'").await;
    it.remove("peter").await;
    app.disturb("UPDATE organizations SET seat_release = 'nonsense' WHERE slug = 'broken'").await;
    app.disturb(
        "INSERT INTO seat_releases (id, organization_id, created_at) \
         SELECT id, id, created_at FROM organizations WHERE slug = 'broken'",
    )
    .await;
    let first = app.store().organizations_with_freed_seats(None, 1).await.expect("a query");
    assert_eq!(first, [OrganizationId(uuid_of(&broken))]);
    app.disturb("UPDATE subscriptions SET status = 'active'").await;
    it.until("the seat", json!({ "quantity": "5", "scheduledChange": { "quantity": "4" } })).await;
}

#[tokio::test]
async fn removing_somebody_does_not_wait_for_an_operation_that_is_under_way() {
    let app = TestApp::start().await;
    let it = seats(&app, "pm_card_visa").await;
    // Two at once: one operation has the subscription, the other seat follows.
    let ids: Vec<Value> = futures::future::join_all(
        ["peter", "quinn", "rosa"].map(|name| member(&it.owner, &it.organization, name)),
    )
    .await
    .into_iter()
    .map(|member| member["id"].clone())
    .collect();
    let removals =
        ids.iter().map(|id| done(&it.owner, "memberRemove", json!({ "memberId": id }), "memberId"));
    futures::future::join_all(removals).await;
    it.until("three seats less", json!({ "quantity": "5", "scheduledChange": { "quantity": "2" } })).await;
}
