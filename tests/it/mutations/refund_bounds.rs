//! Refunds and credit notes together, and who may approve.

use reqwest::Method;
use serde_json::{Value, json};
use tollgate::domain::audit::Actor;
use tollgate::domain::ids::{OrganizationId, RefundId, UserId};
use tollgate::domain::membership::Role;
use tollgate::domain::refund::RefundRole;
use tollgate::service::{RefundActor, RefundDecisionInput};

use super::payment_refund::{decide, paid, refund, set_limit, usd};
use crate::support::{Client, TestApp, text, uuid_of};

/// An organization with a paid invoice of 29 dollars. The invoice and its payment.
async fn paid_invoice(app: &TestApp) -> (String, String) {
    let (owner, organization) = app.subscriber().await;
    let query = "query($id: ID!) { invoices(organizationId: $id) { nodes { id status payments { id } } } }";
    let listed = owner.send(query, json!({ "id": organization })).await;
    let invoice = &listed.data()["invoices"]["nodes"][0];
    assert_eq!(invoice["status"], "PAID", "{:#}", listed.body);
    (text(&invoice["id"]), text(&invoice["payments"][0]["id"]))
}

async fn credit(client: &Client, invoice: &str, minor: &str) -> Value {
    let query = "mutation($input: CreditNoteCreateInput!) { creditNoteCreate(input: $input) {
        creditNote { id amount { minorUnits } } userErrors { code path message } } }";
    let input = json!({ "invoiceId": invoice, "amount": usd(minor) });
    client.send(query, json!({ "input": input })).await.data()["creditNoteCreate"].clone()
}

fn sum_at_stripe(app: &TestApp) -> i64 {
    let of = |kind: &str| -> i64 {
        app.sandbox.objects(kind).iter().map(|it| it["amount"].as_i64().expect("an amount")).sum()
    };
    of("refund") + of("credit_note")
}

#[tokio::test]
async fn refunds_and_credit_notes_of_one_invoice_give_back_no_more_than_was_paid() {
    let app = TestApp::start().await;
    let (invoice, payment) = paid_invoice(&app).await;
    let staff = app.staff();
    let credited = credit(&staff, &invoice, "2000").await;
    assert_eq!(credited["userErrors"], json!([]), "{credited:#}");
    let too_much = refund(&staff, json!({ "paymentId": payment, "amount": usd("901") })).await;
    assert_eq!(too_much["userErrors"][0]["path"], json!(["amount"]), "{too_much:#}");
    let rest = refund(&staff, json!({ "paymentId": payment })).await;
    assert_eq!(rest["refund"]["amount"]["minorUnits"], "900", "{rest:#}");
    let again = credit(&staff, &invoice, "1").await;
    assert_eq!(again["userErrors"][0]["path"], json!(["amount"]), "{again:#}");
    assert_eq!(sum_at_stripe(&app), 2_900);
}

#[tokio::test]
async fn two_at_once_do_not_both_fit() {
    for round in 0..3 {
        let app = TestApp::start().await;
        let (invoice, payment) = paid_invoice(&app).await;
        let staff = app.staff();
        let (one, other) = tokio::join!(
            refund(&staff, json!({ "paymentId": payment, "amount": usd("2000") })),
            credit(&staff, &invoice, "2000")
        );
        assert_eq!(sum_at_stripe(&app), 2_000, "round {round}: {one:#} {other:#}");
    }
}

#[tokio::test]
async fn what_waits_for_approval_is_held_and_counted_again_when_it_is_approved() {
    let app = TestApp::start().await;
    let (invoice, payment) = paid_invoice(&app).await;
    set_limit(&app, "PLATFORM_STAFF", "100000", "1000").await;
    let staff = app.staff();
    let asked = refund(&staff, json!({ "paymentId": payment, "amount": usd("1900") })).await;
    assert_eq!(asked["refund"]["status"], "AWAITING_APPROVAL", "{asked:#}");
    let refused = credit(&staff, &invoice, "1001").await;
    assert_eq!(refused["userErrors"][0]["path"], json!(["amount"]), "{refused:#}");
    // Somebody gives it back at Stripe meanwhile.
    let intent = text(&app.sandbox.objects("payment_intent")[0]["id"]);
    app.at_stripe(Method::POST, "refunds", &[("payment_intent", &intent[..]), ("amount", "1500")]).await;
    app.settled().await;
    let second = Client::new(app.address, Some(app.tokens.staff_token("second-staff")));
    let id = text(&asked["refund"]["id"]);
    let approved = decide(&second, "refundApprove", &id).await;
    assert_eq!(approved["userErrors"][0]["code"], "BAD_USER_INPUT", "{approved:#}");
    assert_eq!(sum_at_stripe(&app), 1_500);
    // It still waits, until somebody says no to it.
    let rejected = decide(&second, "refundReject", &id).await;
    assert_eq!(rejected["refund"]["status"], "REJECTED", "{rejected:#}");
}

#[tokio::test]
async fn a_credit_note_that_refunds_is_not_counted_twice() {
    let app = TestApp::start().await;
    let (invoice, payment) = paid_invoice(&app).await;
    let at_stripe = text(&app.sandbox.objects("invoice")[0]["id"]);
    let form = [("invoice", &at_stripe[..]), ("amount", "1000"), ("refund_amount", "1000")];
    app.at_stripe(Method::POST, "credit_notes", &form).await;
    app.settled().await;
    let rest = refund(&app.staff(), json!({ "paymentId": payment, "dryRun": true })).await;
    assert_eq!(rest["preview"]["refundableBefore"]["minorUnits"], "1900", "{rest:#}");
    let credited = credit(&app.staff(), &invoice, "1900").await;
    assert_eq!(credited["userErrors"], json!([]), "{credited:#}");
}

#[tokio::test]
async fn what_a_person_approves_counts_against_their_own_day() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let (_, first) = paid(&app, &owner, "acme", "5000").await;
    let (_, second) = paid(&app, &owner, "globex", "5000").await;
    set_limit(&app, "PLATFORM_STAFF", "6000", "1000").await;
    let staff = |name: &str| Client::new(app.address, Some(app.tokens.staff_token(name)));
    let (ann, ben, cas, dan) = (staff("ann"), staff("ben"), staff("cas"), staff("dan"));
    let one = refund(&ann, json!({ "paymentId": first, "amount": usd("4000") })).await;
    let other = refund(&ben, json!({ "paymentId": second, "amount": usd("4000") })).await;
    let (one, other) = (text(&one["refund"]["id"]), text(&other["refund"]["id"]));
    let approved = decide(&cas, "refundApprove", &one).await;
    assert_eq!(approved["refund"]["status"], "SUCCEEDED", "{approved:#}");
    let beyond = decide(&cas, "refundApprove", &other).await;
    assert_eq!(beyond["userErrors"][0]["code"], "LIMIT_EXCEEDED", "{beyond:#}");
    let by_another = decide(&dan, "refundApprove", &other).await;
    assert_eq!(by_another["refund"]["status"], "SUCCEEDED", "{by_another:#}");
}

async fn id_of(client: &Client) -> UserId {
    let answer = client.send("{ viewer { user { id } } }", json!({})).await;
    UserId(uuid_of(&text(&answer.data()["viewer"]["user"]["id"])))
}

#[tokio::test]
async fn who_lost_the_role_and_who_never_gives_back_decides_nothing() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let (organization, payment) = paid(&app, &owner, "acme", "5000").await;
    set_limit(&app, "ADMIN", "100000", "1000").await;
    let asker = app.member_as(&organization, "ann", Role::Admin).await;
    let approver = app.member_as(&organization, "ben", Role::Admin).await;
    let asked = refund(&asker, json!({ "paymentId": payment, "amount": usd("2000") })).await;
    assert_eq!(asked["refund"]["status"], "AWAITING_APPROVAL", "{asked:#}");
    let id = text(&asked["refund"]["id"]);
    // The owner's role has no limit: it gives nothing back, and takes nothing away from others.
    for mutation in ["refundApprove", "refundReject"] {
        let refused = decide(&owner, mutation, &id).await;
        assert_eq!(refused["userErrors"][0]["code"], "FORBIDDEN", "{mutation}: {refused:#}");
    }
    // A request that began while the role was held.
    let by = RefundActor { user_id: id_of(&approver).await, role: Some(RefundRole::Admin) };
    app.remove_member(&organization, &approver).await;
    let decision = || RefundDecisionInput {
        organization_id: OrganizationId(uuid_of(&organization)),
        refund_id: RefundId(uuid_of(&id)),
    };
    let late = app.service.approve_refund(&Actor::system(), by, decision(), None).await;
    assert!(matches!(late, Err(tollgate::service::ServiceError::Refused(_))), "{late:?}");
    let late = app.service.reject_refund(&Actor::system(), by, decision(), None).await;
    assert!(matches!(late, Err(tollgate::service::ServiceError::Refused(_))), "{late:?}");
    assert_eq!(app.sandbox.objects("refund").len(), 0);
    // Whoever asked withdraws it.
    let withdrawn = decide(&asker, "refundReject", &id).await;
    assert_eq!(withdrawn["refund"]["status"], "REJECTED", "{withdrawn:#}");
}
