//! Every entity under its noun.

pub use crate::audit_log::Entity as AuditLog;
pub use crate::billing_drift::Entity as BillingDrift;
pub use crate::billing_operation::Entity as BillingOperation;
pub use crate::billing_policy::Entity as BillingPolicy;
pub use crate::dunning_reminder::Entity as DunningReminder;
pub use crate::idempotency_key::Entity as IdempotencyKey;
pub use crate::invoice::Entity as Invoice;
pub use crate::job::Entity as Job;
pub use crate::membership::Entity as Membership;
pub use crate::organization::Entity as Organization;
pub use crate::organization_setting::Entity as OrganizationSetting;
pub use crate::payment::Entity as Payment;
pub use crate::payment_method::Entity as PaymentMethod;
pub use crate::plan::Entity as Plan;
pub use crate::price::Entity as Price;
pub use crate::stripe_event::Entity as StripeEvent;
pub use crate::subscription::Entity as Subscription;
pub use crate::sync_cursor::Entity as SyncCursor;
pub use crate::usage_daily::Entity as UsageDaily;
pub use crate::user::Entity as User;
