//! Seats: whether one is free, and what becomes of one that a member leaves.

use chrono::{DateTime, Duration, Utc};

use super::Service;
use super::answer::{Answer, Resource};
use super::authority::authority;
use super::command::{Command, SubscriptionChange};
use super::error::{ErrorCode, Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::operation::{Running, Settlement, billing_scope};
use super::subscription_change::SubscriptionChangeInput;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::{OrganizationId, SubscriptionId};
use crate::domain::permission::Permission;
use crate::domain::seat::{FreedSeats, SeatRelease, SeatState};
use crate::domain::subscription::Subscription;
use crate::domain::subscription_change::ChangeTiming;
use crate::store::{NewOperation, Opened, OperationRecord, WriteTransaction};

/// Organizations whose freed seats are looked at in one go.
const AT_ONCE: u64 = 200;

/// What is to be done about seats that were freed, decided before the transaction in which it is written down.
#[derive(Debug)]
pub(super) enum SeatDecision {
    /// Nothing: the seat stays.
    Stay,
    /// Not now.
    Later,
    /// Stripe is to bill less.
    Change {
        command: Box<SubscriptionChange>,
        subscription: SubscriptionId,
        /// How old the subscription's row was.
        synced_at: Option<DateTime<Utc>>,
    },
}

/// The seats that a plan gives an organization; `None` where nothing counts them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seats {
    /// Now.
    pub now: Option<i64>,
    /// From the end of the period on, when that is arranged.
    pub arranged: Option<i64>,
}

/// What became of a seat, for the audit record and the caller.
pub(super) struct SeatReleased {
    pub word: &'static str,
    pub operation: Option<OperationRecord>,
}

fn count(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// A policy to be set.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct SeatReleaseInput {
    /// Whose policy.
    pub organization_id: OrganizationId,
    /// What becomes of a seat that a member leaves.
    pub release: SeatRelease,
}

impl Service {
    /// Sets what becomes of a seat that a member leaves.
    pub async fn set_seat_release(
        &self,
        actor: &Actor,
        input: SeatReleaseInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let id = input.organization_id;
                let transaction = self.store.begin_in(id).await?;
                authority(&transaction, id, actor, Permission::SubscriptionWrite).await?;
                let old = transaction.set_seat_release(id, input.release).await?;
                let values = |release: SeatRelease| serde_json::json!({ "seatRelease": release });
                let entry = AuditEntry::new(Some(id), "organization.seat_release_set", "organization", id)
                    .changed(&values(old), &values(input.release));
                Answer::of(Resource::Organization(id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// The seats that the organization's plan gives it. What is arranged for the end of the period counts as well:
    /// whoever took a seat that is given up then would sit on one that nobody pays.
    pub(super) async fn seats_of(&self, organization: OrganizationId) -> Result<Seats, ServiceError> {
        let view = self.store.find_current_subscription(organization).await?;
        let Some(view) = view.filter(|view| view.subscription.status.is_live()) else {
            return Ok(Seats::default());
        };
        let arranged = match &view.subscription.scheduled_change {
            Some(change) => {
                let found = self.store.find_price_at_stripe(&change.stripe_price_id).await?;
                found.and_then(|(_, plan)| plan.seats(change.quantity))
            }
            None => None,
        };
        Ok(Seats { now: view.plan.and_then(|plan| plan.seats(view.subscription.quantity)), arranged })
    }

    /// Decides what becomes of the seats that were freed, `leaving` among them.
    pub(super) async fn decide_seats(
        &self,
        organization: OrganizationId,
        leaving: i64,
    ) -> Result<SeatDecision, ServiceError> {
        let policy = self.store.seat_release_of(organization).await?;
        let Some(view) = self.store.find_current_subscription(organization).await? else {
            return Ok(SeatDecision::Stay);
        };
        let subscription = view.subscription;
        let included = view.plan.as_ref().and_then(|plan| plan.seats_included);
        let (Some(included), true) = (included, subscription.stripe_subscription_id.is_some()) else {
            return Ok(SeatDecision::Stay);
        };
        let members = count(self.store.count_members(organization).await?).saturating_sub(leaving);
        let invited = count(self.store.count_open_invitations(organization).await?);
        let freed = count(self.store.count_freed_seats(organization).await?).saturating_add(leaving);
        // What was arranged for the end of the period is what a seat less is taken off.
        let arranged = subscription.scheduled_change.clone().filter(|_| policy == SeatRelease::PeriodEnd);
        let state = SeatState {
            policy,
            status: &subscription.status,
            is_ending: subscription.is_cancellation_scheduled(),
            included: i64::from(included),
            units: arranged.as_ref().map_or(subscription.quantity, |change| change.quantity),
            holders: members.saturating_add(invited),
            freed,
        };
        let units = match state.decide() {
            FreedSeats::Stay => return Ok(SeatDecision::Stay),
            FreedSeats::Later => return Ok(SeatDecision::Later),
            FreedSeats::Billed(units) => units,
        };
        let arranged_price = match &arranged {
            Some(change) => self.store.find_price_at_stripe(&change.stripe_price_id).await?,
            None => None,
        };
        let input = SubscriptionChangeInput {
            organization_id: organization,
            subscription_id: subscription.id,
            // Another plan that waits for the end of the period waits on, for a seat less.
            plan_id: arranged_price.as_ref().map(|(_, plan)| plan.id),
            billing_interval: arranged_price.as_ref().map(|(price, _)| price.billing_interval),
            quantity: Some(units),
            timing: if policy == SeatRelease::Now { ChangeTiming::Now } else { ChangeTiming::PeriodEnd },
            promotion_code: None,
        };
        match self.decide_change_for(&input, members).await {
            Ok(decided) => Ok(SeatDecision::Change {
                subscription: subscription.id,
                synced_at: subscription.stripe_synced_at,
                command: Box::new(SubscriptionChange {
                    releases_seats: freed,
                    ..decided.command(self.clock.now(), None)
                }),
            }),
            // Something is in the way, a change that waits for its payment for instance.
            Err(ServiceError::Refused(_)) => Ok(SeatDecision::Later),
            Err(error) => Err(error),
        }
    }

    /// Writes down what was decided about a seat that is being left, in the transaction in which it is: an operation that
    /// the next sweep runs, or, when that cannot be opened now, the seat itself.
    pub(super) async fn release_seat(
        &self,
        transaction: &WriteTransaction,
        organization: OrganizationId,
        decision: SeatDecision,
        actor: &Actor,
    ) -> Result<SeatReleased, ServiceError> {
        let operation = match decision {
            SeatDecision::Stay => return Ok(SeatReleased { word: "kept", operation: None }),
            SeatDecision::Later => None,
            decision @ SeatDecision::Change { .. } => {
                open(transaction, organization, decision, actor).await?
            }
        };
        if operation.is_some() {
            transaction.take_freed_seats(organization).await?;
            return Ok(SeatReleased { word: "released", operation });
        }
        transaction.free_seat(organization).await?;
        Ok(SeatReleased { word: "released_later", operation })
    }

    /// Looks again at the seats that could not be released when they were left: a payment was due, or another operation
    /// under way. Says of how many organizations something came.
    pub async fn release_freed_seats(&self) -> Result<usize, ServiceError> {
        let (mut done, mut after) = (0, None);
        loop {
            let page = self.store.organizations_with_freed_seats(after, AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(done) };
            after = Some(*last);
            for organization in page {
                match self.release_freed_seats_of(organization).await {
                    Ok(came) => done += usize::from(came),
                    // One that cannot be looked at keeps no other from it.
                    Err(error) => {
                        tracing::error!(%organization, %error, source = ?std::error::Error::source(&error), "seats that members left could not be released");
                    }
                }
            }
        }
    }

    /// Settles an operation that was to give seats back and may not: a payment fell due since it was written down. Nothing was
    /// sent, and the seats wait as those do that are left while one is due.
    pub(super) async fn put_seats_off(
        &self,
        running: &Running<'_>,
        command: &SubscriptionChange,
    ) -> Result<Answer, ServiceError> {
        let organization = command.organization_id;
        let transaction = self.store.begin_in(organization).await?;
        for _ in 0..command.releases_seats {
            transaction.free_seat(organization).await?;
        }
        let values = serde_json::json!({ "seats": command.releases_seats, "outcome": "released_later" });
        let settlement = Settlement {
            state: OperationState::Failed,
            resource: None,
            client_secret: None,
            refusals: vec![Refusal::conflict(
                "A payment is due, so no seat is given back now. It is once the payment is made.",
            )],
            audit: AuditEntry::new(Some(organization), "seats.release", "organization", organization)
                .created(values)
                .failed(),
        };
        self.commit_settlement(running.record, transaction, settlement).await
    }

    async fn release_freed_seats_of(&self, organization: OrganizationId) -> Result<bool, ServiceError> {
        let decision = self.decide_seats(organization, 0).await?;
        if matches!(decision, SeatDecision::Later) {
            return Ok(false);
        }
        let transaction = self.store.begin_in(organization).await?;
        let word = if matches!(decision, SeatDecision::Stay) {
            "kept"
        } else if open(&transaction, organization, decision, &Actor::system()).await?.is_some() {
            "released"
        } else {
            transaction.rollback().await?;
            return Ok(false);
        };
        let seats = transaction.take_freed_seats(organization).await?;
        if seats == 0 {
            // Another process was here.
            transaction.rollback().await?;
            return Ok(false);
        }
        let values = serde_json::json!({ "seats": seats, "outcome": word });
        let entry = AuditEntry::new(Some(organization), "seats.release", "organization", organization);
        transaction.commit(&Actor::system(), entry.created(values)).await?;
        Ok(true)
    }
}

/// Opens the operation of a decision, unless the subscription has moved since or another one is under way. No process
/// holds it: the next sweep runs it, and whoever left a seat does not wait for Stripe.
async fn open(
    transaction: &WriteTransaction,
    organization: OrganizationId,
    decision: SeatDecision,
    actor: &Actor,
) -> Result<Option<OperationRecord>, ServiceError> {
    let SeatDecision::Change { command, subscription, synced_at } = decision else { return Ok(None) };
    let live = transaction.live_paid_subscriptions(organization).await?;
    let is_same = |row: &Subscription| row.id == subscription && row.stripe_synced_at == synced_at;
    if !live.iter().any(is_same) {
        return Ok(None);
    }
    let command = Command::SubscriptionChange(command);
    let new = NewOperation {
        organization_id: Some(organization),
        // Somebody took a member's place away, which is recorded as theirs; Tollgate does what follows from it.
        actor: Actor::on_behalf_of(actor),
        kind: command.kind().as_str(),
        parameters: serde_json::to_value(&command)?,
        scope: billing_scope(organization),
        lease: -Duration::seconds(1),
        idempotency: None,
    };
    Ok(match transaction.open_operation(&new).await? {
        Some(Opened::Operation(record)) => Some(record),
        Some(Opened::Busy(_) | Opened::KeyUsed | Opened::Refused { .. }) | None => None,
    })
}

/// Refuses one more holder of a seat than there are seats.
pub(super) fn check_free_seat(seats: Seats, members: u64, invited: u64) -> Result<(), Refusal> {
    let taken = count(members).saturating_add(count(invited));
    let people = format!("by {members} members and {invited} open invitations");
    let message = match seats {
        Seats { now: Some(seats), .. } if taken >= seats => format!(
            "All {seats} seats are taken, {people}. Take more seats, remove a member, or revoke an invitation."
        ),
        Seats { arranged: Some(seats), .. } if taken >= seats => format!(
            "From the end of the period there are {seats} seats, and they are taken, {people}. Take that change back with \
             subscriptionScheduledChangeRevoke, or arrange more seats with subscriptionChange."
        ),
        _ => return Ok(()),
    };
    Err(Refusal::at("", ErrorCode::LimitExceeded, message))
}
