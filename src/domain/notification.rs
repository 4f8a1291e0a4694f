//! Facts that people are told of: what happened, to what, and how it is known again.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::access::AccessLevel;
use super::billing_policy::ReminderKind;
use super::ids::{
    ApiKeyId, DisputeId, EmailDeliveryId, InvitationId, InvoiceId, MembershipId, NotificationId,
    OrganizationId, OutboxMessageId, PaymentId, PaymentMethodId, RoleId, SubscriptionId, UsageNoticeId,
    UserId, WebhookEndpointId,
};
use super::membership::Role;
use super::money::Money;
use super::notification_event::NotificationEvent;
use super::permission::Permission;
use super::string_enum;
use super::usage_alert::{Threshold, UsageNoticeKind, UsageReading};

/// What is older than this when it is learned is not told any more: Stripe tells of an event for three days. A comparison
/// that finds a year of paid invoices writes a year of rows, and no mail.
pub const STALE: TimeDelta = TimeDelta::days(3);

string_enum! {
    /// What became of a mail.
    EmailState {
        /// It is to be sent.
        Pending => "pending",
        /// The mail server has taken it.
        Sent => "sent",
        /// Development wrote it into its log: there is no mail server.
        Logged => "logged",
        /// What it would tell does not hold any more.
        Canceled => "canceled",
        /// The mail server refused it for good, or it was tried too often.
        Dead => "dead",
    }
}

string_enum! {
    /// What was done to a role.
    RoleStep {
        /// It was put together.
        Created => "created",
        /// Its name, description or permissions changed.
        Updated => "updated",
        /// It was taken away.
        Deleted => "deleted",
    }
}

/// Something that happened, with what was known of it then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fact {
    /// A trial ends soon.
    TrialEnding { subscription_id: SubscriptionId, trial_end: DateTime<Utc> },
    /// A stored card expires soon.
    CardExpiring { payment_method_id: PaymentMethodId, summary: String, expires_at: DateTime<Utc> },
    /// An invoice was paid.
    InvoicePaid { invoice_id: InvoiceId, number: Option<String>, amount: Money, paid_at: DateTime<Utc> },
    /// An attempt to collect an invoice failed.
    InvoicePaymentFailed {
        invoice_id: InvoiceId,
        number: Option<String>,
        amount: Money,
        /// Which attempt: the charge, or the moment at which one without a charge was learned of.
        attempt: String,
        next_attempt_at: Option<DateTime<Utc>>,
    },
    /// A payment waits for its payer.
    PaymentRequiresAction {
        payment_id: PaymentId,
        amount: Money,
        /// When it was learned: a payment may want to be confirmed more than once.
        asked_at: DateTime<Utc>,
    },
    /// An unpaid invoice is reminded of.
    DunningReminder {
        subscription_id: SubscriptionId,
        stripe_invoice_id: String,
        after_days: i32,
        reminder: ReminderKind,
        access: AccessLevel,
    },
    /// A subscription's plan, price or seats changed.
    SubscriptionChanged {
        subscription_id: SubscriptionId,
        /// What people call the plan.
        plan: String,
        quantity: i64,
        changed_at: DateTime<Utc>,
    },
    /// A subscription was canceled, and ends or has ended.
    SubscriptionCanceled {
        subscription_id: SubscriptionId,
        ends_at: DateTime<Utc>,
        has_ended: bool,
        /// When it was learned: one that was resumed may be canceled again, and end at the same time.
        changed_at: DateTime<Utc>,
    },
    /// A payer disputes a payment.
    DisputeOpened {
        dispute_id: DisputeId,
        /// Whether the bank only asks.
        is_inquiry: bool,
        amount: Money,
        reason: String,
        evidence_due_by: Option<DateTime<Utc>>,
    },
    /// Usage reached a threshold, or is below one again.
    UsageAlert {
        usage_notice_id: UsageNoticeId,
        /// The meter's name.
        meter: String,
        /// What one of it is.
        unit: String,
        threshold: Threshold,
        notice: UsageNoticeKind,
        /// When the period began in which the threshold was reached.
        period_start: DateTime<Utc>,
        /// What the meter said.
        reading: UsageReading,
    },
    /// Somebody became a member.
    MemberJoined { membership_id: MembershipId, name: String },
    /// Somebody ceased to be a member.
    MemberRemoved { membership_id: MembershipId, name: String },
    /// A member has another role.
    MemberRoleChanged {
        membership_id: MembershipId,
        /// Of the membership: who changes roles twice is told of twice.
        version: i64,
        name: String,
        role: Role,
        /// What the organization calls a role of its own.
        role_name: Option<String>,
    },
    /// Somebody is invited. The token is sealed beside it.
    Invitation {
        invitation_id: InvitationId,
        /// Of the invitation: one that was sent again has another token.
        version: i64,
        email: String,
        invited_by: String,
        expires_at: DateTime<Utc>,
    },
    /// A member was suspended.
    MemberSuspended {
        membership_id: MembershipId,
        /// Of the membership: who is suspended twice is told of twice.
        version: i64,
        name: String,
    },
    /// A suspended member was let in again.
    MemberReinstated {
        membership_id: MembershipId,
        /// Of the membership.
        version: i64,
        name: String,
    },
    /// A role of the organization's own was made, changed or deleted.
    RoleChanged {
        role_id: RoleId,
        /// Of the role; of one that was deleted, its last.
        version: i64,
        name: String,
        step: RoleStep,
    },
    /// An API key was created.
    ApiKeyCreated { api_key_id: ApiKeyId, name: String, prefix: String },
    /// An API key expires soon.
    ApiKeyExpiring { api_key_id: ApiKeyId, name: String, prefix: String, expires_at: DateTime<Utc> },
    /// The security settings changed.
    SecuritySettingsChanged { version: i64 },
    /// A webhook endpoint has not answered well for long, and will be disabled.
    WebhookEndpointFailing {
        webhook_endpoint_id: WebhookEndpointId,
        url: String,
        since: DateTime<Utc>,
        disabled_at: DateTime<Utc>,
    },
    /// A webhook endpoint was disabled.
    WebhookEndpointDisabled { webhook_endpoint_id: WebhookEndpointId, url: String, since: DateTime<Utc> },
    /// A webhook endpoint was disabled, because whose rights its query was run with is no member any more.
    WebhookEndpointOrphaned { webhook_endpoint_id: WebhookEndpointId, url: String, since: DateTime<Utc> },
}

impl Fact {
    /// The event that people choose it by; none for what the gateway tells of itself, which owners and admins always hear.
    pub const fn event(&self) -> Option<NotificationEvent> {
        use NotificationEvent as E;
        Some(match self {
            Self::TrialEnding { .. } => E::TrialEnding,
            Self::CardExpiring { .. } => E::CardExpiring,
            Self::InvoicePaid { .. } => E::InvoicePaid,
            Self::InvoicePaymentFailed { .. } => E::InvoicePaymentFailed,
            Self::PaymentRequiresAction { .. } => E::PaymentRequiresAction,
            Self::DunningReminder { .. } => E::DunningReminder,
            Self::SubscriptionChanged { .. } => E::SubscriptionChanged,
            Self::SubscriptionCanceled { .. } => E::SubscriptionCanceled,
            Self::DisputeOpened { .. } => E::DisputeOpened,
            Self::UsageAlert { .. } => E::UsageAlert,
            Self::MemberJoined { .. } => E::MemberJoined,
            Self::MemberRemoved { .. } => E::MemberRemoved,
            Self::MemberRoleChanged { .. } => E::MemberRoleChanged,
            Self::Invitation { .. } => E::Invitation,
            Self::MemberSuspended { .. } => E::MemberSuspended,
            Self::MemberReinstated { .. } => E::MemberReinstated,
            Self::RoleChanged { .. } => E::RoleChanged,
            Self::ApiKeyCreated { .. } => E::ApiKeyCreated,
            Self::ApiKeyExpiring { .. } => E::ApiKeyExpiring,
            Self::SecuritySettingsChanged { .. } => E::SecuritySettingsChanged,
            Self::WebhookEndpointFailing { .. }
            | Self::WebhookEndpointDisabled { .. }
            | Self::WebhookEndpointOrphaned { .. } => return None,
        })
    }

    /// What one must hold to read it in the application: what one needs to see what it tells of.
    pub const fn permission(&self) -> Permission {
        match self {
            Self::TrialEnding { .. }
            | Self::CardExpiring { .. }
            | Self::InvoicePaid { .. }
            | Self::InvoicePaymentFailed { .. }
            | Self::PaymentRequiresAction { .. }
            | Self::DunningReminder { .. }
            | Self::SubscriptionChanged { .. }
            | Self::SubscriptionCanceled { .. }
            | Self::DisputeOpened { .. } => Permission::BillingRead,
            Self::UsageAlert { .. } => Permission::SubscriptionRead,
            Self::MemberJoined { .. }
            | Self::MemberRemoved { .. }
            | Self::MemberRoleChanged { .. }
            | Self::Invitation { .. }
            | Self::MemberSuspended { .. }
            | Self::MemberReinstated { .. }
            | Self::RoleChanged { .. } => Permission::MembersRead,
            Self::ApiKeyCreated { .. } | Self::ApiKeyExpiring { .. } => Permission::KeysRead,
            Self::SecuritySettingsChanged { .. } => Permission::SettingsRead,
            Self::WebhookEndpointFailing { .. }
            | Self::WebhookEndpointDisabled { .. }
            | Self::WebhookEndpointOrphaned { .. } => Permission::WebhooksRead,
        }
    }

    /// The word of what happened: the event's, where it has one.
    pub const fn word(&self) -> &'static str {
        match (self.event(), self) {
            (Some(event), _) => event.as_str(),
            (None, Self::WebhookEndpointFailing { .. }) => "webhook_endpoint_failing",
            (None, Self::WebhookEndpointOrphaned { .. }) => "webhook_endpoint_orphaned",
            (None, _) => "webhook_endpoint_disabled",
        }
    }

    /// What makes it this fact and no other of its event: written twice, it is one.
    pub fn subject(&self) -> String {
        match self {
            Self::TrialEnding { subscription_id, trial_end } => {
                format!("{subscription_id}:{}", trial_end.timestamp())
            }
            Self::CardExpiring { payment_method_id, expires_at, .. } => {
                format!("{payment_method_id}:{}", expires_at.timestamp())
            }
            Self::InvoicePaid { invoice_id, .. } => invoice_id.to_string(),
            Self::InvoicePaymentFailed { invoice_id, attempt, .. } => format!("{invoice_id}:{attempt}"),
            Self::PaymentRequiresAction { payment_id, asked_at, .. } => {
                format!("{payment_id}:{}", asked_at.timestamp_micros())
            }
            Self::DunningReminder { stripe_invoice_id, after_days, reminder, .. } => {
                format!("{stripe_invoice_id}:{after_days}:{reminder}")
            }
            Self::SubscriptionChanged { subscription_id, changed_at, .. } => {
                format!("{subscription_id}:{}", changed_at.timestamp_micros())
            }
            Self::SubscriptionCanceled { subscription_id, has_ended: true, .. } => {
                format!("{subscription_id}:ended")
            }
            Self::SubscriptionCanceled { subscription_id, changed_at, .. } => {
                format!("{subscription_id}:{}", changed_at.timestamp_micros())
            }
            Self::DisputeOpened { dispute_id, is_inquiry, .. } => format!("{dispute_id}:{is_inquiry}"),
            Self::UsageAlert { usage_notice_id, .. } => usage_notice_id.to_string(),
            Self::MemberJoined { membership_id, .. } | Self::MemberRemoved { membership_id, .. } => {
                membership_id.to_string()
            }
            Self::MemberRoleChanged { membership_id, version, .. }
            | Self::MemberSuspended { membership_id, version, .. }
            | Self::MemberReinstated { membership_id, version, .. } => format!("{membership_id}:{version}"),
            Self::Invitation { invitation_id, version, .. } => format!("{invitation_id}:{version}"),
            Self::RoleChanged { role_id, version, step, .. } => format!("{role_id}:{version}:{step}"),
            Self::ApiKeyCreated { api_key_id, .. } => api_key_id.to_string(),
            Self::ApiKeyExpiring { api_key_id, expires_at, .. } => {
                format!("{api_key_id}:{}", expires_at.timestamp())
            }
            Self::SecuritySettingsChanged { version } => version.to_string(),
            Self::WebhookEndpointFailing { webhook_endpoint_id, since, .. }
            | Self::WebhookEndpointDisabled { webhook_endpoint_id, since, .. }
            | Self::WebhookEndpointOrphaned { webhook_endpoint_id, since, .. } => {
                format!("{webhook_endpoint_id}:{}", since.timestamp_micros())
            }
        }
    }

    /// The one address that it is told to, when it is for nobody else.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::Invitation { email, .. } => Some(email),
            _ => None,
        }
    }

    /// The row that it is about.
    pub const fn about(&self) -> Option<(Subject, Uuid)> {
        Some(match self {
            Self::TrialEnding { subscription_id, .. }
            | Self::DunningReminder { subscription_id, .. }
            | Self::SubscriptionChanged { subscription_id, .. }
            | Self::SubscriptionCanceled { subscription_id, .. } => {
                (Subject::Subscription, subscription_id.0)
            }
            Self::CardExpiring { payment_method_id, .. } => (Subject::PaymentMethod, payment_method_id.0),
            Self::InvoicePaid { invoice_id, .. } | Self::InvoicePaymentFailed { invoice_id, .. } => {
                (Subject::Invoice, invoice_id.0)
            }
            Self::PaymentRequiresAction { payment_id, .. } => (Subject::Payment, payment_id.0),
            Self::DisputeOpened { dispute_id, .. } => (Subject::Dispute, dispute_id.0),
            Self::UsageAlert { usage_notice_id, .. } => (Subject::UsageNotice, usage_notice_id.0),
            Self::MemberJoined { membership_id, .. }
            | Self::MemberRemoved { membership_id, .. }
            | Self::MemberRoleChanged { membership_id, .. }
            | Self::MemberSuspended { membership_id, .. }
            | Self::MemberReinstated { membership_id, .. } => (Subject::Member, membership_id.0),
            Self::Invitation { invitation_id, .. } => (Subject::Invitation, invitation_id.0),
            Self::RoleChanged { role_id, .. } => (Subject::Role, role_id.0),
            Self::ApiKeyCreated { api_key_id, .. } | Self::ApiKeyExpiring { api_key_id, .. } => {
                (Subject::ApiKey, api_key_id.0)
            }
            Self::WebhookEndpointFailing { webhook_endpoint_id, .. }
            | Self::WebhookEndpointDisabled { webhook_endpoint_id, .. }
            | Self::WebhookEndpointOrphaned { webhook_endpoint_id, .. } => {
                (Subject::WebhookEndpoint, webhook_endpoint_id.0)
            }
            Self::SecuritySettingsChanged { .. } => return None,
        })
    }
}

/// What kind of row a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A subscription.
    Subscription,
    /// A payment method.
    PaymentMethod,
    /// An invoice.
    Invoice,
    /// A payment.
    Payment,
    /// A dispute.
    Dispute,
    /// What was told of usage.
    UsageNotice,
    /// A membership, which may have ended.
    Member,
    /// An invitation.
    Invitation,
    /// A role of the organization's own, which may have been deleted.
    Role,
    /// An API key.
    ApiKey,
    /// A webhook endpoint.
    WebhookEndpoint,
}

/// A fact that was written down to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxMessage {
    /// Our id.
    pub id: OutboxMessageId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// What happened.
    pub fact: Fact,
    /// The secret that is told with it, sealed.
    pub sealed_secret: Option<String>,
    /// How often it was tried; of one that a worker holds, this time included.
    pub attempts: i32,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// A mail to one address, with what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct EmailDelivery {
    /// Our id.
    pub id: EmailDeliveryId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// What it tells.
    pub fact: Fact,
    /// The address.
    pub recipient: String,
    /// What became of it.
    pub state: EmailState,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is due.
    pub next_attempt_at: DateTime<Utc>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was sent, or given up.
    pub finished_at: Option<DateTime<Utc>>,
}

/// For whom a text is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reader {
    /// The locale, a BCP 47 tag.
    pub locale: String,
    /// The time zone, by its IANA name.
    pub time_zone: String,
}

impl Default for Reader {
    fn default() -> Self {
        Self { locale: "en-US".to_owned(), time_zone: "UTC".to_owned() }
    }
}

/// What one person reads in the application.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// Our id.
    pub id: NotificationId,
    /// Whose organization it is about.
    pub organization_id: OrganizationId,
    /// Whose it is.
    pub user_id: UserId,
    /// What happened.
    pub fact: Fact,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_comes_back_from_its_document() {
        let fact = Fact::InvoicePaid {
            invoice_id: InvoiceId(Uuid::from_u128(7)),
            number: Some("A-1".to_owned()),
            amount: Money::new(2900, super::super::money::Currency::USD),
            paid_at: DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
        };
        let stored = serde_json::to_value(&fact).unwrap();
        assert_eq!(stored["kind"], fact.word());
        assert_eq!(serde_json::from_value::<Fact>(stored).unwrap(), fact);
    }
}
