//! The demo's people.

use crate::auth::TokenClaims;
use crate::domain::membership::Role;

/// One of the demo's people.
pub(super) struct Person {
    pub subject: &'static str,
    pub name: &'static str,
    pub label: &'static str,
    pub is_staff: bool,
    /// Roles by the slug of the organization.
    pub roles: &'static [(&'static str, Role)],
}

/// Everybody, those for whom tokens are printed first.
pub(super) const PEOPLE: [Person; 8] = [
    Person {
        subject: "olivia",
        name: "Olivia Owner",
        label: "Olivia, owner of Acme, Globex and Initech",
        is_staff: false,
        roles: &[("acme", Role::Owner), ("globex", Role::Owner), ("initech", Role::Owner)],
    },
    Person {
        subject: "marcus",
        name: "Marcus Member",
        label: "Marcus, a member of Acme",
        is_staff: false,
        roles: &[("acme", Role::Member)],
    },
    Person {
        subject: "priya",
        name: "Priya Platform",
        label: "Priya, platform staff",
        is_staff: true,
        roles: &[],
    },
    Person {
        subject: "bea",
        name: "Bea Billing",
        label: "Bea",
        is_staff: false,
        roles: &[("acme", Role::BillingManager), ("globex", Role::BillingManager)],
    },
    Person {
        subject: "adam",
        name: "Adam Admin",
        label: "Adam",
        is_staff: false,
        roles: &[("acme", Role::Admin)],
    },
    Person {
        subject: "aude",
        name: "Aude Auditor",
        label: "Aude",
        is_staff: false,
        roles: &[("acme", Role::Auditor), ("globex", Role::Auditor)],
    },
    Person {
        subject: "gus",
        name: "Gus Globex",
        label: "Gus",
        is_staff: false,
        roles: &[("globex", Role::Admin)],
    },
    Person {
        subject: "ines",
        name: "Ines Initech",
        label: "Ines",
        is_staff: false,
        roles: &[("initech", Role::Member)],
    },
];

/// The address of one of the demo's people.
pub(super) fn email(person: &Person) -> String {
    format!("{}@demo.example", person.subject)
}

/// The people for whom tokens are printed, each with what the token says.
pub fn people() -> impl Iterator<Item = (&'static str, TokenClaims)> {
    PEOPLE.iter().take(3).map(|person| {
        let claims = TokenClaims {
            subject: person.subject.to_owned(),
            email: Some(email(person)),
            name: Some(person.name.to_owned()),
            is_platform_staff: person.is_staff,
        };
        (person.label, claims)
    })
}
