//! Scalars of our own.

use async_graphql::{
    InputObject, InputValueError, InputValueResult, Result, Scalar, ScalarType, SimpleObject, Value,
};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::error::bad_input;
use crate::domain::money as domain;

/// A whole number of 64 bits, as a string of decimal digits, since JSON numbers lose digits beyond 2^53. As input, a
/// string or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BigInt(pub i64);

/// A whole number of 64 bits, as a string of decimal digits, since JSON numbers lose digits beyond 2^53. As input, a
/// string or a number.
#[Scalar(name = "BigInt")]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        let parsed = match &value {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.as_i64(),
            _ => return Err(InputValueError::expected_type(value)),
        };
        parsed.map(Self).ok_or_else(|| InputValueError::custom("a BigInt is a whole number of 64 bits"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// An ISO 4217 currency code in which Stripe can charge, "USD" for instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrencyCode(pub domain::Currency);

/// An ISO 4217 currency code in which Stripe can charge, "USD" for instance.
#[Scalar(name = "CurrencyCode")]
impl ScalarType for CurrencyCode {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(code) = &value else { return Err(InputValueError::expected_type(value)) };
        domain::Currency::parse(code).map(Self).ok_or_else(|| {
            InputValueError::custom(format!("{code:?} is no currency; give an ISO 4217 code such as \"USD\""))
        })
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.code().to_owned())
    }
}

/// A decimal number of any precision, as a string: "29.00".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecimalNumber(pub Decimal);

/// A decimal number of any precision, as a string: "29.00".
#[Scalar(name = "Decimal")]
impl ScalarType for DecimalNumber {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        text.parse().map(Self).map_err(|_| {
            InputValueError::custom(format!("{text:?} is no decimal number; write it as \"29.00\""))
        })
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A time as input, when it is one that both databases can hold and compare: of the years 1 to 9999.
pub fn moment(argument: &str, at: DateTime<Utc>) -> Result<DateTime<Utc>> {
    if CALENDAR.contains(&at.year()) {
        Ok(at)
    } else {
        Err(bad_input(format!("{argument}: this is a time outside the years 1 to 9999.")))
    }
}

/// As [`moment`], when there is one.
pub fn optional_moment(argument: &str, at: Option<DateTime<Utc>>) -> Result<Option<DateTime<Utc>>> {
    at.map(|at| moment(argument, at)).transpose()
}

/// The years that are taken.
const CALENDAR: std::ops::RangeInclusive<i32> = 1..=9999;

/// A calendar day, "2026-11-24".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(pub NaiveDate);

/// A calendar day, "2026-11-24".
#[Scalar(name = "Date")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()
            .filter(|day| CALENDAR.contains(&day.year()))
            .map(Self)
            .ok_or_else(|| InputValueError::custom(format!("{text:?} is no day; write it as \"2026-11-24\"")))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.format("%Y-%m-%d").to_string())
    }
}

/// An amount of one currency.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct Money {
    /// The amount in major units, with exactly the currency's decimals: "29.00" for USD, "2900" for JPY.
    pub amount: DecimalNumber,
    /// The amount in whole minor units: cents for USD, yen for JPY, fils for KWD.
    pub minor_units: BigInt,
    /// The currency.
    pub currency: CurrencyCode,
}

impl From<domain::Money> for Money {
    fn from(money: domain::Money) -> Self {
        Self {
            amount: DecimalNumber(money.amount()),
            minor_units: BigInt(money.minor),
            currency: CurrencyCode(money.currency),
        }
    }
}

/// An amount of one currency, as input.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct MoneyInput {
    /// The amount in whole minor units: cents for USD, yen for JPY, fils for KWD.
    pub minor_units: BigInt,
    /// The currency.
    pub currency: CurrencyCode,
}

impl From<MoneyInput> for domain::Money {
    fn from(input: MoneyInput) -> Self {
        Self::new(input.minor_units.0, input.currency.0)
    }
}
