//! Rating: what usage costs under a charge, line by line. The lines add up to the total, the parts to the whole.
//!
//! Rounding. Everything is computed exactly; the total is rounded once, half up, to what Stripe charges: a minor unit,
//! or ten of them in currencies with three decimals. A line is the difference of two rounded running totals. So the
//! lines add up to the total, each is less than one step from its exact amount, and what is used later changes no line
//! of a tier that was full before.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::charge::{Charge, ChargeModel};
use super::money::{Currency, Money};
use super::proration::{Span, allocate};
use super::quantity::{DecimalAmount, ONE, Quantity};
use super::string_enum;

string_enum! {
    /// What a line is for.
    RatedLineKind {
        /// Usage that the charge includes: it costs nothing.
        Included => "included",
        /// Usage, and the flat amount of its tier.
        Usage => "usage",
        /// What is missing to the minimum.
        Minimum => "minimum",
        /// What is above the maximum, given back.
        Maximum => "maximum",
    }
}

/// One line of a bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RatedLine {
    /// What for.
    pub kind: RatedLineKind,
    /// The tier, counted from 0, when the charge has tiers.
    pub tier: Option<usize>,
    /// Units of the meter. The quantities of all lines add up to the usage.
    pub quantity: Quantity,
    /// Packages, when the charge counts them.
    pub packages: Option<i64>,
    /// For one unit, or one package, in minor units.
    pub unit_amount: DecimalAmount,
    /// Contained in the amount whatever the quantity, in minor units.
    pub flat_amount: DecimalAmount,
    /// What the line comes to, in minor units; below zero when it gives something back.
    pub amount_minor: i64,
}

impl RatedLine {
    /// Whether it has a quantity or an amount.
    fn says_something(&self) -> bool {
        self.quantity != Quantity::ZERO || self.amount_minor != 0
    }

    /// What it is more than a line of the same kind and tier, whose flat amount it has too.
    fn minus(&self, before: &Self) -> Result<Self, RatingError> {
        let quantity = Quantity::from_parts(self.quantity.parts() - before.quantity.parts());
        Ok(Self {
            quantity: quantity.map_err(|_| RatingError::TooLarge)?,
            packages: self.packages.map(|packages| packages - before.packages.unwrap_or(0)),
            flat_amount: DecimalAmount::ZERO,
            amount_minor: self.amount_minor.checked_sub(before.amount_minor).ok_or(RatingError::TooLarge)?,
            ..self.clone()
        })
    }
}

/// What usage comes to. The amounts of the lines add up to the total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rating {
    /// The currency of all amounts.
    pub currency: Currency,
    /// The lines: what is included, then by tier, then the minimum or maximum. None that says nothing.
    pub lines: Vec<RatedLine>,
    /// The sum, in minor units.
    pub total_minor: i64,
}

/// Why usage cannot be rated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RatingError {
    /// The amount cannot be written down.
    #[error("The amount is too large.")]
    TooLarge,
    /// Ratings of two currencies.
    #[error("The ratings are in {0} and {1}.")]
    Currencies(Currency, Currency),
    /// A segment that begins before the one before it ends, or is not in the period.
    #[error("Segment {} is not after the one before, within the period.", segment + 1)]
    Segment {
        /// Which, counted from 0.
        segment: usize,
    },
}

/// An exact amount at or above zero: whole minor units, and parts of 10⁻²⁴ of one. A quantity times an amount always
/// fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ExactAmount {
    whole: i128,
    fraction: i128,
}

impl ExactAmount {
    const ZERO: Self = Self { whole: 0, fraction: 0 };

    /// A quantity at or above zero times an amount. With the whole and the fraction of each apart, nothing overflows.
    const fn product(quantity: Quantity, amount: DecimalAmount) -> Self {
        let (units, unit_parts) = (quantity.parts() / ONE, quantity.parts() % ONE);
        let (minor, minor_parts) = (amount.parts() / ONE, amount.parts() % ONE);
        let cross = units * minor_parts + unit_parts * minor;
        let fraction = (cross % ONE) * ONE + unit_parts * minor_parts;
        Self { whole: units * minor + cross / ONE + fraction / (ONE * ONE), fraction: fraction % (ONE * ONE) }
    }

    const fn plus(self, other: Self) -> Self {
        let fraction = self.fraction + other.fraction;
        Self { whole: self.whole + other.whole + fraction / (ONE * ONE), fraction: fraction % (ONE * ONE) }
    }

    /// The nearest multiple of `step`, half up.
    const fn rounded(self, step: i128) -> i128 {
        let (steps, rest) = (self.whole / step, self.whole % step);
        let is_up = (step - 2 * rest) * ONE * ONE <= 2 * self.fraction;
        (steps + is_up as i128) * step
    }
}

/// A charge as it holds for a part of its period: see [`Charge::prorated`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProratedCharge<'a> {
    charge: &'a Charge,
    /// What costs nothing.
    pub included: Quantity,
    /// The tiers.
    pub tiers: Vec<ProratedTier>,
    /// What it comes to at least, in minor units.
    pub minimum_minor: Option<i64>,
    /// What it comes to at most, in minor units.
    pub maximum_minor: Option<i64>,
}

/// A tier as it holds for a part of its period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProratedTier {
    /// How many units lie in it, which may be none; `None` for the last.
    pub width: Option<Quantity>,
    /// For one unit, in minor units.
    pub unit_amount: DecimalAmount,
    /// For the tier, in minor units.
    pub flat_amount: DecimalAmount,
}

/// Why a share of a number fits where the number did.
const WITHIN: &str = "no more than the whole";

/// The place of the last digit of a number, in parts of 10⁻¹², at most one: shares of a number are written with no more
/// places than it is, and those of whole calls stay whole.
const fn place(parts: i128) -> i128 {
    let mut place = ONE;
    while parts % place != 0 {
        place /= 10;
    }
    place
}

/// The smallest amount that Stripe charges, in minor units: of three decimals the last must be zero.
/// Source: <https://docs.stripe.com/currencies>.
fn step(currency: Currency) -> i64 {
    if currency.exponent() == 3 { 10 } else { 1 }
}

impl Charge {
    /// The charge as it holds for `spans`, which do not overlap, of its `period`: included quantity, widths and flat
    /// amounts of tiers, minimum and maximum by their share of the time. The shares of all parts of a period add up to
    /// what the charge says, however it is cut ([`Span::share`]). Unit amounts and packages stay what they are.
    ///
    /// Tiers shrink as the included quantity does, which is a first tier that costs nothing: half the usage in half the
    /// time costs half.
    pub fn prorated(&self, period: Span, spans: &[Span]) -> ProratedCharge<'_> {
        // Spans that overlap after all get no more than there is.
        self.part(|whole| spans.iter().map(|span| period.share(*span, whole)).sum::<i128>().min(whole))
    }

    /// What `usage` comes to in a whole period. Usage below zero counts as none, as at Stripe.
    pub fn rate(&self, usage: Quantity) -> Result<Rating, RatingError> {
        self.part(|whole| whole).rate(usage)
    }

    /// The part of the charge that `share` gives of every number it is asked about.
    fn part(&self, share: impl Fn(i128) -> i128) -> ProratedCharge<'_> {
        let terms = self.terms();
        let decimal = |parts: i128| share(parts / place(parts)) * place(parts);
        let quantity = |parts: i128| Quantity::from_parts(decimal(parts)).expect(WITHIN);
        let step = step(terms.currency);
        let minor = |minor: i64| i64::try_from(share(i128::from(minor / step))).expect(WITHIN) * step;
        let mut below = 0;
        let mut tiers = Vec::new();
        if let ChargeModel::Graduated { tiers: whole } | ChargeModel::Volume { tiers: whole } = &terms.model {
            for tier in whole.as_slice() {
                tiers.push(ProratedTier {
                    width: tier.up_to.map(|up_to| quantity(up_to.parts() - below)),
                    unit_amount: tier.unit_amount,
                    flat_amount: DecimalAmount::from_parts(decimal(tier.flat_amount.parts())).expect(WITHIN),
                });
                below = tier.up_to.map_or(below, Quantity::parts);
            }
        }
        let minimum_minor = terms.minimum_minor.map(minor);
        ProratedCharge {
            charge: self,
            included: quantity(terms.included.parts()),
            tiers,
            minimum_minor,
            // What lies above the minimum is shared out by itself, so that no maximum comes to less than its minimum.
            maximum_minor: terms.maximum_minor.map(|maximum| {
                minimum_minor.unwrap_or(0) + minor(maximum - terms.minimum_minor.unwrap_or(0))
            }),
        }
    }
}

/// Usage lines in the making.
struct Lines {
    step: i128,
    exact: ExactAmount,
    rounded: i128,
    lines: Vec<RatedLine>,
}

impl Lines {
    /// Adds what `count` times the unit amount and the flat amount of a line come to. It says no amount yet.
    fn push(&mut self, count: Quantity, mut line: RatedLine) -> Result<(), RatingError> {
        let flat = ExactAmount::product(Quantity::from(1), line.flat_amount);
        let amount = ExactAmount::product(count, line.unit_amount).plus(flat);
        self.exact = self.exact.plus(amount);
        let rounded = self.exact.rounded(self.step);
        line.amount_minor = i64::try_from(rounded - self.rounded).map_err(|_| RatingError::TooLarge)?;
        self.rounded = rounded;
        self.lines.push(line);
        Ok(())
    }
}

impl ProratedCharge<'_> {
    /// What `usage` in this part of the period comes to. Usage below zero counts as none.
    pub fn rate(&self, usage: Quantity) -> Result<Rating, RatingError> {
        let terms = self.charge.terms();
        let step = step(terms.currency).into();
        let usage = usage.or_zero();
        let included = usage.min(self.included);
        let billable = usage.parts() - included.parts();
        let plain = |kind, quantity, amount_minor| RatedLine {
            kind,
            tier: None,
            quantity,
            packages: None,
            unit_amount: DecimalAmount::ZERO,
            flat_amount: DecimalAmount::ZERO,
            amount_minor,
        };
        let used = |parts: i128, unit_amount| RatedLine {
            unit_amount,
            ..plain(RatedLineKind::Usage, Quantity::from_parts(parts).expect("no more than the usage"), 0)
        };
        let in_tier = |parts: i128, index: usize| {
            let ProratedTier { unit_amount, flat_amount, .. } = self.tiers[index];
            RatedLine { tier: Some(index), flat_amount, ..used(parts, unit_amount) }
        };
        let mut lines = Lines { step, exact: ExactAmount::ZERO, rounded: 0, lines: Vec::new() };
        match &terms.model {
            ChargeModel::PerUnit { unit_amount } => {
                let line = used(billable, *unit_amount);
                lines.push(line.quantity, line)?;
            }
            ChargeModel::Package { size, amount } => {
                let size = i128::from(*size) * ONE;
                let packages =
                    i64::try_from((billable + size - 1) / size).map_err(|_| RatingError::TooLarge)?;
                let count = Quantity::try_from(packages).map_err(|_| RatingError::TooLarge)?;
                lines.push(count, RatedLine { packages: Some(packages), ..used(billable, *amount) })?;
            }
            ChargeModel::Graduated { .. } => {
                let mut rest = billable;
                for (index, tier) in self.tiers.iter().enumerate() {
                    if index > 0 && rest == 0 {
                        break;
                    }
                    let within = tier.width.map_or(rest, |width| rest.min(width.parts()));
                    let line = in_tier(within, index);
                    lines.push(line.quantity, line)?;
                    rest -= within;
                }
            }
            ChargeModel::Volume { .. } => {
                let mut up_to = 0;
                let reached = self.tiers.iter().position(|tier| {
                    up_to += tier.width.map_or(0, Quantity::parts);
                    tier.width.is_none() || billable <= up_to
                });
                let line = in_tier(billable, reached.expect("the last tier has no end"));
                lines.push(line.quantity, line)?;
            }
        }
        let sum = i64::try_from(lines.rounded).map_err(|_| RatingError::TooLarge)?;
        let total_minor =
            sum.max(self.minimum_minor.unwrap_or(sum)).min(self.maximum_minor.unwrap_or(i64::MAX));
        let bound = if total_minor > sum { RatedLineKind::Minimum } else { RatedLineKind::Maximum };
        let mut all = vec![plain(RatedLineKind::Included, included, 0)];
        all.append(&mut lines.lines);
        all.push(plain(bound, Quantity::ZERO, total_minor - sum));
        all.retain(RatedLine::says_something);
        Ok(Rating { currency: terms.currency, lines: all, total_minor })
    }
}

string_enum! {
    /// What usage of a meter means for a period that is cut.
    UsageKind {
        /// Usage of the parts adds up to that of the period: calls.
        Additive => "additive",
        /// Each part has a level of its own: seats, gigabytes stored.
        Level => "level",
    }
}

/// A part of a period in which one charge holds.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// When.
    pub span: Span,
    /// The charge.
    pub charge: &'a Charge,
    /// What was used in it, or the level in it.
    pub usage: Quantity,
}

/// What one charge comes to in a period that is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatedCharge<'a> {
    /// The charge.
    pub charge: &'a Charge,
    /// When it held.
    pub spans: Vec<Span>,
    /// What it comes to.
    pub rating: Rating,
}

/// What a period comes to in which the charge may change: one answer for each charge, in the order of its first
/// segment. Segments are in the order of time and may leave gaps, which cost nothing.
///
/// Additive usage is summed over all segments of a charge and rated once under the share of the charge for their time
/// ([`Charge::prorated`]). A level is rated under the whole charge, segment by segment, and each line is charged by the
/// share of time: ten seats for half a month cost half of ten seats. Either way it makes no difference where a stretch
/// of one charge is cut, if it is cut into equal levels.
pub fn rate_segments<'a>(
    period: Span,
    kind: UsageKind,
    segments: &[Segment<'a>],
) -> Result<Vec<RatedCharge<'a>>, RatingError> {
    let mut from = period.start();
    let mut charges: Vec<(&Charge, Vec<&Segment<'_>>)> = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        if segment.span.start() < from || segment.span.end() > period.end() {
            return Err(RatingError::Segment { segment: index });
        }
        from = segment.span.end();
        match charges.iter_mut().find(|(charge, _)| *charge == segment.charge) {
            Some((_, segments)) => segments.push(segment),
            None => charges.push((segment.charge, vec![segment])),
        }
    }
    let rated = charges.into_iter().map(|(charge, segments)| {
        let spans: Vec<Span> = segments.iter().map(|segment| segment.span).collect();
        let rating = match kind {
            UsageKind::Additive => {
                let usage =
                    segments.iter().try_fold(Quantity::ZERO, |sum, segment| sum.checked_add(segment.usage));
                charge.prorated(period, &spans).rate(usage.map_err(|_| RatingError::TooLarge)?)?
            }
            UsageKind::Level => {
                let mut rating = Rating::none(charge.terms().currency);
                for segment in segments {
                    rating.add_share(charge.rate(segment.usage)?, period, segment.span)?;
                }
                rating
            }
        };
        Ok(RatedCharge { charge, spans, rating })
    });
    rated.collect()
}

impl Rating {
    /// The sum.
    pub const fn total(&self) -> Money {
        Money::new(self.total_minor, self.currency)
    }

    /// Nothing.
    pub const fn none(currency: Currency) -> Self {
        Self { currency, lines: Vec::new(), total_minor: 0 }
    }

    /// Adds the share of a rating of a whole period that a part of the period has, line by line.
    fn add_share(&mut self, whole: Self, period: Span, part: Span) -> Result<(), RatingError> {
        let step = step(self.currency);
        for line in whole.lines {
            let share = period.share(part, i128::from(line.amount_minor / step));
            let amount_minor = i64::try_from(share).expect(WITHIN) * step;
            self.total_minor = self.total_minor.checked_add(amount_minor).ok_or(RatingError::TooLarge)?;
            self.lines.push(RatedLine { amount_minor, ..line });
        }
        Ok(())
    }

    /// What is to be billed when `billed` was billed already, under the same charge: late usage on the next bill. The
    /// lines of one tier become their difference. It may be below zero: more of a volume can cost less. However often
    /// usage is added and billed, all bills together come to the rating of all usage.
    pub fn since(&self, billed: &Self) -> Result<Self, RatingError> {
        if self.currency != billed.currency {
            return Err(RatingError::Currencies(self.currency, billed.currency));
        }
        let mut rest = billed.lines.clone();
        let mut lines = Vec::new();
        for line in &self.lines {
            let before = rest.iter().position(|before| before.kind == line.kind && before.tier == line.tier);
            lines.push(match before.map(|index| rest.remove(index)) {
                Some(before) => line.minus(&before)?,
                None => line.clone(),
            });
        }
        for line in rest {
            let none = RatedLine {
                quantity: Quantity::ZERO,
                packages: line.packages.map(|_| 0),
                amount_minor: 0,
                ..line.clone()
            };
            lines.push(RatedLine { flat_amount: line.flat_amount, ..none.minus(&line)? });
        }
        lines.retain(RatedLine::says_something);
        let total_minor = self.total_minor.checked_sub(billed.total_minor).ok_or(RatingError::TooLarge)?;
        Ok(Self { currency: self.currency, lines, total_minor })
    }

    /// Divides it over several invoices in proportion to `weights`, line by line ([`allocate`]): the lines of a part
    /// add up to its total, and the parts of a line to the line, in quantity and amount. `None` when the weights add up
    /// to nothing, or to more than 64 bits hold.
    pub fn split(&self, weights: &[u64]) -> Option<Vec<Self>> {
        let step = step(self.currency);
        // Refuses the weights although there be no line.
        allocate(0, weights)?;
        let mut parts = vec![Self::none(self.currency); weights.len()];
        for line in &self.lines {
            let place = place(line.quantity.parts());
            let quantities = allocate(line.quantity.parts() / place, weights)?;
            let packages = allocate(line.packages.unwrap_or(0).into(), weights)?;
            let amounts = allocate((line.amount_minor / step).into(), weights)?;
            for (index, part) in parts.iter_mut().enumerate() {
                let line = RatedLine {
                    quantity: Quantity::from_parts(quantities[index] * place).expect(WITHIN),
                    packages: line.packages.map(|_| i64::try_from(packages[index]).expect(WITHIN)),
                    amount_minor: i64::try_from(amounts[index]).expect(WITHIN) * step,
                    ..line.clone()
                };
                part.total_minor += line.amount_minor;
                part.lines.extend(Some(line).filter(RatedLine::says_something));
            }
        }
        Some(parts)
    }
}

#[cfg(test)]
#[path = "rating_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "rating_properties.rs"]
mod properties;
