//! The enums of the schema.

use async_graphql::Enum;

use crate::domain;

/// The codes of errors, in `userErrors` and in the extensions of top-level errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::service::ErrorCode")]
pub enum ErrorCode {
    /// There is no valid token. Sign in, and send the token.
    Unauthenticated,
    /// The token is valid and the permission is missing.
    Forbidden,
    /// It does not exist for this caller.
    NotFound,
    /// The input is wrong; the message says where and how to mend it.
    BadUserInput,
    /// It is not as the caller thought: read again.
    Conflict,
    /// Too many requests: slow down.
    RateLimited,
    /// The document asks for too much: ask for less at once.
    QueryTooComplex,
    /// The bank declined the payment: use another payment method.
    PaymentDeclined,
    /// The cardholder must confirm the payment: go on with the client secret.
    PaymentActionRequired,
    /// The plan cannot be chosen: choose another.
    PlanUnavailable,
    /// A limit of the plan or of the platform was reached.
    LimitExceeded,
    /// Stripe does not answer: try again later, with the same idempotency key.
    StripeUnavailable,
    /// The fault is ours. It has been logged under the request's id.
    Internal,
}

/// A member's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::membership::Role")]
pub enum Role {
    /// Everything, and the only one who may hand the organization over.
    Owner,
    /// Everything but what only an owner may do.
    Admin,
    /// Plans, payment methods, invoices and payments.
    BillingManager,
    /// Reads all, the audit log included; changes nothing.
    Auditor,
    /// Sees the organization, its members and its plan.
    Member,
    /// One that the organization put together: see the role itself for what it holds.
    Custom,
}

/// Whether a membership counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::membership::MembershipStatus")]
pub enum MembershipStatus {
    /// It does.
    Active,
    /// It does not, until it is given back: the person is nobody here meanwhile.
    Suspended,
}

/// What became of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum InvitationStatus {
    /// It can be accepted.
    Pending,
    /// Nobody accepted it in time. It can be sent again.
    Expired,
    /// Somebody became a member by it.
    Accepted,
    /// It was taken back, or who invited was removed or suspended.
    Revoked,
    /// Nobody accepted it in time, and the address was invited anew.
    Replaced,
}

/// What becomes of the seat that a member leaves. While a payment is due no seat is given back, whatever was chosen: it is
/// looked at again when all is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::seat::SeatRelease")]
pub enum SeatRelease {
    /// The subscription has a seat less at once; what was paid for the rest of the period is credited to the next invoice.
    Now,
    /// The subscription has a seat less when the paid period is over.
    PeriodEnd,
    /// The seat stays for the next member.
    Keep,
}

/// What a member may do in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::permission::Permission")]
pub enum Permission {
    /// See that the organization exists, and its name.
    OrganizationRead,
    /// See who belongs to it.
    MembersRead,
    /// Invite, suspend and remove members, and give them roles.
    MembersWrite,
    /// Put roles together.
    RolesWrite,
    /// See the API keys, never their secrets.
    KeysRead,
    /// Create, rotate and revoke API keys.
    KeysWrite,
    /// See the plan, the subscription and the usage.
    SubscriptionRead,
    /// Subscribe, cancel, resume.
    SubscriptionWrite,
    /// See invoices, payments and payment methods.
    BillingRead,
    /// Pay, and change payment methods and billing settings.
    BillingWrite,
    /// See the settings.
    SettingsRead,
    /// Change the settings; those of billing with BILLING_WRITE.
    SettingsWrite,
    /// Read the audit log.
    AuditRead,
    /// Hand the organization over. An owner's alone: no other role and no key can hold it.
    OrganizationTransfer,
    /// See the webhook endpoints, never their secrets, and what was sent there.
    WebhooksRead,
    /// Make, change and delete webhook endpoints, and send webhooks again.
    WebhooksWrite,
    /// Record usage.
    UsageWrite,
}

/// The parts of an organization's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::setting::SettingSection")]
pub enum SettingSection {
    /// Name, slug, logo, locale, time zone, contacts.
    General,
    /// Legal name, address, tax ids, billing emails, purchase-order number, net terms.
    Billing,
    /// Which event reaches whom, by which channel.
    Notifications,
    /// What sign-in, sessions, addresses and API keys must satisfy.
    Security,
}

/// What a contact is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::general_settings::ContactKind")]
pub enum ContactKind {
    /// Whoever answers for the organization.
    Primary,
    /// Outages and integrations.
    Technical,
    /// Vulnerabilities and incidents.
    Security,
    /// Contracts and data protection.
    Legal,
}

/// Something that happened in an organization and that people can be notified of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::notification_event::NotificationEvent")]
pub enum NotificationEvent {
    /// A trial ends soon.
    TrialEnding,
    /// A stored card expires soon.
    CardExpiring,
    /// An invoice was paid.
    InvoicePaid,
    /// An attempt to collect an invoice failed.
    InvoicePaymentFailed,
    /// A payment waits for its payer, for example for a bank's challenge.
    PaymentRequiresAction,
    /// An unpaid invoice is reminded of on its way to the end of access.
    DunningReminder,
    /// A subscription's plan, price or seats changed.
    SubscriptionChanged,
    /// A subscription was canceled.
    SubscriptionCanceled,
    /// A payer disputes a payment.
    DisputeOpened,
    /// Usage reached a threshold, or is below one again.
    UsageAlert,
    /// Somebody became a member.
    MemberJoined,
    /// Somebody ceased to be a member.
    MemberRemoved,
    /// A member has another role.
    MemberRoleChanged,
    /// Somebody is invited.
    Invitation,
    /// A member was suspended.
    MemberSuspended,
    /// A suspended member was let in again.
    MemberReinstated,
    /// A role of the organization's own was made, changed or deleted.
    RoleChanged,
    /// An API key was created.
    ApiKeyCreated,
    /// An API key expires soon.
    ApiKeyExpiring,
    /// The security settings changed.
    SecuritySettingsChanged,
}

/// A way on which a notification reaches somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::notification_event::NotificationChannel")]
pub enum NotificationChannel {
    /// By mail.
    Email,
    /// In the application.
    InApp,
    /// By a call to an address of the organization's.
    Webhook,
}

/// What one quantity is made of the events of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::meter::Aggregation")]
pub enum Aggregation {
    /// Their sum. A quantity below zero takes back.
    Sum,
    /// The largest.
    Max,
    /// The one with the latest time.
    Last,
    /// How many different values a property of them has.
    UniqueCount,
    /// The largest of each day, averaged over the time of the period. A day without an event counts as zero.
    DailyMaxAverage,
}

/// When a meter begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::meter::MeterReset")]
pub enum MeterReset {
    /// With every billing period; without one, with every month.
    BillingPeriod,
    /// With every month of the organization's calendar.
    Month,
    /// Never: what was there before counts on.
    Never,
}

/// What a notice of usage says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::usage_alert::UsageNoticeKind")]
pub enum UsageNoticeKind {
    /// The threshold is reached.
    Reached,
    /// It was reached in this period, and usage has fallen below it.
    Recovered,
    /// It was reached in the period before, and usage of the new one is below it.
    Reset,
}

/// How fine usage is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::usage_bucket::UsageGranularity")]
pub enum UsageGranularity {
    /// By hours of the organization's clock. An hour that the clock repeats is there twice.
    Hour,
    /// By days of its calendar: of 23, 24 or 25 hours.
    Day,
    /// By months of its calendar.
    Month,
}

/// What kind of feature it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::entitlement::FeatureKind")]
pub enum FeatureKind {
    /// There or not.
    Boolean,
    /// A value that stands for itself: a number of projects, a level of support.
    Static,
    /// So much of a meter in each of its periods.
    Metered,
}

/// What happens above what is included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::entitlement::LimitKind")]
pub enum LimitKind {
    /// It is used all the same, and billed where the plan has a price for it.
    Soft,
    /// It is refused.
    Hard,
}

/// Why something may be used, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::entitlement::EntitlementReason")]
pub enum EntitlementReason {
    /// It is within what is included.
    Included,
    /// It is above what is included, and is billed.
    Overage,
    /// Neither the plan nor an override has the feature.
    NotIncluded,
    /// It would be above a limit that refuses.
    LimitExceeded,
}

/// How often a price recurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::plan::BillingInterval")]
pub enum BillingInterval {
    /// Every month.
    Month,
    /// Every year.
    Year,
}

/// The state of a subscription, as Stripe has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum SubscriptionStatus {
    /// The first payment has not gone through; it can for 23 hours.
    Incomplete,
    /// The first payment was not made in time. Final.
    IncompleteExpired,
    /// In its trial.
    Trialing,
    /// Paid.
    Active,
    /// A renewal was not paid yet.
    PastDue,
    /// Over. Final.
    Canceled,
    /// A renewal was not paid, and Stripe has stopped trying.
    Unpaid,
    /// A trial ended without a payment method.
    Paused,
    /// A state that Stripe introduced after this version of Tollgate. Treat it as no access.
    Unknown,
}

impl From<&domain::subscription::SubscriptionStatus> for SubscriptionStatus {
    fn from(status: &domain::subscription::SubscriptionStatus) -> Self {
        use domain::subscription::SubscriptionStatus as S;
        match status {
            S::Incomplete => Self::Incomplete,
            S::IncompleteExpired => Self::IncompleteExpired,
            S::Trialing => Self::Trialing,
            S::Active => Self::Active,
            S::PastDue => Self::PastDue,
            S::Canceled => Self::Canceled,
            S::Unpaid => Self::Unpaid,
            S::Paused => Self::Paused,
            S::Other(_) => Self::Unknown,
        }
    }
}

/// When a cancellation takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::subscription::CancellationTime")]
pub enum CancellationTime {
    /// At once. What was paid for the rest of the period is not given back, and what was added since the last bill, seats for
    /// instance, is invoiced.
    Now,
    /// When the paid period is over. Until then it can be resumed.
    PeriodEnd,
}

/// When a change of a subscription takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::subscription_change::ChangeTiming")]
pub enum ChangeTiming {
    /// What costs more at once; what costs less when the paid period is over. In a trial, always at once.
    Automatic,
    /// At once.
    Now,
    /// When the paid period is over.
    PeriodEnd,
}

/// What becomes of invoices while collection is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::subscription_change::CollectionPause")]
pub enum CollectionPause {
    /// They stay drafts, to be collected later.
    KeepAsDraft,
    /// They are written off.
    MarkUncollectible,
    /// They are voided: the time is free.
    Void,
}

/// Why a customer leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::subscription_change::CancellationFeedback")]
pub enum CancellationFeedback {
    /// The customer service was less than expected.
    CustomerService,
    /// The quality was less than expected.
    LowQuality,
    /// Some features are missing.
    MissingFeatures,
    /// Another reason.
    Other,
    /// Another product took its place.
    SwitchedService,
    /// It is hard to use.
    TooComplex,
    /// It costs too much.
    TooExpensive,
    /// It is not used enough.
    Unused,
}

/// How much may be used. A later value is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::access::AccessLevel")]
pub enum AccessLevel {
    /// Everything that the plan has.
    Full,
    /// What is there can be read and exported; nothing new is made.
    Limited,
    /// Nothing but paying, settings and signing out.
    None,
}

/// Why access is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::access::AccessReason")]
pub enum AccessReason {
    /// Paid.
    Paid,
    /// A plan that costs nothing.
    FreePlan,
    /// In the trial.
    Trial,
    /// Paid, and set to end.
    Ending,
    /// Paid so far; invoices are not collected for now.
    CollectionPaused,
    /// The first payment is still due.
    FirstPaymentDue,
    /// A renewal was not paid, and is tried again.
    PaymentDue,
    /// A renewal was not paid, and is not tried any more.
    PaymentFailed,
    /// The trial ended without a payment method.
    TrialEnded,
    /// There was a subscription, and it ended.
    Ended,
    /// There never was a subscription.
    NoSubscription,
    /// A payment is disputed.
    Disputed,
    /// A dispute was lost: the payment was taken back.
    DisputeLost,
    /// A quota of the plan is used up.
    QuotaExceeded,
    /// Stripe has the subscription in a state that this version does not know.
    UnknownState,
}

/// What a person can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::access::AccessAction")]
pub enum AccessAction {
    /// Nothing needs to be done.
    None,
    /// Choose a plan.
    Subscribe,
    /// Pay the open invoice.
    PayInvoice,
    /// Confirm the payment with the bank.
    ConfirmPayment,
    /// Attach a payment method.
    AddPaymentMethod,
    /// Take the cancellation back, if it was not meant.
    Resume,
    /// Use less, or change to a larger plan.
    Upgrade,
    /// Talk to the vendor.
    ContactSupport,
}

/// What a reminder says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::billing_policy::ReminderKind")]
pub enum ReminderKind {
    /// The payment failed, and is tried again.
    PaymentFailed,
    /// It still is not paid.
    Reminder,
    /// It will have consequences.
    FinalNotice,
    /// It had consequences.
    Suspension,
}

/// What happens when a trial ends without a payment method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::billing_policy::TrialEnd")]
pub enum TrialEnd {
    /// The subscription ends.
    Cancel,
    /// It waits until it is resumed.
    Pause,
    /// An invoice is made all the same.
    Invoice,
}

/// What becomes of open invoices when a subscription is canceled at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::billing_policy::OpenInvoices")]
pub enum OpenInvoices {
    /// They stay due. No reminders follow.
    Keep,
    /// They are voided: the debt is given up.
    Void,
}

/// The state of an invoice, as Stripe has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum InvoiceStatus {
    /// Still being put together.
    Draft,
    /// Waiting to be paid.
    Open,
    /// Paid. Final.
    Paid,
    /// Withdrawn. Final.
    Void,
    /// Given up.
    Uncollectible,
    /// A draft that was deleted. Final.
    Deleted,
    /// A state that Stripe introduced after this version of Tollgate.
    Unknown,
}

impl From<&domain::invoice::InvoiceStatus> for InvoiceStatus {
    fn from(status: &domain::invoice::InvoiceStatus) -> Self {
        use domain::invoice::InvoiceStatus as S;
        match status {
            S::Draft => Self::Draft,
            S::Open => Self::Open,
            S::Paid => Self::Paid,
            S::Void => Self::Void,
            S::Uncollectible => Self::Uncollectible,
            S::Deleted => Self::Deleted,
            S::Other(_) => Self::Unknown,
        }
    }
}

/// The states an invoice list can be narrowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum InvoiceStatusFilter {
    /// Still being put together.
    Draft,
    /// Waiting to be paid.
    Open,
    /// Paid.
    Paid,
    /// Withdrawn.
    Void,
    /// Given up.
    Uncollectible,
}

impl InvoiceStatusFilter {
    /// Stripe's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Void => "void",
            Self::Uncollectible => "uncollectible",
        }
    }
}

/// The state of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::payment::PaymentStatus")]
pub enum PaymentStatus {
    /// Waiting for a payment method, for confirmation or for the bank.
    Pending,
    /// Waiting for the cardholder, for instance 3-D Secure.
    RequiresAction,
    /// Paid.
    Succeeded,
    /// The last attempt was declined; another may follow.
    Failed,
    /// Given up. Final.
    Canceled,
}

/// Which kind of actor did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::audit::ActorKind")]
pub enum ActorKind {
    /// A person with a token.
    User,
    /// A program, with a person's API key.
    ApiKey,
    /// Tollgate itself.
    System,
    /// Stripe, through an event.
    Stripe,
}

/// How an audited action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::audit::AuditOutcome")]
pub enum AuditOutcome {
    /// It was done.
    Success,
    /// It was tried, had an effect worth keeping, and was refused: a declined card for instance.
    Failure,
}

/// Where a billing operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::billing_operation::OperationState")]
pub enum BillingOperationState {
    /// Written down; Stripe may or may not have been asked. Or done as far as we can, and the bank has not decided yet.
    Pending,
    /// Done.
    Confirmed,
    /// Done as far as we can: the cardholder must act.
    RequiresAction,
    /// Refused, for good.
    Failed,
    /// Stripe was asked and its answer was lost. It is settled by itself, without charging twice.
    Unknown,
}

/// Where an event of Stripe's stands in the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::stripe_event::EventState")]
pub enum StripeEventState {
    /// Stored, waiting.
    Received,
    /// A worker holds it.
    Processing,
    /// Its effect and this mark were committed together.
    Applied,
    /// Nothing of ours: an unknown type, a foreign customer.
    Ignored,
    /// It failed too often; an admin must look.
    Dead,
}

/// How an event of Stripe's came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::stripe_event::EventSource")]
pub enum StripeEventSource {
    /// Stripe sent it.
    Webhook,
    /// It had not come, and was found in Stripe's list.
    Sweep,
}

/// Why a row probably differs from Stripe's object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::billing_drift::DriftCause")]
pub enum BillingDriftCause {
    /// An event about the object waits to be applied.
    EventPending,
    /// An event about the object could not be applied and is a dead letter.
    EventDead,
    /// An event about the object was taken for none of ours.
    EventIgnored,
    /// No event told of the change, or none reached us yet.
    EventLost,
    /// Every event was applied: something else than Stripe changed the row.
    LocalChange,
    /// Stripe has no such object.
    MissingAtStripe,
    /// The customer's details are not what the billing settings say: they were changed at Stripe, or it did not take them.
    NotInStep,
}

/// What made both sides equal again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::billing_drift::DriftMend")]
pub enum BillingDriftMend {
    /// The comparison itself.
    Comparison,
    /// `driftRepair`.
    Repair,
    /// An event that came later, or whatever else made both sides equal by itself.
    Event,
    /// The Stripe customer was brought in step with the billing settings: by `driftRepair`, `customerSync` or a change of them.
    Sync,
}

/// How an attempt of a payment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::payment_attempt::AttemptStatus")]
pub enum PaymentAttemptStatus {
    /// The bank has not answered yet: a debit takes days.
    Pending,
    /// Paid. Final.
    Succeeded,
    /// Declined. Final.
    Failed,
}

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::refund::RefundStatus")]
pub enum RefundStatus {
    /// Waiting for a second person.
    AwaitingApproval,
    /// The second person said no. Final.
    Rejected,
    /// Asked for, and on its way to Stripe.
    Requested,
    /// Stripe has it, and the bank not yet.
    Pending,
    /// The customer must act.
    RequiresAction,
    /// Given back. It may still fail when the bank sends the money back.
    Succeeded,
    /// The money came back: nothing was given back. Final.
    Failed,
    /// Withdrawn. Final.
    Canceled,
}

/// Why a payment is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::refund::RefundReason")]
pub enum RefundReason {
    /// It was charged twice.
    Duplicate,
    /// The cardholder did not make the payment.
    Fraudulent,
    /// The customer asked for it.
    RequestedByCustomer,
}

/// As what a person gives money back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::refund::RefundRole")]
pub enum RefundRole {
    /// Someone who works for the platform.
    PlatformStaff,
    /// An owner of the organization that paid.
    Owner,
    /// An admin of the organization that paid.
    Admin,
    /// A billing manager of the organization that paid.
    BillingManager,
}

/// The state of a dispute, as Stripe has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum DisputeStatus {
    /// An inquiry that wants evidence: no money was taken yet.
    WarningNeedsResponse,
    /// An inquiry that the bank looks at.
    WarningUnderReview,
    /// An inquiry that came to nothing.
    WarningClosed,
    /// The money was taken, and evidence is wanted.
    NeedsResponse,
    /// The bank looks at the evidence.
    UnderReview,
    /// Decided for the seller.
    Won,
    /// Decided for the cardholder.
    Lost,
    /// Resolved before it became a dispute.
    Prevented,
    /// A state that Stripe introduced after this version of Tollgate. Treat it as open.
    Unknown,
}

impl From<&domain::dispute::DisputeStatus> for DisputeStatus {
    fn from(status: &domain::dispute::DisputeStatus) -> Self {
        use domain::dispute::DisputeStatus as S;
        match status {
            S::WarningNeedsResponse => Self::WarningNeedsResponse,
            S::WarningUnderReview => Self::WarningUnderReview,
            S::WarningClosed => Self::WarningClosed,
            S::NeedsResponse => Self::NeedsResponse,
            S::UnderReview => Self::UnderReview,
            S::Won => Self::Won,
            S::Lost => Self::Lost,
            S::Prevented => Self::Prevented,
            S::Other(_) => Self::Unknown,
        }
    }
}

/// Whether a credit note counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum CreditNoteStatus {
    /// It counts.
    Issued,
    /// Withdrawn. Final.
    Void,
    /// A state that Stripe introduced after this version of Tollgate. Treat it as one that counts.
    Unknown,
}

impl From<&domain::credit_note::CreditNoteStatus> for CreditNoteStatus {
    fn from(status: &domain::credit_note::CreditNoteStatus) -> Self {
        use domain::credit_note::CreditNoteStatus as S;
        match status {
            S::Issued => Self::Issued,
            S::Void => Self::Void,
            S::Other(_) => Self::Unknown,
        }
    }
}

/// How an invoice is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::invoice::CollectionMethod")]
pub enum CollectionMethod {
    /// It is charged by itself.
    ChargeAutomatically,
    /// It is sent, and paid by its due date.
    SendInvoice,
}

/// Why a credit note is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::credit_note::CreditNoteReason")]
pub enum CreditNoteReason {
    /// It was charged twice.
    Duplicate,
    /// The cardholder did not make the order.
    Fraudulent,
    /// The order was changed.
    OrderChange,
    /// The product did not satisfy.
    ProductUnsatisfactory,
}

/// Whether a webhook endpoint is sent anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::webhook_endpoint::WebhookEndpointState")]
pub enum WebhookEndpointState {
    /// It is.
    Enabled,
    /// It is not: what it would be sent is held.
    Disabled,
}

/// Why a webhook endpoint is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::webhook_endpoint::DisabledReason")]
pub enum WebhookDisabledReason {
    /// Somebody disabled it.
    ByHand,
    /// It took nothing for days.
    Failing,
    /// It said that it is gone, with the status 410.
    Gone,
    /// Whose rights its query is run with is no member any more: change it, then enable it.
    Orphaned,
}

/// What became of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::webhook_delivery::WebhookDeliveryState")]
pub enum WebhookDeliveryState {
    /// It is to be sent, or sent again.
    Pending,
    /// It was taken: answered with a status from 200 to 299.
    Delivered,
    /// It was tried as often as it may.
    Failed,
    /// Its endpoint is disabled: it was not tried to the end.
    Held,
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::notification::EmailState")]
pub enum EmailDeliveryState {
    /// It is to be sent.
    Pending,
    /// The mail server has taken it.
    Sent,
    /// Development wrote it into its log: there is no mail server.
    Logged,
    /// What it would tell does not hold any more.
    Canceled,
    /// The mail server refused it for good, or it was tried too often.
    Dead,
}

/// How a quantity becomes an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::charge::ChargeModelKind")]
pub enum ChargeModel {
    /// Every unit costs the same.
    PerUnit,
    /// Every unit costs what the tier that it lies in says.
    Graduated,
    /// All units cost what the tier that the quantity lies in says.
    Volume,
    /// Packages of units: one that was begun is charged whole.
    Package,
}

/// What a line of rated usage is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::rating::RatedLineKind")]
pub enum RatedLineKind {
    /// Usage that the charge includes: it costs nothing.
    Included,
    /// Usage, and the flat amount of its tier.
    Usage,
    /// What is missing to the minimum.
    Minimum,
    /// What is above the maximum, given back.
    Maximum,
}

/// Where a period's usage is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::usage_charge::UsageBillPlace")]
pub enum UsageBillPlace {
    /// Not decided yet.
    Undecided,
    /// On the renewal's invoice.
    Renewal,
    /// On the next bill: the renewal's invoice was finalised already, or it came late.
    NextBill,
    /// On an invoice of its own: the subscription has ended.
    OwnInvoice,
}
