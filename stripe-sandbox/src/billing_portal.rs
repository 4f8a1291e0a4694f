//! The billing portal: its configurations and sessions. What a session's page does stands in `portal_pages`.

use serde_json::{Value, json};

use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata, patch};
use crate::state::State;
use crate::{customers, list};

const CONFIGURATION: &str = "billing_portal.configuration";
const SESSION: &str = "billing_portal.session";
const FEATURES: &[&str] = &[
    "features.customer_update.allowed_updates",
    "features.customer_update.enabled",
    "features.invoice_history.enabled",
    "features.payment_method_update.enabled",
    "features.subscription_cancel.cancellation_reason.enabled",
    "features.subscription_cancel.cancellation_reason.options",
    "features.subscription_cancel.enabled",
    "features.subscription_cancel.mode",
    "features.subscription_cancel.proration_behavior",
];
const PATCHED: &[&str] = &[
    "business_profile.headline",
    "business_profile.privacy_policy_url",
    "business_profile.terms_of_service_url",
    "default_return_url",
    "name",
];

/// A configuration with every feature off.
fn build(state: &mut State, is_default: bool) -> Value {
    let now = state.now();
    json!({
        "id": state.id("bpc"), "object": CONFIGURATION, "active": true, "application": null,
        "business_profile": { "headline": null, "privacy_policy_url": null, "terms_of_service_url": null }, "created": now,
        "default_return_url": null,
        "features": {
            "customer_update": { "allowed_updates": [], "enabled": false }, "invoice_history": { "enabled": false },
            "payment_method_update": { "enabled": false, "payment_method_configuration": null },
            "subscription_cancel": {
                "cancellation_reason": {
                    "enabled": false, "feedback_options": null,
                    "options": ["too_expensive", "missing_features", "switched_service", "unused", "other"],
                },
                "enabled": false, "mode": "at_period_end", "proration_behavior": "none",
            },
            "subscription_update": {
                "billing_cycle_anchor": null, "default_allowed_updates": [], "enabled": false, "proration_behavior": "none",
                "schedule_at_period_end": { "conditions": [] }, "trial_update_behavior": "end_trial",
            },
        },
        "is_default": is_default, "livemode": false, "login_page": { "enabled": false, "url": null }, "metadata": {}, "name": null,
        "updated": now,
    })
}

fn check(params: &Value) -> Result<(), ApiError> {
    let features = params.at("features");
    if features.flag("customer_update.enabled") == Some(true)
        && features.list("customer_update.allowed_updates").is_empty()
    {
        return Err(ApiError::missing("features[customer_update][allowed_updates]"));
    }
    for update in features.list("customer_update.allowed_updates").iter().filter_map(Value::as_str) {
        if !matches!(update, "email" | "name" | "phone") {
            return Err(ApiError::unsupported("features[customer_update][allowed_updates]"));
        }
    }
    Ok(())
}

fn apply(configuration: &mut Value, params: &Value) {
    patch(configuration, params, FEATURES);
    patch(configuration, params, PATCHED);
    merge_metadata(configuration, params);
    if configuration.at("features.customer_update.allowed_updates").is_null() {
        configuration.put("features.customer_update.allowed_updates", json!([]));
    }
}

pub(crate) fn create_configuration(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    check(params)?;
    let mut configuration = build(state, false);
    apply(&mut configuration, params);
    state.create(configuration.clone(), "billing_portal.configuration.created");
    Ok(configuration)
}

pub(crate) fn retrieve_configuration(call: &mut Call<'_>) -> Answer {
    call.state.load(CONFIGURATION, "configuration", call.id(0)).cloned()
}

pub(crate) fn update_configuration(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let configuration = state.load(CONFIGURATION, "configuration", &id)?;
    if configuration.flag("is_default") == Some(true) && params.flag("active") == Some(false) {
        return Err(ApiError::invalid("You cannot deactivate the default configuration.").param("active"));
    }
    check(params)?;
    let now = state.now();
    state.update(CONFIGURATION, &id, "billing_portal.configuration.updated", |configuration| {
        apply(configuration, params);
        patch(configuration, params, &["active"]);
        configuration.put("updated", now);
    });
    state.load(CONFIGURATION, "configuration", &id).cloned()
}

pub(crate) fn list_configurations(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let rows = call.state.store.newest_first(CONFIGURATION, |configuration| {
        ["active", "is_default"].iter().all(|name| list::same(params, name, configuration))
    });
    list::page("/v1/billing_portal/configurations", "configuration", &rows, params)
}

/// The default configuration. In Stripe somebody saves it in the dashboard; here it is made when it is first needed.
fn default_configuration(state: &mut State) -> String {
    let known = state.store.all(CONFIGURATION).find(|known| known.flag("is_default") == Some(true));
    if let Some(known) = known {
        return known.id().to_owned();
    }
    let mut made = build(state, true);
    for feature in ["customer_update", "invoice_history", "payment_method_update", "subscription_cancel"] {
        made.put(&format!("features.{feature}.enabled"), true);
    }
    made.put("features.customer_update.allowed_updates", json!(["email", "name", "phone"]));
    let id = made.id().to_owned();
    state.create(made, "billing_portal.configuration.created");
    id
}

pub(crate) fn create_session(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let customer = params.text("customer").ok_or_else(|| ApiError::missing("customer"))?.to_owned();
    customers::named(state, &customer)?;
    let configuration = match params.text("configuration") {
        Some(id) => {
            let found = state.named(CONFIGURATION, "configuration", id, "configuration")?;
            if found.flag("active") != Some(true) {
                let message = format!("The configuration {id} is not active.");
                return Err(ApiError::invalid(message).param("configuration"));
            }
            id.to_owned()
        }
        None => default_configuration(state),
    };
    let default_return_url = state
        .store
        .find(CONFIGURATION, &configuration)
        .map_or(Value::Null, |configuration| configuration.at("default_return_url").clone());
    let id = state.id("bps");
    let mut session = json!({
        "id": id, "object": SESSION, "configuration": configuration, "created": state.now(), "customer": customer,
        "customer_account": null, "flow": null, "livemode": false, "locale": null, "on_behalf_of": null,
        "return_url": default_return_url, "url": format!("/_pages/portal/{id}"),
    });
    patch(&mut session, params, &["locale", "return_url"]);
    state.create(session.clone(), "billing_portal.session.created");
    Ok(session)
}
