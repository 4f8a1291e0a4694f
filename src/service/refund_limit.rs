//! How much people may give back: data that platform staff change, for all or for one organization.

use super::Service;
use super::answer::Answer;
use super::error::{Refusal, Refusals, ServiceError};
use super::idempotency::CallerKey;
use super::operation::recorded;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::OrganizationId;
use crate::domain::money::{Currency, Money};
use crate::domain::refund::{RefundLimit, RefundRole};
use crate::store::NewIdempotencyRecord;

/// A limit to be set, or taken back.
#[derive(Clone, Copy, Debug)]
pub struct RefundLimitInput {
    /// The organization whose payments it is about; `None` for all that have none of their own.
    pub organization_id: Option<OrganizationId>,
    /// The role.
    pub role: RefundRole,
    /// The currency of both amounts.
    pub currency: Currency,
    /// A day's and what needs no second person, in minor units; `None` takes an organization's own back.
    pub amounts: Option<(i64, i64)>,
}

fn values(limit: &RefundLimit) -> serde_json::Value {
    serde_json::json!({
        "role": limit.role.as_str(),
        "currency": limit.currency,
        "dailyMinor": limit.daily_minor,
        "approvalAboveMinor": limit.approval_above_minor,
    })
}

impl Service {
    /// Says how much a person in a role may give back. Gives what holds now.
    pub async fn set_refund_limit(
        &self,
        actor: &Actor,
        input: RefundLimitInput,
        key: Option<CallerKey>,
    ) -> Result<(Answer, RefundLimit), ServiceError> {
        let RefundLimitInput { organization_id, role, currency, amounts } = input;
        let asked = serde_json::json!({ "organizationId": organization_id, "role": role, "currency": currency, "amounts": amounts });
        let idempotency = key.map(|key| key.record(&asked)).transpose()?;
        let new = amounts.map(|(daily_minor, approval_above_minor)| RefundLimit {
            organization_id,
            role,
            currency,
            daily_minor,
            approval_above_minor,
        });
        let act = self.set_refund_limit_once(actor, input, new, idempotency.as_ref());
        let answer = self.once(idempotency.as_ref(), Box::pin(act)).await?;
        Ok((answer, self.refund_limit_now(organization_id, role, currency).await?))
    }

    async fn set_refund_limit_once(
        &self,
        actor: &Actor,
        input: RefundLimitInput,
        new: Option<RefundLimit>,
        idempotency: Option<&NewIdempotencyRecord>,
    ) -> Result<Answer, ServiceError> {
        let RefundLimitInput { organization_id, role, currency, .. } = input;
        let mut refusals = Refusals::default();
        if let Some(limit) = &new {
            for (path, minor) in [
                ("dailyMinorUnits", limit.daily_minor),
                ("approvalAboveMinorUnits", limit.approval_above_minor),
            ] {
                refusals.check(path, Money::new(minor, limit.currency).check_price());
            }
        } else if organization_id.is_none() {
            refusals.add(Refusal::bad_input(
                "dailyMinorUnits",
                "Both amounts are needed: only what was set for one organization can be taken back.",
            ));
        }
        refusals.finish()?;
        if let Some(organization) = organization_id
            && self.store.find_organization(organization).await?.is_none()
        {
            return Err(ServiceError::NotFound("organization"));
        }
        let transaction = self.store.begin().await?;
        let old = match (new, organization_id) {
            (Some(limit), _) => transaction.set_refund_limit(limit, actor.user_id).await?,
            (None, Some(organization)) => {
                transaction.clear_refund_limit(organization, role, currency).await?
            }
            (None, None) => None,
        };
        let entry = AuditEntry::new(
            organization_id,
            "refund_limit.set",
            "refund_limit",
            format!("{role}/{currency}"),
        );
        let none = serde_json::json!({ "dailyMinor": null, "approvalAboveMinor": null });
        let entry = recorded(entry, old.as_ref().map(values), new.as_ref().map_or(none, values));
        Answer::default().commit(transaction, actor, entry, idempotency).await
    }

    async fn refund_limit_now(
        &self,
        organization: Option<OrganizationId>,
        role: RefundRole,
        currency: Currency,
    ) -> Result<RefundLimit, ServiceError> {
        if let Some(organization) = organization {
            return Ok(self.store.refund_limit(organization, role, currency).await?);
        }
        let limits = self.store.refund_limits(None).await?;
        let set = limits.into_iter().find(|limit| limit.role == role && limit.currency == currency);
        Ok(set.unwrap_or_else(|| RefundLimit::default_of(role, currency)))
    }
}
