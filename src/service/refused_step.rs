//! Steps that Stripe refuses after others of the same operation were done.

use super::error::{Refusal, ServiceError};
use super::operation::refusal_of;
use crate::payments::PaymentsError;

/// What to say of a step that Stripe refused, so that the operation is settled with what the steps before it did. What may
/// have been done, or can be tried again, is no refusal: the operation goes on with it later.
pub(super) fn refused_step(error: PaymentsError) -> Result<Refusal, ServiceError> {
    match &error {
        PaymentsError::InvalidRequest { message, .. } | PaymentsError::NotFound { message } => {
            Ok(refusal_of(&error).unwrap_or_else(|| Refusal::bad_input("", message)))
        }
        PaymentsError::Declined { failure, .. } => Ok(Refusal::declined(failure)),
        _ => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payments::Outcome;

    #[test]
    fn only_what_stripe_refused_for_good_settles_an_operation() {
        let refused = PaymentsError::InvalidRequest {
            code: Some("tax_id_invalid".to_owned()),
            param: Some("value".to_owned()),
            message: "Invalid value for eu_vat.".to_owned(),
        };
        assert_eq!(refused_step(refused).expect("a refusal").message, "Invalid value for eu_vat.");
        for outcome in [Outcome::NotSent, Outcome::Unknown] {
            assert!(refused_step(PaymentsError::Unavailable { outcome }).is_err());
        }
        assert!(refused_step(PaymentsError::RateLimited).is_err());
    }
}
