//! The only user of async-stripe: our words for Stripe's.

mod budget;
mod catalog;
mod checkout;
mod client;
mod convert;
mod convert_subscription;
mod credit_notes;
mod customers;
mod disputes;
mod error;
mod events;
mod invoices;
mod lists;
mod payment_intents;
mod payment_methods;
mod refunds;
mod seat;
mod subscription_changes;
mod subscription_preview;
mod subscription_schedules;
mod subscriptions;
mod traces;
mod transport;
mod usage_bills;
mod versions;
mod webhook;

pub use catalog::{NewPrice, NewProduct, ProductPatch};
pub use checkout::NewCheckoutSession;
pub use client::{IdempotencyKey, Stripe, StripeOptions};
pub use credit_notes::NewCreditNote;
pub use customers::NewCustomer;
pub use error::{Outcome, PaymentsError};
pub use events::{
    ObjectKind, Unreadable, mirror_of, named_operation, named_organization, object_in_our_words,
};
pub use lists::{EventPage, EventsAfter, WebhookEndpoint};
pub use payment_intents::NewPaymentIntent;
pub use payment_methods::NewSetupIntent;
pub use refunds::NewRefund;
pub use seat::Seat;
pub use subscription_changes::{PromotionCode, Redeemed, SubscriptionItemChange};
pub use subscription_preview::ChangePreview;
pub use subscription_schedules::{PhaseItems, PhaseTerms, SchedulePlan};
pub use subscriptions::{CancellationReason, MissingPaymentMethod, NewSubscription, PaymentBehavior};
pub use traces::{Note, PLAN_METADATA, SoldProduct};
pub use usage_bills::{NewUsageInvoice, USAGE_CHARGE_METADATA, UsageItem, UsageItemPlace};
pub use webhook::{EnvelopeError, SignatureError, WebhookVerifier, parse_envelope, sign};

/// The version of Stripe's API that the library speaks, and every request asks for.
pub fn library_version() -> &'static str {
    stripe_client_core::VERSION.as_str()
}
