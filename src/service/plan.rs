//! The catalogue: plans and prices, published to Stripe.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{Command, PlanArchive, PlanCreate, PlanPrice, PlanUpdate};
use super::error::{ErrorCode, Refusal, Refusals, ServiceError};
use super::idempotency::CallerKey;
use super::operation::{OperationRequest, Running, Settlement};
use super::plan_charge::{ChargedPlan, PlanChargeInput};
use super::plan_restore::plan_scope;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::entitlement::FeatureTerms;
use crate::domain::ids::{OrganizationId, PlanId, StripePriceId, StripeProductId};
use crate::domain::meter_definition::MeterDefinition;
use crate::domain::money::Money;
use crate::domain::plan::{BillingInterval, Plan};
use crate::domain::plan_charge::PlanCharge;
use crate::domain::text::{optional_text, required_text, slug};
use crate::payments::{IdempotencyKey, NewPrice as NewStripePrice, NewProduct, PLAN_METADATA, ProductPatch};
use crate::store::{NewPlan, NewPrice, OperationRecord, PlanPatch, StoreError};

/// A trial of more than two years is refused by Stripe.
const MAXIMUM_TRIAL_DAYS: i32 = 730;

/// A price of a new plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlanPriceInput {
    /// For one seat and interval.
    pub unit_amount: Money,
    /// How often.
    pub billing_interval: BillingInterval,
}

/// A new plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlanCreateInput {
    /// The organization it is made for, or none for everyone.
    pub organization_id: Option<OrganizationId>,
    /// The name people read.
    pub name: String,
    /// The stable short name.
    pub slug: String,
    /// What it is.
    pub description: Option<String>,
    /// Entitlements and limits, an object.
    pub features: serde_json::Value,
    /// Days of trial.
    pub trial_days: i32,
    /// Seats that the price includes.
    pub seats_included: Option<i32>,
    /// The place in a list.
    pub sort_order: i32,
    /// Whether everyone sees it.
    pub is_public: bool,
    /// Its prices; the first is the default.
    pub prices: Vec<PlanPriceInput>,
    /// What it charges for usage.
    pub charges: Vec<PlanChargeInput>,
}

/// A change of a plan; `None` leaves as it is.
#[derive(Clone, Debug, Serialize)]
pub struct PlanUpdateInput {
    /// Which.
    pub plan_id: PlanId,
    /// The version that the caller saw.
    pub expected_version: i64,
    /// The name.
    pub name: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// Entitlements and limits.
    pub features: Option<serde_json::Value>,
    /// Days of trial.
    pub trial_days: Option<i32>,
    /// The place in a list.
    pub sort_order: Option<i32>,
    /// Whether everyone sees it.
    pub is_public: Option<bool>,
    /// A new price; it takes the place of the active one of its currency and interval.
    pub price: Option<PlanPriceInput>,
    /// What it charges for usage, in the place of what it charges now. It counts for each subscriber with the next period.
    pub charges: Option<Vec<PlanChargeInput>>,
}

/// Taking a plan off the list.
#[derive(Clone, Debug, Serialize)]
pub struct PlanArchiveInput {
    /// Which.
    pub plan_id: PlanId,
    /// The version that the caller saw, when it matters.
    pub expected_version: Option<i64>,
}

impl Service {
    /// Creates a plan and publishes it to Stripe.
    pub async fn create_plan(
        &self,
        actor: &Actor,
        input: PlanCreateInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let mut refusals = Refusals::default();
                let name = refusals.check("name", required_text(&input.name, 120));
                let slug = refusals.check("slug", slug(&input.slug));
                let description = refusals
                    .check("description", optional_text(input.description.as_deref(), 2_000))
                    .flatten();
                check_features(&input.features, &mut refusals);
                check_metered(&input.features, &self.store.list_meters().await?, &mut refusals);
                check_trial(input.trial_days, &mut refusals);
                if input.seats_included.is_some_and(|seats| seats < 1) {
                    refusals.add(Refusal::bad_input(
                        "seatsIncluded",
                        "Seats are one or more; leave it out when seats are not counted.",
                    ));
                }
                check_prices(&input.prices, &mut refusals);
                let charged = ChargedPlan {
                    features: &input.features,
                    currencies: input.prices.iter().map(|price| price.unit_amount.currency).collect(),
                    is_free: input.prices.iter().all(|price| price.unit_amount.minor == 0),
                };
                let charges = self.read_plan_charges(&input.charges, &charged, &mut refusals).await?;
                if let Some(slug) = &slug
                    && self.store.find_plan_by_slug(slug).await?.is_some()
                {
                    refusals.add(slug_taken());
                }
                if let Some(organization) = input.organization_id
                    && self.store.find_organization(organization).await?.is_none()
                {
                    refusals.add(Refusal::at(
                        "organizationId",
                        ErrorCode::NotFound,
                        "There is no such organization.",
                    ));
                }
                refusals.finish()?;
                let (name, slug) = name.zip(slug).expect("refused above when one is missing");
                self.operate(OperationRequest {
                    organization_id: None,
                    actor: actor.clone(),
                    scope: format!("plan-slug:{slug}"),
                    idempotency: idempotency.clone(),
                    command: Command::PlanCreate(PlanCreate {
                        plan_id: PlanId(self.ids.next()),
                        organization_id: input.organization_id,
                        name,
                        slug,
                        description: description.unwrap_or_default(),
                        features: input.features,
                        trial_days: input.trial_days,
                        seats_included: input.seats_included,
                        sort_order: input.sort_order,
                        is_public: input.is_public,
                        prices: input
                            .prices
                            .into_iter()
                            .map(|price| PlanPrice {
                                unit_amount: price.unit_amount,
                                billing_interval: price.billing_interval,
                            })
                            .collect(),
                        charges,
                    }),
                })
                .await
            }),
        )
        .await
    }

    pub(super) async fn perform_plan_create(
        &self,
        running: &Running<'_>,
        command: PlanCreate,
    ) -> Result<Answer, ServiceError> {
        // A plan that costs nothing needs nothing at Stripe.
        let is_paid = command.prices.iter().any(|price| price.unit_amount.minor > 0);
        let product = if is_paid {
            let new = NewProduct {
                name: command.name.clone(),
                description: Some(command.description.clone()).filter(|text| !text.is_empty()),
                metadata: [(PLAN_METADATA.to_owned(), command.plan_id.to_string())].into(),
            };
            Some(self.stripe.create_product(new, &running.key("product")).await?.id)
        } else {
            None
        };
        let mut prices = Vec::with_capacity(command.prices.len());
        for (index, price) in command.prices.iter().enumerate() {
            let key = running.key(&format!("price-{index}"));
            prices.push(self.published(product.as_ref(), command.plan_id, price, &key).await?);
        }
        self.finish_plan_create(running.record, command, product, prices).await
    }

    /// Writes down a plan that is published.
    pub(super) async fn finish_plan_create(
        &self,
        record: &OperationRecord,
        command: PlanCreate,
        product: Option<StripeProductId>,
        prices: Vec<NewPrice>,
    ) -> Result<Answer, ServiceError> {
        let transaction = self.store.begin().await?;
        let created = transaction
            .create_plan(NewPlan {
                id: command.plan_id,
                organization_id: command.organization_id,
                name: command.name,
                slug: command.slug,
                description: command.description,
                features: command.features,
                trial_days: command.trial_days,
                seats_included: command.seats_included,
                sort_order: command.sort_order,
                is_public: command.is_public,
                stripe_product_id: product,
                prices,
                charges: command.charges.clone(),
            })
            .await;
        let plan = match created {
            Err(error) if error.is_duplicate_of("slug") => return Err(slug_taken().into()),
            created => created?,
        };
        let values = with_charges(&plan, &command.charges);
        let audit = AuditEntry::new(None, "plan.create", "plan", plan.id).created(values);
        self.commit_settlement(record, transaction, changed(&plan, audit)).await
    }

    /// A price, published when it costs something.
    async fn published(
        &self,
        product: Option<&StripeProductId>,
        plan: PlanId,
        price: &PlanPrice,
        key: &IdempotencyKey,
    ) -> Result<NewPrice, ServiceError> {
        let stripe_price_id: Option<StripePriceId> = match product {
            Some(product) if price.unit_amount.minor > 0 => {
                let new = NewStripePrice {
                    product: product.clone(),
                    unit_amount: price.unit_amount,
                    interval: price.billing_interval,
                    metadata: [(PLAN_METADATA.to_owned(), plan.to_string())].into(),
                };
                Some(self.stripe.create_price(new, key).await?.id)
            }
            _ => None,
        };
        Ok(NewPrice {
            unit_amount: price.unit_amount,
            billing_interval: price.billing_interval,
            stripe_price_id,
        })
    }

    /// Changes a plan. Subscribers stay on the price they have.
    pub async fn update_plan(
        &self,
        actor: &Actor,
        input: PlanUpdateInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let plan =
                    self.store.find_plan(input.plan_id).await?.ok_or(ServiceError::NotFound("plan"))?;
                check_version(&plan, input.expected_version)?;
                let mut refusals = Refusals::default();
                let name = match &input.name {
                    Some(name) => refusals.check("name", required_text(name, 120)),
                    None => None,
                };
                let description = match &input.description {
                    Some(text) => refusals
                        .check("description", optional_text(Some(text), 2_000))
                        .map(Option::unwrap_or_default),
                    None => None,
                };
                if let Some(features) = &input.features {
                    check_features(features, &mut refusals);
                    check_metered(features, &self.store.list_meters().await?, &mut refusals);
                }
                let charges = self.updated_charges(&plan, &input, &mut refusals).await?;
                if let Some(days) = input.trial_days {
                    check_trial(days, &mut refusals);
                }
                if let Some(price) = &input.price {
                    refusals.check("price.unitAmount", price.unit_amount.check_price());
                    if plan.is_free() != (price.unit_amount.minor == 0) {
                        refusals.add(Refusal::bad_input(
                            "price.unitAmount",
                            "A free plan stays free and a paid plan stays paid. Create another plan.",
                        ));
                    }
                }
                if plan.archived_at.is_some() {
                    refusals.add(Refusal::at("planId", ErrorCode::PlanUnavailable, "This plan is archived."));
                }
                refusals.finish()?;
                self.operate(OperationRequest {
                    organization_id: None,
                    actor: actor.clone(),
                    scope: plan_scope(plan.id),
                    idempotency: idempotency.clone(),
                    command: Command::PlanUpdate(PlanUpdate {
                        plan_id: plan.id,
                        version: plan.version,
                        name,
                        description,
                        features: input.features,
                        trial_days: input.trial_days,
                        sort_order: input.sort_order,
                        is_public: input.is_public,
                        price: input.price.map(|price| PlanPrice {
                            unit_amount: price.unit_amount,
                            billing_interval: price.billing_interval,
                        }),
                        charges,
                    }),
                })
                .await
            }),
        )
        .await
    }

    pub(super) async fn perform_plan_update(
        &self,
        running: &Running<'_>,
        command: PlanUpdate,
    ) -> Result<Answer, ServiceError> {
        let plan = self.store.find_plan(command.plan_id).await?.ok_or(ServiceError::NotFound("plan"))?;
        check_version(&plan, command.version)?;
        // The price first: of all steps it is the one that Stripe may refuse for what was asked, and nothing is done then.
        let price = match &command.price {
            Some(price) => {
                let key = running.key("price");
                Some(self.published(plan.stripe_product_id.as_ref(), plan.id, price, &key).await?)
            }
            None => None,
        };
        if let Some(product) = &plan.stripe_product_id
            && (command.name.is_some() || command.description.is_some())
        {
            let patch = ProductPatch {
                name: command.name.clone(),
                description: command.description.clone(),
                active: None,
            };
            self.stripe.update_product(product, patch, &running.key("product")).await?;
        }
        if let Some(new) = &price {
            let prices = self.store.prices_of(&[plan.id]).await?.remove(&plan.id).unwrap_or_default();
            let replaced = prices.into_iter().find(|old| {
                old.is_active
                    && old.unit_amount.currency == new.unit_amount.currency
                    && old.billing_interval == new.billing_interval
            });
            if let Some(old) = replaced.and_then(|old| old.stripe_price_id) {
                self.stripe.archive_price(&old, &running.key("archive-price")).await?;
            }
        }
        self.finish_plan_update(running.record, command, &plan, price).await
    }

    /// Writes down a change that is published.
    pub(super) async fn finish_plan_update(
        &self,
        record: &OperationRecord,
        command: PlanUpdate,
        plan: &Plan,
        price: Option<NewPrice>,
    ) -> Result<Answer, ServiceError> {
        check_version(plan, command.version)?;
        let patch = PlanPatch {
            name: command.name,
            description: command.description,
            features: command.features,
            trial_days: command.trial_days,
            sort_order: command.sort_order,
            is_public: command.is_public,
            price,
            stripe_product_id: None,
            charges: command.charges.clone(),
        };
        let transaction = self.store.begin().await?;
        let before = transaction.plan_charges(plan.id).await?;
        let new = match transaction.update_plan(plan, patch).await {
            Err(StoreError::Changed(_)) => return Err(stale(plan).into()),
            updated => updated?,
        };
        let before = before.latest(plan.id);
        let after = command.charges.as_deref().unwrap_or(before);
        let audit = AuditEntry::new(None, "plan.update", "plan", new.id)
            .changed(&with_charges(plan, before), &with_charges(&new, after));
        self.commit_settlement(record, transaction, changed(&new, audit)).await
    }

    /// The charges of a change, checked with what else it changes; `None` when they stay.
    async fn updated_charges(
        &self,
        plan: &Plan,
        input: &PlanUpdateInput,
        refusals: &mut Refusals,
    ) -> Result<Option<Vec<PlanCharge>>, ServiceError> {
        let features = input.features.as_ref().unwrap_or(&plan.features);
        let Some(inputs) = &input.charges else {
            if input.features.is_some() {
                self.check_kept_charges(plan, features, refusals).await?;
            }
            return Ok(None);
        };
        let prices = self.store.prices_of(&[plan.id]).await?.remove(&plan.id).unwrap_or_default();
        let active = prices.iter().filter(|price| price.is_active).map(|price| price.unit_amount.currency);
        let new = input.price.iter().map(|price| price.unit_amount.currency);
        let charged =
            ChargedPlan { features, currencies: active.chain(new).collect(), is_free: plan.is_free() };
        Ok(Some(self.read_plan_charges(inputs, &charged, refusals).await?))
    }

    /// Takes a plan off the list. Subscribers keep it.
    pub async fn archive_plan(
        &self,
        actor: &Actor,
        input: PlanArchiveInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let plan =
                    self.store.find_plan(input.plan_id).await?.ok_or(ServiceError::NotFound("plan"))?;
                if let Some(version) = input.expected_version {
                    check_version(&plan, version)?;
                }
                if plan.archived_at.is_some() {
                    return Err(Refusal::conflict("This plan is archived already.").into());
                }
                self.operate(OperationRequest {
                    organization_id: None,
                    actor: actor.clone(),
                    scope: plan_scope(plan.id),
                    idempotency: idempotency.clone(),
                    command: Command::PlanArchive(PlanArchive { plan_id: plan.id, version: plan.version }),
                })
                .await
            }),
        )
        .await
    }

    pub(super) async fn perform_plan_archive(
        &self,
        running: &Running<'_>,
        command: PlanArchive,
    ) -> Result<Answer, ServiceError> {
        let plan = self.store.find_plan(command.plan_id).await?.ok_or(ServiceError::NotFound("plan"))?;
        check_version(&plan, command.version)?;
        for (index, price) in self
            .store
            .prices_of(&[plan.id])
            .await?
            .remove(&plan.id)
            .unwrap_or_default()
            .into_iter()
            .enumerate()
        {
            if let Some(id) = price.stripe_price_id.filter(|_| price.is_active) {
                self.stripe.archive_price(&id, &running.key(&format!("price-{index}"))).await?;
            }
        }
        if let Some(product) = &plan.stripe_product_id {
            let patch = ProductPatch { active: Some(false), ..ProductPatch::default() };
            self.stripe.update_product(product, patch, &running.key("product")).await?;
        }
        self.finish_plan_archive(running.record, &plan).await
    }

    /// Writes down that a plan is off the list.
    pub(super) async fn finish_plan_archive(
        &self,
        record: &OperationRecord,
        plan: &Plan,
    ) -> Result<Answer, ServiceError> {
        let transaction = self.store.begin().await?;
        let new = match transaction.archive_plan(plan).await {
            Err(StoreError::Changed(_)) => return Err(stale(plan).into()),
            archived => archived?,
        };
        let audit = AuditEntry::new(None, "plan.archive", "plan", new.id)
            .changed(&plan.audit_values(), &new.audit_values());
        self.commit_settlement(record, transaction, changed(&new, audit)).await
    }
}

/// What audit records keep of a plan and what it charges for usage.
fn with_charges(plan: &Plan, charges: &[PlanCharge]) -> serde_json::Value {
    let mut values = plan.audit_values();
    values["charges"] = serde_json::json!(charges);
    values
}

fn changed(plan: &Plan, audit: AuditEntry) -> Settlement {
    Settlement {
        state: OperationState::Confirmed,
        resource: Some(Resource::Plan(plan.id)),
        client_secret: None,
        refusals: Vec::new(),
        audit,
    }
}

fn slug_taken() -> Refusal {
    Refusal::at("slug", ErrorCode::Conflict, "This slug is taken. Choose another.")
}

fn stale(plan: &Plan) -> Refusal {
    Refusal::at(
        "expectedVersion",
        ErrorCode::Conflict,
        format!("The plan was changed meanwhile; it is at version {} now. Read it again.", plan.version),
    )
}

fn check_version(plan: &Plan, expected: i64) -> Result<(), ServiceError> {
    if plan.version == expected { Ok(()) } else { Err(stale(plan).into()) }
}

/// Features that are metered name a meter that there is.
fn check_metered(features: &serde_json::Value, meters: &[MeterDefinition], refusals: &mut Refusals) {
    for (name, value) in features.as_object().into_iter().flatten() {
        if let Err(error) = FeatureTerms::read(name, value, meters) {
            refusals.add(Refusal::bad_input("features", format!("{name}: {error}")));
        }
    }
}

fn check_features(features: &serde_json::Value, refusals: &mut Refusals) {
    if !features.is_object() {
        refusals.add(Refusal::bad_input("features", "Features are an object of names and values."));
    }
    if features.to_string().len() > 16_384 {
        refusals.add(Refusal::bad_input("features", "Features are at most 16 kB of JSON."));
    }
}

fn check_trial(days: i32, refusals: &mut Refusals) {
    if !(0..=MAXIMUM_TRIAL_DAYS).contains(&days) {
        refusals.add(Refusal::bad_input("trialDays", format!("A trial has 0 to {MAXIMUM_TRIAL_DAYS} days.")));
    }
}

fn check_prices(prices: &[PlanPriceInput], refusals: &mut Refusals) {
    if prices.is_empty() || prices.len() > 20 {
        refusals.add(Refusal::bad_input("prices", "A plan has 1 to 20 prices."));
    }
    let mut seen = BTreeSet::new();
    for (index, price) in prices.iter().enumerate() {
        let path = format!("prices.{index}");
        refusals.check(&format!("{path}.unitAmount"), price.unit_amount.check_price());
        if !seen.insert((price.unit_amount.currency.code(), price.billing_interval)) {
            refusals.add(Refusal::bad_input(&path, "There is one price for each currency and interval."));
        }
    }
    let free = prices.iter().filter(|price| price.unit_amount.minor == 0).count();
    if free > 0 && free < prices.len() {
        refusals
            .add(Refusal::bad_input("prices", "A plan is free in every currency and interval, or in none."));
    }
}
