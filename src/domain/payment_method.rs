//! Payment methods: of a card or a bank account, only what may be shown.

use chrono::{DateTime, TimeZone, Utc};

use super::ids::{OrganizationId, PaymentMethodId, StripePaymentMethodId};

/// What may be known of a card.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Card {
    /// The brand in Stripe's word, `visa`.
    pub brand: String,
    /// The last four digits.
    pub last4: String,
    /// The month of expiry, 1 to 12.
    pub exp_month: i32,
    /// The year of expiry, four digits.
    pub exp_year: i32,
    /// The country of issue, ISO 3166 alpha-2.
    pub country: Option<String>,
    /// Stripe's fingerprint: equal for the same card number.
    pub fingerprint: Option<String>,
}

impl Card {
    /// When it expires: the end of its last month, in UTC.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        let (year, month) = match self.exp_month {
            12 => (self.exp_year.checked_add(1)?, 1),
            month @ 1..=11 => (self.exp_year, month.unsigned_abs() + 1),
            _ => return None,
        };
        Utc.with_ymd_and_hms(year, month, 1, 0, 0, 0).single()
    }
}

/// What may be known of a bank account.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BankAccount {
    /// The bank's name, or its code where Stripe tells no name.
    pub bank_name: Option<String>,
    /// The last digits of the account's number.
    pub last4: Option<String>,
}

/// A payment method of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentMethod {
    /// Our id.
    pub id: PaymentMethodId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The payment method at Stripe.
    pub stripe_payment_method_id: StripePaymentMethodId,
    /// Stripe's type, `card` for instance.
    pub kind: String,
    /// The card, when it is one.
    pub card: Option<Card>,
    /// The bank account, when it is one.
    pub bank_account: Option<BankAccount>,
    /// Whether invoices are charged to it unless a subscription says otherwise.
    pub is_default: bool,
    /// When it was detached; a detached one cannot be charged.
    pub detached_at: Option<DateTime<Utc>>,
    /// When the row was last known to equal Stripe's object.
    pub stripe_synced_at: DateTime<Utc>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    pub updated_at: DateTime<Utc>,
}

impl PaymentMethod {
    /// For people: "visa •••• 4242", "STRIPE TEST BANK •••• 6789", or Stripe's type when nothing more is known.
    pub fn summary(&self) -> String {
        let of_bank = self.bank_account.as_ref();
        let card = self.card.as_ref();
        let name =
            card.map(|card| card.brand.as_str()).or(of_bank.and_then(|bank| bank.bank_name.as_deref()));
        let last4 = self.last4();
        let name = name.unwrap_or(&self.kind);
        match last4 {
            Some(last4) => format!("{name} •••• {last4}"),
            None => name.to_owned(),
        }
    }

    /// The last digits of the card's or the account's number.
    fn last4(&self) -> Option<&str> {
        let card = self.card.as_ref().map(|card| card.last4.as_str());
        card.or(self.bank_account.as_ref().and_then(|bank| bank.last4.as_deref()))
    }

    fn bank_name(&self) -> Option<&str> {
        self.bank_account.as_ref().and_then(|bank| bank.bank_name.as_deref())
    }

    /// What audit records keep of it.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "kind": self.kind,
            "brand": self.card.as_ref().map(|card| &card.brand),
            "bankName": self.bank_name(),
            "last4": self.last4(),
            "expMonth": self.card.as_ref().map(|card| card.exp_month),
            "expYear": self.card.as_ref().map(|card| card.exp_year),
            "isDefault": self.is_default,
            "detachedAt": self.detached_at,
            "stripePaymentMethodId": self.stripe_payment_method_id,
        })
    }
}

impl PaymentMethod {
    /// What must equal Stripe's object. Which one is the default is the customer's to say, and when one was detached
    /// Stripe does not tell.
    pub fn mirrored_values(&self) -> serde_json::Value {
        serde_json::json!({
            "kind": self.kind,
            "brand": self.card.as_ref().map(|card| &card.brand),
            "bankName": self.bank_name(),
            "last4": self.last4(),
            "expMonth": self.card.as_ref().map(|card| card.exp_month),
            "expYear": self.card.as_ref().map(|card| card.exp_year),
            "country": self.card.as_ref().and_then(|card| card.country.as_ref()),
            "fingerprint": self.card.as_ref().and_then(|card| card.fingerprint.as_ref()),
            "isAttached": self.detached_at.is_none(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_told_by_what_is_known_of_it() {
        let at = Utc.with_ymd_and_hms(2026, 11, 27, 0, 0, 0).unwrap();
        let method = |bank_name: Option<&str>, last4: Option<&str>| PaymentMethod {
            id: PaymentMethodId(uuid::Uuid::from_u128(1)),
            organization_id: OrganizationId(uuid::Uuid::from_u128(2)),
            stripe_payment_method_id: "pm_1".into(),
            kind: "sepa_debit".to_owned(),
            card: None,
            bank_account: Some(BankAccount {
                bank_name: bank_name.map(str::to_owned),
                last4: last4.map(str::to_owned),
            }),
            is_default: false,
            detached_at: None,
            stripe_synced_at: at,
            created_at: at,
            updated_at: at,
        };
        assert_eq!(method(Some("COBADEFF"), Some("3000")).summary(), "COBADEFF •••• 3000");
        assert_eq!(method(None, Some("3000")).summary(), "sepa_debit •••• 3000");
        assert_eq!(method(None, None).summary(), "sepa_debit");
        assert_eq!(PaymentMethod { bank_account: None, ..method(None, None) }.summary(), "sepa_debit");
    }

    #[test]
    fn a_card_can_be_charged_until_its_month_ends() {
        let card = |exp_month, exp_year| Card {
            brand: "visa".to_owned(),
            last4: "4242".to_owned(),
            exp_month,
            exp_year,
            country: None,
            fingerprint: None,
        };
        let shown = |card: Card| card.expires_at().map(|at| at.to_rfc3339());
        assert_eq!(shown(card(12, 2027)).as_deref(), Some("2028-01-01T00:00:00+00:00"));
        assert_eq!(shown(card(2, 2028)).as_deref(), Some("2028-03-01T00:00:00+00:00"));
        assert_eq!((shown(card(0, 2028)), shown(card(13, 2028))), (None, None));
    }
}
