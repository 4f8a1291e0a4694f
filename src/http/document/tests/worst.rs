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
    // Without a cache, each check is a first one.
    let limits = DocumentLimits { cached_tokens: 0, ..DocumentLimits::default() };
    DocumentGuard::new(&schema.sdl(), limits).unwrap()
}

/// Where a document has several operations, the first is `Q0`.
fn operation_name(text: &str) -> Option<&'static str> {
    text.contains("query Q0 ").then_some("Q0")
}

/// What a document takes: the fastest of several tries, since other things run on the machine.
struct Spent {
    result: Result<CheckedDocument, Refusal>,
    guarding: Duration,
    running: Duration,
}

impl Spent {
    fn whole(&self) -> Duration {
        self.guarding + self.running
    }

    /// Keeps the faster of two tries.
    fn or_faster(self, other: Self) -> Self {
        Self {
            result: other.result,
            guarding: self.guarding.min(other.guarding),
            running: self.running.min(other.running),
        }
    }
}

/// A schema, and a guard for it.
struct Bench {
    schema: TestSchema,
    guard: DocumentGuard,
}

impl Bench {
    fn new() -> Self {
        let schema = schema();
        let guard = guard(&schema);
        Self { schema, guard }
    }

    fn accepts(&self, (text, variables): &(String, Variables)) -> bool {
        self.guard.check(text, operation_name(text), variables).is_ok()
    }

    async fn spend(&self, (text, variables): &(String, Variables)) -> Spent {
        let start = Instant::now();
        let result = self.guard.check(text, operation_name(text), variables);
        let guarding = start.elapsed();
        let mut running = Duration::ZERO;
        if let Ok(checked) = &result {
            let mut request = Request::new(text).variables(variables.clone());
            request.operation_name = operation_name(text).map(str::to_owned);
            request.set_parsed_query(checked.to_executable());
            let start = Instant::now();
            let response = self.schema.execute(request).await;
            running = start.elapsed();
            drop(response);
        }
        Spent { result, guarding, running }
    }

    /// What two documents take, tried in turns until the first is within `bound` of the second, or has had its tries.
    async fn compare(
        &self,
        first: &(String, Variables),
        second: &(String, Variables),
        bound: impl Fn(&Spent, &Spent) -> bool,
    ) -> (Spent, Spent) {
        let mut best = (self.spend(first).await, self.spend(second).await);
        for _ in 0..20 {
            if bound(&best.0, &best.1) {
                break;
            }
            best.0 = best.0.or_faster(self.spend(first).await);
            best.1 = best.1.or_faster(self.spend(second).await);
        }
        best
    }
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
    let attack = no_variables(nested_spreads(30, 5));
    assert!((900..2000).contains(&attack.0.len()), "{}", attack.0.len());
    let normal =
        no_variables(format!("{{ thing {{ {} }} }}", "thing { name search(text: \"a\") } ".repeat(30)));
    let within = |attack: &Spent, normal: &Spent| {
        attack.guarding < 3 * normal.whole() && attack.guarding < Duration::from_millis(10)
    };
    let (refused, answered) = Bench::new().compare(&attack, &normal, within).await;
    assert!(
        matches!(refused.result, Err(Refusal::TooComplex { limit: Limit::Selections, measured, .. }) if measured > 24_000_000),
        "{:?}",
        refused.result
    );
    assert!(answered.result.is_ok());
    let times = format!(
        "the attack refused in {:?}; a document of {} bytes guarded in {:?} and run in {:?}",
        refused.guarding,
        normal.0.len(),
        answered.guarding,
        answered.running
    );
    println!("{times}");
    assert!(within(&refused, &answered), "{times}");
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

/// The largest of an attack that is let through, found by halving: from some size on it is refused, or its text is.
fn worst_accepted(bench: &Bench, build: Builder) -> Option<(usize, (String, Variables))> {
    let (mut low, mut high) = (0, 20_000);
    if bench.accepts(&build(high)) {
        low = high;
    }
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if bench.accepts(&build(middle)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low > 0).then(|| (low, build(low)))
}

#[tokio::test]
async fn no_document_that_is_let_through_costs_much_more_than_the_plainest_of_its_size() {
    let bench = Bench::new();
    let (_, plainest) = worst_accepted(&bench, ATTACKS[0].1).unwrap();
    let within = |attack: &Spent, plainest: &Spent| attack.whole() < 4 * plainest.whole();
    for (name, build) in ATTACKS {
        let Some((size, attack)) = worst_accepted(&bench, *build) else {
            println!("{name}: refused at any size");
            continue;
        };
        let (attack, plainest) = bench.compare(&attack, &plainest, within).await;
        let times = format!(
            "{name}: {size} accepted, guarded in {:?} and run in {:?}; the plainest in {:?} and {:?}",
            attack.guarding, attack.running, plainest.guarding, plainest.running
        );
        println!("{times}");
        assert!(within(&attack, &plainest), "{times}");
    }
}
