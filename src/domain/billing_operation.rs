//! Billing operations: what was intended at Stripe, written down before Stripe was asked.

use chrono::{DateTime, Utc};

use super::ids::{BillingOperationId, OrganizationId};
use super::permission::Permission;
use super::string_enum;

string_enum! {
    /// Where an operation stands.
    OperationState {
        /// Written down; Stripe may or may not have been asked. Or done as far as we can, and the bank has not decided yet.
        Pending => "PENDING",
        /// Done.
        Confirmed => "CONFIRMED",
        /// Done as far as we can: the cardholder must act.
        RequiresAction => "REQUIRES_ACTION",
        /// Refused, for good.
        Failed => "FAILED",
        /// Stripe was asked and its answer was lost; the same key will be sent again.
        Unknown => "UNKNOWN",
    }
}

impl OperationState {
    /// Whether the outcome is known and will not change by itself.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Confirmed | Self::RequiresAction | Self::Failed)
    }
}

string_enum! {
    /// What an operation does at Stripe. The word is the action of its audit record, too.
    OperationKind {
        /// Subscribes to a paid plan.
        SubscriptionCreate => "subscription.create",
        /// Ends a subscription, now or with its period.
        SubscriptionCancel => "subscription.cancel",
        /// Takes a cancellation back, or goes on after a trial that ended without a payment method.
        SubscriptionResume => "subscription.resume",
        /// Changes what is billed.
        SubscriptionChange => "subscription.change",
        /// Takes back a change that was arranged for the period's end.
        SubscriptionScheduledChangeRevoke => "subscription.scheduled_change_revoke",
        /// Makes invoices without collecting them.
        SubscriptionCollectionPause => "subscription.collection_pause",
        /// Collects again.
        SubscriptionCollectionResume => "subscription.collection_resume",
        /// Ends a trial now.
        SubscriptionTrialEnd => "subscription.trial_end",
        /// Lets a trial last longer.
        SubscriptionTrialExtend => "subscription.trial_extend",
        /// Puts a discount on.
        SubscriptionDiscountApply => "subscription.discount_apply",
        /// Takes the discounts off.
        SubscriptionDiscountRemove => "subscription.discount_remove",
        /// Puts back what a change took away that came to nothing: a downgrade that waits, the discounts of before.
        SubscriptionRestore => "subscription.restore",
        /// Collects what piled up while a debt was unpaid.
        SubscriptionRecover => "subscription.recover",
        /// Ends a second live subscription, and gives back what was paid for it.
        SubscriptionCancelDuplicate => "subscription.cancel_duplicate",
        /// Brings the customer in step with the billing settings.
        CustomerSync => "customer.sync",
        /// Makes a deleted customer anew.
        CustomerRecreate => "customer.recreate",
        /// Pays an invoice.
        InvoicePay => "invoice.pay",
        /// Sends an invoice.
        InvoiceSend => "invoice.send",
        /// Voids an invoice.
        InvoiceVoid => "invoice.void",
        /// Gives an invoice up.
        InvoiceMarkUncollectible => "invoice.mark_uncollectible",
        /// Takes something off an invoice.
        CreditNoteCreate => "credit_note.create",
        /// Begins to save a payment method.
        PaymentMethodSetup => "payment_method.setup",
        /// Attaches a payment method.
        PaymentMethodAttach => "payment_method.attach",
        /// Makes a payment method the default.
        PaymentMethodSetDefault => "payment_method.set_default",
        /// Detaches a payment method.
        PaymentMethodDetach => "payment_method.detach",
        /// Creates a one-off charge.
        PaymentIntentCreate => "payment_intent.create",
        /// Confirms a one-off charge.
        PaymentIntentConfirm => "payment_intent.confirm",
        /// Gives a one-off charge up.
        PaymentIntentCancel => "payment_intent.cancel",
        /// Gives a payment back.
        PaymentRefund => "payment.refund",
        /// Opens Stripe's page to subscribe on.
        CheckoutSessionCreate => "checkout_session.create",
        /// Opens Stripe's page to manage billing on.
        PortalSessionCreate => "portal_session.create",
        /// Bills what was used in a period.
        UsageBill => "usage.bill",
        /// Publishes a plan.
        PlanCreate => "plan.create",
        /// Changes a plan.
        PlanUpdate => "plan.update",
        /// Takes a plan off the list.
        PlanArchive => "plan.archive",
        /// Brings what Stripe sells of a plan back to what the catalogue says, after a change of it that was refused half-way.
        PlanRestore => "plan.restore",
    }
}

/// Who asks for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedBy {
    /// Members who hold the permission.
    Members(Permission),
    /// They, and platform staff.
    MembersOrStaff(Permission),
    /// Platform staff alone, or Tollgate itself.
    Others,
}

impl OperationKind {
    /// Who asks for operations of this kind, as the policy has it (`auth/policy.rs`): a test compares them.
    pub const fn asked_by(self) -> AskedBy {
        use AskedBy::{Members, MembersOrStaff, Others};
        use Permission::{BillingWrite, SubscriptionWrite};
        match self {
            // Support begins subscriptions with what it alone may give.
            Self::SubscriptionCreate => MembersOrStaff(SubscriptionWrite),
            Self::SubscriptionCancel
            | Self::SubscriptionResume
            | Self::SubscriptionChange
            | Self::SubscriptionScheduledChangeRevoke
            | Self::SubscriptionTrialEnd
            | Self::SubscriptionDiscountApply
            | Self::SubscriptionDiscountRemove
            | Self::CheckoutSessionCreate => Members(SubscriptionWrite),
            Self::InvoicePay
            | Self::PaymentMethodSetup
            | Self::PaymentMethodAttach
            | Self::PaymentMethodSetDefault
            | Self::PaymentMethodDetach
            | Self::PaymentIntentCreate
            | Self::PaymentIntentConfirm
            | Self::PaymentIntentCancel
            | Self::PortalSessionCreate => Members(BillingWrite),
            Self::CustomerSync | Self::CustomerRecreate | Self::InvoiceSend | Self::PaymentRefund => {
                MembersOrStaff(BillingWrite)
            }
            Self::SubscriptionCollectionPause
            | Self::SubscriptionCollectionResume
            | Self::SubscriptionTrialExtend
            | Self::InvoiceVoid
            | Self::InvoiceMarkUncollectible
            | Self::CreditNoteCreate
            | Self::PlanCreate
            | Self::PlanUpdate
            | Self::PlanArchive
            // Nobody asks for these but Tollgate.
            | Self::SubscriptionRestore
            | Self::SubscriptionRecover
            | Self::SubscriptionCancelDuplicate
            | Self::PlanRestore => Others,
        }
    }
}

/// An operation, as callers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingOperation {
    /// Our id, and the stem of the idempotency keys sent to Stripe.
    pub id: BillingOperationId,
    /// The organization, or none for the catalogue.
    pub organization_id: Option<OrganizationId>,
    /// What was intended: `subscription.create`.
    pub kind: String,
    /// Where it stands.
    pub state: OperationState,
    /// How often Stripe was asked.
    pub attempts: i32,
    /// The error's code, when it failed.
    pub error_code: Option<String>,
    /// The error's sentence, when it failed.
    pub error_message: Option<String>,
    /// When it was written down.
    pub created_at: DateTime<Utc>,
    /// When its outcome was known.
    pub settled_at: Option<DateTime<Utc>>,
}
