//! Looking at what was used, for alerts: soon after it was recorded, when a period is over, and when a limit changed. Any number
//! of processes may look: a notice is a row that comes once.

use std::collections::BTreeSet;

use tokio::sync::broadcast::{Receiver, error::RecvError, error::TryRecvError};
use tokio_util::sync::CancellationToken;

use super::WorkerOptions;
use crate::domain::ids::OrganizationId;
use crate::service::{Service, ServiceError};
use crate::store::{ChangedKind, Notice};

/// Whose limits may have changed.
#[derive(Default)]
struct Heard {
    organizations: BTreeSet<OrganizationId>,
    everybody: bool,
}

impl Heard {
    fn take(&mut self, notice: Notice) {
        let Notice::Changed(changed) = notice else {
            self.everybody = true;
            return;
        };
        match (changed.kind, changed.organization_id) {
            (ChangedKind::Plan | ChangedKind::Meter, _) => self.everybody = true,
            (
                ChangedKind::Subscription
                | ChangedKind::Entitlement
                | ChangedKind::GeneralSettings
                | ChangedKind::UsageAlert,
                Some(organization),
            ) => {
                self.organizations.insert(organization);
            }
            _ => {}
        }
    }

    fn is_empty(&self) -> bool {
        self.organizations.is_empty() && !self.everybody
    }
}

/// Looks until `stop`.
pub(super) async fn look_at_usage(service: Service, options: &WorkerOptions, stop: CancellationToken) {
    let Some(interval) = options.usage_alerts else { return };
    let mut notices = service.store().changes();
    let mut heard = Heard::default();
    while !stop.is_cancelled() {
        let looked = tokio::select! {
            () = stop.cancelled() => return,
            looked = look(&service, &mut heard) => looked,
        };
        match looked {
            Ok(0) => {}
            Ok(raised) => tracing::info!(raised, "usage alerts were raised"),
            Err(error) => {
                let source = std::error::Error::source(&error);
                tracing::error!(%error, ?source, "usage could not be looked at");
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = hear(&mut notices, &mut heard) => {}
            () = tokio::time::sleep(interval) => {}
        }
    }
}

async fn look(service: &Service, heard: &mut Heard) -> Result<usize, ServiceError> {
    let mut raised = 0;
    if std::mem::take(&mut heard.everybody) {
        service.store().look_at_all_usage().await?;
    }
    while let Some(organization) = heard.organizations.pop_first() {
        raised += service.look_at_usage_of(organization).await?;
    }
    Ok(raised + service.look_at_usage().await?)
}

/// Until a limit may have changed, here or by another process.
async fn hear(notices: &mut Receiver<Notice>, heard: &mut Heard) {
    while heard.is_empty() {
        match notices.recv().await {
            Ok(notice) => heard.take(notice),
            Err(RecvError::Lagged(_)) => heard.everybody = true,
            // The store is closing: the interval is left.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
    loop {
        match notices.try_recv() {
            Ok(notice) => heard.take(notice),
            Err(TryRecvError::Lagged(_)) => heard.everybody = true,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return,
        }
    }
}
