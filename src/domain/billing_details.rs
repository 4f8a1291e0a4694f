//! Billing details: what stands on an organization's invoices, read from its billing settings.

use serde::{Deserialize, Serialize};

/// A postal address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Address {
    /// Street and number.
    pub line1: Option<String>,
    /// Floor, suite.
    pub line2: Option<String>,
    /// The town.
    pub city: Option<String>,
    /// The state or province.
    pub state: Option<String>,
    /// The postal code.
    pub postal_code: Option<String>,
    /// ISO 3166 alpha-2.
    pub country: Option<String>,
}

/// A tax id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaxId {
    /// Stripe's type of it, `eu_vat` for instance.
    #[serde(rename = "type")]
    pub kind: String,
    /// The number.
    pub value: String,
}

/// What the billing settings say that Stripe must know. Other fields of the document are left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BillingDetails {
    /// The name on invoices.
    pub legal_name: Option<String>,
    /// The address on invoices; tax depends on it.
    pub address: Option<Address>,
    /// The tax ids on invoices.
    pub tax_ids: Vec<TaxId>,
    /// Where invoices go: Stripe writes to the first.
    pub billing_emails: Vec<String>,
    /// The customer's own number, printed on every invoice.
    pub purchase_order_number: Option<String>,
    /// A line at the foot of every invoice.
    pub invoice_footer: Option<String>,
    /// Days until an invoice must be paid that is sent instead of charged; zero: charged at once.
    pub net_terms: u32,
}

impl BillingDetails {
    /// The details in a settings document. What cannot be read must not be taken for nothing: Stripe would be told so.
    pub fn read(document: &serde_json::Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(document.clone())
    }

    /// Whether there is nothing that Stripe must know.
    pub fn is_empty(&self) -> bool {
        *self == Self { net_terms: self.net_terms, ..Self::default() }
    }

    /// Where Stripe writes to.
    pub fn email(&self) -> Option<&str> {
        self.billing_emails.first().map(String::as_str)
    }
}

/// What stands on a customer's invoices: as Stripe has it, or as it should.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerDetails {
    /// The name.
    pub name: Option<String>,
    /// Where Stripe writes to.
    pub email: Option<String>,
    /// The address; all of its parts are empty when there is none.
    pub address: Address,
    /// The customer's own number.
    pub purchase_order_number: Option<String>,
    /// The line at the foot.
    pub invoice_footer: Option<String>,
    /// The tax ids, in order.
    pub tax_ids: Vec<TaxId>,
}

impl CustomerDetails {
    /// What should stand there by the billing settings of an organization of this name.
    pub fn wanted(details: &BillingDetails, organization: &str) -> Self {
        let mut tax_ids = details.tax_ids.clone();
        tax_ids.sort();
        Self {
            name: Some(details.legal_name.as_deref().unwrap_or(organization).to_owned()),
            email: details.email().map(str::to_owned),
            address: details.address.clone().unwrap_or_default(),
            purchase_order_number: details.purchase_order_number.clone(),
            invoice_footer: details.invoice_footer.clone(),
            tax_ids,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stripe_must_know_is_read_and_the_rest_left_alone() {
        let details = BillingDetails::read(&json!({
            "legalName": "Acme Corporation Ltd", "billingEmails": ["ap@acme.example", "cfo@acme.example"],
            "address": { "line1": "1 High Street", "country": "GB" },
            "taxIds": [{ "type": "gb_vat", "value": "GB123456789" }],
            "purchaseOrderNumber": "PO-7", "netTerms": 30, "somethingElse": true,
        }))
        .unwrap();
        assert_eq!(details.legal_name.as_deref(), Some("Acme Corporation Ltd"));
        assert_eq!(details.email(), Some("ap@acme.example"));
        assert_eq!(details.tax_ids[0].kind, "gb_vat");
        assert_eq!(details.address.unwrap().country.as_deref(), Some("GB"));
        assert_eq!((details.net_terms, details.purchase_order_number.as_deref()), (30, Some("PO-7")));
    }

    #[test]
    fn a_document_of_nothing_is_nothing() {
        let is_empty = |document| BillingDetails::read(&document).map(|it| it.is_empty()).ok();
        assert_eq!(is_empty(json!({})), Some(true));
        assert_eq!(is_empty(json!({ "netTerms": 14 })), Some(true));
        assert_eq!(is_empty(json!({ "legalName": "Acme" })), Some(false));
        assert_eq!(is_empty(json!({ "legalName": 7 })), None);
    }
}
