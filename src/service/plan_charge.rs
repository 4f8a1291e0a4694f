//! What a plan charges for usage, as staff writes it: read, and refused by the field.

use rust_decimal::Decimal;
use serde::Serialize;

use super::Service;
use super::error::{Refusal, Refusals, ServiceError};
use crate::domain::charge::{ChargeModel, ChargeModelKind, Tier, Tiers};
use crate::domain::money::Currency;
use crate::domain::plan::Plan;
use crate::domain::plan_charge::{
    MAXIMUM_CHARGES, PlanCharge, PlanChargeForm, check_charges, first_contradiction, tier_field,
};
use crate::domain::quantity::{DecimalAmount, Quantity};

/// One tier of a charge.
#[derive(Clone, Debug, Serialize)]
pub struct ChargeTierInput {
    /// The last quantity in it; none for the last tier.
    pub up_to: Option<Decimal>,
    /// For one unit, in minor units.
    pub unit_amount: Option<Decimal>,
    /// For the tier, in minor units.
    pub flat_amount: Option<Decimal>,
}

/// What a plan is to charge for one meter in one currency.
#[derive(Clone, Debug, Serialize)]
pub struct PlanChargeInput {
    /// The meter's name.
    pub meter: String,
    /// The currency of its amounts.
    pub currency: Currency,
    /// How a quantity becomes an amount.
    pub model: ChargeModelKind,
    /// For one unit, or one package, in minor units.
    pub unit_amount: Option<Decimal>,
    /// The tiers.
    pub tiers: Option<Vec<ChargeTierInput>>,
    /// Units of a package.
    pub package_size: Option<i32>,
    /// What costs nothing in a period; what the plan's features include when it is left out.
    pub included: Option<Decimal>,
    /// What it comes to at least, in minor units.
    pub minimum_minor: Option<i64>,
    /// What it comes to at most, in minor units.
    pub maximum_minor: Option<i64>,
}

/// Reads one charge; what is wrong is added at its field.
fn read(path: &str, input: &PlanChargeInput, refusals: &mut Refusals) -> Option<PlanChargeForm> {
    let at = |field: &str| format!("{path}.{field}");
    let mut is_sound = true;
    let mut refuse = |refusals: &mut Refusals, field: &str, message: &str| {
        refusals.add(Refusal::bad_input(&at(field), message));
        is_sound = false;
    };
    let uses_tiers = matches!(input.model, ChargeModelKind::Graduated | ChargeModelKind::Volume);
    if uses_tiers && input.unit_amount.is_some() {
        refuse(refusals, "unitAmount", "The tiers say what a unit costs. Leave this out.");
    }
    if !uses_tiers && input.unit_amount.is_none() {
        refuse(refusals, "unitAmount", "Say what a unit, or a package, costs.");
    }
    if uses_tiers && input.tiers.is_none() {
        refuse(refusals, "tiers", "Say the tiers.");
    }
    if !uses_tiers && input.tiers.is_some() {
        refuse(refusals, "tiers", "Only graduated and volume charges have tiers. Leave them out.");
    }
    let is_package = input.model == ChargeModelKind::Package;
    if is_package && input.package_size.is_none_or(|size| size < 1) {
        refuse(refusals, "packageSize", "A package must have at least one unit.");
    }
    if !is_package && input.package_size.is_some() {
        refuse(refusals, "packageSize", "Only package charges have a size. Leave it out.");
    }
    let amount = |refusals: &mut Refusals, field: String, number: Option<Decimal>| match number {
        None => Some(DecimalAmount::ZERO),
        Some(number) => refusals.check(&field, DecimalAmount::try_from(number)),
    };
    let unit_amount = amount(refusals, at("unitAmount"), input.unit_amount);
    let mut tiers = Vec::new();
    let mut are_tiers_sound = true;
    for (index, tier) in input.tiers.iter().flatten().enumerate() {
        let place = at(&format!("tiers.{index}"));
        let up_to = match tier.up_to {
            None => Some(None),
            Some(number) => refusals.check(&format!("{place}.upTo"), Quantity::try_from(number)).map(Some),
        };
        let unit = amount(refusals, format!("{place}.unitAmount"), tier.unit_amount);
        let flat = amount(refusals, format!("{place}.flatAmount"), tier.flat_amount);
        match (up_to, unit, flat) {
            (Some(up_to), Some(unit_amount), Some(flat_amount)) => {
                tiers.push(Tier { up_to, unit_amount, flat_amount });
            }
            _ => are_tiers_sound = false,
        }
    }
    let tiers = if uses_tiers && input.tiers.is_some() && are_tiers_sound {
        match Tiers::new(tiers) {
            Ok(tiers) => Some(tiers),
            Err(error) => {
                refusals.add(Refusal::bad_input(&at(&tier_field(&error)), error));
                None
            }
        }
    } else {
        None
    };
    let included = match input.included {
        None => Some(None),
        Some(number) => refusals.check(&at("included"), Quantity::try_from(number)).map(Some),
    };
    let (included, unit_amount) = (included?, unit_amount?);
    let model = match input.model {
        ChargeModelKind::PerUnit => ChargeModel::PerUnit { unit_amount },
        ChargeModelKind::Graduated => ChargeModel::Graduated { tiers: tiers? },
        ChargeModelKind::Volume => ChargeModel::Volume { tiers: tiers? },
        ChargeModelKind::Package => {
            ChargeModel::Package { size: u32::try_from(input.package_size?).ok()?, amount: unit_amount }
        }
    };
    is_sound.then(|| PlanChargeForm {
        meter: input.meter.clone(),
        currency: input.currency,
        model,
        included,
        minimum_minor: input.minimum_minor,
        maximum_minor: input.maximum_minor,
    })
}

/// What the charges of a plan are held against.
pub(super) struct ChargedPlan<'a> {
    pub features: &'a serde_json::Value,
    /// The currencies that it has prices in.
    pub currencies: Vec<Currency>,
    pub is_free: bool,
}

impl Service {
    /// The charges that staff wrote, checked; what is wrong is added at its field.
    pub(super) async fn read_plan_charges(
        &self,
        inputs: &[PlanChargeInput],
        plan: &ChargedPlan<'_>,
        refusals: &mut Refusals,
    ) -> Result<Vec<PlanCharge>, ServiceError> {
        if inputs.is_empty() {
            return Ok(Vec::new());
        }
        if plan.is_free {
            let message = "A free plan has no charges: nobody is billed for it.";
            refusals.add(Refusal::bad_input("charges", message));
            return Ok(Vec::new());
        }
        if inputs.len() > MAXIMUM_CHARGES {
            let message = format!("A plan has {MAXIMUM_CHARGES} charges at most.");
            refusals.add(Refusal::bad_input("charges", message));
            return Ok(Vec::new());
        }
        // A charge that cannot be read keeps its place: the others' errors name theirs.
        let mut places = Vec::with_capacity(inputs.len());
        let mut forms = Vec::with_capacity(inputs.len());
        for (place, input) in inputs.iter().enumerate() {
            if let Some(form) = read(&format!("charges.{place}"), input, refusals) {
                places.push(place);
                forms.push(form);
            }
        }
        let meters = self.store.list_meters().await?;
        match check_charges(&forms, plan.features, &plan.currencies, &meters) {
            Ok(charges) => Ok(charges),
            Err(errors) => {
                for (index, error) in errors {
                    let path = format!("charges.{}.{}", places[index], error.field());
                    refusals.add(Refusal::bad_input(&path, error));
                }
                Ok(Vec::new())
            }
        }
    }

    /// Refuses features that include something else than the charges that stay.
    pub(super) async fn check_kept_charges(
        &self,
        plan: &Plan,
        features: &serde_json::Value,
        refusals: &mut Refusals,
    ) -> Result<(), ServiceError> {
        let history = self.store.plan_charges(&[plan.id]).await?;
        let meters = self.store.list_meters().await?;
        if let Some((charge, included)) = first_contradiction(history.latest(plan.id), features, &meters) {
            let message = format!(
                "The features include {included} of {}, and its charge {}. Say the charges too.",
                charge.meter,
                charge.charge.terms().included
            );
            refusals.add(Refusal::bad_input("charges", message));
        }
        Ok(())
    }
}
