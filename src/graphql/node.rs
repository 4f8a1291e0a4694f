//! Opaque global ids: a prefix that names the type, and the UUID.

use async_graphql::{ID, Result};
use uuid::Uuid;

use super::error::bad_input;

macro_rules! node_kinds {
    ($($(#[$meta:meta])* $variant:ident => $prefix:literal, $name:literal;)+) => {
        /// The types that have ids.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum NodeKind { $($(#[$meta])* $variant),+ }

        impl NodeKind {
            /// Every type that has ids.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// What its ids begin with.
            pub const fn prefix(self) -> &'static str {
                match self { $(Self::$variant => $prefix),+ }
            }

            /// Its name in the schema.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

node_kinds! {
    /// An organization.
    Organization => "org", "Organization";
    /// A person.
    User => "usr", "User";
    /// A membership.
    Member => "mem", "Member";
    /// A plan.
    Plan => "plan", "Plan";
    /// A price.
    Price => "price", "Price";
    /// A subscription.
    Subscription => "sub", "Subscription";
    /// An invoice.
    Invoice => "inv", "Invoice";
    /// A payment.
    Payment => "pay", "Payment";
    /// A refund.
    Refund => "ref", "Refund";
    /// A dispute.
    Dispute => "dis", "Dispute";
    /// A credit note.
    CreditNote => "cn", "CreditNote";
    /// A payment method.
    PaymentMethod => "pm", "PaymentMethod";
    /// An audit record.
    AuditLog => "aud", "AuditLog";
    /// A billing operation.
    BillingOperation => "op", "BillingOperation";
    /// A stored event.
    StripeEvent => "evt", "StripeEvent";
    /// A drift.
    BillingDrift => "drift", "BillingDrift";
    /// An invitation.
    Invitation => "invt", "Invitation";
    /// A role that an organization put together.
    CustomRole => "role", "CustomRole";
    /// An API key.
    ApiKey => "key", "ApiKey";
    /// What one person reads.
    Notification => "ntf", "Notification";
    /// An address that webhooks are sent to.
    WebhookEndpoint => "whe", "WebhookEndpoint";
    /// A webhook.
    WebhookDelivery => "whd", "WebhookDelivery";
    /// A meter.
    Meter => "mtr", "Meter";
    /// What an organization was told of its usage.
    UsageNotice => "unt", "UsageNotice";
}

impl NodeKind {
    /// The opaque id of `uuid`.
    pub fn encode(self, uuid: Uuid) -> ID {
        ID(format!("{}_{}", self.prefix(), uuid.simple()))
    }

    /// The UUID of an id that must be of this type. `argument` is named when it is not.
    pub fn decode(self, argument: &str, id: &ID) -> Result<Uuid> {
        match decode(id) {
            Some((kind, uuid)) if kind == self => Ok(uuid),
            Some((other, _)) => Err(bad_input(format!(
                "{argument}: this is the id of a {}, and the id of a {} ({}_…) is wanted.",
                other.name(),
                self.name(),
                self.prefix()
            ))),
            None => Err(bad_input(format!(
                "{argument}: this is no id. The id of a {} looks like {}_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b; take it from an earlier answer.",
                self.name(),
                self.prefix()
            ))),
        }
    }
}

/// The type and UUID of any of our ids.
pub fn decode(id: &ID) -> Option<(NodeKind, Uuid)> {
    let (prefix, hex) = id.split_once('_')?;
    let kind = NodeKind::ALL.iter().copied().find(|kind| kind.prefix() == prefix)?;
    // Exactly what `encode` writes: 32 lower-case hexadecimal digits.
    let exact =
        hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if !exact {
        return None;
    }
    Some((kind, Uuid::try_parse(hex).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_comes_back() {
        let uuid = Uuid::from_u128(0x0190_a3b2_c4d5_7e8f_9a0b_1c2d_3e4f_5a6b);
        for &kind in NodeKind::ALL {
            assert_eq!(decode(&kind.encode(uuid)), Some((kind, uuid)));
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "org_",
            "org",
            "org_123",
            "cus_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b",
            "org_0190A3B2C4D57E8F9A0B1C2D3E4F5A6B",
            "org_0190a3b2-c4d5-7e8f-9a0b-1c2d3e4f5a6b",
        ] {
            assert_eq!(decode(&ID(text.to_owned())), None, "{text}");
        }
    }
}
