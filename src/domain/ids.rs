//! Identifiers. Ours are UUID version 7, one type a noun, so that an invoice's id cannot be passed where a
//! payment's is meant; Stripe's are opaque strings, likewise one type a noun.

use std::fmt;
use std::sync::Mutex;

use rand::Rng;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
    )+ };
}

ids! {
    /// The id of an organization, the tenant.
    OrganizationId,
    /// The id of a person.
    UserId,
    /// The id of a person's membership of an organization.
    MembershipId,
    /// The id of a role that an organization put together itself.
    RoleId,
    /// The id of an invitation.
    InvitationId,
    /// The id of an API key.
    ApiKeyId,
    /// The id of a plan of the catalogue.
    PlanId,
    /// The id of one price of a plan.
    PriceId,
    /// The id of a subscription.
    SubscriptionId,
    /// The id of an invoice.
    InvoiceId,
    /// The id of a payment.
    PaymentId,
    /// The id of a payment method.
    PaymentMethodId,
    /// The id of one attempt of a payment.
    PaymentAttemptId,
    /// The id of a refund.
    RefundId,
    /// The id of a dispute.
    DisputeId,
    /// The id of a credit note.
    CreditNoteId,
    /// The id of an audit record.
    AuditLogId,
    /// The id of a stored Stripe event (ours, not Stripe's `evt_…`).
    StripeEventId,
    /// The id of a billing operation.
    BillingOperationId,
    /// The id of a drift that a comparison found.
    BillingDriftId,
    /// The id of a fact that is to be told.
    OutboxMessageId,
    /// The id of a mail to one address.
    EmailDeliveryId,
    /// The id of what one person reads in the application.
    NotificationId,
    /// The id of an address that webhooks are sent to.
    WebhookEndpointId,
    /// The id of a webhook to one address.
    WebhookDeliveryId,
    /// The id of a meter.
    MeterId,
    /// The id of what one organization may use in the place of what its plan says.
    EntitlementOverrideId,
    /// The id of what an organization wants to be told of its usage of a meter.
    UsageAlertId,
    /// The id of what an organization was told of its usage.
    UsageNoticeId,
    /// The id of a billing period, as usage is billed by it.
    UsagePeriodId,
    /// The id of what one meter came to in one billing period.
    UsageChargeId,
}

macro_rules! stripe_ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => { $(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as Stripe writes it.
            pub fn as_str(&self) -> &str { &self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self { Self(text.to_owned()) }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self { Self(text) }
        }
    )+ };
}

stripe_ids! {
    /// Stripe's id of a customer, `cus_…`.
    StripeCustomerId,
    /// Stripe's id of a subscription, `sub_…`.
    StripeSubscriptionId,
    /// Stripe's id of an item of a subscription, `si_…`.
    StripeSubscriptionItemId,
    /// Stripe's id of a subscription schedule, `sub_sched_…`.
    StripeScheduleId,
    /// Stripe's id of an invoice, `in_…`.
    StripeInvoiceId,
    /// Stripe's id of a payment intent, `pi_…`.
    StripePaymentIntentId,
    /// Stripe's id of a payment method, `pm_…`.
    StripePaymentMethodId,
    /// Stripe's id of a charge, `ch_…`.
    StripeChargeId,
    /// Stripe's id of a refund, `re_…`.
    StripeRefundId,
    /// Stripe's id of a dispute, `du_…`.
    StripeDisputeId,
    /// Stripe's id of a credit note, `cn_…`.
    StripeCreditNoteId,
    /// Stripe's id of a product, `prod_…`.
    StripeProductId,
    /// Stripe's id of a price, `price_…`.
    StripePriceId,
}

/// Where new ids come from. Injected, so that a test can foretell them.
pub trait IdGenerator: Send + Sync {
    /// The next id, UUID version 7: sortable by the time of its making.
    fn next(&self) -> Uuid;

    /// 256 random bits that nobody can foretell, for a secret.
    fn secret(&self) -> [u8; 32];
}

/// Ids from the system's clock and randomness.
#[derive(Debug, Default)]
pub struct SystemIds;

impl IdGenerator for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "the one place where real ids are made")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where real secrets are made")]
    fn secret(&self) -> [u8; 32] {
        // The thread's generator is seeded by the operating system, and made for secrets.
        rand::rng().random()
    }
}

/// Ids that count upwards from a seed: the same run gives the same ids.
#[derive(Debug)]
pub struct SequentialIds(Mutex<u128>);

impl SequentialIds {
    /// A sequence of its own for each `seed`.
    pub fn new(seed: u32) -> Self {
        Self(Mutex::new(u128::from(seed) << 64))
    }
}

impl IdGenerator for SequentialIds {
    fn next(&self) -> Uuid {
        let mut counter = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *counter += 1;
        // Version and variant bits as RFC 9562 wants them; the rest is the counter.
        let bits = (*counter & !(0xF << 76) & !(0x3 << 62)) | (0x7 << 76) | (0x2 << 62);
        Uuid::from_u128(bits)
    }

    /// Foretold like the ids: what is made with it is for tests and demonstrations.
    fn secret(&self) -> [u8; 32] {
        let mut secret = [0; 32];
        secret[..16].copy_from_slice(self.next().as_bytes());
        secret[16..].copy_from_slice(self.next().as_bytes());
        secret
    }
}
