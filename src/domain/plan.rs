//! Plans and their prices: the catalogue.

use chrono::{DateTime, Utc};

use super::ids::{OrganizationId, PlanId, PriceId, StripePriceId, StripeProductId};
use super::money::Money;
use super::string_enum;

string_enum! {
    /// How often a price recurs.
    BillingInterval {
        /// Every month.
        Month => "month",
        /// Every year.
        Year => "year",
    }
}

/// What can be subscribed to.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Our id.
    pub id: PlanId,
    /// Set when the plan was made for one organization and is nobody else's to see.
    pub organization_id: Option<OrganizationId>,
    /// The name people read.
    pub name: String,
    /// The plan's stable short name, unique.
    pub slug: String,
    /// What it is, for people.
    pub description: String,
    /// The default price.
    pub price: Money,
    /// How often the default price recurs.
    pub billing_interval: BillingInterval,
    /// Entitlements and limits by feature name.
    pub features: serde_json::Value,
    /// Days of trial a new subscription gets, zero for none.
    pub trial_days: i32,
    /// Seats that the price includes; `None` when seats are not counted.
    pub seats_included: Option<i32>,
    /// The place in a list, ascending.
    pub sort_order: i32,
    /// Whether the plan is offered to everyone.
    pub is_public: bool,
    /// Whether new subscriptions may choose it.
    pub is_active: bool,
    /// The product at Stripe, once published. A free plan has none.
    pub stripe_product_id: Option<StripeProductId>,
    /// The default price at Stripe, once published.
    pub stripe_price_id: Option<StripePriceId>,
    /// Counts the changes, for optimistic concurrency.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was archived.
    pub archived_at: Option<DateTime<Utc>>,
}

impl Plan {
    /// Whether the plan costs nothing and so needs no subscription at Stripe.
    pub fn is_free(&self) -> bool {
        self.price.minor == 0
    }
}

impl Plan {
    /// The seats that so many units give; `None` when the plan does not count them.
    pub fn seats(&self, quantity: i64) -> Option<i64> {
        self.seats_included.map(|included| quantity.saturating_mul(i64::from(included)))
    }
}

/// One price of a plan. A price never changes: a new amount is a new price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// Our id.
    pub id: PriceId,
    /// The plan it is a price of.
    pub plan_id: PlanId,
    /// For one unit (seat) and interval.
    pub unit_amount: Money,
    /// How often it recurs.
    pub billing_interval: BillingInterval,
    /// The price at Stripe, once published.
    pub stripe_price_id: Option<StripePriceId>,
    /// Whether new subscriptions may choose it.
    pub is_active: bool,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was archived.
    pub archived_at: Option<DateTime<Utc>>,
}

impl Plan {
    /// What audit records keep of it.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name,
            "slug": self.slug,
            "description": self.description,
            "priceMinor": self.price.minor,
            "currency": self.price.currency,
            "billingInterval": self.billing_interval.as_str(),
            "features": self.features,
            "trialDays": self.trial_days,
            "seatsIncluded": self.seats_included,
            "sortOrder": self.sort_order,
            "isPublic": self.is_public,
            "isActive": self.is_active,
            "stripeProductId": self.stripe_product_id,
            "stripePriceId": self.stripe_price_id,
            "version": self.version,
        })
    }
}
