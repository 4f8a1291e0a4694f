//! What events are about.

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::client::Stripe;
use super::error::PaymentsError;
use super::versions;
use super::{convert, convert_subscription};
use crate::domain::ids::{BillingOperationId, OrganizationId};
use crate::domain::mirror::MirrorObject;
use crate::domain::stripe_event::NewStripeEvent;

/// The kinds of objects that we mirror or follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A customer.
    Customer,
    /// A payment method.
    PaymentMethod,
    /// A subscription.
    Subscription,
    /// A subscription schedule: it names the subscription.
    Schedule,
    /// An invoice.
    Invoice,
    /// A payment intent.
    PaymentIntent,
    /// A link between an invoice and a payment.
    InvoicePayment,
    /// A charge: an attempt of a payment intent.
    Charge,
    /// A refund.
    Refund,
    /// A dispute.
    Dispute,
    /// A credit note.
    CreditNote,
    /// A checkout session.
    CheckoutSession,
}

impl ObjectKind {
    /// What the event types begin with that an endpoint must be sent.
    pub const NOUNS: &'static [&'static str] = &[
        "customer",
        "customer.subscription",
        "subscription_schedule",
        "invoice",
        "invoice_payment",
        "payment_intent",
        "payment_method",
        "charge",
        "charge.dispute",
        "refund",
        "credit_note",
        "checkout.session",
    ];

    /// What an event of this type is about, when we handle it.
    pub fn of_event_type(event_type: &str) -> Option<Self> {
        // It has no id: the bill that it announces does not exist yet.
        if event_type == "invoice.upcoming" {
            return None;
        }
        let (noun, verb) = event_type.rsplit_once('.')?;
        match noun {
            "customer" if matches!(verb, "created" | "updated" | "deleted") => Some(Self::Customer),
            "customer.subscription" => Some(Self::Subscription),
            "subscription_schedule" => Some(Self::Schedule),
            "invoice" => Some(Self::Invoice),
            "invoice_payment" => Some(Self::InvoicePayment),
            "payment_intent" => Some(Self::PaymentIntent),
            "payment_method" => Some(Self::PaymentMethod),
            "charge" => Some(Self::Charge),
            "charge.refund" | "refund" => Some(Self::Refund),
            "charge.dispute" => Some(Self::Dispute),
            "credit_note" => Some(Self::CreditNote),
            "checkout.session" => Some(Self::CheckoutSession),
            _ => None,
        }
    }
}

/// Why a payload cannot be used; the object is fetched then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// Rendered in another version than the one we speak.
    #[error("the payload is of another API version")]
    OtherVersion,
    /// Not as the description of our version says.
    #[error("the payload is not as its version describes it")]
    UnknownShape,
    /// Of a type that we do not handle.
    #[error("the type is not handled")]
    OtherType,
}

#[derive(Deserialize)]
struct Payload {
    data: PayloadData,
}

#[derive(Deserialize)]
struct PayloadData {
    object: Value,
}

/// The payload's object in our words, when it can be read for certain. A payload is a hint: what cannot be read is
/// fetched.
pub fn mirror_of(event: &NewStripeEvent) -> Result<MirrorObject, Unreadable> {
    let kind = ObjectKind::of_event_type(&event.event_type).ok_or(Unreadable::OtherType)?;
    let payload: Payload = serde_json::from_str(&event.payload).map_err(|_| Unreadable::UnknownShape)?;
    let object = payload.data.object;
    // That something is gone needs no more than its id, whatever the version. The payload is the object as it was, and
    // does not say `deleted`.
    if matches!(event.event_type.as_str(), "customer.deleted" | "invoice.deleted") {
        let id = object["id"].as_str().ok_or(Unreadable::UnknownShape)?;
        return Ok(match kind {
            ObjectKind::Invoice => MirrorObject::DeletedInvoice(id.into()),
            _ => MirrorObject::Customer(convert::deleted_customer(id)),
        });
    }
    let object =
        versions::in_our_shape(kind, event.api_version.as_deref(), object).ok_or(Unreadable::OtherVersion)?;
    object_in_our_words(kind, object).ok_or(Unreadable::UnknownShape)
}

/// The organization that the payload's object says it belongs to, in the note that we leave on what we make.
pub fn named_organization(event: &NewStripeEvent, note: &str) -> Option<OrganizationId> {
    let payload: Payload = serde_json::from_str(&event.payload).ok()?;
    let id = payload.data.object["metadata"][note].as_str()?;
    Some(OrganizationId(uuid::Uuid::try_parse(id).ok()?))
}

/// The operation that the payload's object says it came of.
pub fn named_operation(event: &NewStripeEvent, note: &str) -> Option<BillingOperationId> {
    // Few do, and every event is asked.
    if !event.payload.contains(note) {
        return None;
    }
    let payload: Payload = serde_json::from_str(&event.payload).ok()?;
    let id = payload.data.object["metadata"][note].as_str()?;
    Some(BillingOperationId(uuid::Uuid::try_parse(id).ok()?))
}

/// One of async-stripe's types, from JSON that was read already. Its miniserde side is compiled with the types; the serde
/// side would be compiled here, for every type below them, and take most of this crate's build time.
pub(super) fn read_object<T: miniserde::Deserialize>(object: &Value) -> Option<T> {
    miniserde::json::from_str(&object.to_string()).ok()
}

/// An object as Stripe writes it, in our words; `None` when it is not as our version describes it.
pub fn object_in_our_words(kind: ObjectKind, object: Value) -> Option<MirrorObject> {
    fn read<T: miniserde::Deserialize>(object: Value) -> Option<T> {
        read_object(&object)
    }
    Some(match kind {
        ObjectKind::Customer => {
            if object["deleted"] == Value::Bool(true) {
                return Some(MirrorObject::Customer(convert::deleted_customer(object["id"].as_str()?)));
            }
            MirrorObject::Customer(convert::customer(read(object)?))
        }
        ObjectKind::PaymentMethod => MirrorObject::PaymentMethod(convert::payment_method(read(object)?)),
        ObjectKind::Subscription => {
            MirrorObject::Subscription(convert_subscription::subscription(read(object)?).ok()?)
        }
        ObjectKind::Schedule => {
            let named = object["subscription"].as_str().or_else(|| object["released_subscription"].as_str());
            MirrorObject::Schedule { subscription: named.map(Into::into) }
        }
        ObjectKind::Invoice => MirrorObject::Invoice(convert::invoice(read(object)?).ok()?),
        ObjectKind::PaymentIntent => {
            MirrorObject::PaymentIntent(convert::payment_intent(read(object)?).ok()?)
        }
        ObjectKind::InvoicePayment => {
            MirrorObject::InvoicePayment(convert::invoice_payment(&read(object)?).ok()?)
        }
        ObjectKind::Charge => MirrorObject::Charge(convert::charge(read(object)?).ok()?),
        ObjectKind::Refund => MirrorObject::Refund(convert::refund(read(object)?).ok()?),
        ObjectKind::Dispute => MirrorObject::Dispute(convert::dispute(read(object)?).ok()?),
        ObjectKind::CreditNote => MirrorObject::CreditNote(convert::credit_note(read(object)?).ok()?),
        ObjectKind::CheckoutSession => {
            MirrorObject::CheckoutSession(convert::checkout_session(read(object)?))
        }
    })
}

impl Stripe {
    /// An object as it is now.
    pub async fn fetch(&self, kind: ObjectKind, id: &str) -> Result<MirrorObject, PaymentsError> {
        Ok(match kind {
            ObjectKind::Customer => MirrorObject::Customer(self.retrieve_customer(&id.into()).await?),
            ObjectKind::PaymentMethod => MirrorObject::PaymentMethod(self.retrieve_payment_method(id).await?),
            ObjectKind::Subscription => {
                MirrorObject::Subscription(self.retrieve_subscription(&id.into()).await?)
            }
            ObjectKind::Schedule => {
                MirrorObject::Schedule { subscription: self.subscription_of_schedule(id).await? }
            }
            ObjectKind::Invoice => MirrorObject::Invoice(self.retrieve_invoice(&id.into()).await?),
            ObjectKind::PaymentIntent => {
                MirrorObject::PaymentIntent(self.retrieve_payment_intent(&id.into()).await?)
            }
            ObjectKind::InvoicePayment => {
                MirrorObject::InvoicePayment(self.retrieve_invoice_payment(id).await?)
            }
            ObjectKind::Charge => MirrorObject::Charge(self.retrieve_charge(id).await?),
            ObjectKind::Refund => MirrorObject::Refund(self.retrieve_refund(&id.into()).await?),
            ObjectKind::Dispute => MirrorObject::Dispute(self.retrieve_dispute(id).await?),
            ObjectKind::CreditNote => MirrorObject::CreditNote(self.retrieve_credit_note(id).await?),
            ObjectKind::CheckoutSession => {
                MirrorObject::CheckoutSession(self.retrieve_checkout_session(id).await?)
            }
        })
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
