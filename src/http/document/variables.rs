//! Whether the variables fit what the operation declares, before anything runs. The messages name the place and what
//! was expected there, never the value: it may be a secret.

use async_graphql_parser::Pos;
use async_graphql_parser::types::{BaseType, OperationDefinition, Type};
use async_graphql_value::{ConstValue, Variables};

use super::limits::Refusal;
use super::shape::input_weight;
use super::type_map::{BuiltIn, Kind, TypeMap, base_name};

/// The weight of the heaviest variable, as given or by default.
pub(super) fn heaviest(operation: &OperationDefinition, variables: &Variables) -> u64 {
    let given = variables.values().map(input_weight).max().unwrap_or(0);
    let defaults = operation.variable_definitions.iter().filter_map(|definition| {
        definition.node.default_value.as_ref().map(|value| input_weight(&value.node))
    });
    defaults.max().unwrap_or(0).max(given)
}

/// Refuses a variable that is missing or does not fit its type. Variables that the operation does not define are
/// ignored, as the GraphQL specification says.
pub(super) fn check(
    operation: &OperationDefinition,
    variables: &Variables,
    types: &TypeMap,
) -> Result<(), Refusal> {
    for definition in &operation.variable_definitions {
        let location = definition.pos;
        let definition = &definition.node;
        let name = definition.name.node.as_str();
        let ty = &definition.var_type.node;
        // A type that is not known, or not of input, the schema refuses with a suggestion.
        if types.find(base_name(ty)).is_none_or(|id| matches!(types.kind(id), Kind::Composite(_))) {
            continue;
        }
        match variables.get(name) {
            None if ty.nullable || definition.default_value.is_some() => {}
            None => {
                let problem = format!("of the required type {ty} was not given");
                return Err(Refusal::Variable { path: name.to_owned(), problem, location });
            }
            Some(value) => {
                let mut checker = Checker { types, path: vec![Step::Name(name)], location };
                checker.value(value, ty)?;
            }
        }
    }
    Ok(())
}

enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

struct Checker<'a> {
    types: &'a TypeMap,
    path: Vec<Step<'a>>,
    location: Pos,
}

impl<'a> Checker<'a> {
    fn value(&mut self, value: &'a ConstValue, ty: &'a Type) -> Result<(), Refusal> {
        if let ConstValue::Null = value {
            return if ty.nullable {
                Ok(())
            } else {
                Err(self.problem(format!("must not be null: it is {ty}")))
            };
        }
        if let ConstValue::String(text) = value
            && text.contains('\0')
        {
            return Err(self.problem("must not hold the character U+0000".to_owned()));
        }
        match &ty.base {
            BaseType::List(item) => match value {
                ConstValue::List(values) => {
                    for (index, value) in values.iter().enumerate() {
                        self.path.push(Step::Index(index));
                        self.value(value, item)?;
                        self.path.pop();
                    }
                    Ok(())
                }
                // One item stands for a list of one.
                value => self.value(value, item),
            },
            BaseType::Named(name) => self.named(value, name),
        }
    }

    fn named(&mut self, value: &'a ConstValue, name: &str) -> Result<(), Refusal> {
        let types = self.types;
        let Some(id) = types.find(name) else { return Ok(()) };
        match types.kind(id) {
            Kind::BuiltIn(scalar) => {
                if fits(*scalar, value) {
                    Ok(())
                } else {
                    Err(self.problem(format!("must be {name}, not {}", noun(value))))
                }
            }
            Kind::Enum(values) => match value {
                ConstValue::String(text) if values.contains(text.as_str()) => Ok(()),
                ConstValue::Enum(text) if values.contains(text.as_str()) => Ok(()),
                ConstValue::String(_) | ConstValue::Enum(_) => {
                    Err(self.problem(format!("must be one of the values of {name}")))
                }
                _ => Err(self.problem(format!("must be one of the values of {name}, not {}", noun(value)))),
            },
            Kind::Input(fields) => {
                let ConstValue::Object(given) = value else {
                    return Err(self.problem(format!("must be an object, {name}, not {}", noun(value))));
                };
                for (field, value) in given {
                    self.path.push(Step::Name(field));
                    let Some(definition) = fields.get(field.as_str()) else {
                        return Err(self.problem(format!("does not exist: {name} has no such field")));
                    };
                    self.value(value, &definition.ty)?;
                    self.path.pop();
                }
                for (field, definition) in fields {
                    let is_required = !definition.ty.nullable && definition.default.is_none();
                    if is_required && !given.contains_key(field.as_ref()) {
                        self.path.push(Step::Name(field));
                        return Err(
                            self.problem(format!("of the required type {} was not given", definition.ty))
                        );
                    }
                }
                Ok(())
            }
            Kind::Scalar | Kind::Composite(_) => Ok(()),
        }
    }

    fn problem(&self, problem: String) -> Refusal {
        let mut path = String::new();
        for step in &self.path {
            match step {
                // Not of the schema but of the caller's making, so of any length.
                Step::Name(name) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.extend(name.chars().take(128));
                }
                Step::Index(index) => {
                    path.push('[');
                    path.push_str(&index.to_string());
                    path.push(']');
                }
            }
        }
        Refusal::Variable { path, problem, location: self.location }
    }
}

/// Whether JSON's value is one of the scalar. The range of an Int is the schema's to judge.
fn fits(scalar: BuiltIn, value: &ConstValue) -> bool {
    match (scalar, value) {
        (BuiltIn::Int | BuiltIn::Id, ConstValue::Number(number)) => number.is_i64() || number.is_u64(),
        (BuiltIn::Float, ConstValue::Number(_))
        | (BuiltIn::String | BuiltIn::Id, ConstValue::String(_))
        | (BuiltIn::Boolean, ConstValue::Boolean(_)) => true,
        _ => false,
    }
}

fn noun(value: &ConstValue) -> &'static str {
    match value {
        ConstValue::Null => "null",
        ConstValue::Number(number) if number.is_f64() => "a fraction",
        ConstValue::Number(_) => "a number",
        ConstValue::String(_) | ConstValue::Enum(_) => "a string",
        ConstValue::Boolean(_) => "a boolean",
        ConstValue::Binary(_) => "bytes",
        ConstValue::List(_) => "a list",
        ConstValue::Object(_) => "an object",
    }
}
