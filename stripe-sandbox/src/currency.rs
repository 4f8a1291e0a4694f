//! Which currencies Stripe takes, and between which amounts.

use crate::decimal::Decimal;
use crate::errors::ApiError;

/// Stripe's upper bound of an amount, in minor units.
const MAXIMUM: i64 = 99_999_999;

/// ISO 4217 codes Stripe charges in.
const SUPPORTED: &str = "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny cop \
crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl hrk htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd \
kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf \
sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw";

/// The smallest charge in minor units; Stripe names these currencies, the others are converted into the account's.
const MINIMUM: &[(&str, i64)] = &[
    ("usd", 50),
    ("aed", 200),
    ("aud", 50),
    ("bgn", 100),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("huf", 17500),
    ("inr", 50),
    ("jpy", 50),
    ("mxn", 1000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("pln", 200),
    ("ron", 200),
    ("sek", 300),
    ("sgd", 50),
    ("thb", 1000),
];

const ZERO_DECIMAL: &[&str] = &[
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf",
];
const THREE_DECIMAL: &[&str] = &["bhd", "jod", "kwd", "omr", "tnd"];
/// Currencies without decimals whose amounts Stripe takes in hundredths all the same, as it did before.
const WHOLE_ONLY: &[&str] = &["isk", "ugx"];

/// The code in lower case, or Stripe's refusal of one it does not know.
pub(crate) fn check(code: &str) -> Result<String, ApiError> {
    let lower = code.to_ascii_lowercase();
    if SUPPORTED.split(' ').any(|known| known == lower) {
        return Ok(lower);
    }
    let known: Vec<&str> = SUPPORTED.split(' ').collect();
    Err(ApiError::invalid(format!(
        "Invalid currency: {code}. Stripe currently supports these currencies: {}",
        known.join(", ")
    ))
    .param("currency"))
}

/// Refuses what card networks do not move: hundredths of currencies that have none, and the last digit of those of three
/// decimals. Invoices may add up to any whole number of minor units.
pub(crate) fn check_rounded(amount: i64, currency: &str) -> Result<(), ApiError> {
    let name = currency.to_ascii_uppercase();
    if WHOLE_ONLY.contains(&currency) && amount % 100 != 0 {
        let message = format!(
            "Invalid amount. Currency {name} has become effectively zero-decimal and charged amounts must be evenly divisible by 100. See \
             https://stripe.com/docs/currencies#special-cases for more information."
        );
        return Err(ApiError::invalid(message)
            .code("invalid_charge_amount_no_decimal_compatible")
            .param("amount"));
    }
    if THREE_DECIMAL.contains(&currency) && amount % 10 != 0 {
        let message = format!(
            "Invalid amount. {name} has three decimals, the last of which must be 0: round the amount to the nearest ten. See \
             https://stripe.com/docs/currencies#three-decimal for more information."
        );
        return Err(ApiError::invalid(message).code("invalid_charge_amount").param("amount"));
    }
    Ok(())
}

/// Refuses amounts that Stripe does not charge.
pub(crate) fn check_charge(amount: i64, currency: &str) -> Result<(), ApiError> {
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(ApiError::parameter("parameter_invalid_integer", "amount", message));
    }
    let minimum = minimum(currency);
    if amount < minimum {
        let message = format!("Amount must be at least {}", display(minimum, currency));
        return Err(ApiError::invalid(message).code("amount_too_small").param("amount"));
    }
    if amount > MAXIMUM {
        let message = format!("Amount must be no more than {}", display(MAXIMUM, currency));
        return Err(ApiError::invalid(message).code("amount_too_large").param("amount"));
    }
    check_rounded(amount, currency)
}

/// Decimal places of the major unit.
fn exponent(currency: &str) -> u32 {
    if ZERO_DECIMAL.contains(&currency) {
        0
    } else if THREE_DECIMAL.contains(&currency) {
        3
    } else {
        2
    }
}

/// The smallest amount that is charged.
pub(crate) fn minimum(currency: &str) -> i64 {
    MINIMUM.iter().find(|(code, _)| *code == currency).map_or(1, |(_, minimum)| *minimum)
}

/// An amount for people, for example `$29.00` or `2,900 jpy` without the comma.
pub(crate) fn display(minor: i64, currency: &str) -> String {
    let exponent = exponent(currency);
    let unit = 10_u64.pow(exponent);
    let (sign, magnitude) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    let digits = match exponent {
        0 => magnitude.to_string(),
        places => format!("{}.{:0width$}", magnitude / unit, magnitude % unit, width = places as usize),
    };
    with_symbol(sign, &digits, currency)
}

/// An amount with fractions of a minor unit for people, for example `$0.0025`.
pub(crate) fn display_exactly(minor: Decimal, currency: &str) -> String {
    let major = minor.shifted(exponent(currency)).to_string();
    match major.strip_prefix('-') {
        Some(digits) => with_symbol("-", digits, currency),
        None => with_symbol("", &major, currency),
    }
}

fn with_symbol(sign: &str, digits: &str, currency: &str) -> String {
    match currency {
        "usd" => format!("{sign}${digits}"),
        "eur" => format!("{sign}€{digits}"),
        "gbp" => format!("{sign}£{digits}"),
        "jpy" => format!("{sign}¥{digits}"),
        other => format!("{sign}{digits} {}", other.to_ascii_uppercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_with_the_currencys_own_exponent() {
        assert_eq!(display(2900, "usd"), "$29.00");
        assert_eq!(display(-5, "usd"), "-$0.05");
        assert_eq!(display(2900, "jpy"), "¥2900");
        assert_eq!(display(1500, "kwd"), "1.500 KWD");
        let tenth = Decimal::parse("0.1").unwrap();
        assert_eq!(["usd", "jpy"].map(|code| display_exactly(tenth, code)), ["$0.001", "¥0.1"]);
    }

    #[test]
    fn amounts_below_the_minimum_and_over_the_maximum_are_refused() {
        let code = |amount, currency| check_charge(amount, currency).unwrap_err().field("code").cloned();
        assert_eq!(code(49, "usd"), Some("amount_too_small".into()));
        assert_eq!(code(100_000_000, "usd"), Some("amount_too_large".into()));
        assert!(check_charge(50, "usd").is_ok());
        assert_eq!(code(1505, "kwd"), Some("invalid_charge_amount".into()));
        assert_eq!(code(150, "isk"), Some("invalid_charge_amount_no_decimal_compatible".into()));
        assert!(check_charge(1510, "kwd").is_ok() && check_charge(500, "ugx").is_ok());
        assert_eq!(display(500, "ugx"), "5.00 UGX");
        assert!(check("usdx").is_err());
    }
}
