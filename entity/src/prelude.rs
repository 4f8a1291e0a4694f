//! Every entity under its noun.

pub use crate::audit_log::Entity as AuditLog;
pub use crate::billing_drift::Entity as BillingDrift;
pub use crate::billing_operation::Entity as BillingOperation;
pub use crate::billing_policy::Entity as BillingPolicy;
pub use crate::credit_note::Entity as CreditNote;
pub use crate::deleted_customer::Entity as DeletedCustomer;
pub use crate::dispute::Entity as Dispute;
pub use crate::dunning_reminder::Entity as DunningReminder;
pub use crate::idempotency_key::Entity as IdempotencyKey;
pub use crate::invoice::Entity as Invoice;
pub use crate::job::Entity as Job;
pub use crate::membership::Entity as Membership;
pub use crate::organization::Entity as Organization;
pub use crate::organization_setting::Entity as OrganizationSetting;
pub use crate::payment::Entity as Payment;
pub use crate::payment_attempt::Entity as PaymentAttempt;
pub use crate::payment_method::Entity as PaymentMethod;
pub use crate::plan::Entity as Plan;
pub use crate::price::Entity as Price;
pub use crate::refund::Entity as Refund;
pub use crate::refund_limit::Entity as RefundLimit;
pub use crate::stripe_event::Entity as StripeEvent;
pub use crate::subscription::Entity as Subscription;
pub use crate::sync_cursor::Entity as SyncCursor;
pub use crate::usage_daily::Entity as UsageDaily;
pub use crate::user::Entity as User;
