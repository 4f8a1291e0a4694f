//! Comparing everything with Stripe, or one organization: which rows to look at closely. What differs in one, and
//! mending it, is in `billing_drift.rs`.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use serde::Serialize;
use serde_json::json;

use super::Service;
use super::answer::{Answer, Resource};
use super::billing_drift::{Difference, compared};
use super::error::ServiceError;
use super::idempotency::CallerKey;
use super::mirror::{Seen, identity, later};
use super::refetch::ObjectKey;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_drift::DriftMend;
use crate::domain::ids::{OrganizationId, StripeCustomerId, StripeInvoiceId};
use crate::domain::mirror::MirrorObject;
use crate::domain::organization::Organization;
use crate::payments::{ObjectKind, PaymentsError};
use crate::store::JobLease;

/// Organizations that are read at once.
const PAGE: u64 = 50;
/// So many organizations in a row for which Stripe or the database does not answer are an outage.
const OUTAGE: u32 = 5;
/// How often an organization is tried again for which there was no answer.
const RETRIES: u32 = 3;
/// Objects that are compared between two signs of life.
const SIGN_OF_LIFE: u64 = 16;

/// What a comparison came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Organizations that were compared.
    pub organizations: u64,
    /// Objects that were compared.
    pub objects: u64,
    /// Objects that differed.
    pub differing: u64,
    /// Objects that were mended.
    pub mended: u64,
    /// Organizations that could not be compared; the log says why.
    pub failed: u64,
}

impl Comparison {
    /// Takes another one into this.
    pub fn add(&mut self, other: Self) {
        self.organizations += other.organizations;
        self.objects += other.objects;
        self.differing += other.differing;
        self.mended += other.mended;
        self.failed += other.failed;
    }
}

impl Service {
    /// Compares every organization that has a customer. `None` while another process does, which must show within
    /// `lease` between two organizations that it is alive.
    pub async fn reconcile(&self, mend: bool, lease: TimeDelta) -> Result<Option<Comparison>, ServiceError> {
        let name = self.job_name("reconcile");
        let Some(lease) = self.store.take_job(&name, lease).await? else { return Ok(None) };
        let mut total = Comparison::default();
        let compared = async {
            let wanted = self.comparison_wanted().await?;
            let (mut after, mut in_a_row) = (None, 0);
            let mut unanswered = Vec::new();
            loop {
                let page = self.store.organizations_to_compare(after, PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                for organization in &page {
                    match self.compare_under(Some(&lease), organization, mend).await {
                        Ok(comparison) => {
                            total.add(comparison);
                            in_a_row = 0;
                        }
                        // Many in a row are no fault of theirs: Stripe or the database is out.
                        Err(error) if is_outage(&error) && in_a_row + 1 >= OUTAGE => return Err(error),
                        // One that cannot be compared keeps no other from it.
                        Err(error) if is_outage(&error) => {
                            unanswered.push(organization.clone());
                            in_a_row += 1;
                        }
                        Err(error) => {
                            not_compared(organization, &error);
                            total.failed += 1;
                            in_a_row = 0;
                        }
                    }
                    self.store.renew_job(&lease).await?;
                }
            }
            // A patchy outage leaves out some that answer soon after. Whoever does not, waits for the turn of `compare_next`.
            for round in 1..=RETRIES {
                for organization in std::mem::take(&mut unanswered) {
                    match self.compare_under(Some(&lease), &organization, mend).await {
                        Ok(comparison) => total.add(comparison),
                        Err(error) if is_outage(&error) && round < RETRIES => unanswered.push(organization),
                        Err(error) => {
                            not_compared(&organization, &error);
                            total.failed += 1;
                        }
                    }
                    self.store.renew_job(&lease).await?;
                }
            }
            match wanted {
                Some(wanted) => self.comparison_made(&wanted).await,
                None => Ok(()),
            }
        }
        .await;
        let outcome = match &compared {
            Ok(()) => Ok(json!(total)),
            Err(error) => Err(error.to_string()),
        };
        self.store.finish_job(&lease, outcome).await?;
        compared?;
        tracing::info!(
            organizations = total.organizations,
            objects = total.objects,
            differing = total.differing,
            mended = total.mended,
            failed = total.failed,
            "everything was compared with Stripe"
        );
        Ok(Some(total))
    }

    /// How the last comparison of everything went.
    pub async fn last_comparison(&self) -> Result<Option<crate::domain::job::JobState>, ServiceError> {
        Ok(self.store.find_job(&self.job_name("reconcile")).await?)
    }

    /// Compares the next organization in turn, so that in time everything is compared. `None` when there is none, or
    /// another process compares.
    pub async fn compare_next(
        &self,
        mend: bool,
        lease: TimeDelta,
    ) -> Result<Option<Comparison>, ServiceError> {
        let name = self.job_name("compare");
        let Some(lease) = self.store.take_job(&name, lease).await? else { return Ok(None) };
        let compared = async {
            let after = self.store.find_cursor(&name).await?;
            let after = after.and_then(|id| uuid::Uuid::try_parse(&id).ok()).map(OrganizationId);
            let mut next = self.store.organizations_to_compare(after, 1).await?.pop();
            if next.is_none() && after.is_some() {
                next = self.store.organizations_to_compare(None, 1).await?.pop();
            }
            let Some(organization) = next else { return Ok::<_, ServiceError>(None) };
            self.store.put_cursor(&name, &organization.id.to_string()).await?;
            Ok(Some(self.compare_under(Some(&lease), &organization, mend).await?))
        }
        .await;
        let outcome = match &compared {
            Ok(comparison) => Ok(json!(comparison)),
            Err(error) => Err(error.to_string()),
        };
        self.store.finish_job(&lease, outcome).await?;
        compared
    }

    /// Compares everything of one organization, for a person who asked. It asks Stripe as much as comparing in turn does, so it
    /// stays inside the account's rate budget, before whatever nobody waits for.
    pub async fn compare_on_request(
        &self,
        actor: &Actor,
        id: OrganizationId,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&id)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization =
                    self.store.find_organization(id).await?.ok_or(ServiceError::NotFound("organization"))?;
                let comparison = self.in_pace().compare_organization(&organization, false).await?;
                let transaction = self.store.begin().await?;
                let entry =
                    AuditEntry::new(Some(id), "drift.compare", "organization", id).created(json!(comparison));
                let answer = Answer::of(Resource::Organization(id));
                answer.commit(transaction, actor, entry, idempotency.as_ref()).await
            }),
        )
        .await
    }

    /// Compares everything of one organization, and mends what differs when `mend` says so.
    pub async fn compare_organization(
        &self,
        organization: &Organization,
        mend: bool,
    ) -> Result<Comparison, ServiceError> {
        self.compare_under(None, organization, mend).await
    }

    /// The same, showing meanwhile that whoever holds the lease is alive: an organization may have thousands of objects.
    async fn compare_under(
        &self,
        lease: Option<&JobLease>,
        organization: &Organization,
        mend: bool,
    ) -> Result<Comparison, ServiceError> {
        let mut comparison = Comparison { organizations: 1, ..Comparison::default() };
        let Some(customer) = &organization.stripe_customer_id else { return Ok(comparison) };
        let mut listed: Vec<(MirrorObject, Option<StripeInvoiceId>)> = Vec::new();
        let mut pays: HashMap<String, StripeInvoiceId> = HashMap::new();
        let alive = async || match lease {
            Some(lease) => self.store.renew_job(lease).await,
            None => Ok(()),
        };
        for kind in [ObjectKind::PaymentMethod, ObjectKind::Subscription, ObjectKind::Invoice] {
            alive().await?;
            for object in self.objects_of(kind, customer).await? {
                if let MirrorObject::Invoice(invoice) = &object {
                    for intent in invoice.payment_intents.iter().flatten() {
                        pays.insert(intent.0.clone(), invoice.id.clone());
                    }
                }
                listed.push((object, None));
            }
        }
        let mut attempts: HashMap<String, Vec<MirrorObject>> = HashMap::new();
        for object in self.objects_of(ObjectKind::Charge, customer).await? {
            if let MirrorObject::Charge(charge) = &object
                && let Some(intent) = &charge.payment_intent
            {
                attempts.entry(intent.0.clone()).or_default().push(object);
            }
        }
        for object in self.objects_of(ObjectKind::PaymentIntent, customer).await? {
            let invoice = match &object {
                MirrorObject::PaymentIntent(intent) => pays.get(intent.id.as_str()).cloned(),
                _ => None,
            };
            listed.push((object, invoice));
        }
        alive().await?;
        for object in self.objects_of(ObjectKind::CreditNote, customer).await? {
            listed.push((object, None));
        }
        let ids = self.store.mirrored_ids(organization.id).await?;
        let rows = [
            (ObjectKind::PaymentMethod, ids.payment_methods),
            (ObjectKind::Subscription, ids.subscriptions),
            (ObjectKind::Invoice, ids.invoices),
            (ObjectKind::PaymentIntent, ids.payments),
            (ObjectKind::CreditNote, ids.credit_notes),
        ];
        let known: HashSet<ObjectKey> = listed.iter().filter_map(|(object, _)| identity(object)).collect();
        for (object, invoice) in listed {
            let Some(key) = identity(&object) else { continue };
            // The list was made a while ago: it only tells what to look at closely.
            let before = self.watermark(key.0, &key.1).await?;
            let at = later(self.clock.now(), before);
            let seen = Seen { object, before, at, invoice: invoice.clone() };
            let seen = self.with_relatives(seen, Some(attempts.remove(&key.1).unwrap_or_default())).await?;
            comparison.objects += 1;
            if comparison.objects.is_multiple_of(SIGN_OF_LIFE) {
                alive().await?;
            }
            if matches!(self.difference(organization.id, &seen).await?, Difference::None) {
                self.store.note_equal(compared(organization.id, &key), DriftMend::Event).await?;
            } else {
                let closely = self.compare_closely(organization.id, &key, invoice, mend);
                comparison.add(Box::pin(closely).await?);
            }
        }
        for (kind, ids) in rows {
            for id in ids {
                let key = (kind, id);
                if !known.contains(&key) {
                    comparison.objects += 1;
                    if comparison.objects.is_multiple_of(SIGN_OF_LIFE) {
                        alive().await?;
                    }
                    comparison.add(Box::pin(self.compare_closely(organization.id, &key, None, mend)).await?);
                }
            }
        }
        comparison.objects += 1;
        let key = (ObjectKind::Customer, customer.0.clone());
        comparison.add(Box::pin(self.compare_closely(organization.id, &key, None, mend)).await?);
        comparison.add(Box::pin(self.compare_details(organization.id, customer)).await?);
        Ok(comparison)
    }

    /// The objects of a kind that Stripe lists of a customer. Of one that was deleted it refuses to: what we know of it is
    /// asked for one by one.
    async fn objects_of(
        &self,
        kind: ObjectKind,
        customer: &StripeCustomerId,
    ) -> Result<Vec<MirrorObject>, ServiceError> {
        match self.stripe.list_objects_of(kind, customer).await {
            Err(error @ (PaymentsError::NotFound { .. } | PaymentsError::InvalidRequest { .. })) => {
                let is_deleted =
                    matches!(self.stripe.retrieve_customer(customer).await, Ok(it) if it.deleted);
                if is_deleted { Ok(Vec::new()) } else { Err(error.into()) }
            }
            objects => Ok(objects?),
        }
    }
}

/// Whether Stripe or the database did not answer. What Stripe refuses, it would refuse again.
const fn is_outage(error: &ServiceError) -> bool {
    matches!(error, ServiceError::StripeUnavailable(_) | ServiceError::Store(_))
}

fn not_compared(organization: &Organization, error: &ServiceError) {
    tracing::error!(organization_id = %organization.id, %error, source = ?std::error::Error::source(error), "an organization could not be compared with Stripe");
}
