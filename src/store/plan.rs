//! Plans and prices.

use std::collections::HashMap;

use entity::plan::{ActiveModel, Column, Entity, Model};
use entity::price;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
};

use super::error::{currency, known};
use super::{Changed, ChangedKind, Store, StoreError, WriteTransaction};
use crate::domain::ids::{OrganizationId, PlanId, PriceId, StripePriceId, StripeProductId};
use crate::domain::money::Money;
use crate::domain::plan::{BillingInterval, Plan, Price};
use crate::domain::plan_charge::PlanCharge;

/// A new plan with its default price, already published where it needs to be.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPlan {
    /// The id, chosen before Stripe was asked.
    pub id: PlanId,
    /// The organization it is made for, or none.
    pub organization_id: Option<OrganizationId>,
    /// The name people read.
    pub name: String,
    /// The stable short name.
    pub slug: String,
    /// What it is.
    pub description: String,
    /// Entitlements and limits.
    pub features: serde_json::Value,
    /// Days of trial.
    pub trial_days: i32,
    /// Seats that the price includes.
    pub seats_included: Option<i32>,
    /// The place in a list.
    pub sort_order: i32,
    /// Whether everyone sees it.
    pub is_public: bool,
    /// The product at Stripe.
    pub stripe_product_id: Option<StripeProductId>,
    /// Its prices; the first is the default.
    pub prices: Vec<NewPrice>,
    /// What it charges for usage.
    pub charges: Vec<PlanCharge>,
}

/// A new price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPrice {
    /// For one unit and interval.
    pub unit_amount: Money,
    /// How often.
    pub billing_interval: BillingInterval,
    /// The price at Stripe.
    pub stripe_price_id: Option<StripePriceId>,
}

/// What changes of a plan; `None` leaves as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanPatch {
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
    /// A new price that takes the place of the active one of its currency and interval.
    pub price: Option<NewPrice>,
    /// Published meanwhile: the product at Stripe.
    pub stripe_product_id: Option<StripeProductId>,
    /// What it charges for usage from now on.
    pub charges: Option<Vec<PlanCharge>>,
}

pub(super) fn plan(row: Model) -> Result<Plan, StoreError> {
    Ok(Plan {
        id: PlanId(row.id),
        organization_id: row.organization_id.map(OrganizationId),
        name: row.name,
        slug: row.slug,
        description: row.description,
        price: Money::new(row.price_minor, currency("plans.currency", &row.currency)?),
        billing_interval: interval("plans.billing_interval", &row.billing_interval)?,
        features: row.features,
        trial_days: row.trial_days,
        seats_included: row.seats_included,
        sort_order: row.sort_order,
        is_public: row.is_public,
        is_active: row.is_active,
        stripe_product_id: row.stripe_product_id.map(StripeProductId),
        stripe_price_id: row.stripe_price_id.map(StripePriceId),
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
        archived_at: row.archived_at,
    })
}

fn interval(column: &'static str, text: &str) -> Result<BillingInterval, StoreError> {
    known(column, text, BillingInterval::parse(text))
}

fn price(row: price::Model) -> Result<Price, StoreError> {
    Ok(Price {
        id: PriceId(row.id),
        plan_id: PlanId(row.plan_id),
        unit_amount: Money::new(row.unit_amount_minor, currency("prices.currency", &row.currency)?),
        billing_interval: interval("prices.billing_interval", &row.billing_interval)?,
        stripe_price_id: row.stripe_price_id.map(StripePriceId),
        is_active: row.is_active,
        created_at: row.created_at,
        archived_at: row.archived_at,
    })
}

pub(super) async fn find_price_at_stripe(
    conn: &impl ConnectionTrait,
    id: &StripePriceId,
) -> Result<Option<(Price, Plan)>, StoreError> {
    let row = price::Entity::find()
        .filter(price::Column::StripePriceId.eq(id.as_str()))
        .find_also_related(Entity)
        .one(conn)
        .await?;
    match row {
        Some((price_row, Some(plan_row))) => Ok(Some((price(price_row)?, plan(plan_row)?))),
        _ => Ok(None),
    }
}

impl WriteTransaction {
    /// A plan.
    pub async fn find_plan(&self, id: PlanId) -> Result<Option<Plan>, StoreError> {
        Entity::find_by_id(id.0).one(&self.tx).await?.map(plan).transpose()
    }
}

impl Store {
    /// The plans an organization may see: public ones and its own; with archived ones for staff.
    pub async fn list_plans(
        &self,
        organizations: &[OrganizationId],
        everything: bool,
    ) -> Result<Vec<Plan>, StoreError> {
        let mut select = Entity::find().order_by_asc(Column::SortOrder).order_by_asc(Column::Id);
        if !everything {
            let own = Column::OrganizationId.is_in(organizations.iter().map(|id| id.0));
            select = select
                .filter(Column::IsActive.eq(true))
                .filter(Column::IsPublic.eq(true).and(Column::OrganizationId.is_null()).or(own));
        }
        select.all(&self.db).await?.into_iter().map(plan).collect()
    }

    /// Plans by id.
    pub async fn plans(&self, ids: &[PlanId]) -> Result<Vec<Plan>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        rows.into_iter().map(plan).collect()
    }

    /// A plan by id.
    pub async fn find_plan(&self, id: PlanId) -> Result<Option<Plan>, StoreError> {
        Entity::find_by_id(id.0).one(&self.db).await?.map(plan).transpose()
    }

    /// A price by Stripe's id, with its plan.
    pub async fn find_price_at_stripe(
        &self,
        id: &StripePriceId,
    ) -> Result<Option<(Price, Plan)>, StoreError> {
        find_price_at_stripe(&self.db, id).await
    }

    /// Prices by Stripe's ids, each with its plan.
    pub async fn prices_at_stripe(
        &self,
        ids: &[StripePriceId],
    ) -> Result<HashMap<StripePriceId, (Price, Plan)>, StoreError> {
        let rows = price::Entity::find()
            .filter(price::Column::StripePriceId.is_in(ids.iter().map(StripePriceId::as_str)))
            .find_also_related(Entity)
            .all(&self.db)
            .await?;
        let mut prices = HashMap::new();
        for (price_row, plan_row) in rows {
            if let (Some(id), Some(plan_row)) = (price_row.stripe_price_id.clone(), plan_row) {
                prices.insert(StripePriceId(id), (price(price_row)?, plan(plan_row)?));
            }
        }
        Ok(prices)
    }

    /// Prices by id, each with its plan.
    pub async fn prices(&self, ids: &[PriceId]) -> Result<Vec<(Price, Plan)>, StoreError> {
        let rows = price::Entity::find()
            .filter(price::Column::Id.is_in(ids.iter().map(|id| id.0)))
            .find_also_related(Entity)
            .all(&self.db)
            .await?;
        let with_plan = rows.into_iter().filter_map(|(price_row, plan_row)| Some((price_row, plan_row?)));
        with_plan.map(|(price_row, plan_row)| Ok((price(price_row)?, plan(plan_row)?))).collect()
    }

    /// A plan by its short name.
    pub async fn find_plan_by_slug(&self, slug: &str) -> Result<Option<Plan>, StoreError> {
        Entity::find().filter(Column::Slug.eq(slug)).one(&self.db).await?.map(plan).transpose()
    }

    /// The prices of plans, active ones first.
    pub async fn prices_of(&self, plans: &[PlanId]) -> Result<HashMap<PlanId, Vec<Price>>, StoreError> {
        let rows = price::Entity::find()
            .filter(price::Column::PlanId.is_in(plans.iter().map(|id| id.0)))
            .order_by_desc(price::Column::IsActive)
            .order_by_asc(price::Column::CreatedAt)
            .order_by_asc(price::Column::Id)
            .all(&self.db)
            .await?;
        let mut prices: HashMap<PlanId, Vec<Price>> = HashMap::new();
        for row in rows {
            let price = price(row)?;
            prices.entry(price.plan_id).or_default().push(price);
        }
        Ok(prices)
    }
}

impl WriteTransaction {
    /// Creates a plan with its prices. `Duplicate` of `slug` when the slug is taken.
    pub async fn create_plan(&self, new: NewPlan) -> Result<Plan, StoreError> {
        let default = new.prices.first().expect("a plan is created with a price");
        let created = Plan {
            id: new.id,
            organization_id: new.organization_id,
            name: new.name,
            slug: new.slug,
            description: new.description,
            price: default.unit_amount,
            billing_interval: default.billing_interval,
            features: new.features,
            trial_days: new.trial_days,
            seats_included: new.seats_included,
            sort_order: new.sort_order,
            is_public: new.is_public,
            is_active: true,
            stripe_product_id: new.stripe_product_id,
            stripe_price_id: default.stripe_price_id.clone(),
            version: 1,
            created_at: self.now,
            updated_at: self.now,
            archived_at: None,
        };
        active_model(&created).insert(&self.tx).await?;
        for price in &new.prices {
            self.create_price(created.id, price).await?;
        }
        if !new.charges.is_empty() {
            self.set_plan_charges(created.id, self.now, &new.charges).await?;
        }
        Ok(created)
    }

    async fn create_price(&self, plan: PlanId, new: &NewPrice) -> Result<(), StoreError> {
        price::ActiveModel {
            id: Set(self.next_id()),
            plan_id: Set(plan.0),
            currency: Set(new.unit_amount.currency.code().to_owned()),
            unit_amount_minor: Set(new.unit_amount.minor),
            billing_interval: Set(new.billing_interval.as_str().to_owned()),
            stripe_price_id: Set(new.stripe_price_id.as_ref().map(|id| id.0.clone())),
            is_active: Set(true),
            created_at: Set(self.now),
            archived_at: Set(None),
        }
        .insert(&self.tx)
        .await?;
        Ok(())
    }

    /// Changes a plan. `Changed` when it is not as `old` any more.
    pub async fn update_plan(&self, old: &Plan, patch: PlanPatch) -> Result<Plan, StoreError> {
        let mut new = Plan {
            name: patch.name.unwrap_or_else(|| old.name.clone()),
            description: patch.description.unwrap_or_else(|| old.description.clone()),
            features: patch.features.unwrap_or_else(|| old.features.clone()),
            trial_days: patch.trial_days.unwrap_or(old.trial_days),
            sort_order: patch.sort_order.unwrap_or(old.sort_order),
            is_public: patch.is_public.unwrap_or(old.is_public),
            stripe_product_id: patch.stripe_product_id.or_else(|| old.stripe_product_id.clone()),
            version: old.version + 1,
            updated_at: self.now,
            ..old.clone()
        };
        if let Some(price) = &patch.price {
            let was_default = old.price.currency == price.unit_amount.currency
                && old.billing_interval == price.billing_interval;
            if was_default {
                new.price = price.unit_amount;
                new.stripe_price_id.clone_from(&price.stripe_price_id);
            }
            price::Entity::update_many()
                .col_expr(price::Column::IsActive, Expr::value(false))
                .col_expr(price::Column::ArchivedAt, Expr::value(self.now))
                .filter(price::Column::PlanId.eq(old.id.0))
                .filter(price::Column::Currency.eq(price.unit_amount.currency.code()))
                .filter(price::Column::BillingInterval.eq(price.billing_interval.as_str()))
                .filter(price::Column::IsActive.eq(true))
                .exec(&self.tx)
                .await?;
            self.create_price(old.id, price).await?;
        }
        if let Some(charges) = &patch.charges {
            self.change_plan_charges(old, charges).await?;
        }
        self.write_plan(old, new).await
    }

    /// Takes a plan off the list; its subscribers keep it. `Changed` when it is not as `old` any more.
    pub async fn archive_plan(&self, old: &Plan) -> Result<Plan, StoreError> {
        let new = Plan {
            is_active: false,
            archived_at: Some(self.now),
            version: old.version + 1,
            updated_at: self.now,
            ..old.clone()
        };
        price::Entity::update_many()
            .col_expr(price::Column::IsActive, Expr::value(false))
            .col_expr(price::Column::ArchivedAt, Expr::value(self.now))
            .filter(price::Column::PlanId.eq(old.id.0))
            .filter(price::Column::IsActive.eq(true))
            .exec(&self.tx)
            .await?;
        self.write_plan(old, new).await
    }

    async fn write_plan(&self, old: &Plan, new: Plan) -> Result<Plan, StoreError> {
        let written = Entity::update_many()
            .set(active_model(&new))
            .filter(Column::Id.eq(old.id.0))
            .filter(Column::Version.eq(old.version))
            .exec(&self.tx)
            .await?;
        if written.rows_affected == 0 {
            return Err(StoreError::Changed("plan"));
        }
        self.will_tell(Changed { organization_id: None, kind: ChangedKind::Plan, id: new.id.0 });
        Ok(new)
    }
}

pub(super) fn active_model(row: &Plan) -> ActiveModel {
    ActiveModel {
        id: Set(row.id.0),
        organization_id: Set(row.organization_id.map(|id| id.0)),
        name: Set(row.name.clone()),
        slug: Set(row.slug.clone()),
        description: Set(row.description.clone()),
        price_minor: Set(row.price.minor),
        currency: Set(row.price.currency.code().to_owned()),
        billing_interval: Set(row.billing_interval.as_str().to_owned()),
        features: Set(row.features.clone()),
        trial_days: Set(row.trial_days),
        seats_included: Set(row.seats_included),
        sort_order: Set(row.sort_order),
        is_public: Set(row.is_public),
        is_active: Set(row.is_active),
        stripe_product_id: Set(row.stripe_product_id.as_ref().map(|id| id.0.clone())),
        stripe_price_id: Set(row.stripe_price_id.as_ref().map(|id| id.0.clone())),
        version: Set(row.version),
        created_at: Set(row.created_at),
        updated_at: Set(row.updated_at),
        archived_at: Set(row.archived_at),
    }
}
