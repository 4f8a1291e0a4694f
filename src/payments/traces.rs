//! What Stripe has of a request whose answer was lost: found by our notes on its objects, or by the key it was sent with.
//! Stripe's lists are asked, not its search: a list shows what was written a moment ago, and is offered everywhere.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use stripe_product::price::ListPrice;
use stripe_product::product::RetrieveProduct;

use super::client::{IdempotencyKey, Stripe};
use super::convert::price;
use super::error::{Outcome, PaymentsError};
use crate::domain::ids::{StripeCustomerId, StripeInvoiceId, StripePriceId, StripeProductId};
use crate::domain::mirror::{CustomerMirror, PriceMirror};

/// The metadata key under which our products and prices at Stripe name their plan.
pub const PLAN_METADATA: &str = "tollgate_plan_id";

/// Rows of a page, as many as Stripe gives.
const PAGE: &str = "100";
/// Pages that are followed at most. What was not found by then may be there all the same.
const MAXIMUM_PAGES: u32 = 1_000;

/// A note of ours in an object's metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it says.
    pub value: &'a str,
}

impl Note<'_> {
    pub(super) fn is_on(&self, object: &Value) -> bool {
        object["metadata"][self.name] == self.value
    }
}

/// A product as Stripe sells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoldProduct {
    /// The name on invoices.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// Whether it is sold.
    pub active: bool,
    /// Its prices, sold or not, newest first.
    pub prices: Vec<PriceMirror>,
    /// Those of them that have our note of their plan.
    pub noted: BTreeSet<StripePriceId>,
}

fn id_of(object: &Value) -> Option<String> {
    object["id"].as_str().map(str::to_owned)
}

impl Stripe {
    /// The first object of a list that fits. What is not among all its pages is not there.
    pub(super) async fn find_listed(
        &self,
        path: &str,
        query: &[(&str, &str)],
        fits: impl Fn(&Value) -> bool + Send + Sync,
    ) -> Result<Option<Value>, PaymentsError> {
        let unfinished = || PaymentsError::Unavailable { outcome: Outcome::Unknown };
        let mut starting_after: Option<String> = None;
        for _ in 0..MAXIMUM_PAGES {
            let mut asked = query.to_vec();
            asked.push(("limit", PAGE));
            if let Some(after) = &starting_after {
                asked.push(("starting_after", after));
            }
            let page = self.read_value(path, &asked).await?;
            let rows = page["data"].as_array().ok_or_else(unfinished)?;
            if let Some(found) = rows.iter().find(|row| fits(row)) {
                return Ok(Some(found.clone()));
            }
            starting_after = rows.last().and_then(id_of);
            if page["has_more"] != true || starting_after.is_none() {
                return Ok(None);
            }
        }
        Err(unfinished())
    }

    /// The credit note of an invoice that carries a note of ours. Its id.
    pub async fn find_credit_note(
        &self,
        invoice: &StripeInvoiceId,
        note: Note<'_>,
    ) -> Result<Option<String>, PaymentsError> {
        let query = [("invoice", invoice.as_str())];
        let found = self.find_listed("/credit_notes", &query, |row| note.is_on(row)).await?;
        Ok(found.as_ref().and_then(id_of))
    }

    /// The setup intent of a customer that carries a note of ours. Its id.
    pub async fn find_setup_intent(
        &self,
        customer: &StripeCustomerId,
        note: Note<'_>,
    ) -> Result<Option<String>, PaymentsError> {
        let query = [("customer", customer.as_str())];
        let found = self.find_listed("/setup_intents", &query, |row| note.is_on(row)).await?;
        Ok(found.as_ref().and_then(id_of))
    }

    /// The checkout session of a customer that carries a note of ours. Its id.
    pub async fn find_checkout_session(
        &self,
        customer: &StripeCustomerId,
        note: Note<'_>,
    ) -> Result<Option<String>, PaymentsError> {
        let query = [("customer", customer.as_str())];
        let found = self.find_listed("/checkout/sessions", &query, |row| note.is_on(row)).await?;
        Ok(found.as_ref().and_then(id_of))
    }

    /// The customer made since a time that carries a note of ours.
    pub async fn find_customer(
        &self,
        note: Note<'_>,
        since: DateTime<Utc>,
    ) -> Result<Option<CustomerMirror>, PaymentsError> {
        let since = since.timestamp().to_string();
        let query = [("created[gte]", since.as_str())];
        match self.find_listed("/customers", &query, |row| note.is_on(row)).await?.as_ref().and_then(id_of) {
            Some(id) => self.retrieve_customer(&id.into()).await.map(Some),
            None => Ok(None),
        }
    }

    /// The product made since a time that carries a note of ours.
    pub async fn find_product(
        &self,
        note: Note<'_>,
        since: DateTime<Utc>,
    ) -> Result<Option<StripeProductId>, PaymentsError> {
        let since = since.timestamp().to_string();
        let query = [("created[gte]", since.as_str())];
        let found = self.find_listed("/products", &query, |row| note.is_on(row)).await?;
        Ok(found.as_ref().and_then(id_of).map(StripeProductId))
    }

    /// A product with all its prices.
    pub async fn sold_product(&self, id: &StripeProductId) -> Result<SoldProduct, PaymentsError> {
        let product = self.read(RetrieveProduct::new(id.as_str())).await?;
        let (mut prices, mut noted) = (Vec::new(), BTreeSet::new());
        let mut starting_after: Option<String> = None;
        for _ in 0..MAXIMUM_PAGES {
            let mut request = ListPrice::new().product(id.as_str()).limit(100);
            if let Some(after) = starting_after {
                request = request.starting_after(after);
            }
            let page = self.read(request).await?;
            starting_after = page.data.last().map(|last| last.id.as_str().to_owned());
            let ours = page.data.iter().filter(|it| it.metadata.contains_key(PLAN_METADATA));
            noted.extend(ours.map(|it| StripePriceId::from(it.id.as_str())));
            prices.extend(page.data.into_iter().map(price));
            if !page.has_more || starting_after.is_none() {
                break;
            }
        }
        Ok(SoldProduct {
            name: product.name,
            description: product.description,
            active: product.active,
            prices,
            noted,
        })
    }

    /// Whether a request with this key made an event of a type since a time. Stripe lists the events of thirty days.
    pub async fn made_event(
        &self,
        event_type: &str,
        key: &IdempotencyKey,
        since: DateTime<Utc>,
    ) -> Result<bool, PaymentsError> {
        let since = since.timestamp().to_string();
        let query = [("type", event_type), ("created[gte]", since.as_str())];
        let is_ours = |row: &Value| row["request"]["idempotency_key"] == key.as_str();
        Ok(self.find_listed("/events", &query, is_ours).await?.is_some())
    }
}
