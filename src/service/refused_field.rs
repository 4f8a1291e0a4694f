//! Which field of the input a refusal of Stripe's is about, where its parameter alone does not tell.

use super::command::{Command, SubscriptionDiscount};
use super::error::Refusal;
use crate::payments::PaymentsError;

/// What a person can mend of what Stripe refused of this command; `None` when the command tells nothing more.
pub(super) fn refused_field(command: &Command, error: &PaymentsError) -> Option<Refusal> {
    let PaymentsError::InvalidRequest { param, message, .. } = error else { return None };
    match command {
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
        Command::SubscriptionDiscount(SubscriptionDiscount { coupon: Some(_), .. })
            if param.as_deref().is_some_and(|param| param.starts_with("discounts")) =>
        {
            Some(Refusal::bad_input("stripeCouponId", message))
        }
        _ => None,
    }
}
