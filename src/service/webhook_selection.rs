//! The stored queries whose answers webhooks carry. The schema runs them; it stands above the use cases, so it is handed in.

use async_trait::async_trait;

use crate::domain::ids::OrganizationId;
use crate::domain::notification::Subject;
use crate::domain::role::Grant;
use crate::domain::user::User;

/// Whose rights a query is run with.
#[derive(Clone, Debug)]
pub struct SelectionViewer {
    /// The person.
    pub user: User,
    /// What they may do in the organization now; nothing when they are no member any more.
    pub grant: Option<Grant>,
}

/// A query to be run.
#[derive(Clone, Debug)]
pub struct SelectionRequest {
    /// The query.
    pub selection: String,
    /// With whose rights: in this organization, and nowhere else.
    pub viewer: SelectionViewer,
    /// Its variable `$organizationId`.
    pub organization_id: OrganizationId,
    /// What its variable `$subjectId` names; the organization when nothing is said.
    pub subject: Option<(Subject, uuid::Uuid)>,
}

/// What a query answered.
#[derive(Clone, Debug, PartialEq)]
pub struct SelectionAnswer {
    /// What it asked for, as far as it could be answered.
    pub data: serde_json::Value,
    /// What could not be answered.
    pub errors: Option<serde_json::Value>,
    /// What went wrong that another attempt may not meet: a fault of ours, or of Stripe's. What is answered then is not to be
    /// kept.
    pub fault: Option<String>,
}

/// Checks and runs stored queries.
#[async_trait]
pub trait Selections: Send + Sync {
    /// Why a query cannot be stored, in a sentence: it is none, it is too expensive, the schema does not have what it asks
    /// for. What its viewer may not see is no reason: that is told when it is asked.
    async fn check(&self, request: SelectionRequest) -> Result<(), String>;

    /// What a query answers.
    async fn run(&self, request: SelectionRequest) -> SelectionAnswer;
}
