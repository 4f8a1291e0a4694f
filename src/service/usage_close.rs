//! Closing a billing period: what was used in it is rated, written down, and put on the bill, once.
//!
//! The rows are written first, with an operation that names them, and the period is closed with them. Then Stripe is asked,
//! each row under a key of its own. A process that dies on the way leaves the operation to the next one.

use std::collections::BTreeMap;

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{Command, UsageBill};
use super::error::{Refusal, ServiceError};
use super::fault_point;
use super::mirror::{ATTEMPTS, Seen, Wrote, note_unknown_words, write_mirrors};
use super::operation::{LEASE, OPERATION_METADATA, ORGANIZATION_METADATA, Running, Settlement};
use super::refused_step::refused_step;
use super::trace::Trace;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::{StripeCustomerId, StripeInvoiceId, UsageChargeId, UsagePeriodId};
use crate::domain::meter_definition::MeterDefinition;
use crate::domain::mirror::MirrorObject;
use crate::domain::money::Money;
use crate::domain::proration::Span;
use crate::domain::subscription::Subscription;
use crate::domain::usage_charge::{UsageBillPlace, UsageCharge, describe};
use crate::domain::usage_period::{RATED_AGAIN, UsagePeriod};
use crate::payments::{
    IdempotencyKey, NewUsageInvoice, Note, ObjectKind, PaymentsError, USAGE_CHARGE_METADATA, UsageItem,
    UsageItemPlace,
};
use crate::store::{NewOperation, Opened, OperationRecord, StoreError};

/// Periods looked at in one statement.
const BATCH: u64 = 200;
/// How long Stripe is certain to keep a key.
const KEY_KEPT: Duration = Duration::hours(23);
/// The pause before what could not be billed is tried again: short at first, for a draft is finalised within the hour.
const BILLED_AGAIN: Duration = Duration::minutes(5);
/// A period is looked at a little longer than usage of it is taken.
const LONGER: Duration = Duration::days(1);

/// Where an operation decided to bill, noted before it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Target {
    /// The renewal's draft.
    Renewal(StripeInvoiceId),
    /// The customer's next invoice.
    NextBill,
    /// An invoice of its own.
    OwnInvoice,
}

impl Target {
    const fn place(&self) -> UsageBillPlace {
        match self {
            Self::Renewal(_) => UsageBillPlace::Renewal,
            Self::NextBill => UsageBillPlace::NextBill,
            Self::OwnInvoice => UsageBillPlace::OwnInvoice,
        }
    }
}

/// The name under which an operation notes where it bills.
const TARGET: &str = "target";

/// A charge, and the item that bills it.
struct Billed {
    charge: UsageCharge,
    place: UsageBillPlace,
    invoice: Option<StripeInvoiceId>,
    item: String,
}

impl Service {
    /// Closes periods that are over, rates again what may have grown since, and bills what could not be billed. Says how many
    /// periods brought something to be billed. What fails of one keeps no other from it.
    pub async fn close_usage_periods(&self) -> Result<usize, ServiceError> {
        let now = self.clock.now();
        let mut billed = 0;
        for period in self.store.usage_periods_to_close(now - self.usage.close_after, BATCH).await? {
            match self.bill_period(&period).await {
                Ok(has_billed) => billed += usize::from(has_billed),
                Err(error) => left_open(&period, &error),
            }
        }
        let mut after: Option<UsagePeriodId> = None;
        loop {
            let not_over_before = now - self.usage.grace - LONGER;
            let page = self.store.usage_periods_that_may_grow(not_over_before, after, BATCH).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for period in &page {
                match self.bill_late_usage(period).await {
                    Ok(has_billed) => billed += usize::from(has_billed),
                    Err(error) => left_open(period, &error),
                }
            }
        }
        self.bill_again().await?;
        Ok(billed)
    }

    async fn bill_late_usage(&self, period: &UsagePeriod) -> Result<bool, ServiceError> {
        let (Some(span), Some(rated_at)) = (period.span(), period.rated_at) else { return Ok(false) };
        let since = rated_at - RATED_AGAIN;
        if !self.store.was_usage_added(period.organization_id, span, since).await? {
            return Ok(false);
        }
        self.bill_period(period).await
    }

    /// Rates a period, and bills what was not billed of it. It is closed by that.
    async fn bill_period(&self, period: &UsagePeriod) -> Result<bool, ServiceError> {
        let now = self.clock.now();
        let rules = self.fresh_entitlement_rules(period.organization_id).await?;
        let terms = self.usage_terms(period, &rules).await?;
        let bill = self.rate_usage(period.clone(), &terms, &rules).await?;
        let before = self.store.usage_charges_of(&[period.id]).await?.remove(&period.id).unwrap_or_default();
        let mut unbilled = Vec::new();
        for meter in &bill.meters {
            let billed: Vec<&UsageCharge> =
                before.iter().filter(|charge| charge.meter_id == meter.meter.id).collect();
            match meter.unbilled(&billed) {
                Ok(left) => unbilled.extend(left.map(|left| (meter, left))),
                Err(error) => {
                    let name = &meter.meter.meter.name;
                    return Err(ServiceError::Panicked(format!("usage of {name} cannot be rated: {error}")));
                }
            }
        }
        let rated = UsagePeriod {
            closed_at: period.closed_at.or(Some(now)),
            rated_at: Some(now),
            terms: Some(terms).filter(|terms| !terms.is_empty()),
            updated_at: now,
            ..period.clone()
        };
        let subscription =
            self.store.find_subscription(period.organization_id, period.subscription_id).await?;
        let subscription = subscription.ok_or(ServiceError::NotFound("subscription"))?;
        let Some(stripe_subscription_id) = subscription.stripe_subscription_id.clone() else {
            return Err(ServiceError::NotFound("subscription at Stripe"));
        };
        let is_late = period.closed_at.is_some();
        let takes_up = !is_late && period.is_last && self.waits_for_bill(&subscription, period).await?;
        if unbilled.is_empty() && !takes_up {
            self.store.note_nothing_to_bill(period, &rated).await?;
            return Ok(false);
        }
        let transaction = self.store.begin_in(period.organization_id).await?;
        let rows: Vec<UsageCharge> = unbilled
            .into_iter()
            .map(|(meter, left)| UsageCharge {
                id: UsageChargeId(transaction.next_id()),
                organization_id: period.organization_id,
                subscription_id: period.subscription_id,
                usage_period_id: period.id,
                meter_id: meter.meter.id,
                period_start: period.period_start,
                period_end: period.end(),
                part: left.part,
                quantity: left.quantity,
                amount: Money::new(left.amount_minor, meter.currency),
                lines: left.lines,
                rated: meter.stretches.clone(),
                place: UsageBillPlace::Undecided,
                stripe_invoice_id: None,
                stripe_invoice_item_id: None,
                operation_id: None,
                billed_at: None,
                created_at: transaction.now(),
                updated_at: transaction.now(),
            })
            .collect();
        match transaction.note_usage_rated(period, &rated).await {
            // Another process did.
            Err(StoreError::Changed(_)) => {
                transaction.rollback().await?;
                return Ok(false);
            }
            noted => noted?,
        }
        for row in &rows {
            transaction.create_usage_charge(row).await?;
        }
        let command = Command::UsageBill(UsageBill {
            organization_id: period.organization_id,
            subscription_id: period.subscription_id,
            stripe_subscription_id,
            period_start: period.period_start,
            period_end: period.end(),
            is_last: period.is_last,
            is_late,
            is_again: false,
            charges: rows.iter().map(|row| row.id).collect(),
        });
        let Some(record) = self.open_usage_bill(&transaction, &command, period).await? else {
            transaction.rollback().await?;
            return Ok(false);
        };
        let values = rows.iter().map(UsageCharge::audit_values).collect::<Vec<_>>();
        let entry = AuditEntry::new(
            Some(period.organization_id),
            "usage.rate",
            "subscription",
            period.subscription_id,
        )
        .created(serde_json::json!({
            "periodStart": period.period_start,
            "periodEnd": period.end(),
            "isLate": is_late,
            "charges": values,
        }));
        transaction.commit(&Actor::system(), entry).await?;
        self.run_usage_bill(&record).await;
        Ok(true)
    }

    /// Writes the operation down that bills charges; `None` when another one bills something of the subscription.
    async fn open_usage_bill(
        &self,
        transaction: &crate::store::WriteTransaction,
        command: &Command,
        period: &UsagePeriod,
    ) -> Result<Option<OperationRecord>, ServiceError> {
        let Command::UsageBill(bill) = command else { return Ok(None) };
        let opened = transaction
            .open_operation(&NewOperation {
                organization_id: Some(period.organization_id),
                actor: Actor::system(),
                kind: command.kind().as_str(),
                parameters: serde_json::to_value(command)?,
                // It touches nothing that the organization's other operations do.
                scope: format!("usage:{}", period.subscription_id),
                lease: LEASE,
                idempotency: None,
            })
            .await?;
        let Some(Opened::Operation(record)) = opened else { return Ok(None) };
        transaction.assign_usage_charges(&bill.charges, record.operation.id).await?;
        Ok(Some(record))
    }

    /// Runs it, as far as it goes: what is left is another round's, or another process's.
    async fn run_usage_bill(&self, record: &OperationRecord) {
        if let Err(error) = self.run(record).await {
            tracing::warn!(operation = %record.operation.id, %error, "usage could not be billed yet");
        }
    }

    /// Whether something that was left to a next bill may wait still: there is no other bill after the last period.
    async fn waits_for_bill(
        &self,
        subscription: &Subscription,
        period: &UsagePeriod,
    ) -> Result<bool, ServiceError> {
        let Some(customer) = &subscription.stripe_customer_id else { return Ok(false) };
        if !self.store.was_left_to_next_bill(subscription.id, period.period_start).await? {
            return Ok(false);
        }
        Ok(self.stripe.has_waiting_usage(customer).await?)
    }

    /// Bills what an operation before could not, with an operation of its own for each period.
    async fn bill_again(&self) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut periods: BTreeMap<UsagePeriodId, Vec<UsageCharge>> = BTreeMap::new();
        for charge in self.store.unbilled_usage_charges(now - BILLED_AGAIN, BATCH).await? {
            // What keeps failing is tried less and less often, and once a day at least.
            let pause = (charge.updated_at - charge.created_at).min(Duration::days(1));
            if now - charge.updated_at < pause {
                continue;
            }
            periods.entry(charge.usage_period_id).or_default().push(charge);
        }
        for (id, charges) in periods {
            let Some(period) = self.store.find_usage_period(id).await? else { continue };
            let row = self.store.find_subscription(period.organization_id, period.subscription_id).await?;
            let Some(stripe_subscription_id) = row.and_then(|row| row.stripe_subscription_id) else {
                continue;
            };
            let command = Command::UsageBill(UsageBill {
                organization_id: period.organization_id,
                subscription_id: period.subscription_id,
                stripe_subscription_id,
                period_start: period.period_start,
                period_end: period.end(),
                is_last: period.is_last,
                is_late: charges.iter().any(|charge| charge.part > 0),
                is_again: true,
                charges: charges.iter().map(|charge| charge.id).collect(),
            });
            let transaction = self.store.begin_in(period.organization_id).await?;
            let Some(record) = self.open_usage_bill(&transaction, &command, &period).await? else {
                // The operation that bills it is under way.
                transaction.rollback().await?;
                continue;
            };
            let entry = AuditEntry::new(
                Some(period.organization_id),
                "usage.bill_again",
                "subscription",
                period.subscription_id,
            )
            .created(serde_json::json!({ "periodStart": period.period_start, "charges": charges.len() }));
            transaction.commit(&Actor::system(), entry).await?;
            self.run_usage_bill(&record).await;
        }
        Ok(())
    }

    pub(super) async fn perform_usage_bill(
        &self,
        running: &Running<'_>,
        command: UsageBill,
    ) -> Result<Answer, ServiceError> {
        let organization = command.organization_id;
        let row = self.store.find_subscription(organization, command.subscription_id).await?;
        let row = row.ok_or(ServiceError::NotFound("subscription"))?;
        let customer = row.stripe_customer_id.clone().ok_or(ServiceError::NotFound("customer"))?;
        let meters = self.store.list_meters().await?;
        let mut charges = self.store.usage_charges(&command.charges).await?;
        charges.retain(|charge| charge.billed_at.is_none());
        let mut target = match running.noted(TARGET)? {
            Some(target) => target,
            None => {
                let target = self.decide_target(&command).await?;
                self.note(running, TARGET, &target).await?;
                target
            }
        };
        let own = match &target {
            Target::OwnInvoice => Some(self.own_invoice(running, &command, &row, &customer, &charges).await?),
            Target::Renewal(_) | Target::NextBill => None,
        };
        let (mut billed, mut refusals) = (Vec::new(), Vec::new());
        for charge in charges {
            let meter = meters.iter().find(|meter| meter.id == charge.meter_id);
            let Some((meter, period)) = meter.zip(charge.period()) else { continue };
            let item = item_of(meter, &charge, period);
            let bill = Biller { running, command: &command, customer: &customer, own: own.as_ref() };
            match self.bill_charge(&bill, &mut target, charge, &item).await {
                Ok(one) => billed.push(one),
                // What Stripe refuses of one meter keeps no other from the bill.
                Err(ServiceError::Stripe(error)) => refusals.push(refused_step(error)?),
                Err(error) => return Err(error),
            }
        }
        let mut seen = Vec::new();
        let invoice = own.as_ref().or(match &target {
            Target::Renewal(invoice) => Some(invoice),
            Target::NextBill | Target::OwnInvoice => None,
        });
        if let Some(own) = &own {
            self.collect_own(running, own, &mut refusals).await?;
        }
        if let Some(invoice) = invoice {
            let one = self.see(ObjectKind::Invoice, invoice.as_str()).await?;
            if let MirrorObject::Invoice(shown) = &one.object {
                let intents = shown.payment_intents.clone().unwrap_or_default();
                seen.extend(self.see_payments_of(invoice, &intents).await?);
            }
            seen.push(one);
        }
        if !refusals.is_empty() {
            tracing::error!(%organization, subscription = %command.stripe_subscription_id, ?refusals, "usage cannot be billed");
        }
        self.settle_usage_bill(running, &command, seen, &billed, refusals).await
    }

    /// Where a period is billed, as Stripe shows it now.
    async fn decide_target(&self, command: &UsageBill) -> Result<Target, ServiceError> {
        let subscription = self.stripe.retrieve_subscription(&command.stripe_subscription_id).await?;
        if subscription.status.is_final() {
            return Ok(Target::OwnInvoice);
        }
        // What is late has its own line on the next bill: the renewal's invoice may be a draft still, and shows what it
        // was closed with.
        if command.is_late {
            return Ok(Target::NextBill);
        }
        let renewal =
            self.stripe.renewal_invoice(&command.stripe_subscription_id, command.period_end).await?;
        Ok(match renewal.filter(|renewal| renewal.is_draft) {
            Some(renewal) => Target::Renewal(renewal.id),
            None => Target::NextBill,
        })
    }

    /// Bills one charge, and says where it is. On a draft that was finalised meanwhile it cannot be: then it goes to the
    /// next bill.
    async fn bill_charge(
        &self,
        bill: &Biller<'_>,
        target: &mut Target,
        charge: UsageCharge,
        item: &UsageItem,
    ) -> Result<Billed, ServiceError> {
        let id = charge.id.to_string();
        let metadata: BTreeMap<String, String> = [
            (USAGE_CHARGE_METADATA.to_owned(), id.clone()),
            (ORGANIZATION_METADATA.to_owned(), charge.organization_id.to_string()),
        ]
        .into();
        // Beyond the life of its key, and after an operation that could not bill it, only Stripe can tell.
        let may_be_there = bill.command.is_again || self.clock.now() - charge.created_at > KEY_KEPT;
        if may_be_there {
            let note = Note { name: USAGE_CHARGE_METADATA, value: &id };
            if let Some((item, invoice)) = self.stripe.find_usage_item(bill.customer, note).await? {
                return Ok(Billed { place: target.place(), charge, invoice, item });
            }
        }
        let mut key = IdempotencyKey::for_usage(charge.id);
        if may_be_there {
            key = key.in_other_words(&bill.running.record.operation.id.to_string());
        }
        let meter = format!("item-{}", charge.meter_id);
        loop {
            let invoice = match &*target {
                Target::Renewal(invoice) => Some(invoice.clone()),
                Target::NextBill => None,
                Target::OwnInvoice => bill.own.cloned(),
            };
            let place =
                UsageItemPlace { customer: bill.customer, invoice: invoice.as_ref(), metadata: &metadata };
            let (step, form) = match &*target {
                Target::NextBill => (format!("{meter}-next"), key.in_other_words("next")),
                Target::OwnInvoice => (meter.clone(), key.in_other_words("own")),
                Target::Renewal(_) => (meter.clone(), key.clone()),
            };
            let made = self.stripe.create_usage_item(item, &place, &bill.running.own_key(&step, form)).await;
            match made {
                Ok(item) => return Ok(Billed { place: target.place(), charge, invoice, item }),
                Err(error) if is_over(&error) && matches!(target, Target::Renewal(_)) => {
                    *target = Target::NextBill;
                    self.note(bill.running, TARGET, target).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The draft of an invoice of its own, made once.
    async fn own_invoice(
        &self,
        running: &Running<'_>,
        command: &UsageBill,
        row: &Subscription,
        customer: &StripeCustomerId,
        charges: &[UsageCharge],
    ) -> Result<StripeInvoiceId, ServiceError> {
        let operation = running.record.operation.id.to_string();
        if self.clock.now() - running.record.operation.created_at > KEY_KEPT {
            let note = Note { name: OPERATION_METADATA, value: &operation };
            if let Some(found) = self.stripe.find_usage_invoice(customer, note).await? {
                return Ok(found);
            }
        }
        let currency = match charges.first() {
            Some(charge) => charge.amount.currency,
            None => self.currency_of(row).await?,
        };
        let day = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d").to_string();
        let new = NewUsageInvoice {
            customer: customer.clone(),
            currency,
            days_until_due: self.stripe.days_until_due(&command.stripe_subscription_id).await?,
            payment_method: row.default_payment_method.clone(),
            description: format!("Usage from {} to {}", day(command.period_start), day(command.period_end)),
            metadata: [
                (OPERATION_METADATA.to_owned(), operation),
                (ORGANIZATION_METADATA.to_owned(), command.organization_id.to_string()),
            ]
            .into(),
        };
        Ok(self.stripe.create_usage_invoice(&new, &running.key("usage-invoice")).await?)
    }

    async fn currency_of(&self, row: &Subscription) -> Result<crate::domain::money::Currency, ServiceError> {
        let price = row.price_id.ok_or(ServiceError::NotFound("price"))?;
        let found = self.store.prices(&[price]).await?.into_iter().next();
        Ok(found.ok_or(ServiceError::NotFound("price"))?.0.unit_amount.currency)
    }

    /// Finalises an invoice of its own, and lets it be collected. One that the bank declines is open, and is dunned like any
    /// other.
    async fn collect_own(
        &self,
        running: &Running<'_>,
        invoice: &StripeInvoiceId,
        refusals: &mut Vec<Refusal>,
    ) -> Result<(), ServiceError> {
        match self.stripe.collect_draft(invoice, &running.key("usage-collect")).await {
            Ok(()) => Ok(()),
            Err(PaymentsError::InvalidRequest { message, .. }) => {
                refusals.push(Refusal::conflict(format!("{invoice} could not be finalised: {message}")));
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn settle_usage_bill(
        &self,
        running: &Running<'_>,
        command: &UsageBill,
        mut seen: Vec<Seen>,
        billed: &[Billed],
        refusals: Vec<Refusal>,
    ) -> Result<Answer, ServiceError> {
        let (record, organization) = (running.record, command.organization_id);
        fault_point::reach(&record.operation.kind, || "answered".to_owned());
        let has_failed = !refusals.is_empty();
        for _ in 0..ATTEMPTS {
            let transaction = self.store.begin_in(organization).await?;
            match write_mirrors(&transaction, organization, &seen).await? {
                Wrote::All(_) => {
                    let mut values = Vec::with_capacity(billed.len());
                    for one in billed {
                        let new = transaction
                            .note_usage_billed(&one.charge, one.place, one.invoice.as_ref(), &one.item)
                            .await?;
                        values.push(new.audit_values());
                    }
                    let id = command.subscription_id;
                    let audit = AuditEntry::new(Some(organization), "usage.bill", "subscription", id)
                        .created(serde_json::json!({ "charges": values }));
                    let settlement = Settlement {
                        state: if has_failed { OperationState::Failed } else { OperationState::Confirmed },
                        resource: Some(Resource::Subscription(id)),
                        client_secret: None,
                        refusals: refusals.clone(),
                        audit: if has_failed { audit.failed() } else { audit },
                    };
                    let answer = self.commit_settlement(record, transaction, settlement).await;
                    note_unknown_words(&seen);
                    return answer;
                }
                Wrote::Moved => transaction.rollback().await?,
            }
            seen = self.see_again(&seen).await?;
        }
        Err(ServiceError::Restless)
    }

    /// It looks before it bills, so that it may be done at any age.
    pub(super) async fn trace_usage_bill(
        &self,
        record: &OperationRecord,
        command: &UsageBill,
    ) -> Result<Trace, ServiceError> {
        let answer = self.perform_usage_bill(&Running::new(record), command.clone()).await?;
        Ok(Trace::Settled(Box::new(answer)))
    }
}

/// What all charges of an operation are billed by.
struct Biller<'a> {
    running: &'a Running<'a>,
    command: &'a UsageBill,
    customer: &'a StripeCustomerId,
    own: Option<&'a StripeInvoiceId>,
}

/// What a charge is billed as.
fn item_of(meter: &MeterDefinition, charge: &UsageCharge, period: Span) -> UsageItem {
    let description = describe(meter, charge.quantity, &charge.lines, period, charge.part > 0);
    UsageItem { amount: charge.amount, description, period }
}

/// Whether an invoice takes no more items.
fn is_over(error: &PaymentsError) -> bool {
    matches!(error, PaymentsError::InvalidRequest { code: Some(code), .. } if code == "invoice_not_editable")
}

fn left_open(period: &UsagePeriod, error: &ServiceError) {
    tracing::error!(organization = %period.organization_id, period = %period.id, %error, source = ?std::error::Error::source(error), "a period's usage could not be billed");
}
