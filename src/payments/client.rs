//! The client: a cheap handle on the transport, with one method for each thing we ask of Stripe.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use stripe_client_core::StripeRequest;
use tokio::time::Instant;

use super::budget::{Budget, DEFAULT_BACKGROUND_RATE};
use super::error::{Outcome, PaymentsError};
use super::seat::Seat;
use super::transport::{Keyed, Pace, Transport, system_jitter};
use crate::domain::ids::{BillingOperationId, OrganizationId, UsageChargeId};
use crate::domain::mirror::AccountMirror;

/// How Stripe is reached.
#[derive(Clone, Debug)]
pub struct StripeOptions {
    /// The secret key.
    pub secret_key: SecretString,
    /// Where the API is, with or without a trailing slash or `/v1`.
    pub api_base: String,
    /// How long one request may take.
    pub timeout: Duration,
    /// How often a request is sent at most.
    pub max_attempts: u32,
    /// Requests a second that work in the background may make at most, on top of what interactive calls leave of it.
    pub background_rate: NonZeroU32,
}

impl StripeOptions {
    /// Stripe itself, with the time-outs of production.
    pub fn new(secret_key: &str) -> Self {
        Self {
            secret_key: SecretString::from(secret_key.to_owned()),
            api_base: "https://api.stripe.com".to_owned(),
            timeout: Duration::from_secs(30),
            max_attempts: 3,
            background_rate: DEFAULT_BACKGROUND_RATE,
        }
    }
}

/// A key under which Stripe does a thing once. It is made from the logical operation alone, never from what differs
/// between two attempts.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    key: String,
    /// Counts the requests under it that Stripe has done.
    done: Option<Arc<AtomicU32>>,
}

impl IdempotencyKey {
    /// The key of one step of an operation.
    pub fn for_operation(operation: BillingOperationId, step: &str) -> Self {
        Self { key: format!("tollgate-{operation}-{step}"), done: None }
    }

    /// The key under which an organization's one customer is created.
    pub fn for_customer(organization: OrganizationId) -> Self {
        Self { key: format!("tollgate-customer-{organization}"), done: None }
    }

    /// The key under which what a meter came to in a period is billed: whichever operation does it.
    pub fn for_usage(charge: UsageChargeId) -> Self {
        Self { key: format!("tollgate-usage-{charge}"), done: None }
    }

    /// The same key, which counts what Stripe has done under it.
    pub fn counted_in(self, done: &Arc<AtomicU32>) -> Self {
        Self { done: Some(Arc::clone(done)), ..self }
    }

    /// The key of the same step when it is asked for in other words: one key may not carry two forms of a request.
    pub fn in_other_words(&self, form: &str) -> Self {
        Self { key: format!("{}-{form}", self.key), done: self.done.clone() }
    }

    /// The key of a step whose body is made of what Stripe shows at the time. Such a step leaves things in a state, and may
    /// be done again: another body is another request.
    pub fn of_body(&self, body: &str) -> Self {
        let digest = hex::encode(Sha256::digest(body));
        self.in_other_words(&digest[..16])
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.key
    }

    fn note_done(&self) {
        if let Some(done) = &self.done {
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Who waits for the answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Urgency {
    /// Somebody, for a few: they come at once.
    Interactive,
    /// Somebody, for as many as work in the background asks for: they stay inside the budget, before that work.
    Paced,
    /// Nobody.
    Background,
}

/// A Stripe account. Cheap to clone.
#[derive(Clone)]
pub struct Stripe {
    transport: Arc<Transport>,
    budget: Arc<Budget>,
    urgency: Urgency,
    /// When whoever waits for the answer is answered, whatever has come of it by then.
    until: Option<Instant>,
    /// The seat of the event for which this asks.
    seat: Option<Arc<Seat>>,
    livemode: bool,
    secret: SecretString,
}

impl std::fmt::Debug for Stripe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stripe").field("livemode", &self.livemode).finish_non_exhaustive()
    }
}

impl Stripe {
    /// A client. Nothing is sent yet.
    pub fn new(options: StripeOptions) -> Result<Self, reqwest::Error> {
        let key = options.secret_key.expose_secret();
        let livemode = key.starts_with("sk_live_") || key.starts_with("rk_live_");
        let transport = Transport::new(
            &options.api_base,
            options.secret_key.clone(),
            options.timeout,
            options.max_attempts,
            system_jitter(),
        )?;
        Ok(Self {
            transport: Arc::new(transport),
            budget: Arc::new(Budget::new(options.background_rate)),
            urgency: Urgency::Interactive,
            until: None,
            seat: None,
            livemode,
            secret: options.secret_key,
        })
    }

    /// The same account for work that nobody waits for: it stays inside the rate budget, and gives way to interactive
    /// calls.
    pub fn in_background(&self) -> Self {
        Self { urgency: Urgency::Background, until: None, ..self.clone() }
    }

    /// The same account for a caller who is answered by then: no request of theirs is begun or waited for any longer, however
    /// many there are.
    pub fn answering_by(&self, until: Instant) -> Self {
        Self { until: Some(until), ..self.clone() }
    }

    /// The same account for something long that somebody waits for: it stays inside the rate budget, and comes before work in
    /// the background. What is in the background already stays there.
    pub fn in_pace(&self) -> Self {
        match self.urgency {
            Urgency::Interactive => Self { urgency: Urgency::Paced, ..self.clone() },
            Urgency::Paced | Urgency::Background => self.clone(),
        }
    }

    /// The same account for one event, which leaves its seat while it waits.
    pub fn seated(&self, seat: Arc<Seat>) -> Self {
        Self { seat: Some(seat), ..self.in_background() }
    }

    /// Waits for something else than an answer, without the seat.
    pub async fn away<T>(&self, wait: impl Future<Output = T>) -> T {
        match &self.seat {
            Some(seat) => seat.away(wait).await,
            None => wait.await,
        }
    }

    /// Sends when it is this caller's turn.
    async fn in_turn<T>(
        &self,
        send: impl Future<Output = Result<T, PaymentsError>>,
    ) -> Result<T, PaymentsError> {
        // On the heap: it stands in three places here, and everything that asks Stripe carries it.
        let send = Box::pin(send);
        if let Some(seat) = &self.seat {
            return seat
                .away(async {
                    let Some(_places) = self.budget.event().await else {
                        return Err(PaymentsError::Unavailable { outcome: Outcome::NotSent });
                    };
                    send.await
                })
                .await;
        }
        match self.urgency {
            Urgency::Interactive => {
                self.budget.interactive();
                send.await
            }
            Urgency::Paced => {
                self.budget.paced().await;
                send.await
            }
            Urgency::Background => {
                let _place = self.budget.background().await;
                send.await
            }
        }
    }

    /// Shares the account's rate budget among so many processes, this one among them.
    pub fn share_budget_among(&self, processes: u32) {
        self.budget.share_among(processes);
    }

    /// Whose budget repetitions are of.
    fn pace(&self) -> Pace<'_> {
        match self.urgency {
            Urgency::Interactive => Pace::Interactive { budget: &self.budget, until: self.until },
            Urgency::Paced => Pace::Paced(&self.budget),
            Urgency::Background => Pace::Background(&self.budget),
        }
    }

    fn keyed<'a>(&'a self, key: Option<&'a IdempotencyKey>) -> Keyed<'a> {
        Keyed { transport: &self.transport, key, pace: self.pace() }
    }

    /// Whether the key is of live mode.
    pub const fn livemode(&self) -> bool {
        self.livemode
    }

    /// A key of our own for one purpose, made from the secret key: every process of ours has the same, no other account or
    /// mode has it, and it does not tell the secret key.
    pub fn derived_key(&self, purpose: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.expose_secret().as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(b"tollgate: ");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The account that the key belongs to.
    pub async fn account(&self) -> Result<AccountMirror, PaymentsError> {
        let request =
            stripe_client_core::RequestBuilder::new(stripe_client_core::StripeMethod::Get, "/account");
        let account: stripe_shared::Account = request.customize().send(&self.keyed(None)).await?;
        Ok(AccountMirror {
            id: account.id.as_str().to_owned(),
            country: account.country,
            name: account.settings.and_then(|settings| settings.dashboard.display_name),
        })
    }

    /// Reads.
    pub(super) async fn read<R>(&self, request: R) -> Result<R::Output, PaymentsError>
    where
        R: StripeRequest,
        R::Output: miniserde::Deserialize,
    {
        self.in_turn(request.customize().send(&self.keyed(None))).await
    }

    /// Reads what async-stripe's types would cut: the answer as Stripe wrote it.
    pub(super) async fn read_value(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<serde_json::Value, PaymentsError> {
        let mut request =
            stripe_client_core::RequestBuilder::new(stripe_client_core::StripeMethod::Get, path);
        request.query =
            Some(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish());
        let bytes = self.in_turn(self.transport.send(&request, None, self.pace())).await?;
        // The transport has checked that it is JSON.
        serde_json::from_slice(&bytes).map_err(|_| PaymentsError::Unavailable { outcome: Outcome::Unknown })
    }

    /// Changes something, once for each key.
    pub(super) async fn change<R>(&self, request: R, key: &IdempotencyKey) -> Result<R::Output, PaymentsError>
    where
        R: StripeRequest,
        R::Output: miniserde::Deserialize,
    {
        let keyed = self.keyed(Some(key));
        let answer = self.in_turn(request.customize().send(&keyed)).await?;
        key.note_done();
        Ok(answer)
    }

    /// Changes something by a form that async-stripe's types cannot say.
    pub(super) async fn change_form<T: miniserde::Deserialize>(
        &self,
        path: String,
        form: &[(&str, &str)],
        key: &IdempotencyKey,
    ) -> Result<T, PaymentsError> {
        let request = stripe_client_core::RequestBuilder::new(stripe_client_core::StripeMethod::Post, path)
            .form(&form.iter().copied().collect::<std::collections::BTreeMap<_, _>>());
        let keyed = self.keyed(Some(key));
        let answer = self.in_turn(request.customize().send(&keyed)).await?;
        key.note_done();
        Ok(answer)
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
#[path = "client_tests.rs"]
mod tests;
