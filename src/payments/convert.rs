//! async-stripe's objects in our words.

use chrono::{DateTime, Utc};
use stripe_types::Expandable;

use super::error::{Outcome, PaymentsError};
use crate::domain::credit_note::CreditNoteStatus;
use crate::domain::dispute::DisputeStatus;
use crate::domain::ids::{RefundId, StripeInvoiceId};
use crate::domain::invoice::{CollectionMethod, InvoiceLine, InvoicePreview, InvoiceStatus};
use crate::domain::mirror::{
    ChargeMirror, CheckoutSessionMirror, CreditNoteMirror, CustomerMirror, DisputeMirror, InvoiceMirror,
    InvoicePaymentMirror, PaymentIntentMirror, PaymentMethodMirror, PriceMirror, ProductMirror, RefundMirror,
    SetupIntentMirror,
};
use crate::domain::money::{Currency, Money};
use crate::domain::payment::{PaymentFailure, PaymentStatus};
use crate::domain::payment_attempt::AttemptStatus;
use crate::domain::payment_method::{BankAccount, Card};
use crate::domain::plan::BillingInterval;
use crate::domain::refund::RefundStatus;

/// The metadata key under which a refund at Stripe names ours.
pub(super) const REFUND_METADATA: &str = "tollgate_refund_id";

/// An answer that has what we cannot do without, but not in a form that we know.
fn unreadable(what: &str) -> PaymentsError {
    tracing::error!(what, "an object of Stripe's cannot be read");
    PaymentsError::Unavailable { outcome: Outcome::Unknown }
}

/// The first second of the year 9999, in Unix seconds: what is counted on from it still has four digits.
const LAST: i64 = 253_370_764_800;

/// Unix seconds as a time. What RFC 3339 cannot write is the nearest that it can: years of five digits and those before the
/// first would be told to callers in a form that none of them reads.
pub(super) fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds.clamp(0, LAST), 0).unwrap_or(DateTime::UNIX_EPOCH)
}

pub(super) fn id_of<T: stripe_types::Object>(reference: &Expandable<T>) -> String
where
    T::Id: ToString,
{
    reference.id().to_string()
}

/// The id of an invoice: a preview has none.
pub(super) fn invoice_id(reference: &Expandable<stripe_shared::Invoice>) -> Option<StripeInvoiceId> {
    reference.id().as_ref().map(|id| id.as_str().into())
}

pub(super) fn our_currency(currency: &stripe_types::Currency) -> Result<Currency, PaymentsError> {
    let code = currency.to_string();
    Currency::parse(&code).ok_or_else(|| unreadable("a currency"))
}

pub(super) fn stripe_currency(currency: Currency) -> Result<stripe_types::Currency, PaymentsError> {
    currency.stripe_code().parse().map_err(|_| PaymentsError::InvalidRequest {
        code: Some("invalid_currency".to_owned()),
        param: Some("currency".to_owned()),
        message: format!("Stripe does not charge in {currency}."),
    })
}

pub(super) fn customer(it: stripe_shared::Customer) -> CustomerMirror {
    CustomerMirror {
        id: it.id.as_str().into(),
        deleted: false,
        livemode: Some(it.livemode),
        currency: it.currency.as_ref().and_then(|currency| our_currency(currency).ok()),
        default_payment_method: it
            .invoice_settings
            .and_then(|settings| settings.default_payment_method)
            .map(|method| id_of(&method).into()),
        metadata: it.metadata.unwrap_or_default().into_iter().collect(),
    }
}

pub(super) fn deleted_customer(id: &str) -> CustomerMirror {
    CustomerMirror {
        id: id.into(),
        deleted: true,
        livemode: None,
        currency: None,
        default_payment_method: None,
        metadata: std::collections::BTreeMap::new(),
    }
}

pub(super) fn product(it: stripe_shared::Product) -> ProductMirror {
    ProductMirror { id: it.id.as_str().into(), active: it.active, name: it.name }
}

pub(super) fn price(it: stripe_shared::Price) -> PriceMirror {
    let interval = it.recurring.as_ref().filter(|recurring| recurring.interval_count == 1);
    PriceMirror {
        id: it.id.as_str().into(),
        product: id_of(&it.product).into(),
        active: it.active,
        unit_amount: it
            .unit_amount
            .and_then(|minor| our_currency(&it.currency).ok().map(|currency| Money::new(minor, currency))),
        interval: interval.and_then(|recurring| BillingInterval::parse(recurring.interval.as_str())),
    }
}

pub(super) fn payment_method(it: stripe_shared::PaymentMethod) -> PaymentMethodMirror {
    PaymentMethodMirror {
        bank_account: bank_account(&it),
        id: it.id.as_str().into(),
        customer: it.customer.map(|customer| id_of(&customer).into()),
        kind: it.type_.as_str().to_owned(),
        card: it.card.map(|card| Card {
            brand: card.brand,
            last4: card.last4,
            exp_month: i32::try_from(card.exp_month).unwrap_or_default(),
            exp_year: i32::try_from(card.exp_year).unwrap_or_default(),
            country: card.country,
            fingerprint: card.fingerprint,
        }),
        created_at: time(it.created),
    }
}

/// The bank account that a debit is taken from, whatever the country. Where there is no name of the bank, its code tells.
fn bank_account(it: &stripe_shared::PaymentMethod) -> Option<BankAccount> {
    let account = |bank_name: Option<&String>, last4: Option<&String>| BankAccount {
        bank_name: bank_name.filter(|name| !name.is_empty()).cloned(),
        last4: last4.filter(|digits| !digits.is_empty()).cloned(),
    };
    let us = it.us_bank_account.as_ref().map(|it| account(it.bank_name.as_ref(), it.last4.as_ref()));
    let sepa = it.sepa_debit.as_ref().map(|it| account(it.bank_code.as_ref(), it.last4.as_ref()));
    let acss = it.acss_debit.as_ref().map(|it| account(it.bank_name.as_ref(), it.last4.as_ref()));
    let bacs = it.bacs_debit.as_ref().map(|it| account(None, it.last4.as_ref()));
    let becs = it.au_becs_debit.as_ref().map(|it| account(None, it.last4.as_ref()));
    let nz = it.nz_bank_account.as_ref().map(|it| account(Some(&it.bank_name), Some(&it.last4)));
    us.or(sepa).or(acss).or(bacs).or(becs).or(nz)
}

pub(super) fn setup_intent(it: stripe_shared::SetupIntent) -> SetupIntentMirror {
    SetupIntentMirror {
        id: it.id.as_str().to_owned(),
        customer: it.customer.map(|customer| id_of(&customer).into()),
        status: it.status.as_str().to_owned(),
        client_secret: it.client_secret,
        payment_method: it.payment_method.map(|method| id_of(&method).into()),
    }
}

pub(super) fn invoice(it: stripe_shared::Invoice) -> Result<InvoiceMirror, PaymentsError> {
    let subscription = it
        .parent
        .and_then(|parent| parent.subscription_details)
        .map(|details| id_of(&details.subscription).into())
        // Payloads of before 2025-03-31 say it at the root.
        .or_else(|| it.subscription.as_ref().map(|reference| id_of(reference).into()));
    // A list that Stripe has cut counts as not carried.
    let payment_intents = it.payments.filter(|payments| !payments.has_more).map(|payments| {
        payments
            .data
            .iter()
            .filter_map(|payment| payment.payment.payment_intent.as_ref().map(|intent| id_of(intent).into()))
            .collect()
    });
    let transitions = it.status_transitions;
    Ok(InvoiceMirror {
        id: it.id.ok_or_else(|| unreadable("an invoice without an id"))?.as_str().into(),
        customer: it
            .customer
            .map(|customer| id_of(&customer).into())
            .ok_or_else(|| unreadable("an invoice without a customer"))?,
        subscription,
        number: it.number,
        status: it
            .status
            .map_or_else(|| InvoiceStatus::parse("draft"), |status| InvoiceStatus::parse(status.as_str())),
        billing_reason: it.billing_reason.map(|reason| reason.as_str().to_owned()),
        currency: our_currency(&it.currency)?,
        subtotal_minor: it.subtotal,
        tax_minor: it.total_taxes.unwrap_or_default().iter().map(|tax| tax.amount).sum(),
        total_minor: it.total,
        amount_due_minor: it.amount_due,
        amount_paid_minor: it.amount_paid,
        amount_remaining_minor: it.amount_remaining,
        collection_method: CollectionMethod::parse(it.collection_method.as_str()),
        due_date: it.due_date.map(time),
        period_start: time(it.period_start),
        period_end: time(it.period_end),
        lines_complete: !it.lines.has_more,
        lines: it.lines.data.into_iter().map(invoice_line).collect(),
        pdf_url: it.invoice_pdf,
        hosted_url: it.hosted_invoice_url,
        attempt_count: i32::try_from(it.attempt_count).unwrap_or(i32::MAX),
        next_payment_attempt_at: it.next_payment_attempt.map(time),
        finalized_at: transitions.finalized_at.map(time),
        paid_at: transitions.paid_at.map(time),
        voided_at: transitions.voided_at.map(time),
        created_at: time(it.created),
        payment_intents,
        client_secret: it.confirmation_secret.map(|secret| secret.client_secret),
    })
}

pub(super) fn invoice_preview(it: stripe_shared::Invoice) -> Result<InvoicePreview, PaymentsError> {
    Ok(InvoicePreview {
        currency: our_currency(&it.currency)?,
        subtotal_minor: it.subtotal,
        discount_minor: it
            .total_discount_amounts
            .unwrap_or_default()
            .iter()
            .map(|discount| discount.amount)
            .sum(),
        tax_minor: it.total_taxes.unwrap_or_default().iter().map(|tax| tax.amount).sum(),
        total_minor: it.total,
        amount_due_minor: it.amount_due,
        lines_complete: !it.lines.has_more,
        lines: it.lines.data.into_iter().map(invoice_line).collect(),
        period_start: time(it.period_start),
        period_end: time(it.period_end),
        due_at: it.next_payment_attempt.or(it.due_date).map(time),
    })
}

pub(super) fn invoice_line(it: stripe_shared::InvoiceLineItem) -> InvoiceLine {
    let proration = it.parent.as_ref().is_some_and(|parent| {
        parent.subscription_item_details.as_ref().is_some_and(|details| details.proration)
            || parent.invoice_item_details.as_ref().is_some_and(|details| details.proration)
    });
    let stripe_price_id = it
        .pricing
        .as_ref()
        .and_then(|pricing| pricing.price_details.as_ref())
        .map(|details| id_of(&details.price));
    InvoiceLine {
        id: it.id.as_str().to_owned(),
        description: it.description,
        amount_minor: it.amount,
        quantity: it.quantity.map(|quantity| i64::try_from(quantity).unwrap_or(i64::MAX)),
        period_start: time(it.period.start),
        period_end: time(it.period.end),
        proration,
        stripe_price_id,
    }
}

pub(super) fn invoice_payment(
    it: &stripe_shared::InvoicePayment,
) -> Result<InvoicePaymentMirror, PaymentsError> {
    Ok(InvoicePaymentMirror {
        invoice: invoice_id(&it.invoice)
            .ok_or_else(|| unreadable("a payment of an invoice without an id"))?,
        payment_intent: it.payment.payment_intent.as_ref().map(|intent| id_of(intent).into()),
        status: it.status.clone(),
    })
}

pub(super) fn payment_intent(it: stripe_shared::PaymentIntent) -> Result<PaymentIntentMirror, PaymentsError> {
    let failure = it.last_payment_error.map(|error| PaymentFailure {
        code: error
            .code
            .as_ref()
            .map_or_else(|| "payment_failed".to_owned(), |code| code.as_str().to_owned()),
        decline_code: error.decline_code,
        message: error.message.unwrap_or_else(|| "The payment failed.".to_owned()),
    });
    let latest_charge = it.latest_charge.as_ref().map(id_of);
    let latest_attempt = match it.latest_charge {
        Some(Expandable::Object(object)) => Some(Box::new(charge(*object)?)),
        _ => None,
    };
    let status = it.status.as_str().to_owned();
    Ok(PaymentIntentMirror {
        id: it.id.as_str().into(),
        customer: it.customer.map(|customer| id_of(&customer).into()),
        amount: Money::new(it.amount, our_currency(&it.currency)?),
        amount_received_minor: it.amount_received,
        amount_refunded_minor: latest_attempt.as_ref().map(|attempt| attempt.amount_refunded_minor),
        status: PaymentStatus::from_stripe(&status, failure.is_some()),
        stripe_status: status,
        payment_method: it.payment_method.map(|method| id_of(&method).into()),
        payment_method_summary: latest_attempt
            .as_ref()
            .and_then(|attempt| attempt.payment_method_summary.clone()),
        description: it.description,
        metadata: it.metadata.into_iter().collect(),
        failure,
        latest_charge,
        latest_attempt,
        client_secret: it.client_secret,
        created_at: time(it.created),
    })
}

pub(super) fn charge(it: stripe_shared::Charge) -> Result<ChargeMirror, PaymentsError> {
    let status = AttemptStatus::from_stripe(it.status.as_str());
    let decline_code = it.outcome.and_then(|outcome| outcome.reason);
    Ok(ChargeMirror {
        id: it.id.as_str().into(),
        payment_intent: it.payment_intent.map(|intent| id_of(&intent).into()),
        customer: it.customer.map(|customer| id_of(&customer).into()),
        amount: Money::new(it.amount, our_currency(&it.currency)?),
        amount_refunded_minor: it.amount_refunded,
        is_disputed: it.disputed,
        unknown_status: Some(it.status.as_str().to_owned())
            .filter(|status| AttemptStatus::parse(status).is_none()),
        status,
        payment_method: it.payment_method.map(Into::into),
        payment_method_summary: it.payment_method_details.map(|details| summary(&details)),
        failure: (status == AttemptStatus::Failed).then(|| PaymentFailure {
            code: it.failure_code.unwrap_or_else(|| "payment_failed".to_owned()),
            decline_code,
            message: it.failure_message.unwrap_or_else(|| "The payment failed.".to_owned()),
        }),
        created_at: time(it.created),
    })
}

/// A payment method for people: what it is, and its last digits when it has some.
fn summary(details: &stripe_shared::PaymentMethodDetails) -> String {
    let card = details.card.as_ref().map(|card| (card.brand.as_deref(), card.last4.as_deref()));
    let bank =
        details.us_bank_account.as_ref().map(|bank| (bank.bank_name.as_deref(), bank.last4.as_deref()));
    let sepa = details.sepa_debit.as_ref().map(|debit| (None, debit.last4.as_deref()));
    let (name, last4) = card.or(bank).or(sepa).unwrap_or((None, None));
    let name = name.unwrap_or(&details.type_);
    match last4 {
        Some(last4) => format!("{name} •••• {last4}"),
        None => name.to_owned(),
    }
}

pub(super) fn refund(it: stripe_shared::Refund) -> Result<RefundMirror, PaymentsError> {
    let refund_id = it
        .metadata
        .as_ref()
        .and_then(|notes| notes.get(REFUND_METADATA))
        .and_then(|text| uuid::Uuid::try_parse(text).ok());
    Ok(RefundMirror {
        id: it.id.as_str().into(),
        payment_intent: it.payment_intent.map(|intent| id_of(&intent).into()),
        amount: Money::new(it.amount, our_currency(&it.currency)?),
        // Refunds of before there were states were done at once.
        status: it.status.as_deref().map_or(RefundStatus::Succeeded, RefundStatus::from_stripe),
        unknown_status: it.status.filter(|status| !RefundStatus::is_known_at_stripe(status)),
        reason: it.reason.map(|reason| reason.as_str().to_owned()),
        failure_reason: it.failure_reason,
        refund_id: refund_id.map(RefundId),
        created_at: time(it.created),
    })
}

pub(super) fn dispute(it: stripe_shared::Dispute) -> Result<DisputeMirror, PaymentsError> {
    Ok(DisputeMirror {
        id: it.id.as_str().into(),
        charge: id_of(&it.charge).into(),
        payment_intent: it.payment_intent.map(|intent| id_of(&intent).into()),
        amount: Money::new(it.amount, our_currency(&it.currency)?),
        status: DisputeStatus::parse(it.status.as_str()),
        reason: it.reason,
        // Zero means that the bank takes no answer.
        evidence_due_by: it.evidence_details.due_by.filter(|&due_by| due_by > 0).map(time),
        has_evidence: it.evidence_details.has_evidence,
        is_refundable: it.is_charge_refundable,
        created_at: time(it.created),
    })
}

pub(super) fn credit_note(it: stripe_shared::CreditNote) -> Result<CreditNoteMirror, PaymentsError> {
    Ok(CreditNoteMirror {
        id: it.id.as_str().into(),
        invoice: invoice_id(&it.invoice).ok_or_else(|| unreadable("a credit note of a preview"))?,
        customer: id_of(&it.customer).into(),
        number: it.number,
        status: CreditNoteStatus::parse(it.status.as_str()),
        amount: Money::new(it.total, our_currency(&it.currency)?),
        pre_payment_minor: it.pre_payment_amount,
        post_payment_minor: it.post_payment_amount,
        refunded_minor: it
            .refunds
            .iter()
            .fold(0, |sum: i64, refund| sum.saturating_add(refund.amount_refunded)),
        reason: it.reason.map(|reason| reason.as_str().to_owned()),
        memo: it.memo,
        pdf_url: Some(it.pdf).filter(|url| !url.is_empty()),
        voided_at: it.voided_at.map(time),
        created_at: time(it.created),
    })
}

pub(super) fn checkout_session(it: stripe_shared::CheckoutSession) -> CheckoutSessionMirror {
    CheckoutSessionMirror {
        id: it.id.as_str().to_owned(),
        customer: it.customer.map(|customer| id_of(&customer).into()),
        subscription: it.subscription.map(|subscription| id_of(&subscription).into()),
        payment_intent: it.payment_intent.map(|intent| id_of(&intent).into()),
        url: it.url,
    }
}
