//! Which processes ask one account of Stripe's: they share its rate budget.

use chrono::TimeDelta;
use uuid::Uuid;

use super::Service;
use super::error::ServiceError;

/// What the rows begin with by which processes know of each other.
const PROCESS: &str = "process";

impl Service {
    /// Tells the others that this process is alive, for `lease`, and takes its share of the account's rate budget. How many
    /// processes there are.
    pub async fn share_budget(&self, process: Uuid, lease: TimeDelta) -> Result<u32, ServiceError> {
        let processes = self.store.announce(&self.process_name(), process, lease).await?;
        let processes = u32::try_from(processes).unwrap_or(u32::MAX);
        self.stripe.share_budget_among(processes);
        Ok(processes)
    }

    /// Leaves this process's share to the others.
    pub async fn leave_budget(&self, process: Uuid) -> Result<(), ServiceError> {
        Ok(self.store.withdraw(&self.process_name(), process).await?)
    }

    /// A new id for a process.
    pub fn process_id(&self) -> Uuid {
        self.ids.next()
    }

    fn process_name(&self) -> String {
        format!("{}:", self.job_name(PROCESS))
    }
}
