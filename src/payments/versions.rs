//! Payloads of other API versions than ours, brought into our shape where that can be done for certain.
//!
//! An endpoint at Stripe may be of another version than the library, and events keep the version of their making. What
//! is understood here saves a request; what is not is fetched. The fixtures in `tests/payments/fixtures` decide what a
//! version looks like, not anybody's memory.

use serde_json::{Value, json};

use super::events::ObjectKind;

/// From this date on a subscription's period stands on its items, and an invoice names its subscription in `parent`
/// and its payments in `payments`. Source: <https://docs.stripe.com/changelog/basil>.
const BASIL: &str = "2025-03-31";
/// Older payloads are not looked into: nobody could say for each field what it meant then.
const OLDEST: &str = "2024-04-10";

/// How a payload's version stands to ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    /// Ours, or one since the last change of shape.
    Current,
    /// Before 2025-03-31.
    BeforeBasil,
    /// Newer than the library, older than what is understood, or no version at all.
    Foreign,
}

/// A version is a date, with a name after it since 2024-09-30.
fn age(version: Option<&str>) -> Age {
    let ours = date(stripe_client_core::VERSION.as_str());
    match version.map(date) {
        Some(Some(date)) if Some(date) > ours || date < OLDEST => Age::Foreign,
        Some(Some(date)) if date < BASIL => Age::BeforeBasil,
        Some(Some(_)) => Age::Current,
        _ => Age::Foreign,
    }
}

/// The date that a version begins with.
fn date(version: &str) -> Option<&str> {
    let date = version.split('.').next()?;
    let digits =
        |part: &str, length: usize| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = date.split('-');
    let is_date = digits(parts.next()?, 4)
        && digits(parts.next()?, 2)
        && digits(parts.next()?, 2)
        && parts.next().is_none();
    is_date.then_some(date)
}

/// The object of a payload of `version` in the shape of ours; `None` when it must be fetched.
pub(super) fn in_our_shape(kind: ObjectKind, version: Option<&str>, object: Value) -> Option<Value> {
    match age(version) {
        Age::Current => Some(object),
        Age::Foreign => None,
        Age::BeforeBasil => match kind {
            ObjectKind::Subscription => subscription_of_before_basil(object),
            // What these say did not move.
            ObjectKind::Customer
            | ObjectKind::PaymentMethod
            | ObjectKind::PaymentIntent
            | ObjectKind::Charge
            | ObjectKind::Refund
            | ObjectKind::Dispute
            | ObjectKind::CreditNote
            | ObjectKind::CheckoutSession
            | ObjectKind::Schedule => Some(object),
            // Which subscription and which payments, the tax and the lines' prices: all of it moved.
            ObjectKind::Invoice | ObjectKind::InvoicePayment => None,
        },
    }
}

/// The period stood at the root, one for all items.
fn subscription_of_before_basil(mut object: Value) -> Option<Value> {
    let start = object["current_period_start"].as_i64()?;
    let end = object["current_period_end"].as_i64()?;
    for item in object["items"]["data"].as_array_mut()? {
        item["current_period_start"] = start.into();
        item["current_period_end"] = end.into();
    }
    // The modes came later; what was made before is of the classic one.
    if object["billing_mode"].is_null() {
        object["billing_mode"] = json!({ "type": "classic" });
    }
    Some(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_ours_older_or_foreign() {
        for (version, expected) in [
            (stripe_client_core::VERSION.as_str(), Age::Current),
            ("2025-03-31.basil", Age::Current),
            ("2025-12-15.clover", Age::Current),
            ("2025-02-24.acacia", Age::BeforeBasil),
            ("2024-06-20", Age::BeforeBasil),
            ("2020-08-27", Age::Foreign),
            ("2031-01-01.zinnia", Age::Foreign),
            ("2025-03-31-preview", Age::Foreign),
            ("yesterday", Age::Foreign),
            ("", Age::Foreign),
        ] {
            assert_eq!(age(Some(version)), expected, "{version}");
        }
        assert_eq!(age(None), Age::Foreign);
    }
}
