//! Changing the billing settings: what stands on invoices, and where they go. The details themselves are in
//! `billing_details`.

use serde::Serialize;
use thiserror::Error;

use super::billing_details::{Address, BillingDetails, TaxId};
use super::email;
use super::setting::{FieldChecks, Patch};
use super::tax_id::{self, MAXIMUM_TAX_IDS};
use super::text::{TextError, optional_text, required_text};

/// Addresses to which invoices go at most.
pub const MAXIMUM_BILLING_EMAILS: usize = 10;
/// The longest time to pay, in days.
pub const LONGEST_TERMS: u32 = 365;

/// What is to become of the billing settings.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BillingSettingsPatch {
    /// The name on invoices.
    pub legal_name: Patch<String>,
    /// The address on invoices, whole.
    pub address: Patch<Address>,
    /// The tax ids on invoices, all of them.
    pub tax_ids: Patch<Vec<TaxId>>,
    /// Where invoices go, all of them.
    pub billing_emails: Patch<Vec<String>>,
    /// The customer's own number.
    pub purchase_order_number: Patch<String>,
    /// A line at the foot of every invoice.
    pub invoice_footer: Patch<String>,
    /// Days until an invoice must be paid.
    pub net_terms: Patch<i32>,
}

/// Why a billing setting was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BillingError {
    /// No country.
    #[error("{0:?} is no country. Write its two letters of ISO 3166: DE, GB, CN.")]
    Country(String),
    /// Too long, or none.
    #[error("The time to pay is 0 to {LONGEST_TERMS} days; 0 means at once.")]
    Terms,
}

impl BillingDetails {
    /// The details with what is asked for, or what is wrong with it.
    pub fn patched(&self, patch: BillingSettingsPatch) -> Result<Self, FieldChecks> {
        let (mut new, mut checks) = (self.clone(), FieldChecks::default());
        let text = |maximum: usize| move |text: String| optional_text(Some(&text), maximum);
        // Stripe keeps 150 characters of a name and 140 of a field of an invoice.
        patch.legal_name.apply(&mut new.legal_name, "legalName", &mut checks, text(150));
        let order = patch.purchase_order_number;
        order.apply(&mut new.purchase_order_number, "purchaseOrderNumber", &mut checks, text(140));
        patch.invoice_footer.apply(&mut new.invoice_footer, "invoiceFooter", &mut checks, text(1000));
        patch.net_terms.apply(&mut new.net_terms, "netTerms", &mut checks, |days| {
            u32::try_from(days).ok().filter(|days| *days <= LONGEST_TERMS).ok_or(BillingError::Terms)
        });
        match patch.address {
            Patch::Keep => {}
            Patch::Clear => new.address = None,
            Patch::Set(given) => new.address = Some(address(&given, &mut checks)),
        }
        match patch.tax_ids {
            Patch::Keep => {}
            Patch::Clear => new.tax_ids.clear(),
            Patch::Set(given) => {
                new.tax_ids = Vec::new();
                for tax_id in checks.list("taxIds", given, MAXIMUM_TAX_IDS, |it| tax_id::checked(&it)) {
                    if !new.tax_ids.contains(&tax_id) {
                        new.tax_ids.push(tax_id);
                    }
                }
            }
        }
        match patch.billing_emails {
            Patch::Keep => {}
            Patch::Clear => new.billing_emails.clear(),
            Patch::Set(given) => {
                new.billing_emails = Vec::new();
                for it in
                    checks.list("billingEmails", given, MAXIMUM_BILLING_EMAILS, |it| email::normalized(&it))
                {
                    if !new.billing_emails.contains(&it) {
                        new.billing_emails.push(it);
                    }
                }
            }
        }
        if checks.0.is_empty() { Ok(new) } else { Err(checks) }
    }

    /// The details by the rules of today, or what is wrong with them.
    pub fn checked(self) -> Result<Self, FieldChecks> {
        Self::default().patched(BillingSettingsPatch {
            legal_name: self.legal_name.into(),
            address: self.address.into(),
            tax_ids: Patch::Set(self.tax_ids),
            billing_emails: Patch::Set(self.billing_emails),
            purchase_order_number: self.purchase_order_number.into(),
            invoice_footer: self.invoice_footer.into(),
            net_terms: Patch::Set(i32::try_from(self.net_terms).unwrap_or(i32::MAX)),
        })
    }

    /// Whether Stripe must be told when the details become `new`. It knows nothing of the time to pay but with a
    /// subscription.
    pub fn differs_for_stripe(&self, new: &Self) -> bool {
        *new != Self { net_terms: new.net_terms, ..self.clone() }
    }
}

fn address(given: &Address, checks: &mut FieldChecks) -> Address {
    let mut line = |name: &str, text: Option<&str>, maximum: usize| -> Option<String> {
        checks.check(&format!("address.{name}"), optional_text(text, maximum)).flatten()
    };
    let mut checked = Address {
        line1: line("line1", given.line1.as_deref(), 200),
        line2: line("line2", given.line2.as_deref(), 200),
        city: line("city", given.city.as_deref(), 100),
        state: line("state", given.state.as_deref(), 100),
        postal_code: line("postalCode", given.postal_code.as_deref(), 20),
        country: None,
    };
    // Tax depends on it, and nothing else says it.
    let Some(country) = checks.check("address.country", required(given.country.as_deref())) else {
        return checked;
    };
    let country = country.to_ascii_uppercase();
    let known = rust_iso3166::from_alpha2(&country).map(|it| it.alpha2.to_owned());
    checked.country = checks.check("address.country", known.ok_or(BillingError::Country(country)));
    checked
}

fn required(text: Option<&str>) -> Result<String, TextError> {
    required_text(text.unwrap_or_default(), 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(patch: BillingSettingsPatch) -> Result<BillingDetails, Vec<String>> {
        let wrong = |checks: FieldChecks| checks.0.into_iter().map(|error| error.path).collect();
        BillingDetails::default().patched(patch).map_err(wrong)
    }

    #[test]
    fn everything_wrong_is_named_with_its_field() {
        let tax_id = |kind: &str, value: &str| TaxId { kind: kind.to_owned(), value: value.to_owned() };
        let paths = patched(BillingSettingsPatch {
            legal_name: Patch::Set("4242 4242 4242 4242".to_owned()),
            address: Patch::Set(Address { country: Some("Germany".to_owned()), ..Address::default() }),
            tax_ids: Patch::Set(vec![tax_id("eu_vat", "DE123456789"), tax_id("eu_vat", "DE1")]),
            billing_emails: Patch::Set(vec!["ap@acme.example".to_owned(), "nobody".to_owned()]),
            net_terms: Patch::Set(366),
            ..BillingSettingsPatch::default()
        });
        let expected = ["legalName", "netTerms", "address.country", "taxIds.1", "billingEmails.1"];
        assert_eq!(paths, Err(expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn what_is_written_is_written_one_way() {
        let details = patched(BillingSettingsPatch {
            address: Patch::Set(Address { country: Some("de".to_owned()), ..Address::default() }),
            billing_emails: Patch::Set(vec!["AP@acme.example".to_owned(), "ap@acme.example ".to_owned()]),
            net_terms: Patch::Set(30),
            ..BillingSettingsPatch::default()
        })
        .unwrap();
        assert_eq!(details.address.as_ref().and_then(|it| it.country.as_deref()), Some("DE"));
        assert_eq!(details.billing_emails, ["ap@acme.example"]);
        let longer = BillingDetails { net_terms: 60, ..details.clone() };
        assert!(
            !details.differs_for_stripe(&longer) && details.differs_for_stripe(&BillingDetails::default())
        );
        let cleared = details.patched(BillingSettingsPatch { address: Patch::Clear, ..Default::default() });
        assert_eq!(cleared.map(|it| (it.address, it.net_terms)), Ok((None, 30)));
    }
}
