//! Money: whole minor units of one currency. Never a float, never a sum across currencies.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A currency in which Stripe can charge.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

/// Currencies that ISO 4217 gives no minor unit but that Stripe still expects in hundredths.
/// Source: <https://docs.stripe.com/currencies#special-cases>.
const STRIPE_TWO_DECIMAL: [&str; 2] = ["ISK", "UGX"];

/// Currencies that Stripe treats as having no minor unit, whatever ISO 4217 says.
/// Source: <https://docs.stripe.com/currencies#zero-decimal>.
const STRIPE_ZERO_DECIMAL: [&str; 15] =
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];

impl Currency {
    /// The US dollar.
    pub const USD: Self = Self(iso_currency::Currency::USD);

    /// Parses an ISO 4217 code in either case. Codes that are no money one can be charged in (funds, metals, tests)
    /// are refused.
    pub fn parse(code: &str) -> Option<Self> {
        if code.len() != 3 {
            return None;
        }
        let currency = iso_currency::Currency::from_code(&code.to_ascii_uppercase())?;
        if currency.is_fund() || currency.is_special() || currency.exponent().is_none() {
            return None;
        }
        Some(Self(currency))
    }

    /// The upper-case ISO 4217 code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// The lower-case code, as Stripe's API writes it.
    pub fn stripe_code(self) -> String {
        self.code().to_ascii_lowercase()
    }

    /// How many decimal places a minor unit stands for: 0 for JPY, 2 for USD, 3 for KWD; by Stripe's rule where it
    /// differs from ISO 4217.
    pub fn exponent(self) -> u32 {
        if STRIPE_ZERO_DECIMAL.contains(&self.code()) {
            0
        } else if STRIPE_TWO_DECIMAL.contains(&self.code()) {
            2
        } else {
            self.0.exponent().map_or(2, u32::from)
        }
    }

    /// The largest amount that Stripe charges at once, in minor units: eight digits, twelve for IDR, ten for COP, HUF
    /// and TWD, nine for INR. Source: <https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>.
    pub fn maximum_minor(self) -> i64 {
        match self.code() {
            "IDR" => 999_999_999_999,
            "COP" | "HUF" | "TWD" => 9_999_999_999,
            "INR" => 999_999_999,
            _ => 99_999_999,
        }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::parse(&code).ok_or_else(|| serde::de::Error::custom(format!("unknown currency {code:?}")))
    }
}

/// An amount of one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Whole minor units: cents for USD, yen for JPY, fils for KWD.
    pub minor: i64,
    /// The currency that gives the units their size.
    pub currency: Currency,
}

/// Why an amount cannot be charged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AmountError {
    /// Less than nothing.
    #[error("The amount must not be below zero.")]
    Negative,
    /// Nothing, where something is needed.
    #[error("The amount must be above zero.")]
    Zero,
    /// More than Stripe charges at once.
    #[error("The amount must not exceed {maximum} minor units of {currency}.")]
    AboveMaximum {
        /// The bound, in minor units.
        maximum: i64,
        /// The currency it holds for.
        currency: Currency,
    },
    /// Stripe rounds charges in three-decimal currencies to tens.
    #[error("Amounts in {currency} must be a multiple of 10 minor units.")]
    NotRounded {
        /// The three-decimal currency.
        currency: Currency,
    },
}

impl Money {
    /// `minor` units of `currency`.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The amount as a decimal number of major units, with exactly the currency's decimals.
    pub fn amount(self) -> Decimal {
        Decimal::from_i128_with_scale(i128::from(self.minor), self.currency.exponent())
    }

    /// The sum, if both are of one currency and it can be represented.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        (self.currency == other.currency)
            .then(|| self.minor.checked_add(other.minor))
            .flatten()
            .map(|minor| Self::new(minor, self.currency))
    }

    /// Checks that the amount may be a price: zero or more, at most Stripe's maximum.
    pub fn check_price(self) -> Result<(), AmountError> {
        if self.minor < 0 {
            return Err(AmountError::Negative);
        }
        let maximum = self.currency.maximum_minor();
        if self.minor > maximum {
            return Err(AmountError::AboveMaximum { maximum, currency: self.currency });
        }
        if self.currency.exponent() == 3 && self.minor % 10 != 0 {
            return Err(AmountError::NotRounded { currency: self.currency });
        }
        Ok(())
    }

    /// Checks that the amount may be charged: a price above zero. Stripe's minimum depends on the settlement currency
    /// and is Stripe's to refuse.
    pub fn check_charge(self) -> Result<(), AmountError> {
        self.check_price()?;
        if self.minor == 0 { Err(AmountError::Zero) } else { Ok(()) }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(minor: i64, code: &str) -> Money {
        Money::new(minor, Currency::parse(code).unwrap())
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        assert_eq!(money(2900, "usd").amount().to_string(), "29.00");
        assert_eq!(money(2900, "JPY").amount().to_string(), "2900");
        assert_eq!(money(2900, "KWD").amount().to_string(), "2.900");
        assert_eq!(money(-5, "USD").amount().to_string(), "-0.05");
        assert_eq!(money(i64::MAX, "USD").amount().to_string(), "92233720368547758.07");
    }

    #[test]
    fn stripe_overrules_iso_where_they_differ() {
        assert_eq!(Currency::parse("ISK").unwrap().exponent(), 2);
        assert_eq!(Currency::parse("UGX").unwrap().exponent(), 2);
        assert_eq!(Currency::parse("MGA").unwrap().exponent(), 0);
    }

    #[test]
    fn what_is_no_money_is_no_currency() {
        for code in ["", "US", "USDX", "XXX", "XTS", "XAU", "ZZZ", "U$D", "日本"] {
            assert!(Currency::parse(code).is_none(), "{code}");
        }
    }

    #[test]
    fn sums_never_cross_currencies_or_overflow() {
        assert_eq!(money(1, "USD").checked_add(money(2, "USD")), Some(money(3, "USD")));
        assert_eq!(money(1, "USD").checked_add(money(2, "EUR")), None);
        assert_eq!(money(i64::MAX, "USD").checked_add(money(1, "USD")), None);
    }

    #[test]
    fn charges_are_above_zero_and_within_the_maximum() {
        assert_eq!(money(-1, "USD").check_charge(), Err(AmountError::Negative));
        assert_eq!(money(0, "USD").check_charge(), Err(AmountError::Zero));
        assert!(money(0, "USD").check_price().is_ok());
        assert!(money(99_999_999, "USD").check_charge().is_ok());
        assert!(matches!(money(100_000_000, "USD").check_charge(), Err(AmountError::AboveMaximum { .. })));
        assert!(matches!(money(1_005, "KWD").check_charge(), Err(AmountError::NotRounded { .. })));
    }
}
