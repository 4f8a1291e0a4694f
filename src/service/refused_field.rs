//! Which field of the input a refusal of Stripe's is about, where its parameter alone does not tell.

use super::command::{Command, SubscriptionCreate, SubscriptionDiscount};
use super::error::{ErrorCode, Refusal};
use crate::payments::PaymentsError;

/// What a person can mend of what Stripe refused of this command; `None` when the command tells nothing more.
pub(super) fn refused_field(command: &Command, error: &PaymentsError) -> Option<Refusal> {
    let PaymentsError::InvalidRequest { param, message, .. } = error else { return None };
    let is_discount = param.as_deref().is_some_and(|param| param.starts_with("discounts"));
    match command {
        Command::SubscriptionDiscount(SubscriptionDiscount { coupon: Some(_), .. })
        | Command::SubscriptionCreate(SubscriptionCreate { coupon: Some(_), .. })
            if is_discount =>
        {
            Some(Refusal::bad_input("stripeCouponId", message))
        }
        // A promotion code's is told by its parameter.
        _ if is_discount => None,
        // A currency that Stripe alone knew to be fixed: somebody began something in another one there, and we have not heard
        // of it. Stripe has no code for it and names no parameter; its sentence says which currency it is.
        Command::SubscriptionCreate(_) | Command::CheckoutSessionCreate(_)
            if message.to_ascii_lowercase().contains("currenc") =>
        {
            let message = format!(
                "Stripe bills this organization in another currency, and keeps a customer to one. Choose that one, or ask \
                 support. Stripe says: {message}"
            );
            Some(Refusal::bad_input("currency", message))
        }
        Command::SubscriptionCreate(_)
        | Command::SubscriptionChange(_)
        | Command::CheckoutSessionCreate(_) => refused_price(error),
        _ => None,
    }
}

/// What to say when Stripe does not sell a price: somebody archived it, or its product, in Stripe's dashboard, and the catalogue
/// here still has it.
pub(super) fn refused_price(error: &PaymentsError) -> Option<Refusal> {
    let PaymentsError::InvalidRequest { param: Some(param), message, .. } = error else { return None };
    if !param.ends_with("[price]") {
        return None;
    }
    let message = format!(
        "Stripe does not sell this plan at this price any more. Choose another, or ask support. Stripe says: {message}"
    );
    Some(Refusal::at("planId", ErrorCode::PlanUnavailable, message))
}
