//! The policy: which permission each field of the schema needs. One table; `tests/it/schema.rs` walks the schema
//! and fails on a field that is not in it.

use crate::domain::ids::OrganizationId;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::session::Bar;

use super::Viewer;

/// What a field needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Nothing: anyone may ask.
    Public,
    /// A valid token, or an API key.
    SignedIn,
    /// A valid token of platform staff.
    Staff,
    /// A membership, of the organization the field is about, that holds the permission. Platform staff hold what only
    /// reads.
    Member(Permission),
    /// As `Member`, or a valid token of platform staff: what the seller does for a customer.
    MemberOrStaff(Permission),
    /// Decided by what the id names: the rule of that object's own field.
    ByObject,
}

use Permission as P;
use Rule::{ByObject, Member, MemberOrStaff, Public, SignedIn, Staff};

/// Every root field, and every field of an object that needs more than its parent did.
pub const POLICY: &[(&str, Rule)] = &[
    ("Query.viewer", Public),
    ("Query.node", ByObject),
    ("Query.nodes", ByObject),
    ("Query.organization", Member(P::OrganizationRead)),
    ("Query.organizations", SignedIn),
    ("Query.plans", Public),
    ("Query.plan", Public),
    ("Query.subscription", Member(P::SubscriptionRead)),
    ("Query.subscriptions", Member(P::SubscriptionRead)),
    ("Query.invoice", Member(P::BillingRead)),
    ("Query.invoices", Member(P::BillingRead)),
    ("Query.upcomingInvoice", Member(P::BillingRead)),
    ("Query.payment", Member(P::BillingRead)),
    ("Query.payments", Member(P::BillingRead)),
    ("Query.refunds", Member(P::BillingRead)),
    ("Query.disputes", Member(P::BillingRead)),
    ("Query.refundLimits", Staff),
    ("Query.paymentMethods", Member(P::BillingRead)),
    ("Query.usage", Member(P::SubscriptionRead)),
    ("Query.usageByMeter", Member(P::SubscriptionRead)),
    ("Query.usageReport", Member(P::SubscriptionRead)),
    ("Query.usageBill", Member(P::BillingRead)),
    ("Query.usageCharges", Member(P::BillingRead)),
    ("Query.meters", SignedIn),
    ("Query.entitlements", Member(P::SubscriptionRead)),
    ("Query.entitlementCheck", Member(P::SubscriptionRead)),
    ("Query.entitlementOverrides", Staff),
    ("Query.usageAlerts", Member(P::SubscriptionRead)),
    ("Query.members", Member(P::MembersRead)),
    ("Query.invitations", Member(P::MembersRead)),
    ("Query.roles", Member(P::MembersRead)),
    ("Query.apiKeys", Member(P::KeysRead)),
    ("Query.webhookEndpoints", Member(P::WebhooksRead)),
    ("Query.webhookDeliveries", Member(P::WebhooksRead)),
    ("Query.emailDeliveries", Member(P::SettingsRead)),
    ("Query.notifications", Member(P::OrganizationRead)),
    ("Query.notificationUnreadCount", Member(P::OrganizationRead)),
    ("Query.auditLogs", Member(P::AuditRead)),
    ("Query.settings", Member(P::SettingsRead)),
    ("Query.settingsGeneral", Member(P::SettingsRead)),
    ("Query.settingsBilling", Member(P::SettingsRead)),
    ("Query.settingsNotifications", Member(P::SettingsRead)),
    ("Query.settingsSecurity", Member(P::SettingsRead)),
    ("Query.settingsHistory", Member(P::SettingsRead)),
    ("Query.billingOperation", Member(P::BillingRead)),
    ("Query.billingPolicy", Staff),
    ("Query.revenueReport", Staff),
    ("Query.subscriptionPreviewChange", Member(P::SubscriptionWrite)),
    ("Query.stripeEvents", Staff),
    ("Query.stripeIntake", Staff),
    ("Query.billingDrift", Staff),
    ("StripeEvent.payload", Staff),
    ("Organization.members", Member(P::MembersRead)),
    ("Organization.seatRelease", Member(P::SubscriptionRead)),
    ("Organization.subscription", Member(P::SubscriptionRead)),
    ("Organization.accessState", Member(P::SubscriptionRead)),
    ("Organization.subscriptions", Member(P::SubscriptionRead)),
    ("Organization.usage", Member(P::SubscriptionRead)),
    ("Organization.invoices", Member(P::BillingRead)),
    ("Organization.latestInvoice", Member(P::BillingRead)),
    ("Organization.upcomingInvoice", Member(P::BillingRead)),
    ("Organization.payments", Member(P::BillingRead)),
    ("Organization.refunds", Member(P::BillingRead)),
    ("Organization.disputes", Member(P::BillingRead)),
    ("Organization.paymentMethods", Member(P::BillingRead)),
    ("Organization.auditLogs", Member(P::AuditRead)),
    ("Organization.settings", Member(P::SettingsRead)),
    ("Invoice.clientSecret", Member(P::BillingWrite)),
    ("Invoice.subscription", Member(P::SubscriptionRead)),
    ("AuditLog.apiKey", Member(P::KeysRead)),
    ("SettingVersion.apiKey", Member(P::KeysRead)),
    ("Subscription.latestInvoice", Member(P::BillingRead)),
    ("Live.billingOperation", Member(P::BillingRead)),
    ("Live.accessState", Member(P::SubscriptionRead)),
    ("Live.subscriptionChanged", Member(P::SubscriptionRead)),
    ("Live.invoiceChanged", Member(P::BillingRead)),
    ("Live.paymentChanged", Member(P::BillingRead)),
    ("Live.usageAlertRaised", Member(P::SubscriptionRead)),
    ("Live.notificationAdded", Member(P::OrganizationRead)),
    ("Mutation.organizationCreate", SignedIn),
    ("Mutation.organizationLeave", Member(P::OrganizationRead)),
    ("Mutation.organizationOwnershipTransfer", Member(P::OrganizationTransfer)),
    ("Mutation.organizationSeatReleaseSet", Member(P::SubscriptionWrite)),
    ("Mutation.memberInvite", Member(P::MembersWrite)),
    ("Mutation.invitationAccept", SignedIn),
    ("Mutation.invitationRevoke", Member(P::MembersWrite)),
    ("Mutation.invitationResend", Member(P::MembersWrite)),
    ("Mutation.memberRoleChange", Member(P::MembersWrite)),
    ("Mutation.memberSuspend", Member(P::MembersWrite)),
    ("Mutation.memberReinstate", Member(P::MembersWrite)),
    ("Mutation.memberRemove", Member(P::MembersWrite)),
    ("Mutation.roleCreate", Member(P::RolesWrite)),
    ("Mutation.roleUpdate", Member(P::RolesWrite)),
    ("Mutation.roleDelete", Member(P::RolesWrite)),
    ("Mutation.apiKeyCreate", Member(P::KeysWrite)),
    ("Mutation.apiKeyRotate", Member(P::KeysWrite)),
    ("Mutation.apiKeyRevoke", Member(P::KeysWrite)),
    ("Mutation.settingsGeneralUpdate", Member(P::SettingsWrite)),
    ("Mutation.settingsBillingUpdate", Member(P::BillingWrite)),
    ("Mutation.settingsNotificationsUpdate", Member(P::SettingsWrite)),
    ("Mutation.settingsSecurityUpdate", Member(P::SettingsWrite)),
    ("Mutation.settingsRollback", Member(P::SettingsWrite)),
    ("Mutation.settingsSecurityRecover", Staff),
    ("Mutation.sessionsRevoke", Member(P::MembersWrite)),
    ("Mutation.viewerSessionsRevoke", SignedIn),
    ("Mutation.webhookEndpointCreate", Member(P::WebhooksWrite)),
    ("Mutation.webhookEndpointUpdate", Member(P::WebhooksWrite)),
    ("Mutation.webhookEndpointSecretRotate", Member(P::WebhooksWrite)),
    ("Mutation.webhookEndpointEnable", Member(P::WebhooksWrite)),
    ("Mutation.webhookEndpointDisable", Member(P::WebhooksWrite)),
    ("Mutation.webhookEndpointDelete", Member(P::WebhooksWrite)),
    ("Mutation.webhookDeliveryReplay", Member(P::WebhooksWrite)),
    ("Mutation.webhookDeliveriesReplay", Member(P::WebhooksWrite)),
    ("Mutation.notificationMarkRead", SignedIn),
    ("Mutation.notificationsMarkAllRead", Member(P::OrganizationRead)),
    ("Mutation.stripeEventReplay", Staff),
    ("Mutation.stripeEventsReplay", Staff),
    ("Mutation.driftCompare", Staff),
    ("Mutation.driftRepair", Staff),
    ("Mutation.customerLink", Staff),
    ("Mutation.planCreate", Staff),
    ("Mutation.planUpdate", Staff),
    ("Mutation.planArchive", Staff),
    ("Mutation.usageRecord", Member(P::UsageWrite)),
    ("Mutation.usageRecordBatch", Member(P::UsageWrite)),
    ("Mutation.usageAlertSet", Member(P::BillingWrite)),
    ("Mutation.usageAlertRemove", Member(P::BillingWrite)),
    ("Mutation.meterCreate", Staff),
    ("Mutation.meterUpdate", Staff),
    ("Mutation.meterArchive", Staff),
    ("Mutation.entitlementOverrideSet", Staff),
    ("Mutation.entitlementOverrideRemove", Staff),
    ("Mutation.customerSync", MemberOrStaff(P::BillingWrite)),
    ("Mutation.customerRecreate", MemberOrStaff(P::BillingWrite)),
    ("Mutation.paymentMethodSetup", Member(P::BillingWrite)),
    ("Mutation.paymentMethodAttach", Member(P::BillingWrite)),
    ("Mutation.paymentMethodSetDefault", Member(P::BillingWrite)),
    ("Mutation.paymentMethodDetach", Member(P::BillingWrite)),
    ("Mutation.subscriptionCreate", MemberOrStaff(P::SubscriptionWrite)),
    ("Mutation.subscriptionCancel", Member(P::SubscriptionWrite)),
    ("Mutation.subscriptionResume", Member(P::SubscriptionWrite)),
    ("Mutation.subscriptionChange", Member(P::SubscriptionWrite)),
    ("Mutation.subscriptionScheduledChangeRevoke", Member(P::SubscriptionWrite)),
    ("Mutation.subscriptionCollectionPause", Staff),
    ("Mutation.subscriptionCollectionResume", Staff),
    ("Mutation.subscriptionTrialExtend", Staff),
    ("Mutation.subscriptionTrialEnd", Member(P::SubscriptionWrite)),
    ("Mutation.subscriptionDiscountApply", Member(P::SubscriptionWrite)),
    ("Mutation.subscriptionDiscountRemove", Member(P::SubscriptionWrite)),
    ("Mutation.subscriptionCouponApply", Staff),
    ("Mutation.subscriptionApplyChange", Member(P::SubscriptionWrite)),
    ("Mutation.billingPolicySet", Staff),
    ("Mutation.checkoutSessionCreate", Member(P::SubscriptionWrite)),
    ("Mutation.portalSessionCreate", Member(P::BillingWrite)),
    ("Mutation.invoicePay", Member(P::BillingWrite)),
    ("Mutation.invoiceSend", MemberOrStaff(P::BillingWrite)),
    ("Mutation.invoiceVoid", Staff),
    ("Mutation.invoiceMarkUncollectible", Staff),
    ("Mutation.creditNoteCreate", Staff),
    ("Mutation.paymentIntentCreate", Member(P::BillingWrite)),
    ("Mutation.paymentIntentConfirm", Member(P::BillingWrite)),
    ("Mutation.paymentIntentCancel", Member(P::BillingWrite)),
    ("Mutation.paymentRefund", MemberOrStaff(P::BillingWrite)),
    ("Mutation.refundApprove", MemberOrStaff(P::BillingWrite)),
    ("Mutation.refundReject", MemberOrStaff(P::BillingWrite)),
    ("Mutation.refundLimitSet", Staff),
];

/// What a person does, and no program: a key that leaks must neither make other keys, nor have its person's whole rights
/// sent to an address, nor learn the secret that webhooks are signed with, nor give money back, nor decide where its person
/// belongs, nor read what that person is told.
pub const FOR_PEOPLE: &[&str] = &[
    "Query.notifications",
    "Query.notificationUnreadCount",
    "Live.notificationAdded",
    "Mutation.notificationMarkRead",
    "Mutation.notificationsMarkAllRead",
    "Mutation.organizationCreate",
    "Mutation.organizationLeave",
    "Mutation.organizationOwnershipTransfer",
    "Mutation.invitationAccept",
    "Mutation.apiKeyCreate",
    "Mutation.apiKeyRotate",
    "Mutation.settingsSecurityUpdate",
    "Mutation.settingsRollback",
    "Mutation.sessionsRevoke",
    "Mutation.viewerSessionsRevoke",
    "Mutation.webhookEndpointCreate",
    "Mutation.webhookEndpointUpdate",
    "Mutation.webhookEndpointSecretRotate",
    "Mutation.webhookEndpointEnable",
    "Mutation.paymentRefund",
    "Mutation.refundApprove",
    "Mutation.refundReject",
];

/// Why a field is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// There is no valid token.
    Unauthenticated,
    /// The caller is a member, and lacks the permission.
    Forbidden(Permission),
    /// The field is for platform staff.
    StaffOnly,
    /// The field is for people, and a program is calling.
    PersonOnly,
    /// The caller is a member, and may not act here as they came.
    Barred(Bar),
    /// For this caller the organization does not exist.
    NotFound,
}

impl Denial {
    /// What a member lacked, in a word for their organization's records. Whoever is no member is none of its business.
    pub fn reason(self) -> Option<String> {
        match self {
            Self::Forbidden(permission) => Some(permission.to_string()),
            Self::PersonOnly => Some("a person".to_owned()),
            Self::Barred(bar) => Some(bar.as_str().to_owned()),
            Self::Unauthenticated | Self::StaffOnly | Self::NotFound => None,
        }
    }
}

/// The rule of `Type.field`. A field that is not in the table is nobody's: the caller gets an internal error, and the
/// test that walks the schema fails.
pub fn rule(field: &str) -> Option<Rule> {
    POLICY.iter().find(|(name, _)| *name == field).map(|(_, rule)| *rule)
}

impl Viewer {
    /// Checks a field that is about no organization in particular.
    pub fn check(&self, rule: Rule) -> Result<(), Denial> {
        match rule {
            Public => Ok(()),
            SignedIn | ByObject if self.is_signed_in() => Ok(()),
            Staff if self.is_platform_staff() => Ok(()),
            Staff if self.is_signed_in() => Err(Denial::StaffOnly),
            // An organization's rule without an organization: nobody may.
            Member(_) | MemberOrStaff(_) if self.is_signed_in() => Err(Denial::NotFound),
            SignedIn | ByObject | Staff | Member(_) | MemberOrStaff(_) => Err(Denial::Unauthenticated),
        }
    }

    /// Checks a field that is about `organization`. A stranger learns nothing, not even that it exists.
    pub fn check_in(&self, rule: Rule, organization: OrganizationId) -> Result<(), Denial> {
        let (Member(permission) | MemberOrStaff(permission)) = rule else { return self.check(rule) };
        if !self.is_signed_in() {
            return Err(Denial::Unauthenticated);
        }
        let is_for_staff = matches!(rule, MemberOrStaff(_)) || permission.as_str().ends_with(":read");
        match self.check_member(permission, organization) {
            // What an organization asks of its members' sessions binds nobody who comes for the platform.
            Err(_) if is_for_staff && self.is_platform_staff() => Ok(()),
            checked => checked,
        }
    }

    /// Checks `field`, whose rule this is, about `organization`.
    pub fn check_field(&self, field: &str, rule: Rule, organization: OrganizationId) -> Result<(), Denial> {
        // Staff look at every organization. What changes one is no look, whatever permission it asks of its members.
        if let Member(permission) = rule
            && self.is_platform_staff()
            && field.starts_with("Mutation.")
        {
            self.check_member(permission, organization)?;
        }
        self.check_in(rule, organization)?;
        self.check_person(field)
    }

    /// Checks what somebody may do as a member.
    fn check_member(&self, permission: Permission, organization: OrganizationId) -> Result<(), Denial> {
        match (self.role_in(organization), self.bar_in(organization)) {
            (None, _) => Err(Denial::NotFound),
            (Some(_), Some(bar)) => Err(Denial::Barred(bar)),
            (Some(_), None) if self.permissions_in(organization).holds(permission) => Ok(()),
            (Some(_), None) => Err(Denial::Forbidden(permission)),
        }
    }

    /// Checks that a person is calling, where only people may.
    pub fn check_person(&self, field: &str) -> Result<(), Denial> {
        if self.key().is_some() && FOR_PEOPLE.contains(&field) { Err(Denial::PersonOnly) } else { Ok(()) }
    }

    /// All that the viewer holds in `organization`, as they came.
    pub fn holdings(&self, organization: OrganizationId) -> Permissions {
        Permission::ALL.iter().copied().filter(|&permission| self.holds(permission, organization)).collect()
    }

    /// Whether the viewer holds `permission` in `organization`.
    pub fn holds(&self, permission: Permission, organization: OrganizationId) -> bool {
        self.check_in(Member(permission), organization).is_ok()
    }
}
