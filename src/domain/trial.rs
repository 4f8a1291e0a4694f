//! Trials that were taken. A trial is for somebody new: who had one is known again by organization, by payment card and by
//! mail domain, whatever became of the subscription.

use super::string_enum;

/// Sorted, so that it can be searched; what begins with `#` is about the list.
const FREE_MAIL_DOMAINS: &str = include_str!("free_mail_domains.txt");

string_enum! {
    /// By what somebody is known again.
    TrialMarkKind {
        /// A payment card, by Stripe's fingerprint of its number.
        Card => "card",
        /// The part after the @ of an owner's mail address.
        MailDomain => "mail_domain",
    }
}

/// Something by which somebody is known again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrialMark {
    /// What it is.
    pub kind: TrialMarkKind,
    /// The fingerprint, or the domain.
    pub value: String,
}

impl TrialMark {
    /// A card's.
    pub fn card(fingerprint: impl Into<String>) -> Self {
        Self { kind: TrialMarkKind::Card, value: fingerprint.into() }
    }

    /// A mail address's; `None` when the domain is a provider's, under which anybody gets an address.
    pub fn mail_domain(email: &str) -> Option<Self> {
        let (_, domain) = email.rsplit_once('@')?;
        let value = domain.trim_end_matches('.').to_ascii_lowercase();
        let is_one = value.contains('.') && !value.contains(char::is_whitespace);
        (is_one && !is_free_mail(&value)).then_some(Self { kind: TrialMarkKind::MailDomain, value })
    }
}

fn is_free_mail(domain: &str) -> bool {
    // Lines of the list, found by halving: it is searched for one address now and then.
    let (mut low, mut high) = (0, FREE_MAIL_DOMAINS.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        let start = FREE_MAIL_DOMAINS[..middle].rfind('\n').map_or(0, |at| at + 1);
        let end = FREE_MAIL_DOMAINS[middle..].find('\n').map_or(FREE_MAIL_DOMAINS.len(), |at| middle + at);
        match FREE_MAIL_DOMAINS[start..end].cmp(domain) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_company_is_known_by_its_domain_and_a_customer_of_a_provider_is_not() {
        let domain = |email| TrialMark::mail_domain(email).map(|mark| mark.value);
        assert_eq!(domain("ann@acme.example").as_deref(), Some("acme.example"));
        assert_eq!(domain("Ann@ACME.Example.").as_deref(), Some("acme.example"));
        assert_eq!(domain("\"a@b\"@acme.example").as_deref(), Some("acme.example"));
        for nobody in
            ["ann@gmail.com", "ann@GMAIL.com", "ann@qq.com", "ann@mailinator.com", "ann", "ann@localhost", ""]
        {
            assert_eq!(domain(nobody), None, "{nobody}");
        }
    }

    #[test]
    fn every_line_of_the_list_is_found() {
        let lines: Vec<&str> = FREE_MAIL_DOMAINS.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.len() > 10_000 && lines.is_sorted());
        for line in lines {
            assert!(is_free_mail(line), "{line}");
            assert!(!is_free_mail(&format!("x-{line}-x")), "{line}");
        }
    }
}
