//! Previews of invoices: a change is rehearsed on a copy of what concerns the customer, and the invoice that comes of it
//! is shown. What is previewed is therefore what would happen.

use serde_json::{Map, Value, json};

use crate::calendar::Period;
use crate::clock::Timestamp;
use crate::errors::{Answer, ApiError, ErrorType};
use crate::http::{Call, ask};
use crate::invoices::{self, NewInvoice};
use crate::json::{self, Fields, patch};
use crate::state::State;
use crate::subscription_lifecycle::{self, Ending};
use crate::{
    customer_balance, customers, invoice_items, subscription_resume, subscription_schedules,
    subscription_updates, subscriptions, tax_ids, time,
};

/// What `subscription_details` takes over into the request that it stands for.
const DETAILS: &[&str] = &[
    "cancel_at",
    "cancel_at_period_end",
    "default_tax_rates",
    "items",
    "metadata",
    "proration_behavior",
    "proration_date",
    "trial_end",
];

/// Things that may happen to a subscription before its next invoice: a warning, and a few that change nothing.
const PATIENCE: usize = 50;

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let subscription = match params.text("subscription") {
        Some(id) => Some(state.named("subscription", "subscription", id, "subscription")?.clone()),
        None => None,
    };
    let schedule = match params.text("schedule") {
        Some(id) => {
            Some(state.named("subscription_schedule", "subscription_schedule", id, "schedule")?.clone())
        }
        None => None,
    };
    let scheduled = schedule.is_some() || !params.at("schedule_details").is_null();
    if scheduled && (subscription.is_some() || !params.at("subscription_details").is_null()) {
        return Err(ApiError::invalid("You cannot preview a subscription and a schedule at the same time.")
            .param("schedule"));
    }
    let owner = subscription.as_ref().or(schedule.as_ref()).and_then(|object| object.text("customer"));
    let named = params.text("customer").or(owner).map(str::to_owned);
    if named.is_none() && params.at("customer_details").is_null() {
        return Err(ApiError::missing("customer"));
    }
    if let Some(customer) = &named {
        customers::named(state, customer)?;
    }
    if owner.is_some_and(|owner| Some(owner) != named.as_deref()) {
        return Err(
            ApiError::invalid("The subscription does not belong to the customer.").param("subscription")
        );
    }
    let now = state.now();
    let mut stage = state.rehearsal(named.as_deref().unwrap_or_default());
    stage.clock.pin(Some(now));
    let customer = match &named {
        Some(customer) => customer.clone(),
        None => ask(&mut stage, customers::create, &[], json!({}))?.id().to_owned(),
    };
    override_customer(&mut stage, &customer, params.at("customer_details"))?;
    let rehearsed = if scheduled {
        add_items(&mut stage, params, None, &customer)
            .and_then(|()| of_schedule(&mut stage, params, schedule.as_ref(), &customer))
    } else {
        rehearse(&mut stage, params, subscription.as_ref(), &customer)
    };
    // Ids that were given away in the rehearsal are not given twice.
    state.ids = stage.ids.clone();
    let invoice = rehearsed?;
    let mut shown = show(&mut stage, &invoice)?;
    if named.is_none() {
        // Somebody who is only described has no id.
        shown.put("customer", Value::Null);
    }
    Ok(shown)
}

/// Lets the customer of a rehearsal be as the request describes them.
fn override_customer(stage: &mut State, customer: &str, details: &Value) -> Result<(), ApiError> {
    if !details.list("tax_ids").is_empty() {
        stage.store.retain("tax_id", |known| known.text("customer") != Some(customer));
    }
    for (index, sent) in details.list("tax_ids").iter().enumerate() {
        let made =
            tax_ids::build(stage, customer, sent, &format!("customer_details[tax_ids][{index}][value]"))?;
        stage.store.insert(made);
    }
    stage.change("customer", customer, |customer| {
        patch(customer, details, &["address", "tax_exempt"]);
        if details.at("address").is_object() {
            customer.put("address", json::address(details.at("address")));
        }
        json::patch_shipping(customer, details);
        if customer.at("tax_exempt").is_null() {
            customer.put("tax_exempt", "none");
        }
    });
    Ok(())
}

/// Makes happen what the request describes. Gives the id of the invoice's draft.
fn rehearse(
    stage: &mut State,
    params: &Value,
    subscription: Option<&Value>,
    customer: &str,
) -> Result<String, ApiError> {
    add_items(stage, params, subscription, customer)?;
    let details = params.at("subscription_details");
    let Some(subscription) = subscription else {
        if details.at("items").is_null() {
            return pending_of(stage, params, customer);
        }
        return subscriptions::begin(stage, &creation(params, customer)?).map(|begun| begun.invoice);
    };
    let id = subscription.id();
    if details.flag("cancel_now") == Some(true) {
        let prorate = details.text("proration_behavior") != Some("none");
        subscription_lifecycle::cancel(stage, id, &Ending { reason: None, prorate, invoice_now: true });
        return stage
            .store
            .newest_first("invoice", |invoice| invoice.text("status") == Some("draft"))
            .first()
            .filter(|invoice| invoices::subscription_of(invoice) == Some(id))
            .map(|invoice| invoice.id().to_owned())
            .ok_or_else(|| none(customer));
    }
    if details.text("resume_at") == Some("now") {
        let resumed = subscription_resume::begin(stage, subscription, &update(params)?)?;
        return match resumed {
            Some(invoice) => Ok(invoice),
            None => {
                stage.change("subscription", id, |subscription| subscription.put("status", "active"));
                next_invoice(stage, id, customer)
            }
        };
    }
    let invoiced = subscription_updates::change(stage, subscription, &update(params)?)?;
    let recurring = params.text("preview_mode") == Some("recurring");
    if let (Some(invoice), false) = (invoiced, recurring) {
        return Ok(invoice);
    }
    if recurring {
        let waiting = invoice_items::pending(
            stage,
            customer,
            subscription.text("currency").unwrap_or_default(),
            Some(id),
        );
        for item in waiting {
            stage.store.remove("invoiceitem", &item);
        }
    }
    next_invoice(stage, id, customer)
}

/// Makes a schedule what the request describes, and lets time pass until its subscription is invoiced.
fn of_schedule(
    stage: &mut State,
    params: &Value,
    schedule: Option<&Value>,
    customer: &str,
) -> Result<String, ApiError> {
    let mut details = params.at("schedule_details").clone();
    let known = schedule.and_then(|schedule| newest_of(stage, schedule.text("subscription")?));
    let id = match schedule {
        Some(schedule) => {
            if details.is_object() {
                let ids = vec![schedule.id().to_owned()];
                subscription_schedules::update(&mut Call { state: stage, params: details, ids })?;
            }
            schedule.id().to_owned()
        }
        None => {
            details.put("customer", customer);
            // A preview says only on its phases when it begins.
            let start = details.list("phases").first().and_then(|phase| phase.int("start_date"));
            if let Some(start) = start {
                details.put("start_date", start);
            }
            let made =
                subscription_schedules::create(&mut Call { state: stage, params: details, ids: Vec::new() })?;
            made.id().to_owned()
        }
    };
    for _ in 0..PATIENCE {
        let schedule = stage.load("subscription_schedule", "subscription_schedule", &id)?;
        if let Some(subscription) = schedule.text("subscription").map(str::to_owned) {
            return match newest_of(stage, &subscription) {
                Some(invoice) if known.as_ref() != Some(&invoice) => Ok(invoice),
                _ => next_invoice(stage, &subscription, customer),
            };
        }
        if !time::advance_schedule(stage, &id) {
            break;
        }
    }
    Err(none(customer))
}

/// The request to change a subscription that `subscription_details` stands for.
fn update(sent: &Value) -> Result<Value, ApiError> {
    let details = sent.at("subscription_details");
    let mut params = picked(sent);
    match details.text("billing_cycle_anchor.type") {
        None => {}
        // Where it is is where it stays, but for a subscription that is taken up again.
        Some("unchanged") if details.at("resume_at").is_null() => {}
        Some("unchanged") => params.put("billing_cycle_anchor.type", "unchanged"),
        Some("now") => params.put("billing_cycle_anchor.type", "now"),
        Some(_) => return Err(ApiError::unsupported("subscription_details[billing_cycle_anchor]")),
    }
    Ok(params)
}

/// The request to create a subscription that the parameters stand for.
fn creation(params: &Value, customer: &str) -> Result<Value, ApiError> {
    let details = params.at("subscription_details");
    let mut creation = picked(params);
    if !details.at("proration_date").is_null() {
        return Err(ApiError::invalid(
            "You cannot set `subscription_details[proration_date]` without a subscription.",
        )
        .param("subscription_details[proration_date]"));
    }
    if let Some(anchor) = details.int("billing_cycle_anchor.timestamp") {
        creation.put("billing_cycle_anchor", anchor);
    }
    creation.put("customer", customer);
    creation.put("payment_behavior", "default_incomplete");
    if let Some(currency) = params.text("currency") {
        creation.put("currency", currency);
    }
    Ok(creation)
}

fn picked(params: &Value) -> Value {
    let details = params.at("subscription_details");
    let sent = DETAILS.iter().filter(|name| !details.at(name).is_null());
    let mut picked: Map<String, Value> =
        sent.map(|name| ((*name).to_owned(), details.at(name).clone())).collect();
    for name in ["automatic_tax", "discounts"].into_iter().filter(|name| !params.at(name).is_null()) {
        picked.insert(name.to_owned(), params.at(name).clone());
    }
    Value::Object(picked)
}

/// Lets a subscription's time pass until it is invoiced.
fn next_invoice(stage: &mut State, id: &str, customer: &str) -> Result<String, ApiError> {
    let known = newest_of(stage, id);
    // Whether there will be a card by then is not known; the invoice of a trial's end is shown either way.
    stage.change("subscription", id, |subscription| {
        subscription.put("trial_settings.end_behavior.missing_payment_method", "create_invoice");
    });
    for _ in 0..PATIENCE {
        if !time::advance(stage, id) {
            break;
        }
        match newest_of(stage, id) {
            Some(invoice) if known.as_ref() != Some(&invoice) => return Ok(invoice),
            _ => {}
        }
    }
    Err(none(customer))
}

/// The invoice that a subscription will get next by itself.
pub(crate) fn upcoming(state: &mut State, id: &str) -> Option<Value> {
    let customer = state.store.find("subscription", id)?.text("customer")?.to_owned();
    let mut stage = state.rehearsal(&customer);
    stage.clock.pin(Some(state.now()));
    let invoice = next_invoice(&mut stage, id, &customer);
    state.ids = stage.ids.clone();
    show(&mut stage, &invoice.ok()?).ok()
}

fn newest_of(state: &State, subscription: &str) -> Option<String> {
    let invoices = state
        .store
        .newest_first("invoice", |invoice| invoices::subscription_of(invoice) == Some(subscription));
    invoices.first().map(|invoice| invoice.id().to_owned())
}

/// Drafts what waits for a customer's next invoice without any subscription.
fn pending_of(stage: &mut State, params: &Value, customer: &str) -> Result<String, ApiError> {
    let own = stage.store.find("customer", customer).and_then(|customer| customer.text("currency"));
    let currency = params.text("currency").or(own).unwrap_or("usd").to_ascii_lowercase();
    let waiting = invoice_items::pending(stage, customer, &currency, None);
    if waiting.is_empty() {
        return Err(none(customer));
    }
    let now = stage.now();
    let period = Period { start: now, end: now };
    let new = NewInvoice {
        customer,
        currency: &currency,
        reason: "manual",
        subscription: None,
        period,
        lines: Vec::new(),
    };
    let invoice = invoices::draft(stage, new);
    invoices::take_items(stage, &invoice, &waiting);
    Ok(invoice)
}

/// Puts the request's own invoice items among those that wait.
fn add_items(
    stage: &mut State,
    params: &Value,
    subscription: Option<&Value>,
    customer: &str,
) -> Result<(), ApiError> {
    for sent in params.list("invoice_items") {
        let mut item = sent.clone();
        if let Some(price) = sent.text("price").map(str::to_owned) {
            item.put("pricing.price", price);
        }
        if let (Some(unit), None) = (sent.int("unit_amount"), sent.text("unit_amount_decimal")) {
            item.put("unit_amount_decimal", unit.to_string());
        }
        item.put("customer", customer);
        if let Some(subscription) = subscription {
            item.put("subscription", subscription.id());
        }
        invoice_items::add(stage, &item)?;
    }
    Ok(())
}

/// 404: no invoice comes of it.
fn none(customer: &str) -> ApiError {
    ApiError::new(404, ErrorType::InvalidRequest, format!("No upcoming invoices for customer: {customer}"))
        .code("invoice_upcoming_none")
}

/// The draft as a preview: of no number, with the customer's balance counted in, under an id that leads nowhere.
fn show(stage: &mut State, id: &str) -> Answer {
    let mut invoice = stage.load("invoice", "invoice", id)?.clone();
    let (balance, settled) = customer_balance::of_invoice(stage, &invoice);
    let shown = format!("upcoming_{id}");
    let attempt: Option<Timestamp> = invoice
        .int("automatically_finalizes_at")
        .filter(|_| invoice.text("collection_method") == Some("charge_automatically"));
    invoice.put("id", shown.as_str());
    invoice.put("billing_reason", "upcoming");
    invoice.put("status", "draft");
    invoice.put("starting_balance", balance);
    invoice.put("ending_balance", settled.ending);
    invoice.put("amount_due", settled.due);
    invoice.put("amount_remaining", settled.due);
    invoice.put("automatically_finalizes_at", Value::Null);
    invoice.put("next_payment_attempt", attempt);
    invoice.put("webhooks_delivered_at", Value::Null);
    invoice.put("lines.url", format!("/v1/invoices/{shown}/lines"));
    for line in invoice.pointer_mut("/lines/data").and_then(Value::as_array_mut).into_iter().flatten() {
        line.put("invoice", json!(shown));
    }
    Ok(invoice)
}
