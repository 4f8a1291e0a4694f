//! The account behind the key.

use serde_json::json;

use crate::errors::Answer;
use crate::http::Call;

/// Two-letter code of the account's country.
pub(crate) const COUNTRY: &str = "US";
/// The name on invoices.
pub(crate) const NAME: &str = "Stripe sandbox";

#[expect(clippy::unnecessary_wraps, reason = "every endpoint has this signature")]
pub(crate) fn retrieve(_call: &mut Call<'_>) -> Answer {
    let address = json!({ "city": null, "country": COUNTRY, "line1": null, "line2": null, "postal_code": null, "state": null });
    let requirements = json!({
        "alternatives": [], "current_deadline": null, "currently_due": [], "disabled_reason": null, "errors": [], "eventually_due": [],
        "past_due": [], "pending_verification": [],
    });
    Ok(json!({
        "id": "acct_1Sandbox00000000", "object": "account",
        "business_profile": {
            "annual_revenue": null, "estimated_worker_count": null, "mcc": null, "minority_owned_business_designation": null, "name": NAME,
            "product_description": null, "specified_commercial_transactions_act_url": null, "support_address": address, "support_email": null, "support_phone": null, "support_url": null, "url": null,
        },
        "business_type": "company", "capabilities": { "card_payments": "active", "transfers": "active" }, "charges_enabled": true,
        "controller": { "type": "account" }, "country": COUNTRY, "created": 1_234_567_890, "default_currency": "usd", "details_submitted": true,
        "email": "sandbox@example.com",
        "external_accounts": { "object": "list", "data": [], "has_more": false, "url": "/v1/accounts/acct_1Sandbox00000000/external_accounts" },
        "future_requirements": requirements, "metadata": {}, "payouts_enabled": true, "requirements": requirements,
        "settings": {
            "bacs_debit_payments": { "display_name": null, "service_user_number": null },
            "branding": { "icon": null, "logo": null, "primary_color": null, "secondary_color": null },
            "card_issuing": { "tos_acceptance": { "date": null, "ip": null } },
            "card_payments": {
                "decline_on": { "avs_failure": false, "cvc_failure": false }, "statement_descriptor_prefix": null,
                "statement_descriptor_prefix_kana": null, "statement_descriptor_prefix_kanji": null,
            },
            "dashboard": { "display_name": NAME, "timezone": "Etc/UTC" },
            "invoices": { "default_account_tax_ids": null, "hosted_payment_method_save": "offer" },
            "payments": {
                "statement_descriptor": null, "statement_descriptor_kana": null, "statement_descriptor_kanji": null,
                "statement_descriptor_prefix_kana": null, "statement_descriptor_prefix_kanji": null,
            },
            "payouts": { "debit_negative_balances": true, "schedule": { "delay_days": 2, "interval": "daily" }, "statement_descriptor": null },
            "sepa_debit_payments": {},
        },
        "tos_acceptance": { "date": null, "ip": null, "user_agent": null }, "type": "standard",
    }))
}
