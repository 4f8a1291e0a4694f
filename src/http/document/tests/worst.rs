//! What the schema spends on documents that the guard lets through: the limits are worth something only if the worst
//! accepted document is cheap. And the attack that the guard is there for.

use std::fmt::Write;
use std::time::{Duration, Instant};

use async_graphql::{EmptyMutation, EmptySubscription, InputObject, Object, Request, Schema, Variables};

use super::super::{CheckedDocument, DocumentGuard, DocumentLimits, Limit, Refusal};

struct Query;
struct Thing;

#[derive(InputObject)]
struct Filter {
    text: Option<String>,
    numbers: Option<Vec<i32>>,
    and: Option<Vec<Filter>>,
}

#[Object]
impl Query {
    async fn thing(&self) -> Thing {
        Thing
    }
}

#[Object]
impl Thing {
    async fn thing(&self) -> Thing {
        Thing
    }
    async fn name(&self) -> &str {
        "thing"
    }
    async fn search(&self, filter: Option<Filter>, numbers: Option<Vec<i32>>, text: Option<String>) -> i32 {
        let parts = [filter.is_some(), numbers.is_some(), text.is_some()];
        i32::try_from(parts.into_iter().filter(|part| *part).count()).unwrap()
    }
}

type TestSchema = Schema<Query, EmptyMutation, EmptySubscription>;

fn schema() -> TestSchema {
    // The limits of its own are out of the way: it is the guard's that count.
    Schema::build(Query, EmptyMutation, EmptySubscription).limit_recursive_depth(1000).finish()
}

fn guard(schema: &TestSchema) -> DocumentGuard {
    DocumentGuard::new(&schema.sdl(), DocumentLimits::default()).unwrap()
}

/// Where a document has several operations, the first is `Q0`.
fn operation_name(text: &str) -> Option<&'static str> {
    text.contains("query Q0 ").then_some("Q0")
}

/// How long guard and schema take for a document: the fastest of three, since other things run on the machine.
async fn spent(text: &str, variables: &Variables) -> (Result<CheckedDocument, Refusal>, Duration, Duration) {
    let schema = schema();
    let mut best = (Duration::MAX, Duration::MAX);
    let mut result = None;
    for _ in 0..3 {
        let guard = guard(&schema);
        let start = Instant::now();
        let checked = guard.check(text, operation_name(text), variables);
        best.0 = best.0.min(start.elapsed());
        if let Ok(checked) = &checked {
            let mut request = Request::new(text).variables(variables.clone());
            request.operation_name = operation_name(text).map(str::to_owned);
            request.set_parsed_query(checked.to_executable());
            let start = Instant::now();
            let response = schema.execute(request).await;
            best.1 = best.1.min(start.elapsed());
            drop(response);
        }
        result = Some(checked);
    }
    (result.unwrap(), best.0, best.1)
}

/// `levels` fragments, each of which spreads the next `width` times.
fn nested_spreads(width: usize, levels: usize) -> String {
    let mut text = format!("{{ thing {{ {} }} }}", "...A0 ".repeat(width));
    for level in 0..levels {
        let content = if level + 1 == levels {
            "name ".to_owned()
        } else {
            format!("...A{} ", level + 1).repeat(width)
        };
        write!(text, " fragment A{level} on Thing {{ {content} }}").unwrap();
    }
    text
}

#[tokio::test]
async fn thirty_spreads_nested_five_deep_are_refused_faster_than_a_normal_document_is_run() {
    let attack = nested_spreads(30, 5);
    assert!((900..2000).contains(&attack.len()), "{}", attack.len());
    let (result, refused_in, _) = spent(&attack, &Variables::default()).await;
    assert!(
        matches!(result, Err(Refusal::TooComplex { limit: Limit::Selections, measured, .. }) if measured > 24_000_000),
        "{result:?}"
    );
    let normal = format!("{{ thing {{ {} }} }}", "thing { name search(text: \"a\") } ".repeat(30));
    let (result, guarded_in, run_in) = spent(&normal, &Variables::default()).await;
    result.unwrap();
    println!(
        "attack refused in {refused_in:?}; a document of {} bytes guarded in {guarded_in:?}, run in {run_in:?}",
        normal.len()
    );
    assert!(refused_in < Duration::from_millis(10), "{refused_in:?}");
    assert!(refused_in < 3 * (guarded_in + run_in), "{refused_in:?} against {guarded_in:?} and {run_in:?}");
}

/// A document of about `size` repetitions of something.
type Builder = fn(usize) -> (String, Variables);

/// `piece` of 0, 1, 2 and so on, one after the other.
fn numbered(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).map(piece).collect()
}

fn no_variables(text: String) -> (String, Variables) {
    (text, Variables::default())
}

fn numbers(count: usize) -> Variables {
    Variables::from_json(serde_json::json!({ "v": vec![1; count] }))
}

/// Ways to make the schema work, each growing with its size.
const ATTACKS: &[(&str, Builder)] = &[
    ("one field again and again", |n| no_variables(format!("{{ thing {{ {} }} }}", "name ".repeat(n)))),
    ("object fields again and again", |n| {
        no_variables(format!("{{ thing {{ {} }} }}", "thing { name } ".repeat(n)))
    }),
    ("fields with conflicting arguments", |n| {
        let fields = numbered(n, |i| format!("search(text: \"{i}\") "));
        no_variables(format!("{{ thing {{ {fields} }} }}"))
    }),
    ("one fragment of conflicts in many selection sets", |n| {
        let fields = numbered(n, |i| format!("search(text: \"{i}\") "));
        let sets = "thing { ...F } ".repeat(n);
        no_variables(format!("{{ thing {{ {sets} }} }} fragment F on Thing {{ {fields} }}"))
    }),
    ("many arguments that do not exist", |n| {
        let arguments = numbered(n, |i| format!("argument{i}: 1 "));
        no_variables(format!("{{ thing {{ search({arguments}) search({arguments}) }} }}"))
    }),
    ("one argument again and again", |n| {
        let arguments = "text: \"a\" ".repeat(n);
        no_variables(format!("{{ thing {{ search({arguments}) search({arguments}) }} }}"))
    }),
    ("many fields that do not exist", |n| {
        let fields = numbered(n, |i| format!("serch{i} "));
        no_variables(format!("{{ thing {{ {fields} }} }}"))
    }),
    ("long names that do not exist", |n| {
        let fields = numbered(n, |i| format!("{}{i} ", "x".repeat(120)));
        no_variables(format!("{{ thing {{ {fields} }} }}"))
    }),
    ("inline fragments in each other", |n| {
        no_variables(format!("{{ thing {{ {} name {} }} }}", "... on Thing { ".repeat(n), "} ".repeat(n)))
    }),
    ("a wide set below inline fragments", |n| {
        let inner = "name ".repeat(n * 20);
        let depth = n.min(36);
        no_variables(format!(
            "{{ thing {{ {} {inner} {} }} }}",
            "... on Thing { ".repeat(depth),
            "} ".repeat(depth)
        ))
    }),
    ("one fragment many times", |n| {
        no_variables(format!(
            "{{ thing {{ {} }} }} fragment F on Thing {{ name thing {{ name }} }}",
            "...F ".repeat(n)
        ))
    }),
    ("a chain of fragments", |n| {
        let chain = numbered(n, |i| format!("fragment A{i} on Thing {{ name ...A{} }} ", i + 1));
        no_variables(format!("{{ thing {{ ...A0 }} }} {chain} fragment A{n} on Thing {{ name }}"))
    }),
    ("fragments that double", |n| no_variables(nested_spreads(2, n))),
    ("a fragment cycle that doubles", |n| {
        let again = "...A ".repeat(n);
        no_variables(format!("{{ thing {{ ...A }} }} fragment A on Thing {{ thing {{ {again} }} }}"))
    }),
    ("unknown fragments", |n| no_variables(format!("{{ thing {{ {} }} }}", "...Nowhere ".repeat(n)))),
    ("fragments that nobody spreads", |n| {
        let fragments = numbered(n, |i| format!("fragment A{i} on Thing {{ {} }} ", "name ".repeat(20)));
        no_variables(format!("{{ thing {{ name }} }} {fragments}"))
    }),
    ("many variables", |n| {
        let definitions = numbered(n, |i| format!("$v{i}: String "));
        let uses = numbered(n * 4, |i| format!("search(text: $v{}) ", i % n));
        no_variables(format!("query Q({definitions}) {{ thing {{ {uses} }} }}"))
    }),
    ("many variables that are not used", |n| {
        let definitions = numbered(n, |i| format!("$v{i}: Nothing{i} "));
        no_variables(format!("query Q({definitions}) {{ thing {{ name }} }}"))
    }),
    ("many operations over the same fragment", |n| {
        let operations = numbered(n, |i| format!("query Q{i} {{ thing {{ ...F }} }} "));
        no_variables(format!("{operations} fragment F on Thing {{ {} }}", "name ".repeat(n)))
    }),
    ("a long list in a variable, once", |n| {
        ("query Q($v: [Int!]) { thing { search(numbers: $v) } }".into(), numbers(n * 100))
    }),
    ("a long list in a variable, often", |n| {
        (
            format!("query Q($v: [Int!]) {{ thing {{ {} }} }}", "search(numbers: $v) ".repeat(n)),
            numbers(n * 10),
        )
    }),
    ("a long list in a directive, often", |n| {
        let fields = "name @include(if: $v) ".repeat(n);
        (format!("query Q($v: [Int!]) {{ thing {{ {fields} }} }}"), numbers(n * 100))
    }),
    ("a long literal in a fragment, often", |n| {
        let list = "1 ".repeat(n);
        let sets = "...F ".repeat(n);
        no_variables(format!("{{ thing {{ {sets} }} }} fragment F on Thing {{ search(numbers: [{list}]) }}"))
    }),
    ("a deep input object", |n| {
        let depth = n.min(30);
        let value = format!("{}text: \"a\"{}", "and: {".repeat(depth), "}".repeat(depth));
        no_variables(format!("{{ thing {{ search(filter: {{{value}}}) }} }}"))
    }),
    ("a wide input object with wrong fields", |n| {
        let fields = numbered(n, |i| format!("wrong{i}: 1 "));
        no_variables(format!("{{ thing {{ search(filter: {{{fields}}}) }} }}"))
    }),
    ("directives", |n| no_variables(format!("{{ thing {{ name {} }} }}", "@include(if: true) ".repeat(n)))),
    ("aliases", |n| {
        let fields = numbered(n, |i| format!("a{i}: name "));
        no_variables(format!("{{ thing {{ {fields} }} }}"))
    }),
    ("introspection that goes round", |n| {
        let depth = n.min(10);
        no_variables(format!(
            "{{ __schema {{ types {{ {} name {} }} }} }}",
            "fields { type { ".repeat(depth),
            "} } ".repeat(depth)
        ))
    }),
    ("introspection again and again", |n| {
        let fields = numbered(n, |i| {
            format!("a{i}: __schema {{ types {{ fields {{ args {{ type {{ name }} }} }} }} }} ")
        });
        no_variables(format!("{{ {fields} }}"))
    }),
];

/// The largest of an attack that is let through, found by halving, and what it costs. An attack is refused from some
/// size on, or its text is.
async fn worst_accepted(build: Builder) -> Option<(usize, Duration, Duration)> {
    let schema = schema();
    let accepted = |size: usize| {
        let (text, variables) = build(size);
        guard(&schema).check(&text, operation_name(&text), &variables).is_ok()
    };
    let (mut low, mut high) = (0, 20_000);
    if accepted(high) {
        low = high;
    }
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if accepted(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    if low == 0 {
        return None;
    }
    let (text, variables) = build(low);
    let (_, guard, run) = spent(&text, &variables).await;
    Some((low, guard, run))
}

#[tokio::test]
async fn no_document_that_is_let_through_holds_a_worker_for_long() {
    for (name, build) in ATTACKS {
        match worst_accepted(*build).await {
            Some((size, guard, run)) => {
                println!("{name}: {size} accepted, guarded in {guard:?}, run in {run:?}");
                assert!(guard < Duration::from_millis(250), "{name}: guarded in {guard:?}");
                assert!(run < Duration::from_secs(2), "{name}: run in {run:?}");
            }
            None => println!("{name}: refused at any size"),
        }
    }
}
