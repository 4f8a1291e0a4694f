//! Early fraud warnings: what issuers report, before anybody disputes anything.

use serde_json::{Value, json};

use crate::errors::Answer;
use crate::http::Call;
use crate::json::Fields;
use crate::list;
use crate::state::State;

pub(crate) const KIND: &str = "radar.early_fraud_warning";
const NOUN: &str = "early fraud warning";

/// The issuer reports a charge.
pub(crate) fn report(state: &mut State, charge: &str) {
    let Some(charge) = state.store.find("charge", charge) else { return };
    let (id_of_charge, intent) = (charge.id().to_owned(), charge.at("payment_intent").clone());
    let mut warning = json!({
        "id": state.id("issfr"), "object": KIND, "actionable": true, "charge": id_of_charge, "created": state.now(),
        "fraud_type": "made_with_stolen_card", "livemode": false,
    });
    if intent.is_string() {
        warning.put("payment_intent", intent);
    }
    state.create(warning, "radar.early_fraud_warning.created");
}

/// A charge was disputed or given back: there is nothing left to do about its warning, or again something.
pub(crate) fn follow(state: &mut State, charge: &str) {
    let Some(found) = state.store.find("charge", charge) else { return };
    let actionable = found.flag("disputed") != Some(true) && found.flag("refunded") != Some(true);
    let warnings = state.store.all(KIND).filter(|warning| warning.text("charge") == Some(charge));
    let ids: Vec<String> = warnings.map(|warning| warning.id().to_owned()).collect();
    for id in ids {
        state.update(KIND, &id, "radar.early_fraud_warning.updated", |warning| {
            warning.put("actionable", actionable);
        });
    }
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load(KIND, NOUN, call.id(0)).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let rows: Vec<&Value> = call.state.store.newest_first(KIND, |warning| {
        ["charge", "payment_intent"].iter().all(|name| list::same(params, name, warning))
            && list::in_range(params, "created", warning.int("created"))
    });
    list::page("/v1/radar/early_fraud_warnings", NOUN, &rows, params)
}
