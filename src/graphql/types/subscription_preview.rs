//! Previews of changes.

use std::collections::BTreeMap;

use async_graphql::{Json, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::scalars::{BigInt, Money};
use super::UserError;
use super::invoice::InvoiceLine;
use super::plan::Plan;
use crate::domain;
use crate::domain::mirror::BillPreview;
use crate::service::ChangePreviewed;

/// What a change would come to, or why it cannot be made.
#[derive(SimpleObject)]
pub struct SubscriptionPreviewChangePayload {
    /// What the change would come to; null when it cannot be made.
    pub preview: Option<SubscriptionChangePreview>,
    /// What must be mended.
    pub user_errors: Vec<UserError>,
}

/// What a change would come to.
pub struct SubscriptionChangePreview(pub ChangePreviewed);

/// A bill that does not exist yet.
pub struct PreviewedBill(BillPreview);

/// What a plan gives, before and after a change.
#[derive(SimpleObject)]
pub struct EntitlementChange {
    /// The feature or limit.
    feature: String,
    /// What the plan gives now; null when it is not part of it.
    before: Option<Json<serde_json::Value>>,
    /// What the plan will give; null when it is not part of it.
    after: Option<Json<serde_json::Value>>,
}

/// Seats, before and after a change.
#[derive(SimpleObject)]
pub struct SeatChange {
    /// Seats now; null when the plan does not count them.
    before: Option<BigInt>,
    /// Seats after the change; null when the plan does not count them.
    after: Option<BigInt>,
    /// Seats that members hold.
    used: BigInt,
}

/// What a change would come to.
#[Object]
impl SubscriptionChangePreview {
    /// Whether it takes effect at once.
    async fn is_immediate(&self) -> bool {
        self.0.is_immediate
    }

    /// When it takes effect, in UTC.
    async fn effective_at(&self) -> DateTime<Utc> {
        self.0.effective_at
    }

    /// The moment from which the running period's difference is counted, in UTC. The token keeps it.
    async fn proration_date(&self) -> DateTime<Utc> {
        self.0.proration_date
    }

    /// What is charged at once.
    async fn due_now(&self) -> Money {
        self.0.due_now.into()
    }

    /// The bill that the change makes at once; null when it makes none.
    async fn bill(&self) -> Option<PreviewedBill> {
        self.0.bill.clone().map(PreviewedBill)
    }

    /// The next regular bill after it.
    async fn next_bill(&self) -> PreviewedBill {
        PreviewedBill(self.0.next_bill.clone())
    }

    /// When that is due, in UTC.
    async fn next_bill_at(&self) -> Option<DateTime<Utc>> {
        self.0.next_bill_at
    }

    /// The plan after it.
    async fn plan(&self) -> Plan {
        Plan(self.0.plan.clone())
    }

    /// Units after it.
    async fn quantity(&self) -> BigInt {
        BigInt(self.0.quantity)
    }

    /// Seats before and after it.
    async fn seats(&self) -> SeatChange {
        let it = &self.0;
        SeatChange {
            before: it.old_plan.as_ref().and_then(|plan| plan.seats(it.old_quantity)).map(BigInt),
            after: it.plan.seats(it.quantity).map(BigInt),
            used: BigInt(it.members),
        }
    }

    /// The features and limits that differ, by name.
    async fn entitlements(&self) -> Vec<EntitlementChange> {
        let before = self.0.old_plan.as_ref().map(features).unwrap_or_default();
        let after = features(&self.0.plan);
        let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        names
            .into_iter()
            .filter(|name| before.get(*name) != after.get(*name))
            .map(|name| EntitlementChange {
                feature: name.clone(),
                before: before.get(name).cloned().map(Json),
                after: after.get(name).cloned().map(Json),
            })
            .collect()
    }

    /// Makes exactly this change with `subscriptionApplyChange`, until it expires or anything moves.
    async fn token(&self) -> &str {
        &self.0.token
    }

    /// Until when the token holds, in UTC: 15 minutes.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }
}

fn features(plan: &domain::plan::Plan) -> BTreeMap<String, serde_json::Value> {
    plan.features
        .as_object()
        .map(|features| features.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
        .unwrap_or_default()
}

/// A bill that does not exist yet.
#[Object]
impl PreviewedBill {
    /// The lines. They add up to the subtotal when they are all.
    async fn lines(&self) -> Vec<InvoiceLine> {
        self.0.lines.iter().map(|line| InvoiceLine::new(line.clone(), self.0.currency)).collect()
    }

    /// Whether there are more lines than are shown: Stripe shows ten of a bill that does not exist yet.
    async fn has_more_lines(&self) -> bool {
        !self.0.lines_complete
    }

    /// Before discounts and tax.
    async fn subtotal(&self) -> Money {
        self.money(self.0.subtotal_minor)
    }

    /// What discounts take off.
    async fn discount(&self) -> Money {
        self.money(self.0.discount_minor)
    }

    /// Tax, as Stripe computes it.
    async fn tax(&self) -> Money {
        self.money(self.0.tax_minor)
    }

    /// After discounts and tax. Negative when it becomes credit.
    async fn total(&self) -> Money {
        self.money(self.0.total_minor)
    }

    /// What would be asked for: the total less what credit covers.
    async fn amount_due(&self) -> Money {
        self.money(self.0.amount_due_minor)
    }
}

impl PreviewedBill {
    fn money(&self, minor: i64) -> Money {
        domain::money::Money::new(minor, self.0.currency).into()
    }
}
