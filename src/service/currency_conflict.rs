//! A currency that Stripe alone knew to be fixed: somebody began something in another one there, and we have not heard of it.

use super::command::Command;
use super::error::Refusal;
use crate::payments::PaymentsError;

/// What to say when Stripe refuses the currency of something that recurs. It has no code for it and names no parameter: only
/// its sentence tells, and it tells which currency it is.
pub(super) fn currency_conflict(command: &Command, error: &PaymentsError) -> Option<Refusal> {
    let PaymentsError::InvalidRequest { message, .. } = error else { return None };
    let chooses_currency = matches!(command, Command::SubscriptionCreate(_) | Command::CheckoutSessionCreate(_));
    if !chooses_currency || !message.to_ascii_lowercase().contains("currenc") {
        return None;
    }
    let message = format!(
        "Stripe bills this organization in another currency, and keeps a customer to one. Choose that one, or ask support. \
         Stripe says: {message}"
    );
    Some(Refusal::bad_input("currency", message))
}
