//! The organization: the tenant that everything billed and set belongs to.

use chrono::{DateTime, Utc};

use super::ids::{OrganizationId, StripeCustomerId};
use super::money::Currency;
use super::seat::SeatRelease;

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Our id.
    pub id: OrganizationId,
    /// The name people read.
    pub name: String,
    /// The name in addresses, unique.
    pub slug: String,
    /// The Stripe customer, once one was needed.
    pub stripe_customer_id: Option<StripeCustomerId>,
    /// The currency Stripe fixed for the customer with the first charge.
    pub currency: Option<Currency>,
    /// What becomes of the seat that a member leaves.
    pub seat_release: SeatRelease,
    /// When what is known of the customer was last in step with Stripe.
    pub stripe_synced_at: Option<DateTime<Utc>>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Organization {
    /// What audit records keep of it.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name,
            "slug": self.slug,
            "stripeCustomerId": self.stripe_customer_id,
            "currency": self.currency,
        })
    }
}
