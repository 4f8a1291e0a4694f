//! Refunds: what is given back of a payment, who asked for it, and how much a person may give back.

use chrono::{DateTime, Utc};

use super::ids::{OrganizationId, PaymentId, RefundId, StripeRefundId, UserId};
use super::membership::Role;
use super::money::{Currency, Money};
use super::string_enum;

string_enum! {
    /// The state of a refund: ours before Stripe has it, Stripe's afterwards.
    RefundStatus {
        /// Waiting for a second person.
        AwaitingApproval => "awaiting_approval",
        /// The second person said no. Final.
        Rejected => "rejected",
        /// Asked for, and on its way to Stripe.
        Requested => "requested",
        /// Stripe has it, and the bank not yet.
        Pending => "pending",
        /// The customer must act.
        RequiresAction => "requires_action",
        /// Given back. It may still fail when the bank sends the money back.
        Succeeded => "succeeded",
        /// The money came back to us: nothing was given back. Final.
        Failed => "failed",
        /// Withdrawn. Final.
        Canceled => "canceled",
    }
}

impl RefundStatus {
    /// Our state of Stripe's. A state that this version does not know is pending: the money may have left.
    pub fn from_stripe(status: &str) -> Self {
        match status {
            "requires_action" => Self::RequiresAction,
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            "canceled" => Self::Canceled,
            _ => Self::Pending,
        }
    }

    /// Whether this version knows Stripe's word.
    pub fn is_known_at_stripe(status: &str) -> bool {
        status == "pending" || Self::from_stripe(status) != Self::Pending
    }

    /// Whether nothing changes a refund in this state.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Rejected | Self::Failed | Self::Canceled)
    }

    /// Whether the money is given back, or may be: what is left to refund is less by it.
    pub const fn holds_money(self) -> bool {
        !self.is_final()
    }

    /// Whether Stripe gave the money back, or is about to.
    pub const fn was_given_back(self) -> bool {
        matches!(self, Self::Pending | Self::RequiresAction | Self::Succeeded)
    }
}

string_enum! {
    /// Why a refund is asked for, in Stripe's words.
    RefundReason {
        /// It was charged twice.
        Duplicate => "duplicate",
        /// The cardholder did not make the payment.
        Fraudulent => "fraudulent",
        /// The customer asked for it.
        RequestedByCustomer => "requested_by_customer",
    }
}

/// A refund of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Our id.
    pub id: RefundId,
    /// Whose payment it is of.
    pub organization_id: OrganizationId,
    /// The payment it is of.
    pub payment_id: PaymentId,
    /// The refund at Stripe, once there is one.
    pub stripe_refund_id: Option<StripeRefundId>,
    /// What is given back.
    pub amount: Money,
    /// Its state.
    pub status: RefundStatus,
    /// Why, in Stripe's word.
    pub reason: Option<String>,
    /// Why it failed, in Stripe's word or ours.
    pub failure_reason: Option<String>,
    /// What the person who asked for it noted.
    pub note: Option<String>,
    /// Who asked for it; `None` when it was made at Stripe.
    pub requested_by: Option<UserId>,
    /// Who approved or rejected it.
    pub decided_by: Option<UserId>,
    /// When that was.
    pub decided_at: Option<DateTime<Utc>>,
    /// When the row was last known to equal Stripe's object; `None` before there is one.
    pub stripe_synced_at: Option<DateTime<Utc>>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Refund {
    /// What audit records keep of it.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "paymentId": self.payment_id,
            "currency": self.amount.currency,
            "amountMinor": self.amount.minor,
            "status": self.status.as_str(),
            "reason": self.reason,
            "failureReason": self.failure_reason,
            "note": self.note,
            "requestedBy": self.requested_by,
            "decidedBy": self.decided_by,
            "stripeRefundId": self.stripe_refund_id,
        })
    }
}

string_enum! {
    /// As what a person gives money back.
    RefundRole {
        /// Someone who works for the platform.
        PlatformStaff => "platform_staff",
        /// An owner of the organization that paid.
        Owner => "owner",
        /// An admin of the organization that paid.
        Admin => "admin",
        /// A billing manager of the organization that paid.
        BillingManager => "billing_manager",
    }
}

impl RefundRole {
    /// The role of a member; `None` for roles that never pay.
    pub const fn of_member(role: Role) -> Option<Self> {
        match role {
            Role::Owner => Some(Self::Owner),
            Role::Admin => Some(Self::Admin),
            Role::BillingManager => Some(Self::BillingManager),
            _ => None,
        }
    }
}

/// How much a person in a role may give back, in one currency. Data: platform staff change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundLimit {
    /// The organization whose payments it is about; `None` for all that have none of their own.
    pub organization_id: Option<OrganizationId>,
    /// The role.
    pub role: RefundRole,
    /// The currency of both amounts.
    pub currency: Currency,
    /// What one person may give back in a day (UTC), in minor units. Zero: nothing.
    pub daily_minor: i64,
    /// Above this amount, in minor units, a second person must approve. What one person gives back of one payment in a day
    /// counts together: parts of it are no way around the second person.
    pub approval_above_minor: i64,
}

impl RefundLimit {
    /// What holds while nobody has said otherwise. Minor units keep it within reason in every currency: 10,000 dollars
    /// or 1,000,000 yen a day, a second person above 1,000 dollars or 100,000 yen. Customers give themselves nothing
    /// back.
    pub const fn default_of(role: RefundRole, currency: Currency) -> Self {
        let (daily_minor, approval_above_minor) = match role {
            RefundRole::PlatformStaff => (1_000_000, 100_000),
            RefundRole::Owner | RefundRole::Admin | RefundRole::BillingManager => (0, 0),
        };
        Self { organization_id: None, role, currency, daily_minor, approval_above_minor }
    }

    /// What a person may do who has given back `used_minor` today, `of_payment_minor` of it of the same payment.
    pub const fn judge(&self, used_minor: i64, of_payment_minor: i64, amount_minor: i64) -> RefundVerdict {
        let left_minor = if self.daily_minor > used_minor { self.daily_minor - used_minor } else { 0 };
        if self.daily_minor == 0 {
            RefundVerdict::NotAllowed
        } else if amount_minor > left_minor {
            RefundVerdict::AboveDailyLimit { left_minor }
        } else if of_payment_minor.saturating_add(amount_minor) > self.approval_above_minor {
            RefundVerdict::NeedsApproval
        } else {
            RefundVerdict::Allowed
        }
    }
}

/// What a limit says of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundVerdict {
    /// At once.
    Allowed,
    /// After a second person said yes.
    NeedsApproval,
    /// Not today.
    AboveDailyLimit {
        /// What is left of today's limit, in minor units.
        left_minor: i64,
    },
    /// The role gives nothing back.
    NotAllowed,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: RefundLimit = RefundLimit {
        organization_id: None,
        role: RefundRole::Owner,
        currency: Currency::USD,
        daily_minor: 1_000,
        approval_above_minor: 400,
    };

    #[test]
    fn the_bounds_themselves_are_within() {
        for (used, of_payment, amount, verdict) in [
            (0, 0, 400, RefundVerdict::Allowed),
            (0, 0, 401, RefundVerdict::NeedsApproval),
            (0, 0, 1_000, RefundVerdict::NeedsApproval),
            (0, 0, 1_001, RefundVerdict::AboveDailyLimit { left_minor: 1_000 }),
            (900, 0, 100, RefundVerdict::Allowed),
            (300, 300, 100, RefundVerdict::Allowed),
            (300, 300, 101, RefundVerdict::NeedsApproval),
            (900, 300, 101, RefundVerdict::AboveDailyLimit { left_minor: 100 }),
            (900, 0, 101, RefundVerdict::AboveDailyLimit { left_minor: 100 }),
            (5_000, 0, 1, RefundVerdict::AboveDailyLimit { left_minor: 0 }),
        ] {
            assert_eq!(LIMIT.judge(used, of_payment, amount), verdict, "{used} {of_payment} {amount}");
        }
    }

    #[test]
    fn parts_are_no_way_around_the_second_person() {
        for part in 1..=400 {
            let mut given = 0;
            while LIMIT.judge(given, given, part) == RefundVerdict::Allowed {
                given += part;
            }
            assert!(given <= LIMIT.approval_above_minor, "{given} in parts of {part}");
        }
    }

    #[test]
    fn customers_give_themselves_nothing_back_until_somebody_says_so() {
        for &role in RefundRole::ALL {
            let verdict = RefundLimit::default_of(role, Currency::USD).judge(0, 0, 1);
            let expected = if role == RefundRole::PlatformStaff {
                RefundVerdict::Allowed
            } else {
                RefundVerdict::NotAllowed
            };
            assert_eq!(verdict, expected, "{role}");
        }
    }

    #[test]
    fn money_is_held_until_a_refund_comes_to_nothing() {
        for &status in RefundStatus::ALL {
            assert_ne!(status.holds_money(), status.is_final(), "{status}");
            assert!(status.holds_money() || !status.was_given_back(), "{status}");
        }
        assert_eq!(RefundStatus::from_stripe("new_word"), RefundStatus::Pending);
    }
}
