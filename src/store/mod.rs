//! The only user of the database: tenant-scoped queries by noun, transactions, errors.
//!
//! Rows are written through a [`WriteTransaction`], which commits only together with the audit record of the change.
//! What is not a change of the business, the inbox and the intentions, is written by functions of [`Store`] that say so.

mod access;
mod api_key;
mod audit;
mod billing_drift;
mod billing_operation;
mod billing_policy;
mod changes;
mod connection;
mod credit_note;
mod customer;
mod demo;
mod dispute;
mod dunning;
mod email_delivery;
mod entitlement;
mod error;
mod holding;
mod idempotency;
mod intake;
mod invitation;
mod invoice;
mod job;
mod membership;
mod meter;
mod mirror;
mod notification;
mod organization;
mod outbox;
mod page;
mod payment;
mod payment_attempt;
mod payment_method;
mod plan;
mod plan_charge;
mod refund;
mod refund_limit;
mod revenue;
mod role;
mod seat;
mod session;
mod setting;
mod stripe_event;
mod subscription;
mod told_retention;
mod transaction;
mod trial;
mod usage;
mod usage_alert;
mod usage_charge;
mod usage_exact;
mod usage_export;
mod usage_intake;
mod usage_period;
mod usage_retention;
mod usage_total;
mod user;
mod webhook_claim;
mod webhook_delivery;
mod webhook_endpoint;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::DatabaseConnection;

use crate::domain::clock::Clock;
use crate::domain::ids::IdGenerator;

pub use access::{AccessRows, OverdueInvoice};
pub use api_key::{KeyPrincipal, NewApiKey};
pub use audit::AuditLogFilter;
pub use billing_drift::{BillingDriftFilter, Compared, MirroredIds};
pub use billing_operation::{CHECKED, NewOperation, Opened, OperationRecord, OperationSettlement};
pub use billing_policy::StoredPolicy;
pub use changes::{Changed, ChangedKind, Notice};
pub use connection::{Backend, StatementObserver, StoreOptions};
pub use demo::DemoRows;
pub use dispute::DisputeFilter;
pub use dunning::{Debtor, DunningReminder, Recovered, RecoveryFailures};
pub use email_delivery::{ClaimedEmail, EmailDeliveryFilter};
pub use error::StoreError;
pub use holding::Held;
pub use idempotency::{IdempotencyRecord, NewIdempotencyRecord};
pub use invitation::NewInvitation;
pub use invoice::InvoiceFilter;
pub use job::JobLease;
pub use membership::Member;
pub use notification::NotificationFilter;
pub use organization::{NewOrganization, OrganizationScope, OrganizationView};
pub use outbox::{Addressee, ClaimedMessage, FanOut};
pub use payment::PaymentFilter;
pub use plan::{NewPlan, NewPrice, PlanPatch};
pub use plan_charge::PlanChargeHistory;
pub use refund::{NewRefund, RefundFilter, RefundSums, RefundSumsOf};
pub use role::RoleTerms;
pub use session::SeenSession;
pub use setting::NewSetting;
pub use stripe_event::{BusyLanes, ClaimedEvent, StoredEvent, StripeEventFilter};
pub use subscription::SubscriptionView;
pub use told_retention::ToldRetention;
pub use transaction::WriteTransaction;
pub use usage::UsageRange;
pub use usage_alert::{UnseenCounter, UsageAlertStanding};
pub use usage_exact::ExactUsage;
pub use usage_intake::UsageAdditions;
pub use user::{Identity, Principal};
pub use webhook_claim::WebhookPlaces;
pub use webhook_delivery::{ClaimedWebhook, WebhookAnswer, WebhookDeliveryFilter};
pub use webhook_endpoint::{EndpointSecret, SealedEndpoint};

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    db: DatabaseConnection,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    feed: changes::Feed,
    intake: intake::Intake,
    open: transaction::OpenTransactions,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("backend", &self.backend()).finish_non_exhaustive()
    }
}

/// When a mirrored row was in step with Stripe before a write, and when it will be after it.
///
/// The write happens only when the row is still as old as `before` says: whoever fetched an object from Stripe while
/// somebody else wrote a newer one must fetch again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    /// The row's watermark when the object was asked for; `None` when there was no row.
    pub before: Option<DateTime<Utc>>,
    /// What the watermark becomes.
    pub after: DateTime<Utc>,
}

/// What a write of a mirrored object came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Mirrored<T> {
    /// The row was written; `old` is what stood there.
    Written {
        /// The row before, if there was one.
        old: Option<T>,
        /// The row now.
        new: T,
    },
    /// Somebody wrote the row meanwhile: fetch the object again.
    Moved,
    /// The row is in a final state, and stays as it is.
    Final(T),
}
