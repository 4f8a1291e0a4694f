//! What an operation costs with its variables: 1 a field, times the length of the lists around it. As in `shape`,
//! each fragment is walked once.

use std::collections::HashMap;

use async_graphql_parser::types::{
    ExecutableDocument, Field as QueryField, OperationDefinition, Selection, SelectionSet,
};
use async_graphql_value::{ConstValue, Value, Variables};
use chrono::NaiveDate;

use super::limits::{DayRange, DocumentLimits};
use super::shape::root;
use super::type_map::{Field, TypeId, TypeMap};

/// The cost of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Of everything but introspection.
    pub fields: u64,
    /// Of introspection.
    pub introspection: u64,
    /// Whether other variables could give another cost.
    pub is_variable: bool,
}

/// What cost depends on beside the operation.
pub(super) struct CostBasis<'a> {
    /// The document, for its fragments.
    pub document: &'a ExecutableDocument,
    /// The schema.
    pub types: &'a TypeMap,
    /// Page and list sizes.
    pub limits: &'a DocumentLimits,
    /// The day, when it is known.
    pub today: Option<NaiveDate>,
}

impl<'a> CostBasis<'a> {
    /// What `operation` costs. The document has no fragment cycle.
    pub fn measure(&self, operation: &'a OperationDefinition, variables: &'a Variables) -> Cost {
        let mut walk =
            Walk { basis: self, operation, variables, fragments: HashMap::new(), is_variable: false };
        let sum = walk.selection_set(&operation.selection_set.node, root(self.types, operation));
        Cost {
            fields: sum.at(self.limits.assumed_list_size),
            introspection: sum.introspection,
            is_variable: walk.is_variable,
        }
    }
}

/// What a selection set costs: `fixed`, and `per_item` for each item of the page that it may be the content of.
/// In a connection the lists (`edges`, `nodes`) are as long as the page, and the rest (`pageInfo`) is there once.
#[derive(Clone, Copy, Default)]
struct Sum {
    fixed: u64,
    per_item: u64,
    introspection: u64,
}

impl Sum {
    fn at(&self, items: u64) -> u64 {
        self.fixed.saturating_add(self.per_item.saturating_mul(items))
    }

    fn add(&mut self, other: &Self) {
        self.fixed = self.fixed.saturating_add(other.fixed);
        self.per_item = self.per_item.saturating_add(other.per_item);
        self.introspection = self.introspection.saturating_add(other.introspection);
    }
}

struct Walk<'a, 'b> {
    basis: &'b CostBasis<'a>,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
    fragments: HashMap<&'a str, Sum>,
    is_variable: bool,
}

impl<'a> Walk<'a, '_> {
    fn selection_set(&mut self, set: &'a SelectionSet, parent: Option<TypeId>) -> Sum {
        let mut sum = Sum::default();
        for selection in &set.items {
            let cost = match &selection.node {
                Selection::Field(field) => self.field(&field.node, parent),
                Selection::InlineFragment(inline) => {
                    let parent = match &inline.node.type_condition {
                        Some(condition) => self.basis.types.find(&condition.node.on.node),
                        None => parent,
                    };
                    self.selection_set(&inline.node.selection_set.node, parent)
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
            };
            sum.add(&cost);
        }
        sum
    }

    fn fragment(&mut self, name: &str) -> Sum {
        if let Some(sum) = self.fragments.get(name) {
            return *sum;
        }
        let Some((name, fragment)) = self.basis.document.fragments.get_key_value(name) else {
            return Sum::default();
        };
        let parent = self.basis.types.find(&fragment.node.type_condition.node.on.node);
        let sum = self.selection_set(&fragment.node.selection_set.node, parent);
        self.fragments.insert(name, sum);
        sum
    }

    fn field(&mut self, field: &'a QueryField, parent: Option<TypeId>) -> Sum {
        let assumed = self.basis.limits.assumed_list_size;
        let definition = parent.and_then(|parent| self.basis.types.field(parent, &field.name.node));
        let ty = definition.and_then(|definition| definition.ty);
        let below = self.selection_set(&field.selection_set.node, ty);
        let content = below.at(assumed);
        if matches!(field.name.node.as_str(), "__schema" | "__type") {
            let introspection = below.introspection.saturating_add(content).saturating_add(1);
            return Sum { introspection, ..Sum::default() };
        }
        let own = self.basis.limits.field_costs.get(field.name.node.as_str()).copied().unwrap_or(1);
        let mut cost = Sum { fixed: own, per_item: 0, introspection: below.introspection };
        let fixed = match definition {
            Some(page) if page.is_page => {
                let size = self.page_size(field, page);
                if page.is_list { content.saturating_mul(size) } else { below.at(size) }
            }
            Some(list) if list.is_list => {
                let range = self.basis.limits.day_ranges.get(field.name.node.as_str()).copied();
                let of_range = range.map(|range| self.rows_of_days(field, range));
                if let Some(size) = list.list_size.or(of_range).or_else(|| self.number_of_ids(field)) {
                    content.saturating_mul(size)
                } else {
                    cost.per_item = content;
                    0
                }
            }
            _ => content,
        };
        cost.fixed = cost.fixed.saturating_add(fixed);
        cost
    }

    /// The page that `first` or `last` asks for, as the schema cuts it.
    fn page_size(&mut self, field: &'a QueryField, definition: &'a Field) -> u64 {
        let limits = self.basis.limits;
        let asked = ["first", "last"].map(|name| {
            let given = match field.get_argument(name).map(|value| &value.node) {
                Some(Value::Variable(variable)) => self.variable(variable).map(page_size),
                Some(Value::Null) => Some(PageSize::Unsaid),
                Some(Value::Number(number)) => Some(page_size(&ConstValue::Number(number.clone()))),
                Some(_) => Some(PageSize::Unclear),
                None => None,
            };
            let default = || definition.arguments.get(name)?.default.as_ref().map(page_size);
            match given.or_else(default) {
                None | Some(PageSize::Unsaid) => None,
                Some(PageSize::Unclear) => Some(limits.max_page_size),
                Some(PageSize::Items(items)) => Some(items),
            }
        });
        asked.into_iter().flatten().max().unwrap_or(limits.default_page_size).min(limits.max_page_size)
    }

    /// How many rows a list has of the days that it is asked for.
    fn rows_of_days(&mut self, field: &'a QueryField, range: DayRange) -> u64 {
        let days = match (self.day(field, "since"), self.day(field, "until")) {
            (Day::Unsaid, Day::Unsaid | Day::On(_)) => Some(range.default_days),
            (Day::On(since), Day::On(until)) => Some(days_between(since, until)),
            (Day::On(since), Day::Unsaid) => {
                // Tomorrow it is longer.
                self.is_variable = true;
                self.basis.today.map(|today| days_between(since, today))
            }
            // The schema refuses it; until then it may cost as much as any.
            (Day::Unclear, _) | (_, Day::Unclear) => None,
        };
        days.unwrap_or(range.max_days).clamp(1, range.max_days).saturating_mul(range.rows_a_day)
    }

    fn day(&mut self, field: &'a QueryField, name: &str) -> Day {
        let read = |value: &ConstValue| match value {
            ConstValue::Null => Day::Unsaid,
            ConstValue::String(text) => {
                NaiveDate::parse_from_str(text, "%Y-%m-%d").map_or(Day::Unclear, Day::On)
            }
            _ => Day::Unclear,
        };
        match field.get_argument(name).map(|value| &value.node) {
            None | Some(Value::Null) => Day::Unsaid,
            Some(Value::Variable(variable)) => self.variable(variable).map_or(Day::Unsaid, read),
            Some(Value::String(text)) => read(&ConstValue::String(text.clone())),
            Some(_) => Day::Unclear,
        }
    }

    /// How many objects a list field is asked for by their ids.
    fn number_of_ids(&mut self, field: &'a QueryField) -> Option<u64> {
        match field.get_argument("ids").map(|value| &value.node)? {
            Value::Variable(name) => match self.variable(name)? {
                ConstValue::List(items) => Some(items.len() as u64),
                _ => Some(1),
            },
            Value::List(items) => Some(items.len() as u64),
            _ => Some(1),
        }
    }

    fn variable(&mut self, name: &str) -> Option<&'a ConstValue> {
        self.is_variable = true;
        self.variables.get(name).or_else(|| {
            let definition =
                self.operation.variable_definitions.iter().find(|it| it.node.name.node == name)?;
            definition.node.default_value.as_ref().map(|value| &value.node)
        })
    }
}

/// What a value says as a day.
enum Day {
    /// Nothing: it is null, or not there.
    Unsaid,
    On(NaiveDate),
    /// It is no day.
    Unclear,
}

/// Days from one to the other, both included; none when they are the wrong way round.
fn days_between(since: NaiveDate, until: NaiveDate) -> u64 {
    u64::try_from((until - since).num_days().saturating_add(1)).unwrap_or_default()
}

/// What a value says as a page size.
enum PageSize {
    /// Nothing: it is null.
    Unsaid,
    /// This many.
    Items(u64),
    /// It is no such number. The schema refuses it; until then it may cost as much as any.
    Unclear,
}

fn page_size(value: &ConstValue) -> PageSize {
    match value {
        ConstValue::Null => PageSize::Unsaid,
        ConstValue::Number(number) => number.as_u64().map_or(PageSize::Unclear, PageSize::Items),
        _ => PageSize::Unclear,
    }
}
