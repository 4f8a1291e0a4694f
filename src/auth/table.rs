//! The policy as a table for people: every field that has a rule, against every kind of caller. It is made by asking the
//! policy itself; `tests/it/permission_table.rs` calls each field as each of them and compares.

use std::fmt::Write;

use chrono::DateTime;
use uuid::Uuid;

use super::policy::{self, Denial, POLICY, Rule};
use super::{FOR_PEOPLE, Viewer};
use crate::domain::api_key::{ApiKey, never_in_scopes};
use crate::domain::audit::Actor;
use crate::domain::ids::{ApiKeyId, OrganizationId, UserId};
use crate::domain::membership::Role;
use crate::domain::role::Grant;
use crate::domain::user::User;

/// Who may be calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A member in a built-in role.
    Member(Role),
    /// A program with an API key of an owner's that has every scope there is.
    Key,
    /// Somebody with a token who is no member.
    Stranger,
    /// Nobody in particular.
    Anonymous,
}

impl Caller {
    /// Every caller, as the table's columns have them.
    pub const ALL: [Self; 8] = [
        Self::Member(Role::Owner),
        Self::Member(Role::Admin),
        Self::Member(Role::BillingManager),
        Self::Member(Role::Auditor),
        Self::Member(Role::Member),
        Self::Key,
        Self::Stranger,
        Self::Anonymous,
    ];

    fn name(self) -> String {
        match self {
            Self::Member(role) => role.as_str().to_ascii_uppercase(),
            Self::Key => "API key".to_owned(),
            Self::Stranger => "stranger".to_owned(),
            Self::Anonymous => "anonymous".to_owned(),
        }
    }

    fn viewer(self, organization: OrganizationId) -> Viewer {
        let at = DateTime::UNIX_EPOCH;
        let user = User {
            id: UserId(Uuid::nil()),
            issuer: String::new(),
            subject: String::new(),
            email: None,
            name: None,
            locale: None,
            time_zone: None,
            is_platform_staff: false,
            told_at: None,
            created_at: at,
            updated_at: at,
        };
        let actor = Actor::system();
        match self {
            Self::Member(role) => {
                Viewer::signed_in(user, None, [(organization, Grant::of(role))].into(), actor)
            }
            Self::Stranger => Viewer::signed_in(user, None, [].into(), actor),
            Self::Anonymous => Viewer::anonymous(actor),
            Self::Key => {
                let key = ApiKey {
                    id: ApiKeyId(Uuid::nil()),
                    organization_id: organization,
                    user_id: user.id,
                    name: String::new(),
                    prefix: String::new(),
                    scopes: Role::Owner.permissions().beyond(never_in_scopes()),
                    allowed_addresses: Vec::new(),
                    previous_until: None,
                    expires_at: None,
                    last_used_at: None,
                    revoked_at: None,
                    version: 1,
                    created_at: at,
                    updated_at: at,
                };
                Viewer::api_key(key, user, Grant::of(Role::Owner), actor)
            }
        }
    }
}

/// The code with which the policy refuses a field of `POLICY` to a caller; `None` when it lets them ask.
pub fn refusal(field: &str, caller: Caller) -> Option<&'static str> {
    let organization = OrganizationId(Uuid::nil());
    let viewer = caller.viewer(organization);
    let rule = policy::rule(field)?;
    let allowed = viewer.check_in(rule, organization).and_then(|()| viewer.check_person(field));
    allowed.err().map(|denial| match denial {
        Denial::Unauthenticated => "UNAUTHENTICATED",
        Denial::Forbidden(_) | Denial::Barred(_) | Denial::StaffOnly | Denial::PersonOnly => "FORBIDDEN",
        Denial::NotFound => "NOT_FOUND",
    })
}

fn needs(field: &str, rule: Rule) -> String {
    let needs = match rule {
        Rule::Public => "nothing".to_owned(),
        Rule::SignedIn => "a token".to_owned(),
        Rule::Staff => "platform staff".to_owned(),
        Rule::Member(permission) => format!("`{permission}`"),
        Rule::MemberOrStaff(permission) => format!("`{permission}`, or platform staff"),
        Rule::ByObject => "what the object needs".to_owned(),
    };
    if FOR_PEOPLE.contains(&field) { format!("{needs}; a person") } else { needs }
}

/// The table, as it stands in docs/permissions.md.
pub fn permissions_markdown() -> String {
    let mut text = String::from(INTRODUCTION);
    text.push_str("## Permissions of the built-in roles\n\n| Permission |");
    for role in Role::BUILT_IN {
        let _ = write!(text, " {} |", role.as_str().to_ascii_uppercase());
    }
    text.push_str("\n| --- |");
    text.push_str(&" --- |".repeat(Role::BUILT_IN.len()));
    text.push('\n');
    for &permission in crate::domain::permission::Permission::ALL {
        let _ = write!(text, "| `{permission}` |");
        for role in Role::BUILT_IN {
            text.push_str(if role.holds(permission) { " yes |" } else { " |" });
        }
        text.push('\n');
    }
    text.push_str("\n## Fields\n\n| Field | Needs |");
    for caller in Caller::ALL {
        let _ = write!(text, " {} |", caller.name());
    }
    text.push_str("\n| --- | --- |");
    text.push_str(&" --- |".repeat(Caller::ALL.len()));
    text.push('\n');
    for (field, rule) in POLICY {
        let _ = write!(text, "| `{field}` | {} |", needs(field, *rule));
        for caller in Caller::ALL {
            let _ = write!(text, " {} |", refusal(field, caller).unwrap_or("yes"));
        }
        text.push('\n');
    }
    text
}

const INTRODUCTION: &str = "# Who may do what\n\n\
<!-- Made by `tollgate permissions` from the policy the gateway asks. Renew it with `cargo xtask schema`; a test calls \
every field as every caller of the table and compares. -->\n\n\
*stranger*: a valid token of somebody who is no member, or whose membership is suspended: the organization does not exist for them. \
*API key*: an owner's key with every scope; without the scope, or once its person has lost the permission, it is FORBIDDEN. \
*a person*: no API key, whatever its scopes. An organization's own roles hold what they were put together from: read the column \
Needs. Platform staff may ask whatever needs a permission that ends in `:read`, of every organization. `settingsRollback` of the \
section BILLING needs what `settingsBillingUpdate` needs, and a person.\n\n";
