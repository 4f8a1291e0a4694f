//! Charges: how usage of a meter becomes money. What a charge is; `rating` works out what it costs.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::money::{AmountError, Currency, Money};
use super::quantity::{DecimalAmount, Quantity};
use super::string_enum;

/// Tiers of a charge at most.
pub const MAXIMUM_TIERS: usize = 100;

/// One tier: from where the one before ends, without it, up to its bound, with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tier {
    /// The last quantity in it; `None` for the last tier, which has no end.
    pub up_to: Option<Quantity>,
    /// For one unit, in minor units of the currency.
    #[serde(default)]
    pub unit_amount: DecimalAmount,
    /// For the tier, whatever the quantity in it, in minor units of the currency.
    #[serde(default)]
    pub flat_amount: DecimalAmount,
}

/// Tiers in ascending order; only the last has no end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Tier>")]
pub struct Tiers(Vec<Tier>);

/// What is wrong with tiers. Tiers are counted from 0 here, as in a path, and from 1 in the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TierError {
    /// There is none.
    #[error("There must be at least one tier.")]
    None,
    /// There are too many.
    #[error("There must be at most {MAXIMUM_TIERS} tiers.")]
    TooMany,
    /// A tier other than the last has no end.
    #[error("Tier {} has no upper bound. Only the last tier may have none.", tier + 1)]
    Open {
        /// Which.
        tier: usize,
    },
    /// The last tier has an end: some quantities would have no price.
    #[error("Tier {} is the last and must have no upper bound.", tier + 1)]
    Closed {
        /// Which.
        tier: usize,
    },
    /// A tier ends where the one before ends, or earlier. The first must end above zero.
    #[error("Tier {} ends at {up_to}, which is not above {above}, where it begins.", tier + 1)]
    NotAscending {
        /// Which.
        tier: usize,
        /// Its bound.
        up_to: Quantity,
        /// What the bound must exceed.
        above: Quantity,
    },
}

impl TierError {
    /// The tier it is about, counted from 0; `None` when it is about all of them.
    pub const fn tier(&self) -> Option<usize> {
        match self {
            Self::None | Self::TooMany => None,
            Self::Open { tier } | Self::Closed { tier } | Self::NotAscending { tier, .. } => Some(*tier),
        }
    }
}

impl Tiers {
    /// Checks that every quantity lies in exactly one tier.
    pub fn new(tiers: Vec<Tier>) -> Result<Self, TierError> {
        let last = tiers.len().checked_sub(1).ok_or(TierError::None)?;
        if tiers.len() > MAXIMUM_TIERS {
            return Err(TierError::TooMany);
        }
        let mut above = Quantity::ZERO;
        for (tier, bound) in tiers.iter().map(|tier| tier.up_to).enumerate() {
            match bound {
                None if tier < last => return Err(TierError::Open { tier }),
                Some(_) if tier == last => return Err(TierError::Closed { tier }),
                Some(up_to) if up_to <= above => return Err(TierError::NotAscending { tier, up_to, above }),
                Some(up_to) => above = up_to,
                None => {}
            }
        }
        Ok(Self(tiers))
    }

    /// The tiers, ascending.
    pub fn as_slice(&self) -> &[Tier] {
        &self.0
    }
}

impl TryFrom<Vec<Tier>> for Tiers {
    type Error = TierError;

    fn try_from(tiers: Vec<Tier>) -> Result<Self, TierError> {
        Self::new(tiers)
    }
}

/// How a quantity becomes an amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ChargeModel {
    /// Every unit costs the same.
    PerUnit {
        /// For one unit, in minor units.
        unit_amount: DecimalAmount,
    },
    /// Every unit costs what the tier that it lies in says. Each tier that is reached adds its flat amount; the first
    /// is always reached, without usage too.
    Graduated {
        /// The tiers.
        tiers: Tiers,
    },
    /// All units cost what the tier that the quantity lies in says, and its flat amount. Nothing used lies in the first
    /// tier. More can cost less where a tier begins.
    Volume {
        /// The tiers.
        tiers: Tiers,
    },
    /// Packages of units: one that was begun is charged whole.
    Package {
        /// Units of a package, above zero.
        size: u32,
        /// For one package, in minor units.
        amount: DecimalAmount,
    },
}

string_enum! {
    /// How a quantity becomes an amount, by name.
    ChargeModelKind {
        /// Every unit costs the same.
        PerUnit => "per_unit",
        /// Every unit costs what its tier says.
        Graduated => "graduated",
        /// All units cost what the tier of the quantity says.
        Volume => "volume",
        /// Packages of units are charged whole.
        Package => "package",
    }
}

impl ChargeModel {
    /// Its name.
    pub const fn kind(&self) -> ChargeModelKind {
        match self {
            Self::PerUnit { .. } => ChargeModelKind::PerUnit,
            Self::Graduated { .. } => ChargeModelKind::Graduated,
            Self::Volume { .. } => ChargeModelKind::Volume,
            Self::Package { .. } => ChargeModelKind::Package,
        }
    }
}

/// What a charge says, as it is written and stored. A [`Charge`] is made of it when it is sound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChargeTerms {
    /// The currency of all its amounts.
    pub currency: Currency,
    /// How the quantity above the included one becomes an amount. Its tiers count from there.
    #[serde(flatten)]
    pub model: ChargeModel,
    /// What costs nothing, in units, in a whole period.
    #[serde(default)]
    pub included: Quantity,
    /// What the charge comes to at least in a whole period, in minor units, without usage too.
    #[serde(default)]
    pub minimum_minor: Option<i64>,
    /// What the charge comes to at most in a whole period, in minor units.
    #[serde(default)]
    pub maximum_minor: Option<i64>,
}

/// A charge that is sound: see [`Charge::new`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "ChargeTerms", try_from = "ChargeTerms")]
pub struct Charge(ChargeTerms);

/// Why a charge is not sound.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChargeError {
    /// Its tiers are not.
    #[error(transparent)]
    Tier(#[from] TierError),
    /// A package of nothing.
    #[error("A package must have at least one unit.")]
    EmptyPackage,
    /// Less than nothing is included.
    #[error("The included quantity must not be below zero.")]
    NegativeIncluded,
    /// A minimum that cannot be charged.
    #[error("The minimum cannot be charged. {0}")]
    Minimum(AmountError),
    /// A maximum that cannot be charged.
    #[error("The maximum cannot be charged. {0}")]
    Maximum(AmountError),
    /// The minimum is above the maximum.
    #[error("The minimum must not be above the maximum.")]
    MinimumAboveMaximum,
}

impl Charge {
    /// Checks what tiers have not been checked for: that packages have units, that nothing is below zero, and that
    /// minimum and maximum can be charged and leave something between them.
    pub fn new(terms: ChargeTerms) -> Result<Self, ChargeError> {
        if matches!(terms.model, ChargeModel::Package { size: 0, .. }) {
            return Err(ChargeError::EmptyPackage);
        }
        if terms.included < Quantity::ZERO {
            return Err(ChargeError::NegativeIncluded);
        }
        let check = |minor: Option<i64>| {
            minor.map_or(Ok(()), |minor| Money::new(minor, terms.currency).check_price())
        };
        check(terms.minimum_minor).map_err(ChargeError::Minimum)?;
        check(terms.maximum_minor).map_err(ChargeError::Maximum)?;
        match (terms.minimum_minor, terms.maximum_minor) {
            (Some(minimum), Some(maximum)) if minimum > maximum => Err(ChargeError::MinimumAboveMaximum),
            _ => Ok(Self(terms)),
        }
    }

    /// What it says.
    pub const fn terms(&self) -> &ChargeTerms {
        &self.0
    }
}

impl TryFrom<ChargeTerms> for Charge {
    type Error = ChargeError;

    fn try_from(terms: ChargeTerms) -> Result<Self, ChargeError> {
        Self::new(terms)
    }
}

impl From<Charge> for ChargeTerms {
    fn from(charge: Charge) -> Self {
        charge.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(up_to: Option<&str>) -> Tier {
        Tier {
            up_to: up_to.map(|bound| bound.parse().unwrap()),
            unit_amount: DecimalAmount::from(1),
            flat_amount: DecimalAmount::ZERO,
        }
    }

    fn check(bounds: &[Option<&str>]) -> Result<(), TierError> {
        Tiers::new(bounds.iter().map(|bound| tier(*bound)).collect()).map(|_| ())
    }

    #[test]
    fn tiers_ascend_and_the_last_is_open() {
        assert_eq!(check(&[None]), Ok(()));
        assert_eq!(check(&[Some("0.000000000001"), Some("10"), Some("10.5"), None]), Ok(()));
        assert_eq!(check(&[]), Err(TierError::None));
        assert_eq!(check(&vec![Some("1"); MAXIMUM_TIERS + 1]), Err(TierError::TooMany));
        assert_eq!(check(&[Some("10")]), Err(TierError::Closed { tier: 0 }));
        assert_eq!(check(&[Some("10"), None, None]), Err(TierError::Open { tier: 1 }));
        for (bounds, tier, above) in [
            (vec![Some("0"), None], 0, "0"),
            (vec![Some("-5"), None], 0, "0"),
            (vec![Some("10"), Some("10"), None], 1, "10"),
            (vec![Some("10"), Some("20"), Some("15"), None], 2, "20"),
        ] {
            let up_to = bounds[tier].unwrap().parse().unwrap();
            let above = above.parse().unwrap();
            assert_eq!(check(&bounds), Err(TierError::NotAscending { tier, up_to, above }));
        }
    }

    #[test]
    fn an_error_names_the_tier_as_people_count() {
        let error = check(&[Some("10"), Some("8"), None]).unwrap_err();
        assert_eq!(error.to_string(), "Tier 2 ends at 8, which is not above 10, where it begins.");
        assert_eq!(error.tier(), Some(1));
    }

    fn terms(code: &str) -> ChargeTerms {
        ChargeTerms {
            currency: Currency::parse(code).unwrap(),
            model: ChargeModel::Package { size: 10, amount: DecimalAmount::from(5) },
            included: Quantity::ZERO,
            minimum_minor: None,
            maximum_minor: None,
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let refused = |terms| Charge::new(terms).unwrap_err();
        let package = ChargeModel::Package { size: 0, amount: DecimalAmount::ZERO };
        assert_eq!(refused(ChargeTerms { model: package, ..terms("USD") }), ChargeError::EmptyPackage);
        let included = "-1".parse().unwrap();
        assert_eq!(refused(ChargeTerms { included, ..terms("USD") }), ChargeError::NegativeIncluded);
        let bounds = |code, minimum, maximum| {
            let terms = ChargeTerms { minimum_minor: minimum, maximum_minor: maximum, ..terms(code) };
            Charge::new(terms).map(|_| ())
        };
        assert_eq!(bounds("USD", Some(5), Some(5)), Ok(()));
        assert_eq!(bounds("USD", Some(6), Some(5)), Err(ChargeError::MinimumAboveMaximum));
        assert_eq!(bounds("USD", Some(-1), None), Err(ChargeError::Minimum(AmountError::Negative)));
        assert!(matches!(
            bounds("KWD", None, Some(1_005)),
            Err(ChargeError::Maximum(AmountError::NotRounded { .. }))
        ));
        assert!(matches!(
            bounds("USD", None, Some(i64::MAX)),
            Err(ChargeError::Maximum(AmountError::AboveMaximum { .. }))
        ));
    }

    #[test]
    fn a_charge_is_stored_as_json_and_checked_when_it_is_read() {
        let json = r#"{"currency":"USD","model":"graduated","included":"100","maximumMinor":5000,
            "tiers":[{"upTo":"1000","unitAmount":"0.5"},{"upTo":null,"unitAmount":"0.25","flatAmount":"100"}]}"#;
        let charge: Charge = serde_json::from_str(json).unwrap();
        let ChargeModel::Graduated { tiers } = &charge.terms().model else { panic!("{charge:?}") };
        assert_eq!(tiers.as_slice()[1].flat_amount, DecimalAmount::from(100));
        let written = serde_json::to_string(&charge).unwrap();
        assert_eq!(serde_json::from_str::<Charge>(&written).unwrap(), charge);
        for wrong in [
            json.replace("\"1000\"", "null"),
            json.replace("\"100\",", "\"-100\","),
            json.replace("0.25", "-0.25"),
            json.replace("graduated", "stairstep"),
            json.replace("unitAmount", "unit_amount"),
        ] {
            assert!(serde_json::from_str::<Charge>(&wrong).is_err(), "{wrong}");
        }
    }
}
