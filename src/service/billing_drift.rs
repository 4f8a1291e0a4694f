//! What a row and Stripe's object differ in, why, and mending it. What a row should be is not worked out a second time: it
//! is what the mirror would write of the object.

use chrono::TimeDelta;
use metrics::counter;
use serde_json::{Value, json};

use super::Service;
use super::answer::{Answer, Resource};
use super::customer_details::DETAILS;
use super::error::{Refusal, ServiceError};
use super::event::has_live_subscription;
use super::idempotency::CallerKey;
use super::mirror::{ATTEMPTS, Rows, Seen, Wrote, identity, note_unknown_words, write_mirrors};
use super::operation::replaced_entry;
use super::reconcile::Comparison;
use super::refetch::ObjectKey;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_drift::{DriftCause, DriftMend, FieldDrift, differing_fields};
use crate::domain::ids::{BillingDriftId, OrganizationId, StripeInvoiceId, StripeRefundId};
use crate::domain::invoice::InvoiceStatus;
use crate::domain::mirror::{CustomerMirror, MirrorObject};
use crate::domain::stripe_event::EventState;
use crate::payments::{ObjectKind, PaymentsError};
use crate::store::{Compared, NewIdempotencyRecord};

/// So soon after a sweep, an event that is not there has not been made.
const SWEPT_RECENTLY: TimeDelta = TimeDelta::minutes(5);

/// What is written down with a mended row.
struct Recorded<'a> {
    by: DriftMend,
    actor: &'a Actor,
    entry: AuditEntry,
    /// The answer that a caller's key is to be given again.
    answer: Option<(&'a NewIdempotencyRecord, &'a Answer)>,
}

/// How the rows of an object and Stripe's object stand to each other.
pub(super) enum Difference {
    None,
    Fields(Vec<FieldDrift>),
    /// Somebody wrote the row meanwhile.
    Moved,
}

impl Service {
    /// Notes that Stripe does not have what a row is about.
    async fn missing_at_stripe(&self, object: Compared<'_>) -> Result<Comparison, ServiceError> {
        let missing = FieldDrift { field: "exists".to_owned(), local: true.into(), stripe: false.into() };
        self.store.note_drift(object, &[missing], DriftCause::MissingAtStripe).await?;
        Ok(Comparison { differing: 1, ..Comparison::default() })
    }

    /// Whether Stripe does not have an invoice that is no draft here: only drafts can be deleted.
    async fn is_missing(&self, seen: &Seen) -> Result<bool, ServiceError> {
        let MirrorObject::DeletedInvoice(id) = &seen.object else { return Ok(false) };
        let row = self.store.find_invoice_at_stripe(id).await?;
        Ok(row.is_some_and(|row| !matches!(row.status, InvoiceStatus::Draft | InvoiceStatus::Deleted)))
    }

    /// Compares one object as it is at Stripe right now, and mends it when `mend` says so.
    pub(super) async fn compare_closely(
        &self,
        organization: OrganizationId,
        key: &ObjectKey,
        invoice: Option<StripeInvoiceId>,
        mend: bool,
    ) -> Result<Comparison, ServiceError> {
        let object = compared(organization, key);
        let mut is_settled = false;
        for _ in 0..ATTEMPTS {
            let seen = match self.see(key.0, &key.1).await {
                Ok(seen) => Seen { invoice: invoice.clone(), ..seen },
                Err(ServiceError::Stripe(PaymentsError::NotFound { .. })) => {
                    return self.missing_at_stripe(object).await;
                }
                Err(error) => return Err(error),
            };
            if self.is_missing(&seen).await? {
                return self.missing_at_stripe(object).await;
            }
            let seen = self.with_relatives(seen, None).await?;
            let fields = match self.difference(organization, &seen).await? {
                Difference::Moved => continue,
                Difference::None => {
                    self.store.note_equal(object, DriftMend::Event).await?;
                    return Ok(Comparison::default());
                }
                Difference::Fields(fields) => fields,
            };
            let cause = self.probable_cause(&key.1, &seen).await?;
            counter!("tollgate_drifts_total", "cause" => cause.as_str()).increment(1);
            tracing::warn!(object = key.1, %cause, fields = ?fields.iter().map(|it| &it.field).collect::<Vec<_>>(), "a row differs from Stripe's object");
            self.store.note_drift(object, &fields, cause).await?;
            let found = Comparison { differing: 1, ..Comparison::default() };
            if !mend {
                return Ok(found);
            }
            let entry = mend_entry("drift.mend", object, &fields);
            let actor = Actor::system();
            let recorded = Recorded { by: DriftMend::Comparison, actor: &actor, entry, answer: None };
            if self.mend(&seen, object, recorded, &mut is_settled).await? {
                return Ok(Comparison { mended: 1, ..found });
            }
        }
        Err(ServiceError::Restless)
    }

    /// Makes the row of one drift equal to Stripe's object, for a person who asked. The drift as it is then. Of a customer's
    /// details the settings decide: they are taken to Stripe.
    pub async fn repair_drift(
        &self,
        actor: &Actor,
        id: BillingDriftId,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&id)).transpose()?;
        let drift = self.store.billing_drifts(&[id]).await?.pop();
        if let Some(drift) = drift.filter(|drift| drift.resource_type == DETAILS) {
            return Box::pin(self.repair_details(actor, &drift, idempotency)).await;
        }
        self.once(idempotency.as_ref(), Box::pin(async {
            let drift = self.store.billing_drifts(&[id]).await?.pop().ok_or(ServiceError::NotFound("drift"))?;
            if drift.mended.is_some() {
                return Err(Refusal::conflict("This drift is mended already.").into());
            }
            let Some(kind) = kind_of(&drift.resource_type) else { return Err(ServiceError::NotFound("drift")) };
            let key = (kind, drift.stripe_object_id.clone());
            let object = compared(drift.organization_id, &key);
            let nothing = || {
                Refusal::conflict(
                    "Stripe has no such object, so there is nothing to take over. Was the key of another account or mode?",
                )
            };
            let mut is_settled = false;
            for _ in 0..ATTEMPTS {
                let seen = match self.see(key.0, &key.1).await {
                    Ok(seen) => seen,
                    Err(ServiceError::Stripe(PaymentsError::NotFound { .. })) => return Err(nothing().into()),
                    Err(error) => return Err(error),
                };
                if self.is_missing(&seen).await? {
                    return Err(nothing().into());
                }
                let seen = self.with_relatives(seen, None).await?;
                let fields = match self.difference(drift.organization_id, &seen).await? {
                    Difference::Moved => continue,
                    Difference::None => Vec::new(),
                    Difference::Fields(fields) => fields,
                };
                let entry = mend_entry("drift.repair", object, &fields);
                let answer = Answer::of(Resource::BillingDrift(id));
                let record = idempotency.as_ref().map(|record| (record, &answer));
                let recorded = Recorded { by: DriftMend::Repair, actor, entry, answer: record };
                if self.mend(&seen, object, recorded, &mut is_settled).await? {
                    return Ok(answer);
                }
            }
            Err(ServiceError::Restless)
        }))
        .await
    }

    /// What is compared together with an object: what was given back of a payment is the sum over its refunds, a dispute has
    /// no list of its own, and a payment shows the last of its attempts alone. These are fetched unless they are given.
    pub(super) async fn with_relatives(
        &self,
        seen: Seen,
        attempts: Option<Vec<MirrorObject>>,
    ) -> Result<Vec<Seen>, ServiceError> {
        let mut relatives = Vec::new();
        if let MirrorObject::PaymentIntent(intent) = &seen.object
            && let Some(charge) = &intent.latest_attempt
        {
            if charge.amount_refunded_minor > 0 {
                relatives = self.see_refunds_of(&intent.id).await?;
            }
            if charge.is_disputed {
                relatives.extend(self.see_disputes_of(&intent.id).await?);
            }
        }
        if let MirrorObject::PaymentIntent(intent) = &seen.object
            && intent.latest_charge.is_some()
        {
            let attempts = match attempts {
                Some(attempts) => attempts,
                None => self.stripe.charges_of(&intent.id).await?,
            };
            relatives.extend(attempts.into_iter().map(|attempt| self.seen_new(attempt)));
        }
        if let MirrorObject::CreditNote(note) = &seen.object
            && self.store.find_invoice_at_stripe(&note.invoice).await?.is_none()
        {
            relatives.push(self.see(ObjectKind::Invoice, note.invoice.as_str()).await?);
        }
        relatives.insert(0, seen);
        Ok(relatives)
    }

    /// Writes what was seen, marks the drift as mended and records it, together. `false` when the row moved, or something
    /// had to be done first: `is_settled` says that it was.
    async fn mend(
        &self,
        seen: &[Seen],
        object: Compared<'_>,
        recorded: Recorded<'_>,
        is_settled: &mut bool,
    ) -> Result<bool, ServiceError> {
        let organization = object.organization;
        let transaction = self.store.begin_in(organization).await?;
        if matches!(write_mirrors(&transaction, organization, seen).await?, Wrote::Moved) {
            transaction.rollback().await?;
            return Ok(false);
        }
        // What an event would have brought about, had it come.
        if !*is_settled
            && let Some(duplicate) = self.duplicate_subscription(&transaction, organization, seen).await?
        {
            transaction.rollback().await?;
            *is_settled = true;
            Box::pin(self.end_duplicate(organization, &duplicate)).await?;
            return Ok(false);
        }
        if has_live_subscription(seen) {
            for (old, new) in transaction.end_free_subscriptions(organization).await? {
                transaction.record(recorded.actor, replaced_entry(&old, &new)).await?;
            }
        }
        transaction.mend_drift(object, recorded.by).await?;
        if let Some((record, answer)) = recorded.answer {
            transaction.keep_answer(record, answer.stored()).await?;
        }
        transaction.commit(recorded.actor, recorded.entry).await?;
        note_unknown_words(seen);
        Ok(true)
    }

    /// Writes what was seen, looks what that changed, and takes it back.
    pub(super) async fn difference(
        &self,
        organization: OrganizationId,
        seen: &[Seen],
    ) -> Result<Difference, ServiceError> {
        if let Some(MirrorObject::Customer(customer)) = seen.first().map(|one| &one.object) {
            let fields = self.customer_difference(organization, customer).await?;
            return Ok(if fields.is_empty() { Difference::None } else { Difference::Fields(fields) });
        }
        let transaction = self.store.begin_in(organization).await?;
        let wrote = write_mirrors(&transaction, organization, seen).await?;
        transaction.rollback().await?;
        Ok(match wrote {
            Wrote::Moved => Difference::Moved,
            Wrote::All(rows) => {
                let fields = changed_fields(&rows);
                if fields.is_empty() { Difference::None } else { Difference::Fields(fields) }
            }
        })
    }

    /// A customer has no row of its own: its currency stands with the organization, its default with the methods.
    async fn customer_difference(
        &self,
        organization: OrganizationId,
        customer: &CustomerMirror,
    ) -> Result<Vec<FieldDrift>, ServiceError> {
        if customer.deleted {
            let is_known = self.store.is_deleted_customer(&customer.id).await?;
            let gone = FieldDrift { field: "deleted".to_owned(), local: false.into(), stripe: true.into() };
            return Ok(if is_known { Vec::new() } else { vec![gone] });
        }
        let row = self.store.find_organization(organization).await?;
        let row = row.ok_or(ServiceError::NotFound("organization"))?;
        let default = self.default_payment_method(organization).await?;
        let currency = customer.currency.or(row.currency);
        Ok(differing_fields(
            &json!({ "currency": row.currency, "defaultPaymentMethod": default }),
            &json!({ "currency": currency, "defaultPaymentMethod": customer.default_payment_method }),
        ))
    }

    /// Why the rows of an object probably differ: what became of the last event about it, and about each of its relatives. A
    /// payment differs because of a refund whose event is dead.
    async fn probable_cause(&self, object_id: &str, seen: &[Seen]) -> Result<DriftCause, ServiceError> {
        let own = self.state_of_latest(object_id).await?;
        let mut states = vec![own];
        for one in seen {
            let id = match &one.object {
                MirrorObject::Charge(charge) => Some(charge.id.0.clone()),
                object => identity(object).map(|(_, id)| id),
            };
            if let Some(id) = id.filter(|id| id != object_id) {
                states.push(self.state_of_latest(&id).await?);
            }
        }
        let has = |state| states.contains(&Some(state));
        Ok(if has(EventState::Received) || has(EventState::Processing) {
            DriftCause::EventPending
        } else if has(EventState::Dead) {
            DriftCause::EventDead
        } else if has(EventState::Ignored) {
            DriftCause::EventIgnored
        } else if states.contains(&None) {
            DriftCause::EventLost
        } else {
            let swept = self.last_sweep().await?.and_then(|job| job.finished_at);
            let is_recent = swept.is_some_and(|at| self.clock.now() - at < SWEPT_RECENTLY);
            if is_recent { DriftCause::LocalChange } else { DriftCause::EventLost }
        })
    }

    async fn state_of_latest(&self, object_id: &str) -> Result<Option<EventState>, ServiceError> {
        Ok(self.store.latest_stripe_event_of(object_id).await?.map(|event| event.state))
    }
}

pub(super) fn compared(organization: OrganizationId, key: &ObjectKey) -> Compared<'_> {
    let resource_type = match key.0 {
        ObjectKind::Subscription => "subscription",
        ObjectKind::Invoice => "invoice",
        ObjectKind::PaymentIntent => "payment",
        ObjectKind::PaymentMethod => "payment_method",
        ObjectKind::Customer => "customer",
        ObjectKind::Refund => "refund",
        ObjectKind::Dispute => "dispute",
        ObjectKind::CreditNote => "credit_note",
        ObjectKind::InvoicePayment
        | ObjectKind::Charge
        | ObjectKind::CheckoutSession
        | ObjectKind::Schedule => "stripe_object",
    };
    Compared { organization, resource_type, stripe_object_id: &key.1 }
}

fn kind_of(resource_type: &str) -> Option<ObjectKind> {
    Some(match resource_type {
        "subscription" => ObjectKind::Subscription,
        "invoice" => ObjectKind::Invoice,
        "payment" => ObjectKind::PaymentIntent,
        "payment_method" => ObjectKind::PaymentMethod,
        "customer" => ObjectKind::Customer,
        "credit_note" => ObjectKind::CreditNote,
        _ => return None,
    })
}

fn mend_entry(action: &'static str, object: Compared<'_>, fields: &[FieldDrift]) -> AuditEntry {
    let side = |value: fn(&FieldDrift) -> &Value| {
        Value::Object(fields.iter().map(|field| (field.field.clone(), value(field).clone())).collect())
    };
    AuditEntry::new(Some(object.organization), action, object.resource_type, object.stripe_object_id)
        .changed(&side(|field| &field.local), &side(|field| &field.stripe))
}

/// The fields that writing changed. When the row was looked at, and by whom it was last written, is no drift.
fn changed_fields(rows: &Rows) -> Vec<FieldDrift> {
    fn fields<T>(row: Option<&(Option<T>, T)>, values: impl Fn(&T) -> Value) -> Vec<FieldDrift> {
        match row {
            None => Vec::new(),
            Some((None, _)) => {
                vec![FieldDrift { field: "exists".to_owned(), local: false.into(), stripe: true.into() }]
            }
            Some((Some(old), new)) => differing_fields(&values(old), &values(new)),
        }
    }
    let mut changed = [
        fields(rows.subscription.as_ref(), crate::domain::subscription::Subscription::mirrored_values),
        fields(rows.invoice.as_ref(), crate::domain::invoice::Invoice::mirrored_values),
        fields(rows.payment.as_ref(), crate::domain::payment::Payment::mirrored_values),
        fields(rows.payment_method.as_ref(), crate::domain::payment_method::PaymentMethod::mirrored_values),
        fields(rows.credit_note.as_ref(), crate::domain::credit_note::CreditNote::audit_values),
    ]
    .concat();
    // Of a payment: each is named.
    for row in &rows.refunds {
        let id = row.1.stripe_refund_id.as_ref().map_or("new", StripeRefundId::as_str);
        changed.extend(named(id, fields(Some(row), crate::domain::refund::Refund::audit_values)));
    }
    for row in &rows.attempts {
        let id = row.1.stripe_charge_id.as_str();
        let values = crate::domain::payment_attempt::PaymentAttempt::audit_values;
        changed.extend(named(id, fields(Some(row), values)));
    }
    if let Some(row) = &rows.dispute {
        let id = row.1.stripe_dispute_id.as_str();
        changed.extend(named(id, fields(Some(row), crate::domain::dispute::Dispute::audit_values)));
    }
    changed
}

fn named(id: &str, fields: Vec<FieldDrift>) -> impl Iterator<Item = FieldDrift> {
    fields.into_iter().map(move |drift| FieldDrift { field: format!("{id}.{}", drift.field), ..drift })
}
