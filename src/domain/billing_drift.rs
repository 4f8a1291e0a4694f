//! Drift: fields in which a row of ours and Stripe's object differ.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::ids::{BillingDriftId, OrganizationId};
use super::page::Place;
use super::string_enum;

string_enum! {
    /// Why a row probably differs from Stripe's object.
    DriftCause {
        /// An event about the object waits to be applied.
        EventPending => "event_pending",
        /// An event about the object could not be applied and is a dead letter.
        EventDead => "event_dead",
        /// An event about the object was taken for none of ours.
        EventIgnored => "event_ignored",
        /// No event told of the change, or none reached us yet.
        EventLost => "event_lost",
        /// Every event was applied: something else than Stripe changed the row.
        LocalChange => "local_change",
        /// Stripe has no such object.
        MissingAtStripe => "missing_at_stripe",
        /// The customer's details are not what the billing settings say: they were changed at Stripe, or it did not take them.
        NotInStep => "not_in_step",
    }
}

string_enum! {
    /// What made both sides equal again.
    DriftMend {
        /// The comparison itself.
        Comparison => "comparison",
        /// A person who asked for it.
        Repair => "repair",
        /// An event that came later.
        Event => "event",
        /// The Stripe customer was brought in step with the billing settings.
        Sync => "sync",
    }
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldDrift {
    /// The field; `exists` when one side lacks the object.
    pub field: String,
    /// What our row says.
    pub local: Value,
    /// What Stripe's object says.
    pub stripe: Value,
}

/// A field that differed when a row and Stripe's object were compared.
#[derive(Clone, Debug, PartialEq)]
pub struct BillingDrift {
    /// Our id.
    pub id: BillingDriftId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// `subscription`, `invoice`, `payment`, `payment_method`, `credit_note`, `customer` or `customer_details`.
    pub resource_type: String,
    /// The id of the object at Stripe.
    pub stripe_object_id: String,
    /// The field and both values.
    pub drift: FieldDrift,
    /// The probable cause.
    pub cause: DriftCause,
    /// When it was first found.
    pub found_at: DateTime<Utc>,
    /// When it was last found.
    pub seen_at: DateTime<Utc>,
    /// When both sides were equal again, and by what; `None` while they differ.
    pub mended: Option<(DateTime<Utc>, DriftMend)>,
}

impl BillingDrift {
    /// Where it stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.found_at, id: self.id.0 }
    }
}

/// The fields in which two objects differ, each with both values. A field that one lacks is null there.
pub fn differing_fields(local: &Value, stripe: &Value) -> Vec<FieldDrift> {
    let empty = serde_json::Map::new();
    let local = local.as_object().unwrap_or(&empty);
    let stripe = stripe.as_object().unwrap_or(&empty);
    let mut fields: Vec<&String> = local.keys().chain(stripe.keys()).collect();
    fields.sort_unstable();
    fields.dedup();
    let value =
        |side: &serde_json::Map<String, Value>, field: &str| side.get(field).cloned().unwrap_or(Value::Null);
    fields
        .into_iter()
        .map(|field| FieldDrift {
            field: field.clone(),
            local: value(local, field),
            stripe: value(stripe, field),
        })
        .filter(|drift| drift.local != drift.stripe)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_drift_and_a_missing_field_is_null() {
        let drift = differing_fields(
            &json!({ "status": "active", "quantity": 2, "gone": 1 }),
            &json!({ "status": "canceled", "quantity": 2, "fresh": true }),
        );
        let shown: Vec<_> = drift.iter().map(|it| (it.field.as_str(), &it.local, &it.stripe)).collect();
        assert_eq!(
            shown,
            [
                ("fresh", &Value::Null, &json!(true)),
                ("gone", &json!(1), &Value::Null),
                ("status", &json!("active"), &json!("canceled")),
            ]
        );
    }
}
