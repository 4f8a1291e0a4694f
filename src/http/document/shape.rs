//! What a document measures whatever its variables are. Each selection set is walked once: what a fragment measures
//! is kept and added wherever it is spread, so the pass is linear although the numbers may be astronomical.

use std::collections::HashMap;

use async_graphql_parser::types::{
    ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql_parser::{Pos, Positioned};
use async_graphql_value::{ConstValue, Name, Value};

use super::limits::{DocumentLimits, Limit, Refusal, at_most};
use super::type_map::{TypeId, TypeMap};

/// What one operation measures, as far as it is needed after the document is accepted.
#[derive(Clone, Debug)]
pub(super) struct OperationShape {
    /// Root mutation fields that move money.
    pub money_mutations: u64,
    /// Fields of the root.
    pub root_fields: u64,
    /// Literal input values, fragments written out.
    pub literals: u64,
    /// Uses of variables, fragments written out.
    pub variable_uses: u64,
}

/// Measures all operations and refuses the document when it is over a limit.
pub(super) fn measure(
    document: &ExecutableDocument,
    types: &TypeMap,
    limits: &DocumentLimits,
) -> Result<HashMap<Option<Name>, OperationShape>, Refusal> {
    at_most(Limit::Operations, document.operations.iter().len() as u64, limits.operations)?;
    at_most(Limit::Fragments, document.fragments.len() as u64, limits.fragments)?;
    let mut walk = Walk { document, types, limits, fragments: HashMap::new(), merges: 0, mistakes: 0 };
    let mut whole = Weight::default();
    let mut shapes = HashMap::new();
    for (name, operation) in document.operations.iter() {
        let variables = operation.node.variable_definitions.len() as u64;
        at_most(Limit::Variables, variables, limits.variables)?;
        let mut weight =
            walk.selection_set(&operation.node.selection_set.node, root(types, &operation.node), 1)?;
        walk.directives(&operation.node.directives, &mut weight);
        at_most(Limit::RootFields, weight.top_fields, limits.root_fields)?;
        let is_mutation = operation.node.ty == OperationType::Mutation;
        let money_mutations = if is_mutation { weight.top_money } else { 0 };
        at_most(Limit::MoneyMutations, money_mutations, limits.money_mutations)?;
        at_most(Limit::InputValues, weight.literals, limits.input_values)?;
        let defaults =
            operation.node.variable_definitions.iter().filter_map(|it| it.node.default_value.as_ref());
        if weight.has_nul || defaults.into_iter().any(|value| holds_nul(&value.node)) {
            return Err(Refusal::NulCharacter);
        }
        whole.add(&weight);
        let shape = OperationShape {
            money_mutations,
            root_fields: weight.top_fields,
            literals: weight.literals,
            variable_uses: weight.variable_uses,
        };
        shapes.insert(name.cloned(), shape);
    }
    // Rules visit the fragments that nobody spreads too.
    for (name, fragment) in &document.fragments {
        walk.fragment(name, fragment, fragment.pos, 0)?;
    }
    at_most(Limit::Depth, whole.depth, limits.depth)?;
    at_most(Limit::Selections, whole.selections, limits.selections)?;
    at_most(Limit::Aliases, whole.aliases, limits.aliases)?;
    at_most(Limit::Merges, walk.merges, limits.merges)?;
    at_most(Limit::Mistakes, walk.mistakes, limits.mistakes)?;
    Ok(shapes)
}

/// The type that an operation starts from.
pub(super) fn root(types: &TypeMap, operation: &OperationDefinition) -> Option<TypeId> {
    match operation.ty {
        OperationType::Query => Some(types.query()),
        OperationType::Mutation => types.mutation(),
        OperationType::Subscription => types.subscription(),
    }
}

/// How much an input value counts: 1 for itself and each value in it, and 1 for each 64 bytes of text.
pub(super) fn input_weight(value: &ConstValue) -> u64 {
    match value {
        ConstValue::String(text) => text_weight(text),
        ConstValue::Binary(bytes) => 1 + bytes.len() as u64 / 64,
        ConstValue::List(items) => items.iter().fold(1, |sum, item| sum.saturating_add(input_weight(item))),
        ConstValue::Object(fields) => fields
            .iter()
            .fold(1, |sum, (name, item)| sum.saturating_add(text_weight(name) + input_weight(item))),
        _ => 1,
    }
}

fn text_weight(text: &str) -> u64 {
    1 + text.len() as u64 / 64
}

/// What a selection set measures with its fragments written out. Numbers stop at the largest instead of wrapping.
#[derive(Clone, Debug, Default)]
struct Weight {
    selections: u64,
    aliases: u64,
    /// Fields inside fields.
    depth: u64,
    /// Selection sets inside selection sets.
    nesting: u64,
    literals: u64,
    /// Whether a literal holds U+0000.
    has_nul: bool,
    variable_uses: u64,
    /// Fields of this selection set itself.
    top_fields: u64,
    /// Those of them that move money.
    top_money: u64,
    /// What the rule against conflicting fields does for this selection set.
    merges: u64,
}

impl Weight {
    /// Adds what stands beside it.
    fn add(&mut self, other: &Self) {
        self.add_inside(other);
        self.depth = self.depth.max(other.depth);
        self.top_fields = self.top_fields.saturating_add(other.top_fields);
        self.top_money = self.top_money.saturating_add(other.top_money);
        self.merges = self.merges.saturating_add(other.merges);
    }

    /// Adds what stands in the selection set of a field.
    fn add_below(&mut self, other: &Self) {
        self.add_inside(other);
        self.depth = self.depth.max(other.depth.saturating_add(1));
    }

    fn add_inside(&mut self, other: &Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.literals = self.literals.saturating_add(other.literals);
        self.has_nul |= other.has_nul;
        self.variable_uses = self.variable_uses.saturating_add(other.variable_uses);
        self.nesting = self.nesting.max(other.nesting);
    }
}

/// How far a fragment has been walked.
enum Progress {
    Open,
    Done(Weight),
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    types: &'a TypeMap,
    limits: &'a DocumentLimits,
    fragments: HashMap<&'a str, Progress>,
    merges: u64,
    mistakes: u64,
}

impl<'a> Walk<'a> {
    /// `level` is how many selection sets this one stands in, itself included; it bounds the recursion.
    fn selection_set(
        &mut self,
        set: &'a SelectionSet,
        parent: Option<TypeId>,
        level: u64,
    ) -> Result<Weight, Refusal> {
        at_most(Limit::Nesting, level, self.limits.nesting)?;
        let mut sum = Weight { nesting: level, ..Weight::default() };
        for selection in &set.items {
            let weight = self.selection(&selection.node, parent, level)?;
            sum.selections = sum.selections.saturating_add(1);
            sum.add(&weight);
        }
        self.merges = self.merges.saturating_add(sum.merges);
        Ok(sum)
    }

    fn selection(
        &mut self,
        selection: &'a Selection,
        parent: Option<TypeId>,
        level: u64,
    ) -> Result<Weight, Refusal> {
        match selection {
            Selection::Field(field) => self.field(&field.node, parent, level),
            Selection::InlineFragment(inline) => {
                let parent = match &inline.node.type_condition {
                    Some(condition) => self.types.find(&condition.node.on.node),
                    None => parent,
                };
                let mut weight = self.selection_set(&inline.node.selection_set.node, parent, level + 1)?;
                weight.merges = weight.merges.saturating_add(1);
                self.directives(&inline.node.directives, &mut weight);
                Ok(weight)
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                let mut weight = match self.document.fragments.get_key_value(name.as_str()) {
                    Some((name, fragment)) => self.fragment(name, fragment, spread.pos, level)?,
                    None => Weight::default(),
                };
                weight.merges = weight.merges.saturating_add(1);
                self.directives(&spread.node.directives, &mut weight);
                Ok(weight)
            }
        }
    }

    fn field(&mut self, field: &'a Field, parent: Option<TypeId>, level: u64) -> Result<Weight, Refusal> {
        let definition = parent.and_then(|parent| self.types.field(parent, &field.name.node));
        if parent.is_some() && definition.is_none() {
            self.mistakes += 1;
        }
        let mut weight = Weight { top_fields: 1, depth: 1, ..Weight::default() };
        if self.limits.money_mutation_names.contains(field.name.node.as_str()) {
            weight.top_money = 1;
        }
        weight.aliases = u64::from(field.alias.is_some());
        self.arguments(&field.arguments, &mut weight);
        if let Some(definition) = definition {
            let known = |name: &str| definition.arguments.contains_key(name);
            self.mistakes += field.arguments.iter().filter(|(name, _)| !known(&name.node)).count() as u64;
        }
        let count = field.arguments.len() as u64;
        // Two fields of one name compare each argument of one with each of the other, and then their values.
        weight.merges = 1 + count * count + weight.literals;
        self.directives(&field.directives, &mut weight);
        if !field.selection_set.node.items.is_empty() {
            let ty = definition.and_then(|definition| definition.ty);
            let below = self.selection_set(&field.selection_set.node, ty, level + 1)?;
            weight.add_below(&below);
        }
        Ok(weight)
    }

    /// What a fragment measures where its spread stands `level` deep.
    fn fragment(
        &mut self,
        name: &'a Name,
        fragment: &'a Positioned<FragmentDefinition>,
        spread_at: Pos,
        level: u64,
    ) -> Result<Weight, Refusal> {
        let mut weight = match self.fragments.get(name.as_str()) {
            Some(Progress::Open) => {
                return Err(Refusal::FragmentCycle { name: name.to_string(), location: spread_at });
            }
            Some(Progress::Done(weight)) => weight.clone(),
            None => {
                self.fragments.insert(name, Progress::Open);
                let parent = self.types.find(&fragment.node.type_condition.node.on.node);
                let mut weight = self.selection_set(&fragment.node.selection_set.node, parent, level + 1)?;
                self.directives(&fragment.node.directives, &mut weight);
                // Kept relative to the spread, since the next one may stand elsewhere.
                weight.nesting = weight.nesting.saturating_sub(level);
                self.fragments.insert(name, Progress::Done(weight.clone()));
                weight
            }
        };
        weight.nesting = weight.nesting.saturating_add(level);
        at_most(Limit::Nesting, weight.nesting, self.limits.nesting)?;
        Ok(weight)
    }

    fn directives(
        &mut self,
        directives: &'a [Positioned<async_graphql_parser::types::Directive>],
        weight: &mut Weight,
    ) {
        for directive in directives {
            self.arguments(&directive.node.arguments, weight);
        }
    }

    #[expect(clippy::unused_self, reason = "reads as the other steps of the walk")]
    fn arguments(&mut self, arguments: &'a [(Positioned<Name>, Positioned<Value>)], weight: &mut Weight) {
        for (_, value) in arguments {
            count_values(&value.node, weight);
        }
    }
}

fn holds_nul(value: &ConstValue) -> bool {
    match value {
        ConstValue::String(text) => text.contains('\0'),
        ConstValue::List(items) => items.iter().any(holds_nul),
        ConstValue::Object(fields) => fields.values().any(holds_nul),
        _ => false,
    }
}

fn count_values(value: &Value, weight: &mut Weight) {
    match value {
        Value::Variable(_) => weight.variable_uses = weight.variable_uses.saturating_add(1),
        Value::String(text) => {
            weight.literals = weight.literals.saturating_add(text_weight(text));
            weight.has_nul |= text.contains('\0');
        }
        Value::List(items) => {
            weight.literals = weight.literals.saturating_add(1);
            for item in items {
                count_values(item, weight);
            }
        }
        Value::Object(fields) => {
            weight.literals = weight.literals.saturating_add(1);
            for item in fields.values() {
                count_values(item, weight);
            }
        }
        _ => weight.literals = weight.literals.saturating_add(1),
    }
}
