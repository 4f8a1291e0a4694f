//! `/v1/.../search`: Stripe's query language over the objects of one kind. What was just written is found at once; Stripe
//! itself may take a minute.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::Fields;

const DEFAULT_LIMIT: i64 = 10;
const MAXIMUM_LIMIT: i64 = 100;
const MAXIMUM_CLAUSES: usize = 10;
/// The fewest characters that `~` looks for.
const SHORTEST_PART: usize = 3;

/// How the values of a field are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// As a whole.
    Token,
    /// As a whole or in part.
    Text,
    Number,
}

use Kind::{Number, Text, Token};

/// What can be searched: the objects, and their fields by name, kind and place.
struct Index {
    object: &'static str,
    resource: &'static str,
    fields: &'static [(&'static str, Kind, &'static str)],
}

const CHARGES: Index = Index {
    object: "charge",
    resource: "charges",
    fields: &[
        ("amount", Number, "amount"),
        ("billing_details.address.postal_code", Token, "billing_details.address.postal_code"),
        ("created", Number, "created"),
        ("currency", Token, "currency"),
        ("customer", Token, "customer"),
        ("disputed", Token, "disputed"),
        ("payment_method_details.card.brand", Token, "payment_method_details.card.brand"),
        ("payment_method_details.card.exp_month", Number, "payment_method_details.card.exp_month"),
        ("payment_method_details.card.exp_year", Number, "payment_method_details.card.exp_year"),
        ("payment_method_details.card.fingerprint", Token, "payment_method_details.card.fingerprint"),
        ("payment_method_details.card.last4", Token, "payment_method_details.card.last4"),
        ("refunded", Token, "refunded"),
        ("status", Token, "status"),
    ],
};
const CUSTOMERS: Index = Index {
    object: "customer",
    resource: "customers",
    fields: &[
        ("created", Number, "created"),
        ("email", Text, "email"),
        ("name", Text, "name"),
        ("phone", Text, "phone"),
    ],
};
const INVOICES: Index = Index {
    object: "invoice",
    resource: "invoices",
    fields: &[
        ("created", Number, "created"),
        ("currency", Token, "currency"),
        ("customer", Token, "customer"),
        ("last_finalization_error_code", Token, "last_finalization_error.code"),
        ("last_finalization_error_type", Token, "last_finalization_error.type"),
        ("number", Text, "number"),
        ("receipt_number", Text, "receipt_number"),
        ("status", Token, "status"),
        ("subscription", Token, "parent.subscription_details.subscription"),
        ("total", Number, "total"),
    ],
};
const PAYMENT_INTENTS: Index = Index {
    object: "payment_intent",
    resource: "payment_intents",
    fields: &[
        ("amount", Number, "amount"),
        ("created", Number, "created"),
        ("currency", Token, "currency"),
        ("customer", Token, "customer"),
        ("status", Token, "status"),
    ],
};
const PRICES: Index = Index {
    object: "price",
    resource: "prices",
    fields: &[
        ("active", Token, "active"),
        ("currency", Token, "currency"),
        ("lookup_key", Text, "lookup_key"),
        ("product", Token, "product"),
        ("type", Token, "type"),
    ],
};
const PRODUCTS: Index = Index {
    object: "product",
    resource: "products",
    fields: &[
        ("active", Token, "active"),
        ("description", Text, "description"),
        ("name", Text, "name"),
        ("shippable", Token, "shippable"),
        ("url", Text, "url"),
    ],
};
const SUBSCRIPTIONS: Index = Index {
    object: "subscription",
    resource: "subscriptions",
    fields: &[
        ("canceled_at", Number, "canceled_at"),
        ("created", Number, "created"),
        ("status", Token, "status"),
    ],
};

pub(crate) fn charges(call: &mut Call<'_>) -> Answer {
    answer(call, &CHARGES)
}

pub(crate) fn customers(call: &mut Call<'_>) -> Answer {
    answer(call, &CUSTOMERS)
}

pub(crate) fn invoices(call: &mut Call<'_>) -> Answer {
    answer(call, &INVOICES)
}

pub(crate) fn payment_intents(call: &mut Call<'_>) -> Answer {
    answer(call, &PAYMENT_INTENTS)
}

pub(crate) fn prices(call: &mut Call<'_>) -> Answer {
    answer(call, &PRICES)
}

pub(crate) fn products(call: &mut Call<'_>) -> Answer {
    answer(call, &PRODUCTS)
}

pub(crate) fn subscriptions(call: &mut Call<'_>) -> Answer {
    answer(call, &SUBSCRIPTIONS)
}

fn answer(call: &mut Call<'_>, index: &Index) -> Answer {
    let params = &call.params;
    let limit = params.int("limit").unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAXIMUM_LIMIT).contains(&limit) {
        let message = format!("This value must be between 1 and {MAXIMUM_LIMIT}.");
        return Err(ApiError::parameter("parameter_invalid_integer", "limit", message));
    }
    let limit = usize::try_from(limit).expect("between 1 and 100");
    let text = params.text("query").unwrap_or_default();
    let query = Query::read(text, index)?;
    let found = call.state.store.newest_first(index.object, |object| query.meets(object));
    // A page begins after the object that the one before ended with; new objects come before both.
    let start = match params.text("page") {
        None => 0,
        Some(page) => {
            let last = cursor(page, text)?;
            found.iter().position(|object| object.id() == last).map_or(found.len(), |position| position + 1)
        }
    };
    let end = (start + limit).min(found.len());
    let data: Vec<Value> = found[start..end].iter().map(|object| (*object).clone()).collect();
    let has_more = end < found.len();
    let next = data.last().filter(|_| has_more).map(|last| page(last.id(), text));
    let mut answer = json!({
        "object": "search_result", "data": data, "has_more": has_more, "next_page": next,
        "url": format!("/v1/{}/search", index.resource),
    });
    if params.list("expand").iter().any(|path| path == "total_count") {
        answer["total_count"] = found.len().into();
    }
    Ok(answer)
}

/// `next_page`: the last object of this page, and the query it belongs to.
fn page(last: &str, query: &str) -> String {
    URL_SAFE_NO_PAD.encode(json!([last, query]).to_string())
}

fn cursor(page: &str, query: &str) -> Result<String, ApiError> {
    let decoded = URL_SAFE_NO_PAD.decode(page).ok();
    let decoded: Option<(String, String)> = decoded.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match decoded {
        Some((last, of)) if of == query => Ok(last),
        _ => Err(ApiError::invalid(
            "The page is not one of this query: pass the `next_page` of the answer before, with the same query.",
        )
        .param("page")),
    }
}

#[derive(Debug)]
struct Query {
    clauses: Vec<Clause>,
    any: bool,
}

#[derive(Debug)]
struct Clause {
    negated: bool,
    /// Where the value stands; `metadata` by its key.
    place: Place,
    test: Test,
}

#[derive(Debug)]
enum Place {
    Field(&'static str),
    Metadata(String),
}

#[derive(Debug)]
enum Test {
    /// Compared without case.
    Is(String),
    Contains(String),
    Compares(Comparison, f64),
    Missing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

fn refused(message: impl Into<String>) -> ApiError {
    ApiError::invalid(message).param("query")
}

fn unreadable() -> ApiError {
    refused(
        "We were unable to parse your search query. Try using the format `metadata[\"key\"]:\"value\"` to query for metadata or key:\"value\" \
         to query for other fields.",
    )
}

impl Query {
    fn read(text: &str, index: &Index) -> Result<Self, ApiError> {
        let mut reader = Reader { rest: text.trim_start() };
        let (mut clauses, mut joined) = (Vec::new(), None);
        while !reader.rest.is_empty() {
            if !clauses.is_empty() {
                let any = reader.word("or");
                if !any {
                    reader.word("and");
                }
                if joined.is_some_and(|joined| joined != any) {
                    return Err(refused("Search queries can't combine AND and OR in the same query."));
                }
                joined = Some(any);
            }
            clauses.push(reader.clause(index)?);
            if clauses.len() > MAXIMUM_CLAUSES {
                return Err(refused(format!("Search queries can have up to {MAXIMUM_CLAUSES} clauses.")));
            }
        }
        if clauses.is_empty() {
            return Err(unreadable());
        }
        Ok(Self { clauses, any: joined == Some(true) })
    }

    fn meets(&self, object: &Value) -> bool {
        if self.any {
            self.clauses.iter().any(|clause| clause.meets(object))
        } else {
            self.clauses.iter().all(|clause| clause.meets(object))
        }
    }
}

impl Clause {
    fn meets(&self, object: &Value) -> bool {
        let value = match &self.place {
            Place::Field(path) => object.at(path),
            Place::Metadata(key) => object.at("metadata").get(key).unwrap_or(&Value::Null),
        };
        let text = match value {
            Value::String(text) => text.to_lowercase(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let met = match &self.test {
            Test::Missing => value.is_null(),
            Test::Is(wanted) => !value.is_null() && text == *wanted,
            Test::Contains(part) => text.contains(part),
            Test::Compares(comparison, bound) => value.as_f64().is_some_and(|value| match comparison {
                // Both are whole numbers, most of the time: amounts and times are exact as they are.
                Comparison::Equal => (value - bound).abs() < f64::EPSILON,
                Comparison::Greater => value > *bound,
                Comparison::GreaterOrEqual => value >= *bound,
                Comparison::Less => value < *bound,
                Comparison::LessOrEqual => value <= *bound,
            }),
        };
        met != self.negated
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// Takes a word that stands alone, whatever its case.
    fn word(&mut self, word: &str) -> bool {
        let Some((head, tail)) = self.rest.split_at_checked(word.len()) else { return false };
        let found = head.eq_ignore_ascii_case(word) && tail.starts_with(char::is_whitespace);
        if found {
            self.rest = tail.trim_start();
        }
        found
    }

    fn clause(&mut self, index: &Index) -> Result<Clause, ApiError> {
        let negated = self.take("-");
        let name_end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(name_end);
        self.rest = rest;
        let (place, kind) = if name == "metadata" {
            if !self.take("[") {
                return Err(unreadable());
            }
            let key = self.quoted()?;
            if !self.take("]") {
                return Err(unreadable());
            }
            (Place::Metadata(key), Token)
        } else {
            let Some((_, kind, path)) = index.fields.iter().find(|(known, ..)| *known == name) else {
                if name.is_empty() {
                    return Err(unreadable());
                }
                let resource = index.resource;
                return Err(refused(format!(
                    "Field `{name}` is an unsupported search field for resource `{resource}`. See \
                     http://stripe.com/docs/search#query-fields-for-{} for a list of supported fields.",
                    resource.replace('_', "-")
                )));
            };
            (Place::Field(path), *kind)
        };
        let test = self.test(name, kind)?;
        if !self.rest.is_empty() && !self.rest.starts_with(char::is_whitespace) {
            return Err(unreadable());
        }
        self.rest = self.rest.trim_start();
        Ok(Clause { negated, place, test })
    }

    fn test(&mut self, name: &str, kind: Kind) -> Result<Test, ApiError> {
        const OPERATORS: [(&str, Option<Comparison>); 7] = [
            (">=", Some(Comparison::GreaterOrEqual)),
            ("<=", Some(Comparison::LessOrEqual)),
            (">", Some(Comparison::Greater)),
            ("<", Some(Comparison::Less)),
            ("=", Some(Comparison::Equal)),
            (":", Some(Comparison::Equal)),
            ("~", None),
        ];
        let (operator, comparison) =
            *OPERATORS.iter().find(|(operator, _)| self.take(operator)).ok_or_else(unreadable)?;
        let misused = || refused(format!("Operator `{operator}` is not supported for the field `{name}`."));
        if operator == ":" && self.rest.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("null")) {
            self.rest = &self.rest[4..];
            return Ok(Test::Missing);
        }
        match (kind, comparison) {
            (Number, Some(comparison)) => Ok(Test::Compares(comparison, self.number()?)),
            (Number, None) => Err(misused()),
            (Text, None) => {
                let part = self.quoted()?.to_lowercase();
                if part.chars().count() < SHORTEST_PART {
                    let message = format!("The `~` operator takes at least {SHORTEST_PART} characters.");
                    return Err(refused(message));
                }
                Ok(Test::Contains(part))
            }
            (Token, None) => Err(misused()),
            (_, Some(_)) if operator == ":" => Ok(Test::Is(self.quoted()?.to_lowercase())),
            (_, Some(_)) => Err(misused()),
        }
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// A number, in quotes or not.
    fn number(&mut self) -> Result<f64, ApiError> {
        let text = if self.rest.starts_with(['"', '\'']) {
            self.quoted()?
        } else {
            let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
            let (number, rest) = self.rest.split_at(end);
            self.rest = rest;
            number.to_owned()
        };
        text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(unreadable)
    }

    /// A value in single or double quotes; a backslash takes the next character as it is.
    fn quoted(&mut self) -> Result<String, ApiError> {
        let mut characters = self.rest.char_indices();
        let Some((_, quote @ ('"' | '\''))) = characters.next() else { return Err(unreadable()) };
        let mut value = String::new();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => value.push(characters.next().ok_or_else(unreadable)?.1),
                character if character == quote => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(value);
                }
                character => value.push(character),
            }
        }
        Err(unreadable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meets(query: &str, object: &Value) -> bool {
        Query::read(query, &CUSTOMERS).unwrap().meets(object)
    }

    #[test]
    fn clauses_are_joined_by_and_unless_told_otherwise() {
        let ann = json!({ "email": "Ann@Example.com", "created": 10, "name": "Ann \"A\" O'Neil", "metadata": { "team one": "a" } });
        for query in [
            "email:'ann@example.com'",
            "email~\"EXAMPLE\" created>=10",
            "name:\"bob\" OR created<11",
            "name:'bob' or -phone:'1'",
            "metadata['team one']:'A' AND phone:null",
            "name:\"ann \\\"a\\\" o'neil\"",
            "-metadata[\"other\"]:\"x\"",
            "created:10 and created=10",
        ] {
            assert!(meets(query, &ann), "{query}");
        }
        for query in [
            "email:'ann'",
            "email~'example' created>10",
            "-email~'example'",
            "metadata['team']:'a'",
            "phone:'null'",
            "email:null",
        ] {
            assert!(!meets(query, &ann), "{query}");
        }
    }

    #[test]
    fn what_is_no_query_is_refused() {
        let eleven = ["name:'a'"; 11].join(" AND ");
        for query in [
            "",
            "ann",
            "email",
            "email:",
            "email:ann",
            "email:'ann",
            "email:'ann'x",
            "size:'1'",
            "email>'a'",
            "created~'1'",
            "created>'x'",
            "email~'an'",
            "metadata:'a'",
            "metadata['a]:'b'",
            "metadata['a']~'abc'",
            "name:'a' AND name:'b' OR name:'c'",
            "name:'a' name:'b' OR name:'c'",
            "name:'a' AND",
            "(name:'a')",
            eleven.as_str(),
        ] {
            assert!(Query::read(query, &CUSTOMERS).is_err(), "{query}");
        }
    }
}
