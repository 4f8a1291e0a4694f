//! What people are notified of, and on which way.

use super::string_enum;

string_enum! {
    /// Something that happened in an organization and that people can be notified of.
    NotificationEvent {
        /// A trial ends soon.
        TrialEnding => "trial_ending",
        /// A stored card expires soon.
        CardExpiring => "card_expiring",
        /// An invoice was paid.
        InvoicePaid => "invoice_paid",
        /// An attempt to collect an invoice failed.
        InvoicePaymentFailed => "invoice_payment_failed",
        /// A payment waits for its payer, for example for a bank's challenge.
        PaymentRequiresAction => "payment_requires_action",
        /// An unpaid invoice is reminded of on its way to the end of access.
        DunningReminder => "dunning_reminder",
        /// A subscription's plan, price or seats changed.
        SubscriptionChanged => "subscription_changed",
        /// A subscription was canceled.
        SubscriptionCanceled => "subscription_canceled",
        /// A payer disputes a payment.
        DisputeOpened => "dispute_opened",
        /// Usage reached a threshold, or is below one again.
        UsageAlert => "usage_alert",
        /// Somebody became a member.
        MemberJoined => "member_joined",
        /// Somebody ceased to be a member.
        MemberRemoved => "member_removed",
        /// A member has another role.
        MemberRoleChanged => "member_role_changed",
        /// Somebody is invited.
        Invitation => "invitation",
        /// A member was suspended.
        MemberSuspended => "member_suspended",
        /// A suspended member was let in again.
        MemberReinstated => "member_reinstated",
        /// A role of the organization's own was made, changed or deleted.
        RoleChanged => "role_changed",
        /// An API key was created.
        ApiKeyCreated => "api_key_created",
        /// An API key expires soon.
        ApiKeyExpiring => "api_key_expiring",
        /// The security settings changed.
        SecuritySettingsChanged => "security_settings_changed",
    }
}

impl NotificationEvent {
    /// Whether it is about money: then it goes to those who keep the books, too.
    pub const fn is_about_billing(self) -> bool {
        match self {
            Self::TrialEnding
            | Self::CardExpiring
            | Self::InvoicePaid
            | Self::InvoicePaymentFailed
            | Self::PaymentRequiresAction
            | Self::DunningReminder
            | Self::SubscriptionChanged
            | Self::SubscriptionCanceled
            | Self::DisputeOpened
            | Self::UsageAlert => true,
            Self::MemberJoined
            | Self::MemberRemoved
            | Self::MemberRoleChanged
            | Self::Invitation
            | Self::MemberSuspended
            | Self::MemberReinstated
            | Self::RoleChanged
            | Self::ApiKeyCreated
            | Self::ApiKeyExpiring
            | Self::SecuritySettingsChanged => false,
        }
    }
}

string_enum! {
    /// A way on which a notification reaches somebody.
    NotificationChannel {
        /// By mail.
        Email => "email",
        /// In the application.
        InApp => "in_app",
        /// By a call to an address of the organization's.
        Webhook => "webhook",
    }
}
