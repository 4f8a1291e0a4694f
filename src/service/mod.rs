//! Use cases, one file a noun: load, decide, write, record. Shared by GraphQL, the webhook's worker and the jobs.

mod answer;
mod api_key;
mod authority;
mod billing_drift;
mod billing_policy;
mod checkout;
mod command;
mod companion;
mod comparison;
mod credit_note;
mod customer;
mod customer_details;
mod customer_link;
mod dunning;
mod duplicate;
mod entitlement;
mod entitlement_cache;
mod error;
mod event;
mod expiry;
mod fault_point;
mod hearing;
mod idempotency;
mod invitation;
mod invoice;
mod invoice_change;
mod lease;
mod member;
mod meter;
mod mirror;
mod notification;
mod notification_read;
mod notification_recipients;
mod operation;
mod organization;
mod outbox;
mod outgoing;
mod payment;
mod payment_method;
mod plan;
mod plan_charge;
mod plan_restore;
mod presence;
mod reconcile;
mod refetch;
mod refund;
mod refund_decision;
mod refund_limit;
mod refused_act;
mod refused_field;
mod refused_step;
mod replay;
mod revenue;
mod role;
mod running;
mod seat;
mod secret_rotation;
mod security_setting;
mod setting;
mod setting_part;
mod subscription;
mod subscription_cancel;
mod subscription_change;
mod subscription_change_revoke;
mod subscription_change_run;
mod subscription_foundation;
mod subscription_free;
mod subscription_preview;
mod subscription_restore;
mod subscription_terms;
mod sweep;
mod trace;
mod trace_plan;
mod trial;
mod usage;
mod usage_alert;
mod usage_bill;
mod usage_close;
mod usage_export;
mod usage_report;
mod waiting;
mod webhook_delivery;
mod webhook_endpoint;
mod webhook_health;
mod webhook_selection;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use crate::delivery::WebhookSender;
use crate::domain::clock::Clock;
use crate::domain::ids::IdGenerator;
use crate::domain::return_url::AllowedReturnUrls;
use crate::payments::{Seat, Stripe};
use crate::store::Store;

pub use answer::{Answer, Resource};
pub use api_key::{ApiKeyCreateInput, ApiKeyInput};
pub use billing_policy::BillingPolicySetInput;
pub use checkout::{CheckoutSessionCreateInput, PortalSessionCreateInput};
pub use credit_note::CreditNoteCreateInput;
pub use customer::CustomerInput;
pub use customer_link::CustomerLinkInput;
pub use entitlement::{EntitlementOverrideRemoveInput, EntitlementOverrideSetInput, EntitlementState};
pub use error::{ErrorCode, Refusal, ServiceError};
pub use event::EventOutcome;
pub use idempotency::CallerKey;
pub use invitation::{Guest, InvitationInput, MemberInviteInput};
pub use invoice::InvoicePayInput;
pub use invoice_change::{InvoiceAct, InvoiceChangeInput};
pub use member::{MemberInput, MemberRoleChangeInput, OwnershipTransferInput};
pub use meter::{MeterArchiveInput, MeterCreateInput, MeterUpdateInput};
pub use notification_read::{NotificationMarkInput, NotificationsMarkAllInput, WantedReader};
pub use operation::SETTLED_AT_ONCE;
pub use organization::OrganizationCreateInput;
pub use outbox::EmailOutcome;
pub use outgoing::{Mail, Outgoing};
pub use payment::{PaymentIntentCancelInput, PaymentIntentConfirmInput, PaymentIntentCreateInput};
pub use payment_method::{
    PaymentMethodAttachInput, PaymentMethodDetachInput, PaymentMethodSetDefaultInput, PaymentMethodSetupInput,
};
pub use plan::{PlanArchiveInput, PlanCreateInput, PlanPriceInput, PlanUpdateInput};
pub use plan_charge::{ChargeTierInput, PlanChargeInput};
pub use reconcile::Comparison;
pub use refund::{PaymentRefundInput, RefundActor, RefundAnswer, RefundPreview};
pub use refund_decision::RefundDecisionInput;
pub use refund_limit::RefundLimitInput;
pub use refused_act::RefusedAct;
pub use role::{RoleCreateInput, RoleInput, RoleUpdateInput};
pub use seat::SeatReleaseInput;
pub use secret_rotation::{Rotated, rotate_secrets};
pub use security_setting::{SecurityRecoverInput, SessionsRevokeInput};
pub use setting::{Author, SecurityUpdateInput, SettingsRollbackInput, SettingsUpdateInput};
pub use subscription::SubscriptionCreateInput;
pub use subscription_cancel::{SubscriptionCancelInput, SubscriptionResumeInput};
pub use subscription_change::SubscriptionChangeInput;
pub use subscription_preview::{ChangePreviewed, OpenedPreview};
pub use subscription_terms::{
    DiscountSource, SubscriptionCollectionPauseInput, SubscriptionDiscountInput, SubscriptionInput,
    SubscriptionTrialInput,
};
pub use sweep::Sweep;
pub use usage::{UsageOptions, UsageQuestion, UsageRecordInput, UsageReport};
pub use usage_alert::{ThresholdInput, UsageAlertRemoveInput, UsageAlertSetInput, UsageAlertState};
pub use usage_export::{ExportKind, ExportPage, UsageExport, UsageExportInput};
pub use usage_report::{UsageReportOfMeter, UsageReportQuestion};
pub use webhook_delivery::{
    FailurePatience, OURS, WebhookDeliveriesReplayInput, WebhookDeliveryReplayInput, WebhookOutcome,
    WebhookRetry,
};
pub use webhook_endpoint::{
    WebhookEndpointAct, WebhookEndpointCreateInput, WebhookEndpointInput, WebhookEndpointUpdateInput,
};
pub use webhook_selection::{SelectionAnswer, SelectionRequest, SelectionViewer, Selections};

/// The use cases, with what they need. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    store: Store,
    stripe: Stripe,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    refetches: refetch::Refetches,
    return_urls: Arc<AllowedReturnUrls>,
    outgoing: Outgoing,
    /// How long a caller waits for Stripe, in all; as long as it takes when there is no bound.
    patience: Option<Duration>,
    /// Told when an operation of unknown outcome is due before its time.
    due: Arc<Notify>,
    /// Whose tokens are accepted.
    trusted_issuers: Arc<[String]>,
    usage: UsageOptions,
    entitlement_cache: entitlement_cache::EntitlementCache,
    /// The schema, once it is made: it is made of the use cases.
    selections: Arc<OnceLock<Arc<dyn Selections>>>,
}

impl Service {
    /// The use cases over a database and a Stripe account.
    pub fn new(store: Store, stripe: Stripe, clock: Arc<dyn Clock>, ids: Arc<dyn IdGenerator>) -> Self {
        let entitlement_cache =
            entitlement_cache::EntitlementCache::new([store.own_changes(), store.changes()]);
        Self {
            store,
            stripe,
            clock,
            ids,
            refetches: refetch::Refetches::default(),
            return_urls: Arc::default(),
            outgoing: Outgoing::default(),
            patience: None,
            due: Arc::default(),
            trusted_issuers: Arc::default(),
            usage: UsageOptions::default(),
            entitlement_cache,
            selections: Arc::default(),
        }
    }

    /// Lets it tell people: seal secrets, write texts, send mails.
    pub fn with_outgoing(mut self, outgoing: Outgoing) -> Self {
        self.outgoing = outgoing;
        self
    }

    /// Tells it whose tokens are accepted: single sign-on by another issuer lets nobody in.
    pub fn with_trusted_issuers(mut self, issuers: Vec<String>) -> Self {
        self.trusted_issuers = issuers.into();
        self
    }

    /// Bounds how long a caller waits for Stripe.
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// The same use cases for a caller whose patience begins now: when it ends, whatever Stripe was asked counts as unanswered,
    /// so that the caller hears of their operation before their request is given up.
    pub fn answering(&self) -> Self {
        match self.patience {
            Some(patience) => {
                Self { stripe: self.stripe.answering_by(Instant::now() + patience), ..self.clone() }
            }
            None => self.clone(),
        }
    }

    /// Says how usage is taken in.
    pub fn with_usage(mut self, usage: UsageOptions) -> Self {
        self.usage = usage;
        self
    }

    /// Lets Stripe's pages send people back to these addresses; to none otherwise.
    pub fn with_return_urls(mut self, allowed: AllowedReturnUrls) -> Self {
        self.return_urls = Arc::new(allowed);
        self
    }

    /// Lets stored queries be run. All handles of these use cases are given it at once.
    pub fn set_selections(&self, selections: Arc<dyn Selections>) {
        // It is given one when the application is put together.
        let _ = self.selections.set(selections);
    }

    fn selections(&self) -> Result<&dyn Selections, ServiceError> {
        let set = self
            .selections
            .get()
            .ok_or_else(|| ServiceError::Panicked("no schema was handed to the use cases".to_owned()))?;
        Ok(set.as_ref())
    }

    /// Whether webhooks may be sent to this machine: a development setting.
    fn sends_to_this_machine(&self) -> bool {
        self.outgoing.webhooks.as_ref().is_some_and(WebhookSender::allows_this_machine)
    }

    /// The same use cases for work that nobody waits for: at Stripe it gives way to interactive calls.
    pub fn in_background(&self) -> Self {
        Self { stripe: self.stripe.in_background(), ..self.clone() }
    }

    /// The same use cases for something long that a person waits for: inside the rate budget, before what is in the background.
    fn in_pace(&self) -> Self {
        Self { stripe: self.stripe.in_pace(), ..self.clone() }
    }

    /// The same use cases for one event, once there is a seat for it. It is left while Stripe is asked, and given back with
    /// this handle.
    pub async fn seated(&self, seats: &Arc<Semaphore>) -> Self {
        Self { stripe: self.stripe.seated(Seat::take(seats).await), ..self.clone() }
    }

    /// The database, for reads.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The Stripe account.
    pub const fn stripe(&self) -> &Stripe {
        &self.stripe
    }

    /// The version of Stripe's API that every request asks for.
    pub fn stripe_version() -> &'static str {
        crate::payments::library_version()
    }

    /// Where the time comes from.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("store", &self.store).finish_non_exhaustive()
    }
}
