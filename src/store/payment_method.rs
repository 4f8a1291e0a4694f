//! Payment methods, mirrored from Stripe.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, Utc};
use entity::payment_method::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{
    Changed, ChangedKind, Mirrored, Store, StoreError, Watermark, WriteTransaction, mirror as mirrored,
};
use crate::domain::ids::{OrganizationId, PaymentMethodId, StripeCustomerId, StripePaymentMethodId};
use crate::domain::mirror::PaymentMethodMirror;
use crate::domain::payment_method::{BankAccount, Card, PaymentMethod};

fn payment_method(row: Model) -> PaymentMethod {
    let card = match (row.card_brand, row.card_last4, row.card_exp_month, row.card_exp_year) {
        (Some(brand), Some(last4), Some(exp_month), Some(exp_year)) => Some(Card {
            brand,
            last4,
            exp_month,
            exp_year,
            country: row.card_country,
            fingerprint: row.card_fingerprint,
        }),
        _ => None,
    };
    let bank_account = (row.bank_name.is_some() || row.bank_last4.is_some())
        .then_some(BankAccount { bank_name: row.bank_name, last4: row.bank_last4 });
    PaymentMethod {
        id: PaymentMethodId(row.id),
        organization_id: OrganizationId(row.organization_id),
        stripe_payment_method_id: StripePaymentMethodId(row.stripe_payment_method_id),
        kind: row.kind,
        card,
        bank_account,
        is_default: row.is_default,
        detached_at: row.detached_at,
        stripe_synced_at: row.stripe_synced_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

pub(super) fn active_model(row: &PaymentMethod, customer: &StripeCustomerId) -> ActiveModel {
    let card = row.card.clone();
    ActiveModel {
        id: Set(row.id.0),
        organization_id: Set(row.organization_id.0),
        stripe_payment_method_id: Set(row.stripe_payment_method_id.0.clone()),
        stripe_customer_id: Set(customer.0.clone()),
        kind: Set(row.kind.clone()),
        card_brand: Set(card.as_ref().map(|card| card.brand.clone())),
        card_last4: Set(card.as_ref().map(|card| card.last4.clone())),
        card_exp_month: Set(card.as_ref().map(|card| card.exp_month)),
        card_exp_year: Set(card.as_ref().map(|card| card.exp_year)),
        card_country: Set(card.as_ref().and_then(|card| card.country.clone())),
        card_fingerprint: Set(card.and_then(|card| card.fingerprint)),
        bank_name: Set(row.bank_account.as_ref().and_then(|bank| bank.bank_name.clone())),
        bank_last4: Set(row.bank_account.as_ref().and_then(|bank| bank.last4.clone())),
        is_default: Set(row.is_default),
        detached_at: Set(row.detached_at),
        stripe_synced_at: Set(row.stripe_synced_at),
        created_at: Set(row.created_at),
        updated_at: Set(row.updated_at),
    }
}

impl Store {
    /// The payment methods that are attached to each organization, newest first.
    pub async fn payment_methods_of(
        &self,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, Vec<PaymentMethod>>, StoreError> {
        let rows = Entity::find()
            .filter(Column::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
            .filter(Column::DetachedAt.is_null())
            .order_by_desc(Column::CreatedAt)
            .order_by_desc(Column::Id)
            .all(&self.db)
            .await?;
        let mut methods: HashMap<OrganizationId, Vec<PaymentMethod>> = HashMap::new();
        for row in rows {
            let method = payment_method(row);
            methods.entry(method.organization_id).or_default().push(method);
        }
        Ok(methods)
    }

    /// A payment method of the organization, attached or not.
    pub async fn find_payment_method(
        &self,
        organization: OrganizationId,
        id: PaymentMethodId,
    ) -> Result<Option<PaymentMethod>, StoreError> {
        let row =
            Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization.0)).one(&self.db).await?;
        Ok(row.map(payment_method))
    }

    /// Cards that invoices are charged to and that expire after `now` and until `until`, after a row, in the order of their ids.
    pub async fn list_default_cards_expiring(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        after: Option<PaymentMethodId>,
        limit: u64,
    ) -> Result<Vec<PaymentMethod>, StoreError> {
        // A card counts until the end of its month: what expires at the beginning of a month has the month before.
        let month = |at: DateTime<Utc>| {
            let last = at - chrono::TimeDelta::microseconds(1);
            i64::from(last.year()) * 12 + i64::from(last.month())
        };
        let months = Expr::col(Column::CardExpYear).mul(12).add(Expr::col(Column::CardExpMonth));
        let mut cards = Entity::find()
            .filter(Column::IsDefault.eq(true))
            .filter(Column::DetachedAt.is_null())
            .filter(months.between(month(now), month(until)));
        if let Some(after) = after {
            cards = cards.filter(Column::Id.gt(after.0));
        }
        let rows = cards.order_by_asc(Column::Id).limit(limit).all(&self.db).await?;
        Ok(rows.into_iter().map(payment_method).collect())
    }

    /// Payment methods by id, whoever owns them: the caller checks the tenant.
    pub async fn payment_methods(&self, ids: &[PaymentMethodId]) -> Result<Vec<PaymentMethod>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        Ok(rows.into_iter().map(payment_method).collect())
    }

    /// A payment method by Stripe's id.
    pub async fn find_payment_method_at_stripe(
        &self,
        id: &StripePaymentMethodId,
    ) -> Result<Option<PaymentMethod>, StoreError> {
        Ok(find_at_stripe(&self.db, id).await?.map(payment_method))
    }
}

async fn find_at_stripe(
    conn: &impl ConnectionTrait,
    id: &StripePaymentMethodId,
) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::StripePaymentMethodId.eq(id.as_str())).one(conn).await?)
}

impl WriteTransaction {
    /// Writes what Stripe says of a payment method, when the row is still as old as the watermark says. One that Stripe
    /// shows without a customer is detached; only our row knows from whom.
    pub async fn mirror_payment_method(
        &self,
        organization: OrganizationId,
        mirror: &PaymentMethodMirror,
        watermark: Watermark,
    ) -> Result<Mirrored<PaymentMethod>, StoreError> {
        let old_row = find_at_stripe(&self.tx, &mirror.id).await?;
        let known_customer = old_row.as_ref().map(|row| StripeCustomerId(row.stripe_customer_id.clone()));
        let Some(customer) = mirror.customer.clone().or(known_customer) else {
            return Err(StoreError::Changed("payment method's customer"));
        };
        let old = old_row.map(payment_method);
        if mirrored::has_moved(old.as_ref().map(|old| old.stripe_synced_at), watermark) {
            return Ok(Mirrored::Moved);
        }
        let detached_at = match (&mirror.customer, &old) {
            (Some(_), _) => None,
            (None, Some(old)) => old.detached_at.or(Some(self.now)),
            (None, None) => Some(self.now),
        };
        let new = PaymentMethod {
            id: old.as_ref().map_or_else(|| PaymentMethodId(self.next_id()), |old| old.id),
            organization_id: organization,
            stripe_payment_method_id: mirror.id.clone(),
            kind: mirror.kind.clone(),
            card: mirror.card.clone(),
            bank_account: mirror.bank_account.clone(),
            is_default: detached_at.is_none() && old.as_ref().is_some_and(|old| old.is_default),
            detached_at,
            stripe_synced_at: watermark.after,
            created_at: mirror.created_at,
            updated_at: self.now,
        };
        let seen = old.as_ref().map(|old| (old.id.0, Some(old.stripe_synced_at)));
        let written = mirrored::write(&self.tx, seen, active_model(&new, &customer)).await?;
        if !written {
            return Ok(Mirrored::Moved);
        }
        let fingerprint = |row: &PaymentMethod| row.card.as_ref().and_then(|card| card.fingerprint.clone());
        if let Some(card) = fingerprint(&new).filter(|_| new.detached_at.is_none())
            && old.as_ref().and_then(fingerprint).as_ref() != Some(&card)
        {
            self.consume_trial_card(organization, &card).await?;
        }
        self.will_tell_of_method(organization, new.id.0);
        Ok(Mirrored::Written { old, new })
    }

    /// Marks the one payment method that invoices charge, and unmarks the others.
    pub async fn mark_default_payment_method(
        &self,
        organization: OrganizationId,
        default: Option<&StripePaymentMethodId>,
    ) -> Result<(), StoreError> {
        let is_default = match default {
            Some(id) => Expr::col(Column::StripePaymentMethodId).eq(id.as_str()),
            None => Expr::value(false),
        };
        Entity::update_many()
            .col_expr(Column::IsDefault, is_default)
            .filter(Column::OrganizationId.eq(organization.0))
            .exec(&self.tx)
            .await?;
        self.will_tell_of_method(organization, organization.0);
        Ok(())
    }

    fn will_tell_of_method(&self, organization: OrganizationId, id: uuid::Uuid) {
        self.will_tell(Changed { organization_id: Some(organization), kind: ChangedKind::PaymentMethod, id });
    }
}
