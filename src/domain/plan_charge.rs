//! What a plan charges for usage: its charges, each of one meter and currency.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::charge::{Charge, ChargeError, ChargeModel, ChargeTerms, TierError};
use super::entitlement::{FeatureTerms, MeteredTerms};
use super::meter::{Meter, MeterReset};
use super::meter_definition::MeterDefinition;
use super::money::Currency;
use super::quantity::Quantity;

/// Charges of a plan at most.
pub const MAXIMUM_CHARGES: usize = 100;

/// What a plan charges for one meter in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanCharge {
    /// The meter's name.
    pub meter: String,
    /// What it costs.
    pub charge: Charge,
}

/// A charge as staff writes it: what is not said of the included quantity is taken from the plan's features.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanChargeForm {
    /// The meter's name.
    pub meter: String,
    /// The currency of its amounts.
    pub currency: Currency,
    /// How a quantity becomes an amount.
    pub model: ChargeModel,
    /// What costs nothing in a whole period.
    pub included: Option<Quantity>,
    /// What it comes to at least, in minor units.
    pub minimum_minor: Option<i64>,
    /// What it comes to at most, in minor units.
    pub maximum_minor: Option<i64>,
}

/// Why a plan's charges cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanChargeError {
    /// There is no such meter.
    #[error("There is no meter {0:?}.")]
    Meter(String),
    /// The meter does not begin anew with the billing period.
    #[error(
        "The meter {0:?} does not begin anew with each billing period, and its usage cannot be billed by it. Only a level \
         may go on for ever."
    )]
    Reset(String),
    /// A second charge of the same meter and currency.
    #[error("There is one charge for each meter and currency.")]
    Twice,
    /// A currency that the plan has no price in.
    #[error("The plan has no price in {0}, and nobody can subscribe to it in that currency.")]
    Currency(Currency),
    /// Another quantity is included by the plan's features.
    #[error("The plan's features include {0} of this meter. Say the same, or leave it out.")]
    Included(Quantity),
    /// The charge itself is not sound.
    #[error(transparent)]
    Charge(#[from] ChargeError),
}

impl PlanChargeError {
    /// The field that is wrong, below the charge's own.
    pub fn field(&self) -> String {
        match self {
            Self::Meter(_) | Self::Reset(_) => "meter".to_owned(),
            Self::Twice => String::new(),
            Self::Currency(_) => "currency".to_owned(),
            Self::Included(_) | Self::Charge(ChargeError::NegativeIncluded) => "included".to_owned(),
            Self::Charge(ChargeError::Tier(error)) => tier_field(error),
            Self::Charge(ChargeError::EmptyPackage) => "packageSize".to_owned(),
            Self::Charge(ChargeError::Minimum(_) | ChargeError::MinimumAboveMaximum) => "minimum".to_owned(),
            Self::Charge(ChargeError::Maximum(_)) => "maximum".to_owned(),
        }
    }
}

/// Where an error of tiers is.
pub fn tier_field(error: &TierError) -> String {
    error.tier().map_or_else(|| "tiers".to_owned(), |tier| format!("tiers.{tier}.upTo"))
}

impl Meter {
    /// Whether a period's usage of it can be billed.
    pub fn is_billable(&self) -> bool {
        self.reset == MeterReset::BillingPeriod || self.carries_over()
    }
}

/// What a plan's features include of a meter, if they say so.
pub fn included_of(
    features: &serde_json::Value,
    meter: &str,
    meters: &[MeterDefinition],
) -> Option<Quantity> {
    let terms =
        features.as_object().into_iter().flatten().filter_map(|(name, value)| {
            match FeatureTerms::read(name, value, meters) {
                Ok(FeatureTerms::Metered(MeteredTerms { meter: named, included, .. })) if named == meter => {
                    Some(included)
                }
                _ => None,
            }
        });
    terms.min()
}

/// The charges of a plan with these features and price currencies, or what is wrong with each of them, by its place.
pub fn check_charges(
    forms: &[PlanChargeForm],
    features: &serde_json::Value,
    currencies: &[Currency],
    meters: &[MeterDefinition],
) -> Result<Vec<PlanCharge>, Vec<(usize, PlanChargeError)>> {
    let mut seen = BTreeSet::new();
    let (mut charges, mut errors) = (Vec::with_capacity(forms.len()), Vec::new());
    for (place, form) in forms.iter().enumerate() {
        let mut check = || {
            let known = meters.iter().find(|it| it.meter.name == form.meter && it.archived_at.is_none());
            let known = known.ok_or_else(|| PlanChargeError::Meter(form.meter.chars().take(64).collect()))?;
            if !known.meter.is_billable() {
                return Err(PlanChargeError::Reset(form.meter.clone()));
            }
            if !currencies.contains(&form.currency) {
                return Err(PlanChargeError::Currency(form.currency));
            }
            if !seen.insert((form.meter.clone(), form.currency.code())) {
                return Err(PlanChargeError::Twice);
            }
            let of_features = included_of(features, &form.meter, meters);
            let included = match (form.included, of_features) {
                (Some(said), Some(of_features)) if said != of_features => {
                    return Err(PlanChargeError::Included(of_features));
                }
                (said, of_features) => said.or(of_features).unwrap_or_default(),
            };
            let charge = Charge::new(ChargeTerms {
                currency: form.currency,
                model: form.model.clone(),
                included,
                minimum_minor: form.minimum_minor,
                maximum_minor: form.maximum_minor,
            })?;
            Ok(PlanCharge { meter: form.meter.clone(), charge })
        };
        match check() {
            Ok(charge) => charges.push(charge),
            Err(error) => errors.push((place, error)),
        }
    }
    if errors.is_empty() { Ok(charges) } else { Err(errors) }
}

/// The first of the charges that includes another quantity than the features do, with what these say.
pub fn first_contradiction<'a>(
    charges: &'a [PlanCharge],
    features: &serde_json::Value,
    meters: &[MeterDefinition],
) -> Option<(&'a PlanCharge, Quantity)> {
    charges.iter().find_map(|charge| {
        let included = included_of(features, &charge.meter, meters)?;
        (included != charge.charge.terms().included).then_some((charge, included))
    })
}

impl PlanCharge {
    /// The same, with another quantity included.
    pub fn including(&self, included: Quantity) -> Self {
        let terms = ChargeTerms { included: included.max(Quantity::ZERO), ..self.charge.terms().clone() };
        let charge = Charge::new(terms).unwrap_or_else(|_| self.charge.clone());
        Self { meter: self.meter.clone(), charge }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::ids::MeterId;
    use crate::domain::quantity::DecimalAmount;

    fn meters() -> Vec<MeterDefinition> {
        let definition = |(index, meter): (usize, Meter)| MeterDefinition {
            id: MeterId(uuid::Uuid::from_u128(index as u128)),
            meter,
            description: String::new(),
            key_property: None,
            version: 1,
            created_at: chrono::DateTime::UNIX_EPOCH,
            updated_at: chrono::DateTime::UNIX_EPOCH,
            archived_at: None,
        };
        let mut meters: Vec<Meter> = Meter::defaults().into();
        meters.push(Meter { name: "by_month".to_owned(), reset: MeterReset::Month, ..meters[0].clone() });
        meters.into_iter().enumerate().map(definition).collect()
    }

    fn form(meter: &str, code: &str, included: Option<&str>) -> PlanChargeForm {
        PlanChargeForm {
            meter: meter.to_owned(),
            currency: Currency::parse(code).unwrap(),
            model: ChargeModel::PerUnit { unit_amount: DecimalAmount::from(2) },
            included: included.map(|text| text.parse().unwrap()),
            minimum_minor: None,
            maximum_minor: None,
        }
    }

    #[test]
    fn what_is_wrong_is_said_of_its_field() {
        let features = json!({ "calls": { "meter": "api_calls", "included": 1000 } });
        let check = |forms: &[PlanChargeForm]| {
            check_charges(forms, &features, &[Currency::USD], &meters()).map_err(|errors| {
                let fields = errors.iter().map(|(place, error)| format!("{place}.{}", error.field()));
                fields.collect::<Vec<_>>().join(" ")
            })
        };
        let fine = check(&[form("api_calls", "USD", None), form("seats", "USD", Some("3"))]).unwrap();
        assert_eq!(fine[0].charge.terms().included, 1_000_u32.into());
        assert_eq!(fine[1].charge.terms().included, 3_u32.into());
        for (forms, fields) in [
            (vec![form("nothing", "USD", None)], "0.meter"),
            (vec![form("by_month", "USD", None)], "0.meter"),
            (vec![form("seats", "EUR", None)], "0.currency"),
            (vec![form("seats", "USD", None), form("seats", "USD", None)], "1."),
            (vec![form("api_calls", "USD", Some("999"))], "0.included"),
            (vec![form("seats", "USD", Some("-1"))], "0.included"),
            (vec![PlanChargeForm { minimum_minor: Some(-1), ..form("seats", "USD", None) }], "0.minimum"),
            (vec![PlanChargeForm { maximum_minor: Some(-1), ..form("seats", "USD", None) }], "0.maximum"),
        ] {
            assert_eq!(check(&forms).unwrap_err(), fields);
        }
    }

    #[test]
    fn features_and_charges_do_not_contradict_each_other() {
        let charges =
            check_charges(&[form("api_calls", "USD", Some("5"))], &json!({}), &[Currency::USD], &meters())
                .unwrap();
        assert_eq!(first_contradiction(&charges, &json!({ "api_calls": 5 }), &meters()), None);
        let (charge, included) =
            first_contradiction(&charges, &json!({ "api_calls": 6 }), &meters()).unwrap();
        assert_eq!((charge.meter.as_str(), included), ("api_calls", 6_u32.into()));
    }
}
