//! The document guard: bounds what a GraphQL document may cost before the schema sees it.
//!
//! async-graphql's validation walks fragments again wherever they are spread, synchronously, so that a document of
//! 1 kB can hold a worker for seconds. The guard measures each document in linear time first, and refuses what is
//! over a limit. It also checks the variables against their types, which async-graphql leaves to the resolvers, and
//! parses once: [`CheckedDocument`] hands the parsed document on.

mod cache;
mod cost;
mod lexer;
mod limits;
mod shape;
mod type_map;
mod variables;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use async_graphql_parser::types::{ExecutableDocument, OperationDefinition, OperationType};
use async_graphql_parser::{Positioned, parse_query};
use async_graphql_value::{Name, Variables};
use sha2::{Digest, Sha256};

pub use limits::{DayRange, DocumentLimits, Limit, Refusal};
pub use type_map::TypeMapError;

use crate::domain::clock::Clock;
use cache::DocumentCache;
use cost::{Cost, CostBasis};
use limits::at_most;
use shape::OperationShape;
use type_map::TypeMap;

/// What clients such as GraphiQL ask to learn the schema, with every option on.
const STANDARD_INTROSPECTION: &str = include_str!("standard_introspection.graphql");

/// A mutation that asks Stripe to change something answers with its operation: what became of it must be one answer, so
/// a request may contain one such.
const OPERATION_FIELD: &str = "operation";

/// Checks documents against limits. Shared by all requests.
pub struct DocumentGuard {
    types: TypeMap,
    limits: DocumentLimits,
    max_introspection_cost: u64,
    cache: DocumentCache<ParsedDocument>,
    /// For ranges of days that end today.
    clock: OnceLock<Arc<dyn Clock>>,
}

impl fmt::Debug for DocumentGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumentGuard").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// A document that is within the limits whatever its variables are.
struct ParsedDocument {
    document: ExecutableDocument,
    operations: HashMap<Option<Name>, ParsedOperation>,
}

struct ParsedOperation {
    shape: OperationShape,
    /// The cost, once known, if no variable has a say in it.
    cost: OnceLock<Cost>,
}

/// A document that the guard let through, with the operation to run.
#[derive(Clone)]
pub struct CheckedDocument {
    parsed: Arc<ParsedDocument>,
    operation_type: OperationType,
    cost: u64,
    money_mutations: u64,
    root_fields: u64,
}

impl fmt::Debug for CheckedDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedDocument")
            .field("operation_type", &self.operation_type)
            .field("cost", &self.cost)
            .field("money_mutations", &self.money_mutations)
            .finish_non_exhaustive()
    }
}

impl CheckedDocument {
    /// The parsed document, for [`async_graphql::Request::set_parsed_query`].
    pub fn to_executable(&self) -> ExecutableDocument {
        self.parsed.document.clone()
    }

    /// Whether the operation is a query, mutation or subscription.
    pub fn operation_type(&self) -> OperationType {
        self.operation_type
    }

    /// The operation's cost with its variables, introspection apart.
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// How many mutations of the operation move money.
    pub fn money_mutations(&self) -> u64 {
        self.money_mutations
    }

    /// How many fields the operation asks its root for.
    pub fn root_fields(&self) -> u64 {
        self.root_fields
    }
}

impl DocumentGuard {
    /// A guard for the schema of `sdl`. Fails when the SDL cannot be parsed or has no query type.
    pub fn new(sdl: &str, mut limits: DocumentLimits) -> Result<Self, TypeMapError> {
        let types = TypeMap::new(sdl)?;
        let asking = types.mutations_answering_with(OPERATION_FIELD).map(str::to_owned);
        limits.money_mutation_names.extend(asking);
        let document = parse_query(STANDARD_INTROSPECTION)?;
        let (_, operation) = document.operations.iter().next().expect("the standard query is an operation");
        let basis = CostBasis { document: &document, types: &types, limits: &limits, today: None };
        let standard = basis.measure(&operation.node, &Variables::default()).introspection;
        let max_introspection_cost = standard.saturating_mul(limits.introspection_percent) / 100;
        let cache = DocumentCache::new(limits.cached_tokens);
        Ok(Self { types, limits, max_introspection_cost, cache, clock: OnceLock::new() })
    }

    /// Lets it know what day it is. Without, a range that ends today costs as much as any may.
    pub fn set_clock(&self, clock: Arc<dyn Clock>) {
        // It is given one when it is made, if at all.
        let _ = self.clock.set(clock);
    }

    /// The limits it holds to.
    pub fn limits(&self) -> &DocumentLimits {
        &self.limits
    }

    /// Parses `query` and measures it. Refuses it when it is not GraphQL, when it is over a limit, when it does not
    /// have the operation asked for, or when the variables do not fit. Other faults are left to the schema to name.
    pub fn check(
        &self,
        query: &str,
        operation_name: Option<&str>,
        variables: &Variables,
    ) -> Result<CheckedDocument, Refusal> {
        let parsed = self.parse(query)?;
        let (name, operation) = select(&parsed.document, operation_name)?;
        let operation_type = operation.node.ty;
        let ParsedOperation { shape, cost } =
            parsed.operations.get(&name.cloned()).expect("every operation of the document was measured");
        self.check_input(shape, &operation.node, variables)?;
        let cost = self.check_cost(cost, &parsed.document, &operation.node, variables)?;
        variables::check(&operation.node, variables, &self.types)?;
        let (money_mutations, root_fields) = (shape.money_mutations, shape.root_fields);
        Ok(CheckedDocument { parsed, operation_type, cost, money_mutations, root_fields })
    }

    fn parse(&self, query: &str) -> Result<Arc<ParsedDocument>, Refusal> {
        at_most(Limit::Bytes, query.len() as u64, self.limits.bytes)?;
        let hash = Sha256::digest(query.as_bytes()).into();
        if let Some(parsed) = self.cache.find(&hash) {
            return Ok(parsed);
        }
        let lexemes = lexer::scan(query, &self.limits)?;
        let document = parse_query(query).map_err(|error| syntax(&error))?;
        let operations = shape::measure(&document, &self.types, &self.limits)?
            .into_iter()
            .map(|(name, shape)| (name, ParsedOperation { shape, cost: OnceLock::new() }))
            .collect();
        let parsed = Arc::new(ParsedDocument { document, operations });
        self.cache.insert(hash, Arc::clone(&parsed), lexemes.tokens.saturating_add(query.len() as u64 / 64));
        Ok(parsed)
    }

    /// async-graphql copies a variable's value each time it is used.
    fn check_input(
        &self,
        shape: &OperationShape,
        operation: &OperationDefinition,
        variables: &Variables,
    ) -> Result<(), Refusal> {
        let copies = shape.variable_uses.saturating_mul(variables::heaviest(operation, variables));
        at_most(Limit::InputValues, shape.literals.saturating_add(copies), self.limits.input_values)
    }

    fn check_cost(
        &self,
        known: &OnceLock<Cost>,
        document: &ExecutableDocument,
        operation: &OperationDefinition,
        variables: &Variables,
    ) -> Result<u64, Refusal> {
        let cost = known.get().copied().unwrap_or_else(|| {
            let today = self.clock.get().map(|clock| clock.now().date_naive());
            let basis = CostBasis { document, types: &self.types, limits: &self.limits, today };
            let cost = basis.measure(operation, variables);
            if !cost.is_variable {
                // Another request may have been faster; it found the same.
                let _ = known.set(cost);
            }
            cost
        });
        at_most(Limit::Cost, cost.fields, self.limits.cost)?;
        at_most(Limit::Introspection, cost.introspection, self.max_introspection_cost)?;
        Ok(cost.fields)
    }
}

type Named<'a> = (Option<&'a Name>, &'a Positioned<OperationDefinition>);

/// The operation to run: the one of the name, or the only one.
fn select<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Result<Named<'a>, Refusal> {
    let mut operations = document.operations.iter();
    if let Some(wanted) = name {
        return operations
            .find(|(name, _)| name.is_some_and(|name| name == wanted))
            .ok_or_else(|| Refusal::UnknownOperation(wanted.chars().take(128).collect()));
    }
    match (operations.next(), operations.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(Refusal::OperationNameRequired),
    }
}

/// The parser's message without its drawing of the source line, which would repeat what the caller sent.
fn syntax(error: &async_graphql_parser::Error) -> Refusal {
    let location = error.positions().next();
    let message = match error {
        async_graphql_parser::Error::Syntax { message, .. } => {
            let expected = message.lines().last().unwrap_or_default();
            let expected = expected.trim_start().trim_start_matches("= ");
            // The parser's rule for the end of the text.
            expected.replace("EOI", "the end")
        }
        other => other.to_string().trim_end_matches('.').to_owned(),
    };
    let message = match location {
        Some(at) => format!("{message}, line {} column {}", at.line, at.column),
        None => message,
    };
    Refusal::Syntax { message, location }
}
