//! What Stripe lists: its events, an object's relatives, the webhook's endpoints.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::client::Stripe;
use super::error::{Outcome, PaymentsError};
use super::events::{ObjectKind, object_in_our_words};
use super::webhook::parse_envelope;
use crate::domain::ids::{StripeCustomerId, StripePaymentIntentId};
use crate::domain::mirror::MirrorObject;
use crate::domain::stripe_event::NewStripeEvent;

/// Rows of a page, as many as Stripe gives.
const PAGE: &str = "100";
/// Pages of an object's relatives that are followed at most.
const MAXIMUM_PAGES: u32 = 1_000;

/// From where Stripe's list of events is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventsAfter {
    /// The newest ones.
    Newest,
    /// The ones that came just after this one.
    Event(String),
    /// Those made at this time or later, from the newest on; older than this one when it is given.
    Time(DateTime<Utc>, Option<String>),
}

/// A page of events, newest first, as Stripe lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// The events.
    pub events: Vec<NewStripeEvent>,
    /// Whether the list goes on in the same direction.
    pub has_more: bool,
}

/// An endpoint of webhooks at Stripe.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WebhookEndpoint {
    /// Where Stripe sends to.
    pub url: String,
    /// `enabled` or `disabled`.
    pub status: String,
    /// The version of its payloads; `None` when it is the account's.
    pub api_version: Option<String>,
    /// The types that it is sent; `*` for all.
    #[serde(default)]
    pub enabled_events: Vec<String>,
}

impl WebhookEndpoint {
    /// The nouns that we handle and of which nothing is sent to it.
    pub fn missing_nouns(&self) -> Vec<&'static str> {
        let is_sent = |noun: &str| {
            // By what is made of them: `invoice.upcoming` brings no invoice, and `charge.refund.updated` brings a refund.
            let wanted = ObjectKind::of_event_type(&format!("{noun}.updated"));
            self.enabled_events.iter().any(|kind| kind == "*" || ObjectKind::of_event_type(kind) == wanted)
        };
        ObjectKind::NOUNS.iter().copied().filter(|noun| !is_sent(noun)).collect()
    }
}

fn unreadable() -> PaymentsError {
    PaymentsError::Unavailable { outcome: Outcome::Unknown }
}

fn rows(page: &mut Value) -> Result<Vec<Value>, PaymentsError> {
    match page["data"].take() {
        Value::Array(rows) => Ok(rows),
        _ => Err(unreadable()),
    }
}

impl Stripe {
    /// A page of the events of the last thirty days. `NotFound` or `InvalidRequest` when Stripe does not know the event
    /// to go on from any more.
    pub async fn list_events(&self, after: &EventsAfter) -> Result<EventPage, PaymentsError> {
        let since;
        let mut query = vec![("limit", PAGE)];
        match after {
            EventsAfter::Newest => query[0] = ("limit", "1"),
            EventsAfter::Event(id) => query.push(("ending_before", id)),
            EventsAfter::Time(time, older_than) => {
                since = time.timestamp().to_string();
                query.push(("created[gte]", &since));
                if let Some(id) = older_than {
                    query.push(("starting_after", id));
                }
            }
        }
        let mut page = self.read_value("/events", &query).await?;
        let has_more = page["has_more"] == true;
        let mut events = Vec::new();
        for row in rows(&mut page)? {
            match parse_envelope(row.to_string().as_bytes()) {
                Ok(event) => events.push(event),
                Err(error) => {
                    tracing::error!(%error, id = row["id"].as_str(), "a listed event cannot be read");
                    return Err(unreadable());
                }
            }
        }
        Ok(EventPage { events, has_more })
    }

    /// Everything of one kind that a customer has at Stripe, what ended included.
    pub async fn list_objects_of(
        &self,
        kind: ObjectKind,
        customer: &StripeCustomerId,
    ) -> Result<Vec<MirrorObject>, PaymentsError> {
        let mut query = vec![("customer", customer.as_str()), ("limit", PAGE)];
        let path = match kind {
            ObjectKind::Subscription => {
                query.push(("status", "all"));
                query.push(("expand[0]", "data.schedule"));
                query.push(("expand[1]", "data.discounts"));
                "/subscriptions"
            }
            ObjectKind::Invoice => {
                query.push(("expand[0]", "data.payments"));
                "/invoices"
            }
            ObjectKind::PaymentIntent => {
                query.push(("expand[0]", "data.latest_charge"));
                "/payment_intents"
            }
            ObjectKind::PaymentMethod => "/payment_methods",
            ObjectKind::CreditNote => "/credit_notes",
            ObjectKind::Charge => "/charges",
            ObjectKind::Customer
            | ObjectKind::InvoicePayment
            | ObjectKind::Refund
            | ObjectKind::Dispute
            | ObjectKind::CheckoutSession
            | ObjectKind::Schedule => return Ok(Vec::new()),
        };
        self.list_all(kind, path, &query).await
    }

    /// Every attempt of a payment.
    pub async fn charges_of(
        &self,
        payment_intent: &StripePaymentIntentId,
    ) -> Result<Vec<MirrorObject>, PaymentsError> {
        let query = [("payment_intent", payment_intent.as_str()), ("limit", PAGE)];
        self.list_all(ObjectKind::Charge, "/charges", &query).await
    }

    /// The disputes of a payment, whatever became of them.
    pub async fn disputes_of(
        &self,
        payment_intent: &StripePaymentIntentId,
    ) -> Result<Vec<MirrorObject>, PaymentsError> {
        let query = [("payment_intent", payment_intent.as_str()), ("limit", PAGE)];
        self.list_all(ObjectKind::Dispute, "/disputes", &query).await
    }

    async fn list_all(
        &self,
        kind: ObjectKind,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<MirrorObject>, PaymentsError> {
        let mut objects = Vec::new();
        let mut starting_after: Option<String> = None;
        for _ in 0..MAXIMUM_PAGES {
            let mut query = query.to_vec();
            if let Some(after) = &starting_after {
                query.push(("starting_after", after));
            }
            let mut page = self.read_value(path, &query).await?;
            let has_more = page["has_more"] == true;
            let page = rows(&mut page)?;
            starting_after = page.last().and_then(|row| row["id"].as_str()).map(str::to_owned);
            for row in page {
                objects.push(object_in_our_words(kind, row).ok_or_else(unreadable)?);
            }
            if !has_more || starting_after.is_none() {
                break;
            }
        }
        Ok(objects)
    }

    /// The endpoints that Stripe sends webhooks to.
    pub async fn list_webhook_endpoints(&self) -> Result<Vec<WebhookEndpoint>, PaymentsError> {
        let mut page = self.read_value("/webhook_endpoints", &[("limit", PAGE)]).await?;
        let text = |row: &Value, name: &str| row[name].as_str().map(str::to_owned);
        Ok(rows(&mut page)?
            .iter()
            .map(|row| WebhookEndpoint {
                url: text(row, "url").unwrap_or_default(),
                status: text(row, "status").unwrap_or_default(),
                api_version: text(row, "api_version"),
                enabled_events: row["enabled_events"]
                    .as_array()
                    .map(|types| types.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                    .unwrap_or_default(),
            })
            .collect())
    }
}
