//! Trials are for somebody new.

use super::Service;
use super::error::{ErrorCode, Refusal, ServiceError};
use crate::domain::ids::OrganizationId;
use crate::domain::plan::Plan;
use crate::domain::trial::TrialMarkKind;

impl Service {
    /// The days of trial that an organization gets of a plan, when it wants one. Whoever had a trial before is refused, not
    /// charged: without a trial the first bill is due at once, and that is for the caller to say.
    pub(super) async fn trial_days(
        &self,
        plan: &Plan,
        organization: OrganizationId,
        is_wanted: bool,
    ) -> Result<u32, ServiceError> {
        let days = u32::try_from(plan.trial_days).unwrap_or(0);
        if !is_wanted || days == 0 {
            return Ok(0);
        }
        if self.store.has_had_trial(organization).await? {
            return Err(trial_taken("This organization has had its trial.").into());
        }
        match self.store.claim_trial(organization).await? {
            None => Ok(days),
            Some(TrialMarkKind::Card) => {
                Err(trial_taken("A trial was taken with this organization's payment card before.").into())
            }
            Some(TrialMarkKind::MailDomain) => Err(trial_taken(
                "A trial was taken by somebody with the mail domain of this organization's owner.",
            )
            .into()),
        }
    }
}

/// A trial that is not given, and how to go on.
pub(super) fn trial_taken(why: &str) -> Refusal {
    Refusal::at(
        "trial",
        ErrorCode::PlanUnavailable,
        format!(
            "{why} Ask again with trial: false: the plan then begins with its first bill. Or ask support for a trial."
        ),
    )
}
