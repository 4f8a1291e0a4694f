//! The endpoints. Each path is written as in `spec/parameters.json`, with `{}` for an id.

use std::sync::LazyLock;

use crate::errors::Answer;
use crate::http::Call;
use crate::{
    account, billing_portal, charges, checkout_sessions, coupons, credit_notes, customer_balance, customers,
    discounts, disputes, events, fraud_warnings, invoice_items, invoice_lines, invoice_payments,
    invoice_previews, invoice_requests, meters, payment_intents, payment_methods, prices, products,
    promotion_codes, refunds, search, setup_intents, subscription_items, subscription_resume,
    subscription_schedules, subscription_updates, subscriptions, tax_ids, tax_rates, test_clocks, webhooks,
};

/// One endpoint.
pub(crate) struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub run: fn(&mut Call<'_>) -> Answer,
}

const fn route(method: &'static str, path: &'static str, run: fn(&mut Call<'_>) -> Answer) -> Route {
    Route { method, path, run }
}

const ROUTES: &[Route] = &[
    route("GET", "/v1/account", account::retrieve),
    // Before the addresses that have an id in this place.
    route("GET", "/v1/charges/search", search::charges),
    route("GET", "/v1/customers/search", search::customers),
    route("GET", "/v1/invoices/search", search::invoices),
    route("GET", "/v1/payment_intents/search", search::payment_intents),
    route("GET", "/v1/prices/search", search::prices),
    route("GET", "/v1/products/search", search::products),
    route("GET", "/v1/subscriptions/search", search::subscriptions),
    route("POST", "/v1/customers", customers::create),
    route("GET", "/v1/customers", customers::list),
    route("GET", "/v1/customers/{}", customers::retrieve),
    route("POST", "/v1/customers/{}", customers::update),
    route("DELETE", "/v1/customers/{}", customers::delete),
    route("GET", "/v1/customers/{}/payment_methods", customers::payment_methods),
    route("GET", "/v1/customers/{}/payment_methods/{}", customers::payment_method),
    route("POST", "/v1/customers/{}/balance_transactions", customer_balance::create),
    route("GET", "/v1/customers/{}/balance_transactions", customer_balance::list),
    route("GET", "/v1/customers/{}/balance_transactions/{}", customer_balance::retrieve),
    route("POST", "/v1/customers/{}/balance_transactions/{}", customer_balance::update),
    route("POST", "/v1/customers/{}/tax_ids", tax_ids::create),
    route("GET", "/v1/customers/{}/tax_ids", tax_ids::list),
    route("GET", "/v1/customers/{}/tax_ids/{}", tax_ids::retrieve),
    route("DELETE", "/v1/customers/{}/tax_ids/{}", tax_ids::delete),
    route("POST", "/v1/products", products::create),
    route("GET", "/v1/products", products::list),
    route("GET", "/v1/products/{}", products::retrieve),
    route("POST", "/v1/products/{}", products::update),
    route("DELETE", "/v1/products/{}", products::delete),
    route("POST", "/v1/prices", prices::create),
    route("GET", "/v1/prices", prices::list),
    route("GET", "/v1/prices/{}", prices::retrieve),
    route("POST", "/v1/prices/{}", prices::update),
    route("POST", "/v1/coupons", coupons::create),
    route("GET", "/v1/coupons", coupons::list),
    route("GET", "/v1/coupons/{}", coupons::retrieve),
    route("POST", "/v1/coupons/{}", coupons::update),
    route("DELETE", "/v1/coupons/{}", coupons::delete),
    route("POST", "/v1/promotion_codes", promotion_codes::create),
    route("GET", "/v1/promotion_codes", promotion_codes::list),
    route("GET", "/v1/promotion_codes/{}", promotion_codes::retrieve),
    route("POST", "/v1/promotion_codes/{}", promotion_codes::update),
    route("POST", "/v1/tax_rates", tax_rates::create),
    route("GET", "/v1/tax_rates", tax_rates::list),
    route("GET", "/v1/tax_rates/{}", tax_rates::retrieve),
    route("POST", "/v1/tax_rates/{}", tax_rates::update),
    route("POST", "/v1/payment_methods", payment_methods::create),
    route("GET", "/v1/payment_methods", payment_methods::list),
    route("GET", "/v1/payment_methods/{}", payment_methods::retrieve),
    route("POST", "/v1/payment_methods/{}", payment_methods::update),
    route("POST", "/v1/payment_methods/{}/attach", payment_methods::attach),
    route("POST", "/v1/payment_methods/{}/detach", payment_methods::detach),
    route("POST", "/v1/setup_intents", setup_intents::create),
    route("GET", "/v1/setup_intents", setup_intents::list),
    route("GET", "/v1/setup_intents/{}", setup_intents::retrieve),
    route("POST", "/v1/setup_intents/{}", setup_intents::update),
    route("POST", "/v1/setup_intents/{}/confirm", setup_intents::confirm),
    route("POST", "/v1/setup_intents/{}/cancel", setup_intents::cancel),
    route("POST", "/v1/payment_intents", payment_intents::create),
    route("GET", "/v1/payment_intents", payment_intents::list),
    route("GET", "/v1/payment_intents/{}", payment_intents::retrieve),
    route("POST", "/v1/payment_intents/{}", payment_intents::update),
    route("POST", "/v1/payment_intents/{}/confirm", payment_intents::confirm),
    route("POST", "/v1/payment_intents/{}/cancel", payment_intents::cancel),
    route("POST", "/v1/payment_intents/{}/capture", payment_intents::capture),
    route("GET", "/v1/charges", charges::list),
    route("GET", "/v1/charges/{}", charges::retrieve),
    route("POST", "/v1/charges/{}", charges::update),
    route("POST", "/v1/refunds", refunds::create),
    route("GET", "/v1/refunds", refunds::list),
    route("GET", "/v1/refunds/{}", refunds::retrieve),
    route("POST", "/v1/refunds/{}", refunds::update),
    route("POST", "/v1/refunds/{}/cancel", refunds::cancel),
    route("GET", "/v1/disputes", disputes::list),
    route("GET", "/v1/disputes/{}", disputes::retrieve),
    route("POST", "/v1/disputes/{}", disputes::update),
    route("POST", "/v1/disputes/{}/close", disputes::close),
    route("GET", "/v1/radar/early_fraud_warnings", fraud_warnings::list),
    route("GET", "/v1/radar/early_fraud_warnings/{}", fraud_warnings::retrieve),
    route("POST", "/v1/credit_notes", credit_notes::create),
    route("GET", "/v1/credit_notes", credit_notes::list),
    route("GET", "/v1/credit_notes/preview", credit_notes::preview),
    route("GET", "/v1/credit_notes/preview/lines", credit_notes::preview_lines),
    route("GET", "/v1/credit_notes/{}", credit_notes::retrieve),
    route("POST", "/v1/credit_notes/{}", credit_notes::update),
    route("GET", "/v1/credit_notes/{}/lines", credit_notes::lines),
    route("POST", "/v1/credit_notes/{}/void", credit_notes::void),
    route("POST", "/v1/subscriptions", subscriptions::create),
    route("GET", "/v1/subscriptions", subscriptions::list),
    route("GET", "/v1/subscriptions/{}", subscriptions::retrieve),
    route("POST", "/v1/subscriptions/{}", subscription_updates::update),
    route("DELETE", "/v1/subscriptions/{}", subscriptions::delete),
    route("POST", "/v1/subscriptions/{}/resume", subscription_resume::resume),
    route("POST", "/v1/subscription_schedules", subscription_schedules::create),
    route("GET", "/v1/subscription_schedules", subscription_schedules::list),
    route("GET", "/v1/subscription_schedules/{}", subscription_schedules::retrieve),
    route("POST", "/v1/subscription_schedules/{}", subscription_schedules::update),
    route("POST", "/v1/subscription_schedules/{}/cancel", subscription_schedules::cancel),
    route("POST", "/v1/subscription_schedules/{}/release", subscription_schedules::release),
    route("DELETE", "/v1/subscriptions/{}/discount", discounts::delete_of_subscription),
    route("POST", "/v1/subscription_items", subscription_items::create),
    route("POST", "/v1/subscription_items/{}", subscription_items::update),
    route("DELETE", "/v1/subscription_items/{}", subscription_items::delete),
    route("GET", "/v1/subscription_items", subscription_items::list),
    route("GET", "/v1/subscription_items/{}", subscription_items::retrieve),
    route("POST", "/v1/invoices", invoice_requests::create),
    route("GET", "/v1/invoices", invoice_requests::list),
    route("POST", "/v1/invoices/create_preview", invoice_previews::create),
    route("GET", "/v1/invoices/{}", invoice_requests::retrieve),
    route("POST", "/v1/invoices/{}", invoice_requests::update),
    route("DELETE", "/v1/invoices/{}", invoice_requests::delete),
    route("POST", "/v1/invoices/{}/finalize", invoice_requests::finalize),
    route("POST", "/v1/invoices/{}/pay", invoice_requests::pay),
    route("POST", "/v1/invoices/{}/void", invoice_requests::void),
    route("POST", "/v1/invoices/{}/mark_uncollectible", invoice_requests::mark_uncollectible),
    route("POST", "/v1/invoices/{}/send", invoice_requests::send),
    route("GET", "/v1/invoices/{}/lines", invoice_lines::list),
    route("GET", "/v1/invoice_payments", invoice_payments::list),
    route("GET", "/v1/invoice_payments/{}", invoice_payments::retrieve),
    route("POST", "/v1/invoiceitems", invoice_items::create),
    route("GET", "/v1/invoiceitems", invoice_items::list),
    route("GET", "/v1/invoiceitems/{}", invoice_items::retrieve),
    route("POST", "/v1/invoiceitems/{}", invoice_items::update),
    route("DELETE", "/v1/invoiceitems/{}", invoice_items::delete),
    route("POST", "/v1/test_helpers/test_clocks", test_clocks::create),
    route("GET", "/v1/test_helpers/test_clocks", test_clocks::list),
    route("GET", "/v1/test_helpers/test_clocks/{}", test_clocks::retrieve),
    route("POST", "/v1/test_helpers/test_clocks/{}/advance", test_clocks::advance),
    route("DELETE", "/v1/test_helpers/test_clocks/{}", test_clocks::delete),
    route("POST", "/v1/checkout/sessions", checkout_sessions::create),
    route("GET", "/v1/checkout/sessions", checkout_sessions::list),
    route("GET", "/v1/checkout/sessions/{}", checkout_sessions::retrieve),
    route("POST", "/v1/checkout/sessions/{}", checkout_sessions::update),
    route("POST", "/v1/checkout/sessions/{}/expire", checkout_sessions::expire),
    route("GET", "/v1/checkout/sessions/{}/line_items", checkout_sessions::line_items_list),
    route("POST", "/v1/billing/meters", meters::create),
    route("GET", "/v1/billing/meters", meters::list),
    route("GET", "/v1/billing/meters/{}", meters::retrieve),
    route("POST", "/v1/billing/meters/{}", meters::update),
    route("POST", "/v1/billing/meters/{}/deactivate", meters::deactivate),
    route("POST", "/v1/billing/meters/{}/reactivate", meters::reactivate),
    route("GET", "/v1/billing/meters/{}/event_summaries", meters::event_summaries),
    route("POST", "/v1/billing/meter_events", meters::create_event),
    route("POST", "/v1/billing/meter_event_adjustments", meters::create_adjustment),
    route("POST", "/v1/billing_portal/configurations", billing_portal::create_configuration),
    route("GET", "/v1/billing_portal/configurations", billing_portal::list_configurations),
    route("GET", "/v1/billing_portal/configurations/{}", billing_portal::retrieve_configuration),
    route("POST", "/v1/billing_portal/configurations/{}", billing_portal::update_configuration),
    route("POST", "/v1/billing_portal/sessions", billing_portal::create_session),
    route("GET", "/v1/events", events::list),
    route("GET", "/v1/events/{}", events::retrieve),
    route("POST", "/v1/webhook_endpoints", webhooks::create),
    route("GET", "/v1/webhook_endpoints", webhooks::list),
    route("GET", "/v1/webhook_endpoints/{}", webhooks::retrieve),
    route("POST", "/v1/webhook_endpoints/{}", webhooks::update),
    route("DELETE", "/v1/webhook_endpoints/{}", webhooks::delete),
];

/// Stripe's operations that the sandbox does not model, cut out of its description by `spec/extract.py`.
static UNMODELLED: LazyLock<Vec<String>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../spec/unmodelled.json"))
        .expect("the table is checked in and well formed")
});

/// The endpoint of a request, and the ids in its address.
pub(crate) fn find(method: &str, path: &str) -> Option<(&'static Route, Vec<String>)> {
    let routes = ROUTES.iter().filter(|route| route.method == method);
    routes.into_iter().find_map(|route| Some((route, ids_in(route.path, path)?)))
}

/// The operation of Stripe's that a request means, when the sandbox does not model it.
pub(crate) fn find_unmodelled(method: &str, path: &str) -> Option<&'static str> {
    let mut operations = UNMODELLED.iter().filter_map(|operation| operation.split_once(' '));
    operations
        .find(|(own, pattern)| *own == method && ids_in(pattern, path).is_some())
        .map(|(_, pattern)| pattern)
}

/// The ids in an address, if it is one of that pattern.
fn ids_in(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (parts, sent): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    if parts.len() != sent.len() {
        return None;
    }
    let mut ids = Vec::new();
    for (part, sent) in parts.into_iter().zip(sent) {
        match part {
            "{}" if !sent.is_empty() => ids.push(sent.to_owned()),
            part if part == sent => {}
            _ => return None,
        }
    }
    Some(ids)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_endpoint_has_its_parameters_and_every_operation_its_endpoint() {
        let endpoints: BTreeSet<String> =
            ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
        let operations: BTreeSet<String> = crate::parameters::operations().map(str::to_owned).collect();
        assert_eq!(endpoints, operations);
    }
}
