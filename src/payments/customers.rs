//! Customers.

use std::collections::BTreeMap;

use serde_json::Value;
use stripe_billing::tax_id::{DeleteCustomerTaxId, ListCustomerTaxId};
use stripe_core::customer::{
    RetrieveCustomer, RetrieveCustomerReturned, UpdateCustomer, UpdateCustomerInvoiceSettings,
};

use super::client::{IdempotencyKey, Stripe};
use super::convert::{customer, deleted_customer};
use super::error::PaymentsError;
use crate::domain::billing_details::{Address, BillingDetails, CustomerDetails, TaxId};
use crate::domain::ids::{StripeCustomerId, StripePaymentMethodId};
use crate::domain::mirror::CustomerMirror;

/// The tax ids that are sent with a new customer, at most; customerSync brings the others.
const MAXIMUM_NEW_TAX_IDS: usize = 5;

/// The name of the field of an invoice that the customer's own number stands in.
const PURCHASE_ORDER: &str = "Purchase order";

/// A new customer.
#[derive(Clone, Debug)]
pub struct NewCustomer {
    /// The name on invoices.
    pub name: String,
    /// What else stands on them.
    pub details: BillingDetails,
    /// Our notes.
    pub metadata: BTreeMap<String, String>,
}

impl Stripe {
    /// Creates a customer.
    pub async fn create_customer(
        &self,
        new: &NewCustomer,
        key: &IdempotencyKey,
    ) -> Result<CustomerMirror, PaymentsError> {
        let form = details_form(&new.name, &new.details);
        let mut form: Vec<_> = form.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        for (index, tax_id) in new.details.tax_ids.iter().take(MAXIMUM_NEW_TAX_IDS).enumerate() {
            form.push((format!("tax_id_data[{index}][type]"), tax_id.kind.as_str()));
            form.push((format!("tax_id_data[{index}][value]"), tax_id.value.as_str()));
        }
        form.extend(new.metadata.iter().map(|(name, value)| (format!("metadata[{name}]"), value.as_str())));
        let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let created: stripe_shared::Customer = self.change_form("/customers".to_owned(), &form, key).await?;
        Ok(customer(created))
    }

    /// A customer, or that it is deleted.
    pub async fn retrieve_customer(&self, id: &StripeCustomerId) -> Result<CustomerMirror, PaymentsError> {
        Ok(match self.read(RetrieveCustomer::new(id.as_str())).await? {
            RetrieveCustomerReturned::Customer(it) => customer(it),
            RetrieveCustomerReturned::DeletedCustomer(it) => deleted_customer(it.id.as_str()),
        })
    }

    /// What stands on a customer's invoices; `None` when it is deleted.
    pub async fn customer_details(
        &self,
        id: &StripeCustomerId,
    ) -> Result<Option<CustomerDetails>, PaymentsError> {
        let shown = self.read_value(&format!("/customers/{id}"), &[("expand[]", "tax_ids")]).await?;
        if shown["deleted"] == true {
            return Ok(None);
        }
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let settings = &shown["invoice_settings"];
        let fields = settings["custom_fields"].as_array().into_iter().flatten();
        let mut number = fields.filter(|field| field["name"] == PURCHASE_ORDER);
        let part = |name: &str| text(&shown["address"][name]);
        let ids = &shown["tax_ids"];
        let mut tax_ids: Vec<TaxId> = if ids["has_more"] == true {
            self.tax_ids_of(id).await?.into_iter().map(|(_, tax_id)| tax_id).collect()
        } else {
            let listed = ids["data"].as_array().into_iter().flatten();
            listed
                .filter_map(|it| Some(TaxId { kind: text(&it["type"])?, value: text(&it["value"])? }))
                .collect()
        };
        tax_ids.sort();
        Ok(Some(CustomerDetails {
            name: text(&shown["name"]),
            email: text(&shown["email"]),
            address: Address {
                line1: part("line1"),
                line2: part("line2"),
                city: part("city"),
                state: part("state"),
                postal_code: part("postal_code"),
                country: part("country"),
            },
            purchase_order_number: number.next().and_then(|field| text(&field["value"])),
            invoice_footer: text(&settings["footer"]),
            tax_ids,
        }))
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

    /// Brings what stands on a customer's invoices in step: what is not given is gone there, too.
    pub async fn update_customer(
        &self,
        id: &StripeCustomerId,
        name: &str,
        details: &BillingDetails,
        key: &IdempotencyKey,
    ) -> Result<CustomerMirror, PaymentsError> {
        // As a form: async-stripe's types cannot say that a field is to be cleared.
        let mut form = details_form(name, details);
        if details.purchase_order_number.is_none() {
            form.push(("invoice_settings[custom_fields]", ""));
        }
        if details.address.is_none() {
            form.push(("address", ""));
        }
        let updated: stripe_shared::Customer =
            self.change_form(format!("/customers/{id}"), &form, key).await?;
        // Stripe unsets these, though its description does not say so: asked for by themselves, and where there is something
        // to unset, so that the day it does not is no day on which nothing is brought in step.
        let footer = updated.invoice_settings.as_ref().and_then(|it| it.footer.as_ref());
        let unset = [
            ("email", updated.email.is_some() && details.email().is_none()),
            ("invoice_settings[footer]", footer.is_some() && details.invoice_footer.is_none()),
        ];
        let unset: Vec<_> =
            unset.into_iter().filter(|(_, is_left)| *is_left).map(|(it, _)| (it, "")).collect();
        if unset.is_empty() {
            return Ok(customer(updated));
        }
        let key = key.in_other_words("unset");
        self.change_form::<stripe_shared::Customer>(format!("/customers/{id}"), &unset, &key)
            .await
            .map(customer)
    }

    /// The tax ids of a customer, each with Stripe's id of it.
    pub async fn tax_ids_of(&self, id: &StripeCustomerId) -> Result<Vec<(String, TaxId)>, PaymentsError> {
        let page = self.read(ListCustomerTaxId::new(id.as_str()).limit(100)).await?;
        Ok(page
            .data
            .into_iter()
            .map(|it| {
                (it.id.as_str().to_owned(), TaxId { kind: it.type_.as_str().to_owned(), value: it.value })
            })
            .collect())
    }

    /// Adds a tax id to a customer.
    pub async fn create_tax_id(
        &self,
        id: &StripeCustomerId,
        tax_id: &TaxId,
        key: &IdempotencyKey,
    ) -> Result<(), PaymentsError> {
        let form = [("type", tax_id.kind.as_str()), ("value", tax_id.value.as_str())];
        let path = format!("/customers/{id}/tax_ids");
        self.change_form::<stripe_shared::TaxId>(path, &form, key).await.map(drop)
    }

    /// Takes a tax id from a customer. One that is gone is gone.
    pub async fn delete_tax_id(
        &self,
        id: &StripeCustomerId,
        tax_id: &str,
        key: &IdempotencyKey,
    ) -> Result<(), PaymentsError> {
        match self.change(DeleteCustomerTaxId::new(id.as_str(), tax_id), key).await {
            Ok(_) | Err(PaymentsError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What stands on a customer's invoices, as Stripe is told it. An address is told whole: what is left out of it is gone.
fn details_form<'a>(name: &'a str, details: &'a BillingDetails) -> Vec<(&'static str, &'a str)> {
    let mut form = vec![("name", name)];
    form.extend(details.email().map(|email| ("email", email)));
    form.extend(details.invoice_footer.as_deref().map(|footer| ("invoice_settings[footer]", footer)));
    if let Some(number) = details.purchase_order_number.as_deref() {
        form.extend([
            ("invoice_settings[custom_fields][0][name]", PURCHASE_ORDER),
            ("invoice_settings[custom_fields][0][value]", number),
        ]);
    }
    if let Some(address) = &details.address {
        let parts = [
            ("address[line1]", &address.line1),
            ("address[line2]", &address.line2),
            ("address[city]", &address.city),
            ("address[state]", &address.state),
            ("address[postal_code]", &address.postal_code),
            ("address[country]", &address.country),
        ];
        form.extend(parts.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))));
    }
    form
}
