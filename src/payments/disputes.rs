//! Disputes.

use stripe_core::dispute::RetrieveDispute;

use super::client::Stripe;
use super::convert::dispute;
use super::error::PaymentsError;
use crate::domain::mirror::DisputeMirror;

impl Stripe {
    pub(super) async fn retrieve_dispute(&self, id: &str) -> Result<DisputeMirror, PaymentsError> {
        dispute(self.read(RetrieveDispute::new(id)).await?)
    }
}
