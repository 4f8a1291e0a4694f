//! Exact decimals of usage: quantities of a meter, and amounts below a minor unit. Twelve places, as many as Stripe
//! takes.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Decimal places that are kept.
pub const DECIMAL_PLACES: u32 = 12;
/// One, in parts of 10⁻¹².
pub(super) const ONE: i128 = 1_000_000_000_000;
/// The largest quantity, in units: ten quadrillion, ten petabytes in bytes. With twelve places a `Decimal` still holds
/// it.
pub const MAXIMUM_QUANTITY: i64 = 10_000_000_000_000_000;
/// The largest amount of a price, in minor units: Stripe's.
pub const MAXIMUM_AMOUNT: i64 = 999_999_999_999;

/// Why a number cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecimalError {
    /// No number.
    #[error("{0:?} is no decimal number. Write 12 or 0.5, for instance.")]
    Syntax(String),
    /// More than twelve places.
    #[error("A number has at most {DECIMAL_PLACES} decimal places.")]
    TooPrecise,
    /// Out of bounds.
    #[error("The number must not exceed {maximum}.")]
    TooLarge {
        /// The bound.
        maximum: i64,
    },
    /// Below zero, where that has no meaning.
    #[error("The number must not be below zero.")]
    Negative,
}

/// The number in parts of 10⁻¹².
fn parts(number: Decimal, maximum: i64) -> Result<i128, DecimalError> {
    let number = number.normalize();
    let missing = DECIMAL_PLACES.checked_sub(number.scale()).ok_or(DecimalError::TooPrecise)?;
    number
        .mantissa()
        .checked_mul(10_i128.pow(missing))
        .filter(|parts| parts.abs() <= i128::from(maximum) * ONE)
        .ok_or(DecimalError::TooLarge { maximum })
}

/// Reads `12`, `0.5` or `-3.25`: no exponent, no plus, no underscore, which not every reader takes. In parts of 10⁻¹².
fn parse(text: &str, maximum: i64) -> Result<i128, DecimalError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return Err(DecimalError::Syntax(text.chars().take(64).collect()));
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let missing = (DECIMAL_PLACES as usize).checked_sub(fraction.len()).ok_or(DecimalError::TooPrecise)?;
    if whole.len() > 18 {
        return Err(DecimalError::TooLarge { maximum });
    }
    let mut parts = 0_i128;
    for digit in whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', missing)) {
        parts = parts * 10 + i128::from(digit - b'0');
    }
    Ok(if text.starts_with('-') { -parts } else { parts })
}

/// Reads a decimal of JSON, a string or a number, in parts of 10⁻¹². A fraction arrives as a float and is taken as the
/// shortest decimal that means it, which is what its writer wrote.
struct DecimalVisitor {
    maximum: i64,
}

impl serde::de::Visitor<'_> for DecimalVisitor {
    type Value = i128;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a decimal number")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<i128, E> {
        parse(text, self.maximum).map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<i128, E> {
        Ok(i128::from(number) * ONE)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<i128, E> {
        Ok(i128::from(number) * ONE)
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<i128, E> {
        parse(&number.to_string(), self.maximum).map_err(E::custom)
    }
}

macro_rules! exact_decimal {
    ($(#[$meta:meta])* $name:ident, $maximum:expr, $lowest:expr) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(i128);

        impl $name {
            /// None.
            pub const ZERO: Self = Self(0);

            /// The number in parts of 10⁻¹².
            pub(super) const fn parts(self) -> i128 {
                self.0
            }

            /// The number of so many parts of 10⁻¹², if it is within the bounds.
            pub(super) fn from_parts(parts: i128) -> Result<Self, DecimalError> {
                let maximum = $maximum;
                if parts.abs() > i128::from(maximum) * ONE {
                    Err(DecimalError::TooLarge { maximum })
                } else if parts < i128::from($lowest) * ONE {
                    Err(DecimalError::Negative)
                } else {
                    Ok(Self(parts))
                }
            }

            /// The number, with the places it needs.
            pub fn decimal(self) -> Decimal {
                Decimal::from_i128_with_scale(self.0, DECIMAL_PLACES).normalize()
            }
        }

        impl From<u32> for $name {
            fn from(number: u32) -> Self {
                Self(i128::from(number) * ONE)
            }
        }

        impl TryFrom<i64> for $name {
            type Error = DecimalError;

            fn try_from(number: i64) -> Result<Self, DecimalError> {
                Self::from_parts(i128::from(number) * ONE)
            }
        }

        impl TryFrom<Decimal> for $name {
            type Error = DecimalError;

            fn try_from(number: Decimal) -> Result<Self, DecimalError> {
                Self::from_parts(parts(number, $maximum)?)
            }
        }

        impl FromStr for $name {
            type Err = DecimalError;

            fn from_str(text: &str) -> Result<Self, DecimalError> {
                Self::from_parts(parse(text, $maximum)?)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.decimal().fmt(formatter)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let parts = deserializer.deserialize_any(DecimalVisitor { maximum: $maximum })?;
                Self::from_parts(parts).map_err(serde::de::Error::custom)
            }
        }
    };
}

exact_decimal! {
    /// How much of a meter's unit, exactly. It may be below zero: that takes back what was recorded too much.
    Quantity, MAXIMUM_QUANTITY, -MAXIMUM_QUANTITY
}

exact_decimal! {
    /// An amount of a price in minor units, exactly: Stripe's `unit_amount_decimal`. Never below zero.
    DecimalAmount, MAXIMUM_AMOUNT, 0_i64
}

impl Quantity {
    /// The sum; an error when it is out of bounds.
    pub fn checked_add(self, other: Self) -> Result<Self, DecimalError> {
        Self::from_parts(self.0 + other.0)
    }

    /// The quantity, or none when it is below zero.
    pub(super) fn or_zero(self) -> Self {
        self.max(Self::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_out_of_bounds_is_refused_and_never_rounded() {
        for (text, error) in [
            ("", DecimalError::Syntax(String::new())),
            ("1e3", DecimalError::Syntax("1e3".into())),
            ("1_000", DecimalError::Syntax("1_000".into())),
            ("+1", DecimalError::Syntax("+1".into())),
            ("1.2.3", DecimalError::Syntax("1.2.3".into())),
            ("1.", DecimalError::Syntax("1.".into())),
            (".5", DecimalError::Syntax(".5".into())),
            ("--1", DecimalError::Syntax("--1".into())),
            ("NaN", DecimalError::Syntax("NaN".into())),
            ("0.0000000000001", DecimalError::TooPrecise),
            ("0.00000000000000000000000000001", DecimalError::TooPrecise),
            ("10000000000000000.1", DecimalError::TooLarge { maximum: MAXIMUM_QUANTITY }),
            ("-10000000000000001", DecimalError::TooLarge { maximum: MAXIMUM_QUANTITY }),
            ("79228162514264337593543950336", DecimalError::TooLarge { maximum: MAXIMUM_QUANTITY }),
        ] {
            assert_eq!(text.parse::<Quantity>(), Err(error), "{text}");
        }
        assert_eq!("007.5000000000000".parse::<Quantity>().unwrap().to_string(), "7.5");
        assert_eq!("-1".parse::<DecimalAmount>(), Err(DecimalError::Negative));
        assert_eq!("-1".parse::<Quantity>().unwrap().or_zero(), Quantity::ZERO);
        let most: Quantity = "10000000000000000".parse().unwrap();
        assert_eq!(most.checked_add(most), Err(DecimalError::TooLarge { maximum: MAXIMUM_QUANTITY }));
        assert!(DecimalAmount::try_from(MAXIMUM_AMOUNT + 1).is_err());
    }

    #[test]
    fn json_may_hold_a_string_or_a_number() {
        for (json, text) in
            [("\"12.50\"", "12.5"), ("12", "12"), ("-3", "-3"), ("0.1", "0.1"), ("1e3", "1000")]
        {
            assert_eq!(serde_json::from_str::<Quantity>(json).unwrap().to_string(), text);
        }
        for json in ["null", "true", "\"x\"", "1e-13", "1e30", "[1]"] {
            assert!(serde_json::from_str::<Quantity>(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn every_quantity_survives_text_decimal_and_json(
            parts in -i128::from(MAXIMUM_QUANTITY) * ONE..=i128::from(MAXIMUM_QUANTITY) * ONE,
        ) {
            let quantity = Quantity::from_parts(parts).unwrap();
            prop_assert_eq!(quantity.to_string().parse(), Ok(quantity));
            prop_assert_eq!(Quantity::try_from(quantity.decimal()), Ok(quantity));
            let json = serde_json::to_string(&quantity).unwrap();
            prop_assert_eq!(serde_json::from_str::<Quantity>(&json).unwrap(), quantity);
        }
    }
}
