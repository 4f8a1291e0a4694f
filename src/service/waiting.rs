//! Operations that wait for a cardholder or for a bank: what the mirror learns settles them.

use chrono::{DateTime, Duration, Utc};

use super::answer::{Answer, Resource};
use super::command::{Command, SubscriptionRestore};
use super::error::{ErrorCode, ServiceError};
use super::mirror::Rows;
use super::operation::billing_scope;
use super::trace::CLOCKS_DIFFER;
use crate::domain::audit::Actor;
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::{OrganizationId, PriceId};
use crate::domain::invoice::{Invoice, InvoiceStatus};
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::subscription::{Subscription, SubscriptionStatus};
use crate::store::{
    NewOperation, Opened, OperationRecord, OperationSettlement, StoreError, WriteTransaction,
};

/// How an operation that waited came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Confirmed,
    Failed,
    /// It can go on: the same command is asked for again.
    GoesOn,
}

/// Settles the operations that waited for what was just written, in the same transaction.
pub(super) async fn settle_waiting(
    transaction: &WriteTransaction,
    organization: OrganizationId,
    rows: &Rows,
) -> Result<(), ServiceError> {
    let subscription = rows.subscription.as_ref().map(|(_, row)| row);
    let invoice = rows.invoice.as_ref().map(|(_, row)| row);
    let payment = rows.payment.as_ref().map(|(_, row)| row);
    // Most writes bring nothing that anybody could wait for.
    let may_settle = subscription.is_some()
        || invoice.is_some_and(|row| row.status != InvoiceStatus::Open)
        || payment.is_some_and(|row| !matches!(row.status, PaymentStatus::RequiresAction));
    if !may_settle {
        return Ok(());
    }
    let waiting = transaction.waiting_operations(organization).await?;
    let has_bank = waiting.iter().any(|record| record.operation.state == OperationState::Pending);
    let of_payment = match payment.and_then(|row| row.invoice_id).filter(|_| invoice.is_none() && has_bank) {
        Some(id) => transaction.find_invoice(organization, id).await?,
        None => None,
    };
    let invoice = invoice.or(of_payment.as_ref());
    for record in waiting {
        let Ok(command) = serde_json::from_value::<Command>(record.parameters.clone()) else { continue };
        let mut answer = match record.outcome.clone() {
            Some(stored) => Answer::from_stored(stored, None)?,
            None => Answer::default(),
        };
        let wanted_price = match &command {
            Command::SubscriptionChange(change) if subscription.is_some() => {
                transaction.find_price_at_stripe(&change.price).await?.map(|(price, _)| price.id)
            }
            _ => None,
        };
        let waits = Waits {
            state: record.operation.state,
            since: record.operation.created_at,
            command: &command,
            resource: answer.resource.as_ref(),
            wanted_price,
        };
        let Some(outcome) = waits.outcome(rows, invoice) else { continue };
        // What was asked of the person is done with.
        answer.refusals.clear();
        let (state, code, message) = match outcome {
            Outcome::Confirmed | Outcome::GoesOn => (OperationState::Confirmed, None, None),
            Outcome::Failed => (
                OperationState::Failed,
                Some(ErrorCode::PaymentDeclined.as_str().to_owned()),
                Some("The payment was not confirmed in time, or the bank declined it.".to_owned()),
            ),
        };
        let settlement =
            OperationSettlement { state, outcome: answer.stored(), error_code: code, error_message: message };
        match transaction.settle_waiting_operation(&record, settlement).await {
            Ok(()) => {}
            // Another transaction settled it first.
            Err(StoreError::Changed(_)) => continue,
            Err(error) => return Err(error.into()),
        }
        if let Command::SubscriptionChange(change) = &command {
            let left = if outcome == Outcome::Failed { change.undone() } else { change.carried_on() };
            if let Some(left) = left {
                put_back(transaction, organization, &record, left).await?;
            }
        }
        if outcome == Outcome::GoesOn {
            let scope = format!("again:{}", record.operation.id);
            open_follow_up(transaction, &record, &command, scope).await?;
        }
    }
    Ok(())
}

/// Writes down what is to be done because an operation came out as it did. No process holds it: the next sweep runs it.
/// Whether it was written; it is not when another operation has the scope.
async fn open_follow_up(
    transaction: &WriteTransaction,
    record: &OperationRecord,
    command: &Command,
    scope: String,
) -> Result<bool, ServiceError> {
    let new = NewOperation {
        organization_id: record.operation.organization_id,
        actor: Actor::system(),
        kind: command.kind().as_str(),
        parameters: serde_json::to_value(command)?,
        scope,
        lease: -Duration::seconds(1),
        idempotency: None,
    };
    Ok(matches!(transaction.open_operation(&new).await?, Some(Opened::Operation(_))))
}

/// Writes down that what a change took away is to be put back. Other operations of the organization's billing keep out of
/// its way, unless one is under way right now: then it looks itself whether anything moved.
pub(super) async fn put_back(
    transaction: &WriteTransaction,
    organization: OrganizationId,
    record: &OperationRecord,
    left: SubscriptionRestore,
) -> Result<(), ServiceError> {
    let command = Command::SubscriptionRestore(left);
    if !open_follow_up(transaction, record, &command, billing_scope(organization)).await? {
        let scope = format!("restore:{}", record.operation.id);
        open_follow_up(transaction, record, &command, scope).await?;
    }
    Ok(())
}

/// An operation that waits, or is about to.
pub(super) struct Waits<'a> {
    /// PENDING for a bank, REQUIRES_ACTION for a cardholder.
    pub state: OperationState,
    /// When it was written down.
    pub since: DateTime<Utc>,
    pub command: &'a Command,
    /// What it is about.
    pub resource: Option<&'a Resource>,
    /// Our price of the one that a change asks for.
    pub wanted_price: Option<PriceId>,
}

impl Waits<'_> {
    /// Its state by the rows that it is about to be settled with. What decides about it may be in them already, and then
    /// no event comes any more that could settle it.
    pub(super) fn settled_by(&self, rows: &Rows) -> OperationState {
        let payment = rows.payment.as_ref().map(|(_, row)| row.status);
        match self.outcome(rows, rows.invoice.as_ref().map(|(_, row)| row)) {
            // What can go on is asked for again before it comes here.
            Some(Outcome::Confirmed | Outcome::GoesOn) => OperationState::Confirmed,
            Some(Outcome::Failed) => OperationState::Failed,
            // No bank has it any more.
            None if self.state == OperationState::Pending && !rows.is_with_bank => match payment {
                Some(PaymentStatus::RequiresAction) => OperationState::RequiresAction,
                _ => OperationState::Failed,
            },
            None => self.state,
        }
    }

    /// What came of it, once it can be told: paid, or given up. While the bank is still at it, it waits.
    fn outcome(&self, rows: &Rows, invoice: Option<&Invoice>) -> Option<Outcome> {
        let subscription = rows.subscription.as_ref().map(|(_, row)| row);
        let payment = rows.payment.as_ref().map(|(_, row)| row);
        let resource = self.resource?;
        if self.state == OperationState::Pending {
            return decision_of(resource, subscription, invoice, payment);
        }
        match (self.command, resource) {
            (Command::SubscriptionCreate(_), Resource::Subscription(id)) => {
                subscription.filter(|row| row.id == *id).and_then(|row| match row.status {
                    SubscriptionStatus::Incomplete => None,
                    ref status if status.is_final() => Some(Outcome::Failed),
                    _ => Some(Outcome::Confirmed),
                })
            }
            (Command::SubscriptionChange(change), Resource::Subscription(id)) => {
                let decided =
                    subscription.filter(|row| row.id == *id && row.pending_update_expires_at.is_none());
                decided.map(|row| {
                    // The price is the one asked for when the change was applied; else it was given up. The plan does not
                    // tell: it is the same when only the interval changes.
                    let is_at_price = self.wanted_price.is_some() && row.price_id == self.wanted_price;
                    let applied = is_at_price && row.quantity == change.quantity;
                    if applied { Outcome::Confirmed } else { Outcome::Failed }
                })
            }
            (Command::SubscriptionTrial(_), Resource::Subscription(id)) => subscription
                .filter(|row| row.id == *id && row.pending_update_expires_at.is_none())
                .map(|row| match row.status {
                    SubscriptionStatus::Active => Outcome::Confirmed,
                    _ => Outcome::Failed,
                }),
            (Command::SubscriptionResume(_), Resource::Subscription(id)) => {
                let shown = subscription.filter(|row| row.id == *id).and_then(|row| match row.status {
                    SubscriptionStatus::Active => Some(Outcome::Confirmed),
                    ref status if status.is_final() => Some(Outcome::Failed),
                    _ => None,
                });
                // With its invoice the resumption is given up, and the subscription stays paused.
                let given_up = invoice.filter(|row| {
                    row.subscription_id == Some(*id)
                        && row.created_at > self.since - CLOCKS_DIFFER
                        && matches!(row.status, InvoiceStatus::Void | InvoiceStatus::Uncollectible)
                });
                shown.or(given_up.map(|_| Outcome::Failed))
            }
            (Command::SubscriptionCancelDuplicate(_), Resource::Payment(id)) => {
                payment.filter(|row| row.id == *id).and_then(|row| match row.status {
                    // It is given back now.
                    PaymentStatus::Succeeded => Some(Outcome::GoesOn),
                    PaymentStatus::Failed | PaymentStatus::Canceled => Some(Outcome::Confirmed),
                    _ => None,
                })
            }
            (_, Resource::Invoice(id)) => {
                invoice.filter(|row| row.id == *id).and_then(|row| match row.status {
                    InvoiceStatus::Paid => Some(Outcome::Confirmed),
                    InvoiceStatus::Void | InvoiceStatus::Uncollectible => Some(Outcome::Failed),
                    _ => None,
                })
            }
            (_, Resource::Payment(id)) => {
                payment.filter(|row| row.id == *id).and_then(|row| match row.status {
                    PaymentStatus::Succeeded => Some(Outcome::Confirmed),
                    PaymentStatus::Failed | PaymentStatus::Canceled => Some(Outcome::Failed),
                    _ => None,
                })
            }
            _ => None,
        }
    }
}

/// What a bank decided about a payment that it had: a subscription that it is the first of may be in use meanwhile, so
/// only the payment and its invoice tell.
fn decision_of(
    resource: &Resource,
    subscription: Option<&Subscription>,
    invoice: Option<&Invoice>,
    payment: Option<&Payment>,
) -> Option<Outcome> {
    let of_invoice = |invoice: &Invoice| match invoice.status {
        InvoiceStatus::Paid => Some(Outcome::Confirmed),
        InvoiceStatus::Void | InvoiceStatus::Uncollectible => Some(Outcome::Failed),
        _ => None,
    };
    let of_payment = |payment: &Payment| match payment.status {
        PaymentStatus::Succeeded => Some(Outcome::Confirmed),
        PaymentStatus::Failed | PaymentStatus::Canceled => Some(Outcome::Failed),
        PaymentStatus::Pending | PaymentStatus::RequiresAction => None,
    };
    match *resource {
        Resource::Payment(id) => payment.filter(|row| row.id == id).and_then(of_payment),
        Resource::Invoice(id) => invoice
            .filter(|row| row.id == id)
            .and_then(of_invoice)
            .or_else(|| payment.filter(|row| row.invoice_id == Some(id)).and_then(of_payment)),
        Resource::Subscription(id) => {
            let first = invoice.filter(|row| {
                row.subscription_id == Some(id)
                    && row.billing_reason.as_deref() == Some("subscription_create")
            });
            let paid_by =
                |row: &Invoice| payment.filter(|it| it.invoice_id == Some(row.id)).and_then(of_payment);
            let is_over = subscription.is_some_and(|row| row.id == id && row.status.is_final());
            first
                .and_then(|row| of_invoice(row).or_else(|| paid_by(row)))
                .or(is_over.then_some(Outcome::Failed))
        }
        _ => None,
    }
}
