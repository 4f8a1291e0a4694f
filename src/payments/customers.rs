//! Customers.

use std::collections::BTreeMap;

use stripe_core::customer::{
    CreateCustomer, RetrieveCustomer, RetrieveCustomerReturned, UpdateCustomer, UpdateCustomerInvoiceSettings,
};

use super::client::{IdempotencyKey, Stripe};
use super::convert::{customer, deleted_customer};
use super::error::PaymentsError;
use crate::domain::ids::{StripeCustomerId, StripePaymentMethodId};
use crate::domain::mirror::CustomerMirror;

/// A new customer.
#[derive(Clone, Debug)]
pub struct NewCustomer {
    /// The name on invoices.
    pub name: String,
    /// Where Stripe writes to.
    pub email: Option<String>,
    /// Our notes.
    pub metadata: BTreeMap<String, String>,
}

impl Stripe {
    /// Creates a customer.
    pub async fn create_customer(
        &self,
        new: NewCustomer,
        key: &IdempotencyKey,
    ) -> Result<CustomerMirror, PaymentsError> {
        let mut request = CreateCustomer::new()
            .name(new.name)
            .metadata(new.metadata.into_iter().collect::<std::collections::HashMap<_, _>>());
        if let Some(email) = new.email {
            request = request.email(email);
        }
        self.change(request, key).await.map(customer)
    }

    /// A customer, or that it is deleted.
    pub async fn retrieve_customer(&self, id: &StripeCustomerId) -> Result<CustomerMirror, PaymentsError> {
        Ok(match self.read(RetrieveCustomer::new(id.as_str())).await? {
            RetrieveCustomerReturned::Customer(it) => customer(it),
            RetrieveCustomerReturned::DeletedCustomer(it) => deleted_customer(it.id.as_str()),
        })
    }

    /// Makes a payment method the one that invoices charge.
    pub async fn set_default_payment_method(
        &self,
        id: &StripeCustomerId,
        payment_method: &StripePaymentMethodId,
        key: &IdempotencyKey,
    ) -> Result<CustomerMirror, PaymentsError> {
        let mut settings = UpdateCustomerInvoiceSettings::new();
        settings.default_payment_method = Some(payment_method.0.clone());
        self.change(UpdateCustomer::new(id.as_str()).invoice_settings(settings), key).await.map(customer)
    }
}
