//! Plain Rust: what the business is made of, and its rules. No framework, no database, no network.

pub mod access;
pub mod api_key;
pub mod audit;
pub mod billing_details;
pub mod billing_drift;
pub mod billing_operation;
pub mod billing_policy;
pub mod billing_settings;
pub mod card_number;
pub mod charge;
pub mod clock;
pub mod credit_note;
pub mod dispute;
pub mod email;
pub mod entitlement;
pub mod general_settings;
pub mod ids;
pub mod invitation;
pub mod invoice;
pub mod job;
pub mod key_policy;
pub mod key_ring;
pub mod loopback;
pub mod membership;
pub mod meter;
pub mod meter_definition;
pub mod mirror;
pub mod money;
pub mod notification;
pub mod notification_event;
pub mod notification_settings;
pub mod organization;
pub mod page;
pub mod patience;
pub mod payment;
pub mod payment_attempt;
pub mod payment_method;
pub mod permission;
pub mod plan;
pub mod plan_charge;
pub mod proration;
pub mod quantity;
pub mod rating;
pub mod refund;
pub mod return_url;
pub mod revenue;
pub mod role;
pub mod seat;
pub mod secret;
pub mod security_settings;
pub mod session;
pub mod setting;
pub mod setting_content;
pub mod stripe_event;
pub mod subscription;
pub mod subscription_change;
pub mod tax_id;
pub mod text;
pub mod trial;
pub mod usage;
pub mod usage_alert;
pub mod usage_bucket;
pub mod usage_charge;
pub mod usage_period;
pub mod user;
pub mod webhook_delivery;
pub mod webhook_endpoint;

/// Defines an enum that is stored, logged and compared as a fixed lower-case word.
///
/// `parse` is exact; what to do with an unknown word is the caller's decision.
macro_rules! string_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident => $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word under which the value is stored.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The value of a stored word, if it is one.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::unknown_variant(&text, &[$($text),+]))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use string_enum;
