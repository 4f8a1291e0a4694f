//! Telling what the outbox holds: whom it reaches, and the mails. Called by the worker, outside any transaction.

use std::time::Duration;

use super::Service;
use super::error::ServiceError;
use super::notification::place_of;
use super::outgoing::Mail;
use crate::delivery::{Letter, MailError, Telling, Text};
use crate::domain::membership::MembershipStatus;
use crate::domain::notification::{EmailState, Fact, OutboxMessage, Reader, STALE};
use crate::domain::webhook_delivery::WebhookDeliveryState;
use crate::domain::webhook_endpoint::WebhookEndpointState;
use crate::store::{Addressee, ClaimedEmail, ClaimedMessage, FanOut};

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailOutcome {
    /// It is done with, in this state; with what there is to say of it.
    Finished(EmailState, Option<String>),
    /// It was not sent, and may be later.
    Failed(String),
}

impl Service {
    /// Whether mails leave at all. They wait otherwise.
    pub const fn sends_mail(&self) -> bool {
        !matches!(self.outgoing.mail, Mail::Waits)
    }

    /// How long the conversation about one mail may take; nothing when no server is asked.
    pub fn mail_timeout(&self) -> Duration {
        match &self.outgoing.mail {
            Mail::Sent(mailer) => mailer.timeout(),
            Mail::Waits | Mail::Logged => Duration::ZERO,
        }
    }

    /// Takes a message apart into what reaches each.
    pub async fn fan_out(&self, claimed: &ClaimedMessage) -> Result<(), ServiceError> {
        let message = &claimed.message;
        let recipients = self.recipients_of(message.organization_id, &message.fact).await?;
        // An invitation is for who is invited; the others are told by its list, and have no token.
        let addresses = match &message.fact {
            Fact::Invitation { email, .. } => [(email.clone(), (None, recipients.reader))].into(),
            _ => recipients.addresses,
        };
        let mut programs = Vec::new();
        if let Some(event) = message.fact.event().filter(|_| recipients.programs) {
            for endpoint in self.store.webhook_endpoints_of(message.organization_id).await? {
                let state = match endpoint.state {
                    WebhookEndpointState::Enabled => WebhookDeliveryState::Pending,
                    // It is listed, and can be sent once the endpoint is enabled.
                    WebhookEndpointState::Disabled => WebhookDeliveryState::Held,
                };
                if endpoint.wants(event) {
                    programs.push((endpoint.id, state));
                }
            }
        }
        let to = FanOut {
            emails: addresses
                .into_iter()
                .map(|(address, (person, reader))| Addressee { address, person, reader })
                .collect(),
            people: recipients.people.into_iter().collect(),
            programs,
        };
        Ok(self.store.fan_out(claimed, &to).await?)
    }

    /// Sends a mail that this worker holds, unless what it would tell does not hold any more.
    pub async fn send_email(&self, email: &ClaimedEmail) -> Result<EmailOutcome, ServiceError> {
        let message = &email.message;
        if let Some(why) = self.why_not_to_send(email).await? {
            return Ok(EmailOutcome::Finished(EmailState::Canceled, Some(why.to_owned())));
        }
        let secret = match &message.sealed_secret {
            Some(sealed) => Some(self.outgoing.keys.open(place_of(message.id), sealed)?),
            None => None,
        };
        let text = self.text_of(message, &email.reader, secret.as_deref()).await?;
        let sent = match &self.outgoing.mail {
            Mail::Waits => return Ok(EmailOutcome::Failed("there is no mail server".to_owned())),
            Mail::Logged => {
                tracing::info!(
                    to = email.recipient,
                    subject = text.title,
                    text = text.plain(),
                    "there is no mail server; this is what it would send"
                );
                return Ok(EmailOutcome::Finished(EmailState::Logged, None));
            }
            Mail::Sent(mailer) => {
                let letter = Letter {
                    // The same for every attempt: whoever gets it twice knows that it is one.
                    id: email.id.0.simple().to_string(),
                    to: email.recipient.clone(),
                    date: email.created_at,
                    language: text.language,
                    subject: text.title.clone(),
                    text: text.plain(),
                    html: text.html(),
                };
                mailer.send(&letter).await
            }
        };
        Ok(match sent {
            Ok(()) => EmailOutcome::Finished(EmailState::Sent, None),
            Err(error @ (MailError::Malformed(_) | MailError::Refused(_))) => {
                EmailOutcome::Finished(EmailState::Dead, Some(error.to_string()))
            }
            Err(error) => EmailOutcome::Failed(error.to_string()),
        })
    }

    /// A fact, told.
    pub(super) async fn text_of(
        &self,
        message: &OutboxMessage,
        reader: &Reader,
        secret: Option<&str>,
    ) -> Result<Text, ServiceError> {
        let organization = self.store.find_organization(message.organization_id).await?;
        let organization = organization.ok_or(ServiceError::NotFound("organization"))?;
        Ok(self.outgoing.renderer.tell(Telling {
            fact: &message.fact,
            organization_id: organization.id,
            organization: &organization.name,
            secret,
            reader,
        }))
    }

    /// Why a mail is not sent although it is due, if it is not.
    async fn why_not_to_send(&self, email: &ClaimedEmail) -> Result<Option<&'static str>, ServiceError> {
        let message = &email.message;
        let now = self.clock.now();
        // An invitation that was accepted, taken back or sent again meanwhile is not told: its token counts no more.
        if let Fact::Invitation { invitation_id, version, .. } = &message.fact {
            let invitation = self.store.invitations(&[*invitation_id]).await?.pop();
            let counts = invitation.is_some_and(|it| it.version == *version && it.is_open(now));
            return Ok((!counts).then_some("the invitation does not count any more"));
        }
        // It waited for a mail server that came too late.
        if email.attempts == 1 && now - email.created_at > STALE {
            return Ok(Some("it could not be sent for days, and is news no more"));
        }
        let Some(person) = email.user_id else { return Ok(None) };
        let member = self.store.find_member_by_user(message.organization_id, person).await?;
        let counts = member.is_some_and(|it| it.membership.status == MembershipStatus::Active);
        Ok((!counts).then_some("its reader is no member any more"))
    }
}
