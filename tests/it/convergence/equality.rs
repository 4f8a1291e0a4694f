//! The tables against the sandbox's objects, worked out here a second time and not by the gateway's own comparison.

use std::collections::{BTreeMap, HashMap, HashSet};

use entity::{
    audit_log, credit_note, deleted_customer, dispute, invoice, organization, payment, payment_attempt,
    payment_method, price, refund, stripe_event, subscription,
};
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use stripe_sandbox::Sandbox;

use super::effects::{self, Witness};
use super::history::of_customer;
use crate::support::text;

/// What the inbox holds.
pub struct Found {
    pub applied: u64,
    pub ignored: u64,
    pub recovered: u64,
}

/// The rows of a table that belong to an organization.
async fn of_organization<E: EntityTrait>(
    db: &DatabaseConnection,
    tenant: E::Column,
    organization: uuid::Uuid,
) -> Vec<E::Model> {
    E::find().filter(tenant.eq(organization)).all(db).await.expect("a query")
}

fn seconds(time: Option<chrono::DateTime<chrono::Utc>>) -> Value {
    time.map_or(Value::Null, |time| time.timestamp().into())
}

fn check(differences: &mut Vec<String>, what: &str, ours: &Value, stripes: &Value) {
    if ours != stripes {
        differences.push(format!("{what}\n  ours     {ours}\n  Stripe's {stripes}"));
    }
}

/// What it is compared with.
pub struct Expected<'a> {
    pub sandbox: &'a Sandbox,
    /// Those of ours.
    pub customers: &'a [String],
    /// Events that need not be in the inbox.
    pub before: &'a HashSet<String>,
    pub witness: &'a Witness,
}

/// Compares everything. The differences as text, while there are any.
pub async fn compare(db: &DatabaseConnection, expected: &Expected<'_>) -> Result<Found, String> {
    let &Expected { sandbox, customers, before, witness } = expected;
    let mut differences = Vec::new();
    let found = inbox(db, sandbox, before, &mut differences).await;
    effects::look(db, sandbox, witness, &mut differences).await;
    for customer in customers {
        let row = organization::Entity::find()
            .filter(organization::Column::StripeCustomerId.eq(customer))
            .one(db)
            .await
            .expect("a query")
            .expect("the customer's organization");
        customer_itself(db, sandbox, customer, &row, &mut differences).await;
        subscriptions(db, sandbox, customer, row.id, &mut differences).await;
        invoices(db, sandbox, customer, row.id, &mut differences).await;
        payments(db, sandbox, customer, row.id, &mut differences).await;
        payment_methods(db, sandbox, customer, row.id, &mut differences).await;
        money_back(db, sandbox, customer, row.id, &mut differences).await;
    }
    if differences.is_empty() { Ok(found) } else { Err(differences.join("\n")) }
}

/// What comparisons mended, by their records.
pub async fn mended(db: &DatabaseConnection) -> Vec<Value> {
    let records = audit_log::Entity::find()
        .filter(audit_log::Column::Action.eq("drift.mend"))
        .all(db)
        .await
        .expect("a query");
    records
        .into_iter()
        .map(|record| json!([record.resource_type, record.resource_id, record.old_values, record.new_values]))
        .collect()
}

/// Every event that Stripe still lists is here once, none is stuck, and each applied one has exactly one record.
async fn inbox(
    db: &DatabaseConnection,
    sandbox: &Sandbox,
    before: &HashSet<String>,
    differences: &mut Vec<String>,
) -> Found {
    let events = stripe_event::Entity::find().all(db).await.expect("a query");
    let mut by_id: HashMap<String, Vec<&stripe_event::Model>> = HashMap::new();
    for event in &events {
        by_id.entry(event.event_id.clone()).or_default().push(event);
    }
    for (id, rows) in &by_id {
        check(differences, &format!("rows of {id}"), &json!(rows.len()), &json!(1));
    }
    for event in sandbox.events() {
        let id = text(&event["id"]);
        if !by_id.contains_key(&id) && !before.contains(&id) {
            differences.push(format!("{id} ({}) is not in the inbox", event["type"]));
        }
    }
    let records = audit_log::Entity::find()
        .filter(audit_log::Column::ActorKind.eq("stripe"))
        .all(db)
        .await
        .expect("a query");
    let mut of_event: HashMap<String, u64> = HashMap::new();
    for record in records {
        *of_event.entry(record.request_id.expect("the event's id")).or_default() += 1;
    }
    let mut found = Found { applied: 0, ignored: 0, recovered: 0 };
    for event in &events {
        found.recovered += u64::from(event.source.as_deref() == Some("sweep"));
        let effects = of_event.get(&event.event_id).copied().unwrap_or_default();
        match event.state.as_str() {
            "applied" => {
                found.applied += 1;
                check(differences, &format!("records of {}", event.event_id), &json!(effects), &json!(1));
            }
            "ignored" => {
                found.ignored += 1;
                check(differences, &format!("records of {}", event.event_id), &json!(effects), &json!(0));
            }
            state => differences.push(format!(
                "{} ({}) is {state} after {} attempts: {:?}",
                event.event_id, event.event_type, event.attempts, event.last_error
            )),
        }
    }
    found
}

/// What stands of the customer itself with its organization: that it is gone, and the currency once there is one.
async fn customer_itself(
    db: &DatabaseConnection,
    sandbox: &Sandbox,
    customer: &str,
    row: &organization::Model,
    differences: &mut Vec<String>,
) {
    let gone = deleted_customer::Entity::find()
        .filter(deleted_customer::Column::StripeCustomerId.eq(customer))
        .one(db)
        .await
        .expect("a query");
    let shown = sandbox.objects("customer").into_iter().find(|it| it["id"] == customer).unwrap_or_default();
    let is_gone = shown["deleted"] == true;
    check(differences, &format!("{customer} deleted"), &json!(gone.is_some()), &json!(is_gone));
    if let Some(currency) = shown["currency"].as_str() {
        let ours = row.currency.as_ref().map(|it| it.to_lowercase());
        check(differences, &format!("{customer} currency"), &json!(ours), &json!(currency));
    }
}

/// What the schedule of a subscription changes next, if that differs from what is billed now.
fn next_of_schedule(subscription: &Value, schedules: &HashMap<String, Value>) -> Value {
    let Some(schedule) = subscription["schedule"].as_str().and_then(|id| schedules.get(id)) else {
        return Value::Null;
    };
    let now = schedule["current_phase"]["start_date"].as_i64().unwrap_or(i64::MIN);
    let phases = schedule["phases"].as_array().cloned().unwrap_or_default();
    let later = phases.iter().find(|phase| phase["start_date"].as_i64().is_some_and(|start| start > now));
    let Some(later) = later else { return Value::Null };
    let item = &subscription["items"]["data"][0];
    let (price, quantity) = (&later["items"][0]["price"], &later["items"][0]["quantity"]);
    if (price, quantity) == (&item["price"]["id"], &item["quantity"]) {
        return Value::Null;
    }
    json!([price, quantity, later["start_date"]])
}

async fn subscriptions(
    db: &DatabaseConnection,
    sandbox: &Sandbox,
    customer: &str,
    organization: uuid::Uuid,
    differences: &mut Vec<String>,
) {
    let prices: HashMap<uuid::Uuid, (String, uuid::Uuid)> = price::Entity::find()
        .all(db)
        .await
        .expect("a query")
        .into_iter()
        .filter_map(|row| Some((row.id, (row.stripe_price_id?, row.plan_id))))
        .collect();
    let rows =
        of_organization::<subscription::Entity>(db, subscription::Column::OrganizationId, organization).await;
    let ours: BTreeMap<String, Value> = rows
        .into_iter()
        .map(|row| {
            let price = row.price_id.and_then(|id| prices.get(&id));
            let discounts: Vec<Value> = row
                .discounts
                .as_ref()
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(|it| {
                    let ends = it["ends_at"].as_str().map(|at| {
                        chrono::DateTime::parse_from_rfc3339(at).expect("a time").timestamp()
                    });
                    json!([it["id"], it["coupon"], it["promotion_code"], ends])
                })
                .collect();
            let values = json!({
                "status": row.status, "quantity": row.quantity, "cancelAtPeriodEnd": row.cancel_at_period_end,
                "periodStart": seconds(row.current_period_start), "periodEnd": seconds(row.current_period_end),
                "trialStart": seconds(row.trial_start), "trialEnd": seconds(row.trial_end),
                "canceledAt": seconds(row.canceled_at),
                "endedAt": seconds(row.ended_at), "cancelAt": seconds(row.cancel_at),
                "reason": row.cancellation_reason, "feedback": row.cancellation_feedback,
                "latestInvoice": row.latest_stripe_invoice_id,
                "price": price.map(|(id, _)| id), "plan": row.plan_id, "startedAt": seconds(row.started_at),
                "discounts": discounts, "schedule": row.stripe_schedule_id,
                "scheduled": row.scheduled_stripe_price_id.map_or(Value::Null, |price| {
                    json!([price, row.scheduled_quantity, seconds(row.scheduled_at)])
                }),
                "paused": row.collection_paused, "pause": row.collection_pause_behavior,
                "resumesAt": seconds(row.collection_resumes_at),
                "pendingUntil": seconds(row.pending_update_expires_at),
                "method": row.default_payment_method,
            });
            (row.stripe_subscription_id.expect("only subscriptions of Stripe's were made"), values)
        })
        .collect();
    let earliest = |it: &Value, name: &str| -> Value {
        let items = it["items"]["data"].as_array().cloned().unwrap_or_default();
        items.iter().filter_map(|item| item[name].as_i64()).min().map_or(Value::Null, Value::from)
    };
    let by_id = |kind: &str| -> HashMap<String, Value> {
        sandbox.objects(kind).into_iter().map(|it| (text(&it["id"]), it)).collect()
    };
    let (discounts, schedules) = (by_id("discount"), by_id("subscription_schedule"));
    let stripes: BTreeMap<String, Value> = of_customer(sandbox, "subscription", customer)
        .iter()
        .map(|it| {
            let price = &it["items"]["data"][0]["price"]["id"];
            let known = prices.values().find(|(id, _)| price == id.as_str());
            let details = &it["cancellation_details"];
            let of_subscription: Vec<Value> = it["discounts"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|id| {
                    let shown = &discounts[id.as_str().expect("an id")];
                    json!([id, shown["source"]["coupon"], shown["promotion_code"], shown["end"]])
                })
                .collect();
            let values = json!({
                "status": it["status"], "quantity": it["items"]["data"][0]["quantity"],
                "cancelAtPeriodEnd": it["cancel_at_period_end"],
                "periodStart": earliest(it, "current_period_start"),
                "periodEnd": earliest(it, "current_period_end"),
                "trialStart": it["trial_start"],
                "trialEnd": it["trial_end"], "canceledAt": it["canceled_at"], "endedAt": it["ended_at"],
                "cancelAt": it["cancel_at"],
                "reason": if details["comment"].is_null() { &details["feedback"] } else { &details["comment"] },
                "feedback": details["feedback"], "latestInvoice": it["latest_invoice"],
                "price": known.map(|(id, _)| id), "plan": known.map(|(_, plan)| plan), "startedAt": it["start_date"],
                "discounts": of_subscription, "schedule": it["schedule"],
                "scheduled": next_of_schedule(it, &schedules),
                "paused": !it["pause_collection"].is_null(), "pause": it["pause_collection"]["behavior"],
                "resumesAt": it["pause_collection"]["resumes_at"],
                "pendingUntil": it["pending_update"]["expires_at"],
                "method": it["default_payment_method"],
            });
            (text(&it["id"]), values)
        })
        .collect();
    each(differences, "subscription", &ours, &stripes);
}

async fn invoices(
    db: &DatabaseConnection,
    sandbox: &Sandbox,
    customer: &str,
    organization: uuid::Uuid,
    differences: &mut Vec<String>,
) {
    let subscriptions: HashMap<uuid::Uuid, Option<String>> = subscription::Entity::find()
        .all(db)
        .await
        .expect("a query")
        .into_iter()
        .map(|row| (row.id, row.stripe_subscription_id))
        .collect();
    let rows = invoice::Entity::find()
        .filter(invoice::Column::OrganizationId.eq(organization))
        .filter(invoice::Column::Status.ne("deleted"))
        .all(db)
        .await
        .expect("a query");
    let ours: BTreeMap<String, Value> = rows
        .into_iter()
        .map(|row| {
            let lines: Vec<Value> =
                row.line_items.as_array().into_iter().flatten().map(|line| line["id"].clone()).collect();
            let values = json!({
                "status": row.status, "number": row.number, "total": row.total_minor,
                "due": row.amount_due_minor, "paid": row.amount_paid_minor,
                "remaining": row.amount_remaining_minor, "attempts": row.attempt_count,
                "paidAt": seconds(row.paid_at), "voidedAt": seconds(row.voided_at),
                "finalizedAt": seconds(row.finalized_at), "lines": lines, "subtotal": row.subtotal_minor,
                "collection": row.collection_method, "dueDate": seconds(row.due_date),
                "nextAttempt": seconds(row.next_payment_attempt_at), "reason": row.billing_reason,
                "periodStart": row.period_start.timestamp(), "periodEnd": row.period_end.timestamp(),
                "page": row.hosted_url,
                "subscription": row.subscription_id.and_then(|id| subscriptions.get(&id).cloned().flatten()),
            });
            (row.stripe_invoice_id, values)
        })
        .collect();
    let all_lines = |it: &Value| -> Vec<Value> {
        let lines = it["lines"]["data"].as_array().cloned().unwrap_or_default();
        lines.iter().map(|line| line["id"].clone()).collect()
    };
    let mut stripes = BTreeMap::new();
    for it in of_customer(sandbox, "invoice", customer) {
        // The embedded list is cut at ten; the rest is asked for as any client would.
        let mut lines = all_lines(&it);
        if it["lines"]["has_more"] == true {
            let url = format!("{}/v1/invoices/{}/lines?limit=100", sandbox.base_url(), text(&it["id"]));
            let page = reqwest::Client::new().get(url).bearer_auth("sk_test_dashboard").send().await;
            let page: Value = page.expect("the sandbox answers").json().await.expect("JSON");
            lines = all_lines(&json!({ "lines": page }));
        }
        let transitions = &it["status_transitions"];
        let values = json!({
            "status": it["status"], "number": it["number"], "total": it["total"], "due": it["amount_due"],
            "paid": it["amount_paid"], "remaining": it["amount_remaining"], "attempts": it["attempt_count"],
            "paidAt": transitions["paid_at"], "voidedAt": transitions["voided_at"],
            "finalizedAt": transitions["finalized_at"], "lines": lines, "subtotal": it["subtotal"],
            "collection": it["collection_method"], "dueDate": it["due_date"],
            "nextAttempt": it["next_payment_attempt"], "reason": it["billing_reason"],
            "periodStart": it["period_start"], "periodEnd": it["period_end"], "page": it["hosted_invoice_url"],
            "subscription": it["parent"]["subscription_details"]["subscription"],
        });
        stripes.insert(text(&it["id"]), values);
    }
    each(differences, "invoice", &ours, &stripes);
}

async fn payments(
    db: &DatabaseConnection,
    sandbox: &Sandbox,
    customer: &str,
    organization: uuid::Uuid,
    differences: &mut Vec<String>,
) {
    let invoices: HashMap<uuid::Uuid, String> = invoice::Entity::find()
        .all(db)
        .await
        .expect("a query")
        .into_iter()
        .map(|row| (row.id, row.stripe_invoice_id))
        .collect();
    let rows = of_organization::<payment::Entity>(db, payment::Column::OrganizationId, organization).await;
    let ours: BTreeMap<String, Value> = rows
        .into_iter()
        .map(|row| {
            let values = json!({
                "amount": row.amount_minor, "received": row.amount_received_minor,
                "refunded": row.amount_refunded_minor, "status": row.status, "code": row.failure_code,
                "method": row.payment_method, "invoice": row.invoice_id.and_then(|id| invoices.get(&id).cloned()),
            });
            (row.stripe_payment_intent_id, values)
        })
        .collect();
    let pays: HashMap<String, Value> = sandbox
        .objects("invoice_payment")
        .iter()
        .filter_map(|it| Some((it["payment"]["payment_intent"].as_str()?.to_owned(), it["invoice"].clone())))
        .collect();
    let charges: HashMap<String, Value> =
        sandbox.objects("charge").into_iter().map(|it| (text(&it["id"]), it)).collect();
    let stripes: BTreeMap<String, Value> = of_customer(sandbox, "payment_intent", customer)
        .iter()
        .map(|it| {
            let error = &it["last_payment_error"];
            let status = match it["status"].as_str().expect("a status") {
                "requires_payment_method" if !error.is_null() => "failed",
                "succeeded" => "succeeded",
                "canceled" => "canceled",
                "requires_action" => "requires_action",
                _ => "pending",
            };
            let charge = it["latest_charge"].as_str().and_then(|id| charges.get(id));
            let id = text(&it["id"]);
            let values = json!({
                "amount": it["amount"], "received": it["amount_received"],
                "refunded": charge.map_or(json!(0), |charge| charge["amount_refunded"].clone()),
                "status": status, "code": error["code"], "method": it["payment_method"],
                "invoice": pays.get(&id).cloned().unwrap_or(Value::Null),
            });
            (id, values)
        })
        .collect();
    each(differences, "payment", &ours, &stripes);
}

async fn payment_methods(
    db: &DatabaseConnection,
    sandbox: &Sandbox,
    customer: &str,
    organization: uuid::Uuid,
    differences: &mut Vec<String>,
) {
    let rows = payment_method::Entity::find()
        .filter(payment_method::Column::OrganizationId.eq(organization))
        .filter(payment_method::Column::DetachedAt.is_null())
        .all(db)
        .await
        .expect("a query");
    let ours: BTreeMap<String, Value> = rows
        .into_iter()
        .map(|row| {
            let values = json!({ "kind": row.kind, "last4": row.card_last4, "expiry": row.card_exp_year,
                    "bank": row.bank_last4, "default": row.is_default });
            (row.stripe_payment_method_id, values)
        })
        .collect();
    let shown = sandbox.objects("customer").into_iter().find(|it| it["id"] == customer).unwrap_or_default();
    let default = &shown["invoice_settings"]["default_payment_method"];
    let stripes: BTreeMap<String, Value> = of_customer(sandbox, "payment_method", customer)
        .iter()
        .map(|it| {
            let values = json!({
                "kind": it["type"], "last4": it["card"]["last4"], "expiry": it["card"]["exp_year"],
                "bank": it["us_bank_account"]["last4"], "default": it["id"] == *default,
            });
            (text(&it["id"]), values)
        })
        .collect();
    each(differences, "payment method", &ours, &stripes);
}

/// Attempts, refunds, disputes and credit notes.
async fn money_back(
    db: &DatabaseConnection,
    sandbox: &Sandbox,
    customer: &str,
    organization: uuid::Uuid,
    differences: &mut Vec<String>,
) {
    let payments: HashMap<uuid::Uuid, String> =
        of_organization::<payment::Entity>(db, payment::Column::OrganizationId, organization)
            .await
            .into_iter()
            .map(|row| (row.id, row.stripe_payment_intent_id))
            .collect();
    let invoices: HashMap<uuid::Uuid, String> =
        of_organization::<invoice::Entity>(db, invoice::Column::OrganizationId, organization)
            .await
            .into_iter()
            .map(|row| (row.id, row.stripe_invoice_id))
            .collect();
    let intents: HashSet<String> =
        of_customer(sandbox, "payment_intent", customer).iter().map(|it| text(&it["id"])).collect();
    let of_ours = |kind: &str| {
        let mut objects = sandbox.objects(kind);
        objects.retain(|it| it["payment_intent"].as_str().is_some_and(|id| intents.contains(id)));
        objects
    };

    let rows = of_organization::<refund::Entity>(db, refund::Column::OrganizationId, organization).await;
    let ours = rows.into_iter().map(|row| {
        let values = json!({ "payment": payments.get(&row.payment_id), "amount": row.amount_minor,
            "status": row.status, "failure": row.failure_reason });
        (row.stripe_refund_id.expect("only refunds of Stripe's were made"), values)
    });
    let stripes = of_ours("refund").into_iter().map(|it| {
        let values = json!({ "payment": it["payment_intent"], "amount": it["amount"], "status": it["status"],
            "failure": it["failure_reason"] });
        (text(&it["id"]), values)
    });
    each(differences, "refund", &ours.collect(), &stripes.collect());

    let rows =
        of_organization::<payment_attempt::Entity>(db, payment_attempt::Column::OrganizationId, organization)
            .await;
    let ours = rows.into_iter().map(|row| {
        let values = json!({ "payment": payments.get(&row.payment_id), "amount": row.amount_minor,
            "status": row.status, "code": row.failure_code });
        (row.stripe_charge_id, values)
    });
    let stripes = of_ours("charge").into_iter().map(|it| {
        let values = json!({ "payment": it["payment_intent"], "amount": it["amount"], "status": it["status"],
            "code": it["failure_code"] });
        (text(&it["id"]), values)
    });
    each(differences, "attempt", &ours.collect(), &stripes.collect());

    let rows = of_organization::<dispute::Entity>(db, dispute::Column::OrganizationId, organization).await;
    let ours = rows.into_iter().map(|row| {
        let values = json!({ "payment": payments.get(&row.payment_id), "amount": row.amount_minor,
            "status": row.status, "reason": row.reason, "hasEvidence": row.has_evidence });
        (row.stripe_dispute_id, values)
    });
    let stripes = of_ours("dispute").into_iter().map(|it| {
        let values = json!({ "payment": it["payment_intent"], "amount": it["amount"], "status": it["status"],
            "reason": it["reason"], "hasEvidence": it["evidence_details"]["has_evidence"] });
        (text(&it["id"]), values)
    });
    each(differences, "dispute", &ours.collect(), &stripes.collect());

    let rows =
        of_organization::<credit_note::Entity>(db, credit_note::Column::OrganizationId, organization).await;
    let ours = rows.into_iter().map(|row| {
        let values = json!({ "invoice": invoices.get(&row.invoice_id), "amount": row.amount_minor,
            "status": row.status, "number": row.number, "voidedAt": seconds(row.voided_at) });
        (row.stripe_credit_note_id, values)
    });
    let stripes = of_customer(sandbox, "credit_note", customer).into_iter().map(|it| {
        let values = json!({ "invoice": it["invoice"], "amount": it["amount"], "status": it["status"],
            "number": it["number"], "voidedAt": it["voided_at"] });
        (text(&it["id"]), values)
    });
    each(differences, "credit note", &ours.collect(), &stripes.collect());
}

fn each(
    differences: &mut Vec<String>,
    noun: &str,
    ours: &BTreeMap<String, Value>,
    stripes: &BTreeMap<String, Value>,
) {
    for id in ours.keys().chain(stripes.keys().filter(|id| !ours.contains_key(*id))) {
        let (our, stripe) = (ours.get(id), stripes.get(id));
        if our != stripe {
            let value = |side: Option<&Value>| side.cloned().unwrap_or(Value::Null);
            check(differences, &format!("{noun} {id}"), &value(our), &value(stripe));
        }
    }
}
