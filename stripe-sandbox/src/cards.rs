//! Stripe's published test cards: what they look like and what happens when they are charged.

use crate::errors::ApiError;

/// What the issuer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Approves,
    /// Cannot be attached to a customer either.
    Declines(Decline),
    /// Can be attached; charges fail.
    DeclinesCharges(Decline),
    Authenticates(Authentication),
    AuthenticatesThenDeclines(Decline),
}

/// When the issuer asks the cardholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authentication {
    /// Every time; without the cardholder the payment is declined.
    Always,
    /// Not when the card was set up for later use.
    UnlessSetUp,
    /// Only when the cardholder is present: the card counts as set up.
    OnSession,
}

/// Why a payment is declined: Stripe's `code` and `decline_code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decline {
    pub code: &'static str,
    pub decline_code: Option<&'static str>,
    pub message: &'static str,
}

/// How a card is used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    /// The cardholder is absent.
    pub off_session: bool,
    /// The card was set up for later use.
    pub set_up: bool,
    /// The cardholder has just authenticated.
    pub authenticated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Approved,
    /// The bank is asked, and answers days later.
    Processing,
    AuthenticationRequired,
    Declined(Decline),
}

/// What comes of a payment later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aftermath {
    Nothing,
    /// A refund is pending at first.
    RefundPends,
    /// A refund succeeds, and fails after all.
    RefundFails,
    /// The cardholder disputes it, unless they authenticated.
    Disputed(Claim),
    /// The issuer reports it as fraud.
    Reported,
}

/// What a cardholder claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    Fraudulent,
    NotReceived,
    /// The issuer only asks, for now.
    Inquiry,
    /// A bank's customer says that they never allowed the debit. There is nothing to answer: it is lost.
    NotAuthorized,
}

#[derive(Debug)]
pub(crate) struct TestCard {
    /// Names after `pm_card_` and `tok_`.
    pub names: &'static [&'static str],
    pub number: &'static str,
    pub brand: &'static str,
    pub funding: &'static str,
    pub country: &'static str,
    pub behaviour: Behaviour,
    pub aftermath: Aftermath,
}

const fn declined(decline_code: &'static str, message: &'static str) -> Decline {
    Decline { code: "card_declined", decline_code: Some(decline_code), message }
}

const GENERIC: Decline = declined("generic_decline", "Your card was declined.");
const FUNDS: Decline = declined("insufficient_funds", "Your card has insufficient funds.");
const PROCESSING: Decline = Decline {
    code: "processing_error",
    decline_code: Some("processing_error"),
    message: "An error occurred while processing your card. Try again in a little bit.",
};

/// The decline of a card past its date.
pub(crate) const EXPIRED: Decline =
    Decline { code: "expired_card", decline_code: Some("expired_card"), message: "Your card has expired." };

/// The decline of a payment that would need a cardholder who is not there.
pub(crate) const AUTHENTICATION_REQUIRED: Decline = Decline {
    code: "authentication_required",
    decline_code: Some("authentication_required"),
    message: "Your card was declined. This transaction requires authentication.",
};

/// The failure of an authentication.
pub(crate) const AUTHENTICATION_FAILED: Decline = Decline {
    code: "payment_intent_authentication_failure",
    decline_code: None,
    message: "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
};

const fn card(
    names: &'static [&'static str],
    number: &'static str,
    brand: &'static str,
    country: &'static str,
    behaviour: Behaviour,
) -> TestCard {
    TestCard { names, number, brand, funding: "credit", country, behaviour, aftermath: Aftermath::Nothing }
}

const fn good(
    names: &'static [&'static str],
    number: &'static str,
    brand: &'static str,
    country: &'static str,
) -> TestCard {
    card(names, number, brand, country, Behaviour::Approves)
}

const fn debit(
    names: &'static [&'static str],
    number: &'static str,
    brand: &'static str,
    funding: &'static str,
) -> TestCard {
    TestCard {
        names,
        number,
        brand,
        funding,
        country: "US",
        behaviour: Behaviour::Approves,
        aftermath: Aftermath::Nothing,
    }
}

const fn later(names: &'static [&'static str], number: &'static str, aftermath: Aftermath) -> TestCard {
    TestCard {
        names,
        number,
        brand: "visa",
        funding: "credit",
        country: "US",
        behaviour: Behaviour::Approves,
        aftermath,
    }
}

const fn bad(names: &'static [&'static str], number: &'static str, decline: Decline) -> TestCard {
    card(names, number, "visa", "US", Behaviour::Declines(decline))
}

const fn asks(
    names: &'static [&'static str],
    number: &'static str,
    country: &'static str,
    when: Authentication,
) -> TestCard {
    card(names, number, "visa", country, Behaviour::Authenticates(when))
}

/// The cards, from <https://docs.stripe.com/testing>.
pub(crate) const CARDS: &[TestCard] = &[
    good(&["visa", "us"], "4242424242424242", "visa", "US"),
    debit(&["visa_debit"], "4000056655665556", "visa", "debit"),
    good(&["mastercard"], "5555555555554444", "mastercard", "US"),
    good(&[], "2223003122003222", "mastercard", "US"),
    debit(&["mastercard_debit"], "5200828282828210", "mastercard", "debit"),
    debit(&["mastercard_prepaid"], "5105105105105100", "mastercard", "prepaid"),
    good(&["amex"], "378282246310005", "amex", "US"),
    good(&[], "371449635398431", "amex", "US"),
    good(&["discover"], "6011111111111117", "discover", "US"),
    good(&["diners"], "3056930009020004", "diners", "US"),
    good(&["jcb"], "3566002020360505", "jcb", "JP"),
    good(&["unionpay"], "6200000000000005", "unionpay", "CN"),
    good(&["br"], "4000000760000002", "visa", "BR"),
    good(&["ca"], "4000001240000000", "visa", "CA"),
    good(&["mx"], "4000004840008001", "visa", "MX"),
    good(&["at"], "4000000400000008", "visa", "AT"),
    good(&["be"], "4000000560000004", "visa", "BE"),
    good(&["de"], "4000002760000016", "visa", "DE"),
    good(&["es"], "4000007240000007", "visa", "ES"),
    good(&["fr"], "4000002500000003", "visa", "FR"),
    good(&["gb"], "4000008260000000", "visa", "GB"),
    good(&["ie"], "4000003720000005", "visa", "IE"),
    good(&["it"], "4000003800000008", "visa", "IT"),
    good(&["nl"], "4000005280000002", "visa", "NL"),
    good(&["ch"], "4000007560000009", "visa", "CH"),
    good(&["au"], "4000000360000006", "visa", "AU"),
    good(&["cn"], "4000001560000002", "visa", "CN"),
    good(&["in"], "4000003560000008", "visa", "IN"),
    good(&["jp"], "4000003920000003", "visa", "JP"),
    good(&["sg"], "4000007020000003", "visa", "SG"),
    good(&["bypassPending"], "4000000000000077", "visa", "US"),
    later(&["pendingRefund"], "4000000000007726", Aftermath::RefundPends),
    later(&["refundFail"], "4000000000005126", Aftermath::RefundFails),
    later(&["createDispute"], "4000000000000259", Aftermath::Disputed(Claim::Fraudulent)),
    later(&["createDisputeProductNotReceived"], "4000000000002685", Aftermath::Disputed(Claim::NotReceived)),
    later(&["createDisputeInquiry"], "4000000000001976", Aftermath::Disputed(Claim::Inquiry)),
    later(&["createIssuerFraudRecord"], "4000000000005423", Aftermath::Reported),
    bad(&["chargeDeclined", "visa_chargeDeclined"], "4000000000000002", GENERIC),
    bad(
        &["chargeDeclinedInsufficientFunds", "visa_chargeDeclinedInsufficientFunds"],
        "4000000000009995",
        FUNDS,
    ),
    bad(
        &["visa_chargeDeclinedLostCard"],
        "4000000000009987",
        declined("lost_card", "Your card was declined."),
    ),
    bad(
        &["visa_chargeDeclinedStolenCard"],
        "4000000000009979",
        declined("stolen_card", "Your card was declined."),
    ),
    bad(&["chargeDeclinedExpiredCard"], "4000000000000069", EXPIRED),
    bad(
        &["chargeDeclinedIncorrectCvc"],
        "4000000000000127",
        Decline {
            code: "incorrect_cvc",
            decline_code: Some("incorrect_cvc"),
            message: "Your card's security code is incorrect.",
        },
    ),
    bad(&["chargeDeclinedProcessingError"], "4000000000000119", PROCESSING),
    bad(
        &["visa_chargeDeclinedVelocityLimitExceeded"],
        "4000000000006975",
        declined(
            "card_velocity_exceeded",
            "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
        ),
    ),
    bad(&["chargeDeclinedFraudulent"], "4100000000000019", declined("fraudulent", "Your card was declined.")),
    card(&["chargeCustomerFail"], "4000000000000341", "visa", "US", Behaviour::DeclinesCharges(GENERIC)),
    asks(&["threeDSecure2Required"], "4000000000003220", "IE", Authentication::UnlessSetUp),
    asks(&["threeDSecureRequired"], "4000000000003063", "IE", Authentication::UnlessSetUp),
    good(&["threeDSecureOptional"], "4000000000003055", "visa", "US"),
    asks(&["authenticationRequired"], "4000002760003184", "DE", Authentication::Always),
    asks(&["authenticationRequiredOnSetup"], "4000002500003155", "FR", Authentication::UnlessSetUp),
    asks(&["authenticationRequiredSetupForOffSession"], "4000003800000446", "IT", Authentication::OnSession),
    card(
        &["authenticationRequiredChargeDeclinedInsufficientFunds"],
        "4000008260003178",
        "visa",
        "GB",
        Behaviour::AuthenticatesThenDeclines(FUNDS),
    ),
    card(
        &["threeDSecureRequiredChargeDeclined"],
        "4000008400001629",
        "visa",
        "US",
        Behaviour::AuthenticatesThenDeclines(GENERIC),
    ),
    card(
        &["threeDSecureRequiredProcessingError"],
        "4000008400001280",
        "visa",
        "US",
        Behaviour::AuthenticatesThenDeclines(PROCESSING),
    ),
];

/// The card of a name like `pm_card_visa` or `tok_visa`.
pub(crate) fn by_token(token: &str) -> Option<&'static TestCard> {
    let name = token.strip_prefix("pm_card_").or_else(|| token.strip_prefix("tok_"))?;
    CARDS.iter().find(|card| card.names.contains(&name))
}

/// The card of a number.
pub(crate) fn by_number(number: &str) -> Option<&'static TestCard> {
    CARDS.iter().find(|card| card.number == number)
}

impl TestCard {
    /// The last four digits.
    pub(crate) fn last4(&self) -> &'static str {
        &self.number[self.number.len() - 4..]
    }

    /// Stable for the card, like Stripe's fingerprint.
    pub(crate) fn fingerprint(&self) -> String {
        let digits: u64 = self.number.parse().expect("test card numbers are digits");
        crate::ids::IdGenerator::new(digits).token(16)
    }

    /// Why the card cannot be attached to a customer, if so.
    pub(crate) fn refuses_attachment(&self) -> Option<Decline> {
        match self.behaviour {
            Behaviour::Declines(decline) => Some(decline),
            _ => None,
        }
    }

    /// What a charge comes to.
    pub(crate) fn charge(&self, usage: Use) -> Outcome {
        let ask = |needed: bool| match (needed, usage.off_session) {
            (false, _) => Outcome::Approved,
            (true, false) => Outcome::AuthenticationRequired,
            (true, true) => Outcome::Declined(AUTHENTICATION_REQUIRED),
        };
        match self.behaviour {
            Behaviour::Approves => Outcome::Approved,
            Behaviour::Declines(decline) | Behaviour::DeclinesCharges(decline) => Outcome::Declined(decline),
            Behaviour::AuthenticatesThenDeclines(decline) if usage.authenticated => {
                Outcome::Declined(decline)
            }
            Behaviour::AuthenticatesThenDeclines(_) => ask(true),
            Behaviour::Authenticates(_) if usage.authenticated => Outcome::Approved,
            Behaviour::Authenticates(Authentication::Always) => ask(true),
            Behaviour::Authenticates(Authentication::UnlessSetUp) => ask(!usage.set_up),
            Behaviour::Authenticates(Authentication::OnSession) => ask(!usage.off_session),
        }
    }

    /// What setting the card up for later use comes to.
    pub(crate) fn set_up(&self, authenticated: bool) -> Outcome {
        match self.behaviour {
            Behaviour::Declines(decline) => Outcome::Declined(decline),
            Behaviour::Authenticates(Authentication::Always | Authentication::UnlessSetUp)
            | Behaviour::AuthenticatesThenDeclines(_)
                if !authenticated =>
            {
                Outcome::AuthenticationRequired
            }
            _ => Outcome::Approved,
        }
    }
}

impl Decline {
    /// The 402 answer.
    pub(crate) fn error(self) -> ApiError {
        let error = match self.code {
            // Stripe calls a failed authentication an invalid request's error object, though it answers 402.
            "payment_intent_authentication_failure" | "setup_intent_authentication_failure" => {
                ApiError::new(402, crate::errors::ErrorType::InvalidRequest, self.message).code(self.code)
            }
            code => ApiError::card(code, self.message),
        };
        let error = match self.code {
            "incorrect_cvc" => error.param("cvc"),
            "expired_card" => error.param("exp_month"),
            _ => error,
        };
        match self.decline_code {
            Some(decline_code) => error.with("decline_code", decline_code),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_unique_and_pass_the_luhn_check() {
        let mut names: Vec<&str> = CARDS.iter().flat_map(|card| card.names).copied().collect();
        let mut numbers: Vec<&str> = CARDS.iter().map(|card| card.number).collect();
        for number in &numbers {
            let sum: u32 = number
                .bytes()
                .rev()
                .enumerate()
                .map(|(place, digit)| {
                    let value = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
                    value / 10 + value % 10
                })
                .sum();
            assert_eq!(sum % 10, 0, "{number}");
        }
        names.sort_unstable();
        numbers.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_card_that_asks_unless_set_up_asks_no_more_once_set_up() {
        let card = by_token("pm_card_authenticationRequiredOnSetup").unwrap();
        let usage = Use { off_session: true, set_up: false, authenticated: false };
        assert_eq!(card.charge(usage), Outcome::Declined(AUTHENTICATION_REQUIRED));
        assert_eq!(card.charge(Use { set_up: true, ..usage }), Outcome::Approved);
    }
}
