//! Checkout sessions: what is to be bought, and what becomes of it on the sandbox's own page.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::errors::{Answer, ApiError};
use crate::http::{Call, ask};
use crate::json::{Fields, address, merge_metadata, patch, whole_list};
use crate::state::{HIDDEN, State};
use crate::{
    bank_accounts, checkout_discounts, currency, customers, invoice_payments, list, payment_intents,
    payment_methods, price_amounts, prices, products, setup_intents, subscriptions,
};

const KIND: &str = "checkout.session";
const MINUTE: Timestamp = 60;
const HOUR: Timestamp = 60 * MINUTE;
/// What of `subscription_data` a subscription is made with.
const SUBSCRIPTION_DATA: &[&str] =
    &["description", "trial_end", "trial_period_days", "trial_settings", "billing_mode", "metadata"];
/// What of `payment_intent_data` a payment intent is made with.
const INTENT_DATA: &[&str] = &[
    "capture_method",
    "description",
    "metadata",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
];

fn invalid(param: &str, message: impl Into<String>) -> ApiError {
    ApiError::invalid(message).param(param)
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let mode = params.text("mode").ok_or_else(|| ApiError::missing("mode"))?.to_owned();
    if params.text("ui_mode").is_some_and(|mode| mode != "hosted_page") {
        return Err(ApiError::unsupported("ui_mode"));
    }
    let types = params.list("allowed_payment_method_types");
    if !types.is_empty() && !types.iter().any(|kind| kind == "card") {
        return Err(ApiError::unsupported("allowed_payment_method_types"));
    }
    let success_url = params.text("success_url").ok_or_else(|| ApiError::missing("success_url"))?.to_owned();
    for (name, url) in
        [("success_url", Some(success_url.as_str())), ("cancel_url", params.text("cancel_url"))]
    {
        if url.is_some_and(|url| url::Url::parse(&url.replace("{CHECKOUT_SESSION_ID}", "id")).is_err()) {
            return Err(invalid(name, "Not a valid URL").code("url_invalid"));
        }
    }
    check_data_belongs(params, &mode)?;
    if let Some(customer) = params.text("customer") {
        customers::named(state, customer)?;
        if params.text("customer_email").is_some() {
            let message = "You may only specify one of these parameters: customer, customer_email.";
            return Err(invalid("customer_email", message));
        }
    }
    let now = state.now();
    let expires_at = params.int("expires_at").unwrap_or(now + 24 * HOUR);
    if !(now + 30 * MINUTE..=now + 24 * HOUR).contains(&expires_at) {
        let message = "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout Session creation.";
        return Err(invalid("expires_at", message));
    }
    let mut items = line_items(state, params, &mode)?;
    let discounts = checkout_discounts::take_off_items(state, params, &mode, &mut items)?;
    let code = items.first().and_then(|item| item.text("currency")).or(params.text("currency"));
    let code = code.map(currency::check).transpose()?;
    if let (Some(customer), Some(code), "subscription") = (params.text("customer"), &code, mode.as_str()) {
        customers::check_currency(state, customer, code)?;
    }
    let trial = !params.at("subscription_data.trial_end").is_null()
        || !params.at("subscription_data.trial_period_days").is_null();
    let sum = |field: &str| -> i64 {
        if trial { 0 } else { items.iter().filter_map(|item| item.int(field)).sum() }
    };
    let (subtotal, total) = (sum("amount_subtotal"), sum("amount_total"));
    if let (Some(code), "payment") = (&code, mode.as_str())
        && total > 0
    {
        currency::check_charge(total, code)?;
    }
    let mut session = build(state, params, &mode, expires_at);
    let id = session.id().to_owned();
    session.put("currency", code);
    session.put("payment_method_types", bank_accounts::types_of(&session));
    session.put("success_url", success_url);
    if mode != "setup" {
        session.put("amount_subtotal", subtotal);
        session.put("amount_total", total);
        let off = subtotal - total;
        session
            .put("total_details", json!({ "amount_discount": off, "amount_shipping": 0, "amount_tax": 0 }));
    }
    session.put("discounts", discounts);
    session.put(HIDDEN, json!({ "line_items": items, "trial": trial, "discounts": params.at("discounts") }));
    for data in ["payment_intent_data", "subscription_data"] {
        session.put(&format!("{HIDDEN}.{data}"), params.at(data).clone());
    }
    if mode == "setup" {
        let mut wanted = json!({ "customer": params.at("customer"), "usage": "off_session" });
        patch(&mut wanted, params.at("setup_intent_data"), &["description", "metadata"]);
        let intent = ask(state, setup_intents::create, &[], wanted)?;
        session.put("setup_intent", intent.id());
    }
    // Stripe announces no new session.
    state.store.insert(session);
    state.load(KIND, KIND, &id).cloned()
}

/// Refuses data for another mode.
fn check_data_belongs(params: &Value, mode: &str) -> Result<(), ApiError> {
    let owners = [
        ("payment_intent_data", "payment"),
        ("setup_intent_data", "setup"),
        ("subscription_data", "subscription"),
    ];
    for (data, owner) in owners {
        if params.at(data).is_object() && owner != mode {
            let message = format!("You can not pass `{data}` in `{mode}` mode.");
            return Err(invalid(data, message));
        }
    }
    if params.text("customer_creation").is_some() && (mode != "payment" || params.text("customer").is_some())
    {
        let message = "`customer_creation` can only be used in `payment` mode, and without a `customer`.";
        return Err(invalid("customer_creation", message));
    }
    if params.text("payment_method_collection").is_some() && mode != "subscription" {
        let message = "`payment_method_collection` can only be set in `subscription` mode.";
        return Err(invalid("payment_method_collection", message));
    }
    Ok(())
}

/// The items as `GET .../line_items` shows them.
fn line_items(state: &mut State, params: &Value, mode: &str) -> Result<Vec<Value>, ApiError> {
    let sent = params.list("line_items");
    if (mode == "setup") != sent.is_empty() {
        return Err(if mode == "setup" {
            invalid("line_items", "You can not pass `line_items` in `setup` mode.")
        } else {
            ApiError::missing("line_items")
        });
    }
    if sent.len() > 100 {
        return Err(invalid("line_items", "You can pass up to 100 line items."));
    }
    let mut items = Vec::new();
    let code = params.text("currency").map(currency::check).transpose()?;
    for (index, item) in sent.iter().enumerate() {
        let price = price_of(state, item, index)?;
        let price = match &code {
            Some(code) => prices::in_currency(&price, code, &format!("line_items[{index}][price]"))?,
            None => price,
        };
        let code = price_amounts::currency_of(&price);
        let param = format!("line_items[{index}][price]");
        if mode == "payment" && price.text("type") != Some("one_time") {
            let message = "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.";
            return Err(invalid(&param, message));
        }
        if mode == "subscription" && price.text("type") != Some("recurring") {
            if sent.len() == 1 {
                let message =
                    "You must provide at least one recurring price in `subscription` mode when using prices.";
                return Err(invalid(&param, message));
            }
            return Err(ApiError::unsupported(&param));
        }
        let metered = price.text("recurring.usage_type") == Some("metered");
        let quantity = match item.int("quantity") {
            Some(_) if metered => {
                return Err(invalid(
                    &format!("line_items[{index}][quantity]"),
                    "Quantity should not be specified where usage_type is `metered`.",
                ));
            }
            None if !metered => return Err(ApiError::missing(&format!("line_items[{index}][quantity]"))),
            Some(quantity) if quantity < 1 => {
                return Err(ApiError::parameter(
                    "parameter_invalid_integer",
                    &format!("line_items[{index}][quantity]"),
                    "This value must be greater than or equal to 1.",
                ));
            }
            quantity => quantity,
        };
        let amount = quantity.map_or(0, |quantity| price_amounts::amount(&price, quantity));
        if items.first().is_some_and(|first: &Value| first.text("currency") != Some(code)) {
            return Err(invalid(&param, "All prices on a Checkout Session must have the same currency."));
        }
        let product = price.text("product").and_then(|product| state.store.find("product", product));
        let description = product.map_or(Value::Null, |product| product.at("name").clone());
        items.push(json!({
            "id": state.id("li"), "object": "item", "adjustable_quantity": null, "amount_discount": 0, "amount_subtotal": amount,
            "amount_tax": 0, "amount_total": amount, "currency": code, "description": description,
            "metadata": item.at("metadata").as_object().cloned().unwrap_or_default(), "price": price, "quantity": quantity,
        }));
    }
    Ok(items)
}

fn price_of(state: &mut State, item: &Value, index: usize) -> Result<Value, ApiError> {
    let data = item.at("price_data");
    if !data.is_object() {
        let param = format!("line_items[{index}][price]");
        let id = item.text("price").ok_or_else(|| ApiError::missing(&param))?;
        let price = state.named("price", "price", id, &param)?;
        if price.flag("active") != Some(true) {
            let message =
                format!("The price specified is inactive. This field only accepts active prices: {id}.");
            return Err(invalid(&param, message));
        }
        return Ok(price.clone());
    }
    let product = match data.text("product") {
        Some(product) => {
            let param = format!("line_items[{index}][price_data][product]");
            state.named("product", "product", product, &param)?.id().to_owned()
        }
        None if data.at("product_data").is_object() => {
            let product = products::build(state, data.at("product_data"))?;
            let id = product.id().to_owned();
            state.create(product, "product.created");
            id
        }
        None => return Err(ApiError::missing(&format!("line_items[{index}][price_data][product]"))),
    };
    let mut price = prices::build(state, data, &product)?;
    price.put("active", false);
    state.store.insert(price.clone());
    Ok(price)
}

fn build(state: &mut State, params: &Value, mode: &str, expires_at: Timestamp) -> Value {
    let id = format!("cs_test_a1{}", state.ids.token(56));
    let paying = mode == "payment";
    let invoice_data = json!({
        "account_tax_ids": null, "custom_fields": null, "description": null, "footer": null, "issuer": null, "metadata": {},
        "rendering_options": null,
    });
    let creation = params.text("customer_creation").unwrap_or("if_required");
    let collection = params.text("payment_method_collection").unwrap_or("always");
    let given = params.text("customer").and_then(|customer| state.store.find("customer", customer));
    let details = match (given, params.text("customer_email")) {
        (Some(customer), _) => customer_details(customer),
        (None, Some(email)) => customer_details(&json!({ "email": email })),
        (None, None) => Value::Null,
    };
    let mut session = json!({
        "id": id, "object": KIND, "adaptive_pricing": { "enabled": false }, "after_expiration": null, "allow_promotion_codes": null,
        "allowed_payment_method_types": null, "amount_subtotal": null, "amount_total": null,
        "automatic_tax": { "enabled": false, "liability": null, "provider": null, "status": null }, "billing_address_collection": null,
        "cancel_url": null, "client_reference_id": null, "client_secret": null, "collected_information": null, "consent": null,
        "consent_collection": null, "created": state.now(), "currency": null, "currency_conversion": null, "custom_fields": [],
        "custom_text": { "after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null },
        "customer": null, "customer_account": null, "customer_creation": if paying && given.is_none() { json!(creation) } else { Value::Null },
        "customer_details": details, "customer_email": null, "discounts": [], "expires_at": expires_at, "integration_identifier": null,
        "invoice": null, "invoice_creation": if paying { json!({ "enabled": false, "invoice_data": invoice_data }) } else { Value::Null },
        "livemode": false, "locale": null, "managed_payments": null, "metadata": {}, "mode": mode, "origin_context": null,
        "payment_intent": null, "payment_link": null, "payment_method_collection": if mode == "subscription" { collection } else { "always" },
        "payment_method_configuration_details": null, "payment_method_options": {}, "payment_method_types": [],
        "payment_status": if mode == "setup" { "no_payment_required" } else { "unpaid" }, "permissions": null,
        "phone_number_collection": { "enabled": false }, "recovered_from": null, "saved_payment_method_options": null, "setup_intent": null,
        "shipping_address_collection": null, "shipping_cost": null, "shipping_options": [], "status": "open", "submit_type": null,
        "subscription": null, "success_url": null, "total_details": null, "ui_mode": "hosted_page", "url": format!("/_pages/checkout/{id}"),
        "wallet_options": null,
    });
    patch(
        &mut session,
        params,
        &[
            "allowed_payment_method_types",
            "cancel_url",
            "client_reference_id",
            "customer",
            "customer_email",
            "locale",
            "submit_type",
        ],
    );
    merge_metadata(&mut session, params);
    session
}

fn customer_details(customer: &Value) -> Value {
    let place = customer.at("address");
    json!({
        "address": if place.is_object() { address(place) } else { Value::Null }, "business_name": null, "email": customer.at("email"),
        "individual_name": null, "name": customer.at("name"), "phone": customer.at("phone"),
        "tax_exempt": customer.text("tax_exempt").unwrap_or("none"), "tax_ids": [],
    })
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load(KIND, KIND, call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    state.load(KIND, KIND, &id)?;
    state.change(KIND, &id, |session| merge_metadata(session, params));
    state.load(KIND, KIND, &id).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let rows = call.state.store.newest_first(KIND, |session| {
        ["customer", "customer_details.email", "payment_intent", "status", "subscription"]
            .iter()
            .all(|name| list::same(params, name, session))
            && list::in_range(params, "created", session.int("created"))
    });
    list::page("/v1/checkout/sessions", KIND, &rows, params)
}

/// The session's line items, for `expand[]` and their own endpoint.
pub(crate) fn items_of(session: &Value) -> &[Value] {
    session.at(HIDDEN).list("line_items")
}

pub(crate) fn line_items_list(call: &mut Call<'_>) -> Answer {
    let id = call.id(0);
    let session = call.state.load(KIND, KIND, id)?;
    let rows: Vec<&Value> = items_of(session).iter().collect();
    list::page(&format!("/v1/checkout/sessions/{id}/line_items"), "item", &rows, &call.params)
}

/// `line_items` as `expand[]` puts it in.
pub(crate) fn expanded_items(session: &Value) -> Value {
    whole_list(&format!("/v1/checkout/sessions/{}/line_items", session.id()), items_of(session).to_vec())
}

pub(crate) fn expire(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let session = call.state.load(KIND, KIND, &id)?;
    let status = session.text("status").unwrap_or_default();
    if status != "open" {
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of {status}."
        );
        return Err(ApiError::invalid(message));
    }
    run_out(call.state, &id);
    call.state.load(KIND, KIND, &id).cloned()
}

/// Ends an open session, with what it had begun.
pub(crate) fn run_out(state: &mut State, id: &str) {
    let Some(session) = state.store.find(KIND, id).cloned() else { return };
    state.change(KIND, id, |session| {
        session.put("status", "expired");
        session.put("url", Value::Null);
    });
    state.emit("checkout.session.expired", KIND, id);
    // Refused only where there is nothing left to cancel.
    let _ = match intent_of(state, &session) {
        Some(("setup_intent", intent)) => ask(state, setup_intents::cancel, &[&intent], json!({})),
        Some((_, intent)) if session.text("mode") == Some("payment") => {
            ask(state, payment_intents::cancel, &[&intent], json!({}))
        }
        _ => Ok(Value::Null),
    };
}

/// What the customer enters on the page.
pub(crate) struct Entry {
    pub email: Option<String>,
    pub name: Option<String>,
    /// A payment method of the customer's or a test card; none where no card is asked for.
    pub method: Option<String>,
}

/// What comes next on the page.
pub(crate) enum Next {
    /// The session is complete.
    Leave,
    /// The cardholder's bank asks: the intent to authenticate.
    Authenticate(String),
}

/// Pays for an open session, or saves its card.
pub(crate) fn submit(state: &mut State, id: &str, entry: &Entry) -> Result<Next, ApiError> {
    let session = state.load(KIND, KIND, id)?.clone();
    if session.text("status") != Some("open") {
        return Err(ApiError::invalid("This Checkout Session is not open any more."));
    }
    let free = session.int("amount_total") == Some(0);
    let asks_for_card = match session.text("mode") {
        Some("payment") => !free,
        Some("subscription") => !free || session.text("payment_method_collection") == Some("always"),
        _ => true,
    };
    if asks_for_card && entry.method.is_none() {
        return Err(ApiError::missing("payment_method"));
    }
    state.change(KIND, id, |session| {
        let mut details = session.at("customer_details").clone();
        if !details.is_object() {
            details = customer_details(&Value::Null);
        }
        for (field, value) in [("email", &entry.email), ("name", &entry.name)] {
            if let Some(value) = value {
                details.put(field, value.as_str());
            }
        }
        session.put("customer_details", details);
    });
    let customer = customer_for(state, id)?;
    let method = entry.method.as_deref().filter(|_| asks_for_card);
    let method =
        method.map(|method| payment_methods::resolve(state, method, "payment_method")).transpose()?;
    if let Some(method) = &method {
        let method = state.load("payment_method", "PaymentMethod", method)?;
        bank_accounts::check_taken(&session, method)?;
    }
    begin(state, id, customer.as_deref(), method.as_deref())?;
    let session = state.load(KIND, KIND, id)?.clone();
    if let (Some(method), Some((kind, intent))) = (&method, intent_of(state, &session)) {
        let confirm = if kind == "setup_intent" { setup_intents::confirm } else { payment_intents::confirm };
        let back = format!("/_pages/checkout/{id}/return");
        ask(state, confirm, &[&intent], json!({ "payment_method": method, "return_url": back }))?;
    }
    Ok(go_on(state, id).unwrap_or(Next::Leave))
}

/// The customer whom the session belongs to, made where the session needs one.
fn customer_for(state: &mut State, id: &str) -> Result<Option<String>, ApiError> {
    let session = state.load(KIND, KIND, id)?.clone();
    if let Some(customer) = session.text("customer").or(session.at(HIDDEN).text("customer")) {
        return Ok(Some(customer.to_owned()));
    }
    let needed = session.text("mode") == Some("subscription")
        || session.text("customer_creation") == Some("always")
        || session.at(HIDDEN).text("payment_intent_data.setup_future_usage").is_some();
    if !needed {
        return Ok(None);
    }
    let details = session.at("customer_details");
    let customer = ask(
        state,
        customers::create,
        &[],
        json!({ "email": details.at("email"), "name": details.at("name") }),
    )?;
    state.change(KIND, id, |session| session.put(&format!("{HIDDEN}.customer"), customer.id()));
    Ok(Some(customer.id().to_owned()))
}

/// Makes what the session pays for, unless an earlier try made it.
fn begin(state: &mut State, id: &str, customer: Option<&str>, method: Option<&str>) -> Result<(), ApiError> {
    let session = state.load(KIND, KIND, id)?.clone();
    let amount = session.int("amount_total").unwrap_or_default();
    match session.text("mode") {
        Some("payment") if session.at("payment_intent").is_null() && amount > 0 => {
            let mut wanted =
                json!({ "amount": amount, "currency": session.at("currency"), "customer": customer });
            patch(&mut wanted, session.at(HIDDEN).at("payment_intent_data"), INTENT_DATA);
            let intent = ask(state, payment_intents::create, &[], wanted)?;
            state.change(KIND, id, |session| session.put("payment_intent", intent.id()));
        }
        Some("subscription") if session.at(HIDDEN).text("subscription").is_none() => {
            let items: Vec<Value> = items_of(&session)
                .iter()
                .map(|item| {
                    let mut wanted =
                        json!({ "price": item.at("price").id(), "metadata": item.at("metadata") });
                    patch(&mut wanted, item, &["quantity"]);
                    wanted
                })
                .collect();
            for item in items_of(&session) {
                // A price made for this session alone is not active, which a subscription would refuse.
                state.change("price", item.at("price").id(), |price| price.put("active", true));
            }
            let mut wanted = json!({
                "currency": session.at("currency"), "customer": customer, "items": items, "payment_behavior": "default_incomplete",
                "payment_settings": { "save_default_payment_method": "on_subscription" },
            });
            patch(&mut wanted, session.at(HIDDEN).at("subscription_data"), SUBSCRIPTION_DATA);
            patch(&mut wanted, session.at(HIDDEN), &["discounts"]);
            let made = ask(state, subscriptions::create, &[], wanted);
            for item in items_of(&session) {
                let active = item.at("price").at("active").clone();
                state.change("price", item.at("price").id(), |price| price.put("active", active));
            }
            let made = made?;
            let mut kept = json!({ "subscription": made.id() });
            if made.at("pending_setup_intent").is_null() && amount == 0 && method.is_some() {
                // The customer has a card, so the subscription did not ask for one; the page does.
                let wanted = json!({ "customer": customer, "usage": "off_session" });
                kept.put("setup_intent", ask(state, setup_intents::create, &[], wanted)?.id());
            }
            state.change(KIND, id, |session| {
                for (field, value) in kept.as_object().into_iter().flatten() {
                    session.put(&format!("{HIDDEN}.{field}"), value.clone());
                }
            });
        }
        _ => {}
    }
    Ok(())
}

/// The intent that decides about a session: its kind and id.
fn intent_of(state: &State, session: &Value) -> Option<(&'static str, String)> {
    let hidden = session.at(HIDDEN);
    if let Some(intent) = session.text("setup_intent").or(hidden.text("setup_intent")) {
        return Some(("setup_intent", intent.to_owned()));
    }
    if let Some(intent) = session.text("payment_intent") {
        return Some(("payment_intent", intent.to_owned()));
    }
    let subscription = state.store.find("subscription", hidden.text("subscription")?)?;
    if let Some(intent) = subscription.text("pending_setup_intent") {
        return Some(("setup_intent", intent.to_owned()));
    }
    let payment = invoice_payments::default_of(state, subscription.text("latest_invoice")?)?;
    Some(("payment_intent", payment.text("payment.payment_intent")?.to_owned()))
}

/// Completes a session whose intent is through. None when the intent waits for a card.
pub(crate) fn go_on(state: &mut State, id: &str) -> Option<Next> {
    let session = state.store.find(KIND, id)?.clone();
    if session.text("status") != Some("open") {
        return (session.text("status") == Some("complete")).then_some(Next::Leave);
    }
    let Some((kind, intent)) = intent_of(state, &session) else {
        complete(state, &session, None);
        return Some(Next::Leave);
    };
    let found = state.store.find(kind, &intent)?.clone();
    match found.text("status") {
        Some("succeeded" | "processing" | "requires_capture") => {
            complete(state, &session, Some(&found));
            Some(Next::Leave)
        }
        Some("requires_action") => Some(Next::Authenticate(intent)),
        // A trial that asks for no card.
        Some("requires_payment_method")
            if session.text("payment_method_collection") == Some("if_required")
                && session.int("amount_total") == Some(0) =>
        {
            complete(state, &session, None);
            Some(Next::Leave)
        }
        _ => None,
    }
}

fn complete(state: &mut State, session: &Value, intent: Option<&Value>) {
    let id = session.id();
    let hidden = session.at(HIDDEN);
    let subscription = hidden.text("subscription").map(str::to_owned);
    if let (Some(subscription), Some(intent)) = (&subscription, intent)
        && intent.text("object") == Some("setup_intent")
    {
        state.update("subscription", subscription, "customer.subscription.updated", |subscription| {
            subscription.put("default_payment_method", intent.at("payment_method").clone());
            subscription.put("pending_setup_intent", Value::Null);
        });
    }
    let invoice = subscription
        .as_ref()
        .and_then(|subscription| state.store.find("subscription", subscription))
        .map(|subscription| subscription.at("latest_invoice").clone());
    let paid = match intent.and_then(|intent| intent.text("status")) {
        _ if session.int("amount_total").unwrap_or_default() == 0 => "no_payment_required",
        Some("succeeded") => "paid",
        _ => "unpaid",
    };
    let customer = session.text("customer").or(hidden.text("customer")).map(str::to_owned);
    let known =
        customer.as_ref().and_then(|customer| state.store.find("customer", customer)).map(customer_details);
    state.change(KIND, id, |session| {
        session.put("status", "complete");
        session.put("url", Value::Null);
        session.put("payment_status", paid);
        session.put("customer", customer);
        session.put("subscription", subscription);
        session.put("invoice", invoice);
        if let Some(known) = known {
            for (field, value) in known.as_object().into_iter().flatten() {
                if !value.is_null() {
                    session.put(&format!("customer_details.{field}"), value.clone());
                }
            }
        }
    });
    state.emit("checkout.session.completed", KIND, id);
}
