//! Products and prices.

use std::collections::{BTreeMap, HashMap};

use stripe_product::price::{CreatePrice, CreatePriceRecurring, CreatePriceRecurringInterval, UpdatePrice};
use stripe_product::product::{CreateProduct, UpdateProduct};

use super::client::{IdempotencyKey, Stripe};
use super::convert::{price, product, stripe_currency};
use super::error::PaymentsError;
use crate::domain::ids::{StripePriceId, StripeProductId};
use crate::domain::mirror::{PriceMirror, ProductMirror};
use crate::domain::money::Money;
use crate::domain::plan::BillingInterval;

/// A new product.
#[derive(Clone, Debug)]
pub struct NewProduct {
    /// The name on invoices.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// Our notes.
    pub metadata: BTreeMap<String, String>,
}

/// What changes of a product; `None` leaves as it is.
#[derive(Clone, Debug, Default)]
pub struct ProductPatch {
    /// The name.
    pub name: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// Whether it is sold.
    pub active: Option<bool>,
}

/// A new price.
#[derive(Clone, Debug)]
pub struct NewPrice {
    /// The product.
    pub product: StripeProductId,
    /// For one unit and interval.
    pub unit_amount: Money,
    /// How often.
    pub interval: BillingInterval,
    /// Our notes.
    pub metadata: BTreeMap<String, String>,
}

impl Stripe {
    /// Creates a product.
    pub async fn create_product(
        &self,
        new: NewProduct,
        key: &IdempotencyKey,
    ) -> Result<ProductMirror, PaymentsError> {
        let mut request =
            CreateProduct::new(new.name).metadata(new.metadata.into_iter().collect::<HashMap<_, _>>());
        if let Some(description) = new.description {
            request = request.description(description);
        }
        self.change(request, key).await.map(product)
    }

    /// Changes a product.
    pub async fn update_product(
        &self,
        id: &StripeProductId,
        patch: ProductPatch,
        key: &IdempotencyKey,
    ) -> Result<ProductMirror, PaymentsError> {
        let mut request = UpdateProduct::new(id.as_str());
        if let Some(name) = patch.name {
            request = request.name(name);
        }
        if let Some(description) = patch.description {
            request = request.description(description);
        }
        if let Some(active) = patch.active {
            request = request.active(active);
        }
        self.change(request, key).await.map(product)
    }

    /// Creates a price.
    pub async fn create_price(
        &self,
        new: NewPrice,
        key: &IdempotencyKey,
    ) -> Result<PriceMirror, PaymentsError> {
        let interval = match new.interval {
            BillingInterval::Month => CreatePriceRecurringInterval::Month,
            BillingInterval::Year => CreatePriceRecurringInterval::Year,
        };
        let request = CreatePrice::new(stripe_currency(new.unit_amount.currency)?)
            .product(new.product.0)
            .unit_amount(new.unit_amount.minor)
            .recurring(CreatePriceRecurring::new(interval))
            .metadata(new.metadata.into_iter().collect::<HashMap<_, _>>());
        self.change(request, key).await.map(price)
    }

    /// Takes a price off the list. Subscribers keep it.
    pub async fn archive_price(
        &self,
        id: &StripePriceId,
        key: &IdempotencyKey,
    ) -> Result<PriceMirror, PaymentsError> {
        self.set_price_active(id, false, key).await
    }

    /// Says whether a price is sold.
    pub async fn set_price_active(
        &self,
        id: &StripePriceId,
        active: bool,
        key: &IdempotencyKey,
    ) -> Result<PriceMirror, PaymentsError> {
        self.change(UpdatePrice::new(id.as_str()).active(active), key).await.map(price)
    }
}
