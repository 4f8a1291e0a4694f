//! What the guard needs to know of the schema, read once from its SDL.

use std::collections::{HashMap, HashSet};

use async_graphql_parser::Positioned;
use async_graphql_parser::parse_schema;
use async_graphql_parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, ServiceDocument, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql_value::ConstValue;

/// The introspection types. An exported SDL leaves them out.
const INTROSPECTION: &str = include_str!("introspection.graphql");

/// The SDL cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TypeMapError {
    /// It cannot be parsed.
    #[error("the schema definition cannot be parsed")]
    Syntax(#[from] async_graphql_parser::Error),
    /// It names no query type, or names one that it does not define.
    #[error("the schema definition has no query type")]
    NoQueryType,
}

/// Index of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypeId(usize);

/// The types of a schema by name.
#[derive(Debug)]
pub(super) struct TypeMap {
    by_name: HashMap<Box<str>, TypeId>,
    kinds: Vec<Kind>,
    query: TypeId,
    mutation: Option<TypeId>,
    subscription: Option<TypeId>,
}

/// What a type is made of.
#[derive(Debug)]
pub(super) enum Kind {
    /// An object, interface or union, with its fields.
    Composite(HashMap<Box<str>, Field>),
    /// An input object.
    Input(HashMap<Box<str>, Argument>),
    /// An enum, with its values.
    Enum(HashSet<Box<str>>),
    /// A scalar of the GraphQL specification.
    BuiltIn(BuiltIn),
    /// A scalar of the schema's own.
    Scalar,
}

/// A scalar whose values the GraphQL specification settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BuiltIn {
    Int,
    Float,
    String,
    Boolean,
    Id,
}

/// A field of a composite type.
#[derive(Debug)]
pub(super) struct Field {
    /// The type without lists and non-null marks.
    pub ty: Option<TypeId>,
    /// Whether it gives a list.
    pub is_list: bool,
    /// Whether it has `first` or `last`.
    pub is_page: bool,
    /// The length to assume, where the schema itself tells it: introspection.
    pub list_size: Option<u64>,
    /// Its arguments.
    pub arguments: HashMap<Box<str>, Argument>,
}

/// An argument of a field, or a field of an input object.
#[derive(Debug)]
pub(super) struct Argument {
    /// The type as written.
    pub ty: Type,
    /// The value it has when none is given.
    pub default: Option<ConstValue>,
}

impl TypeMap {
    /// Reads the types of `sdl`.
    pub fn new(sdl: &str) -> Result<Self, TypeMapError> {
        let own = parse_schema(sdl)?;
        let introspection = parse_schema(INTROSPECTION)?;
        let mut map = Self {
            by_name: HashMap::new(),
            kinds: Vec::new(),
            query: TypeId(0),
            mutation: None,
            subscription: None,
        };
        for (name, scalar) in [
            ("Int", BuiltIn::Int),
            ("Float", BuiltIn::Float),
            ("String", BuiltIn::String),
            ("Boolean", BuiltIn::Boolean),
            ("ID", BuiltIn::Id),
        ] {
            map.add(name, Kind::BuiltIn(scalar));
        }
        // Names first, so that fields can point at types that are defined further down.
        for definition in types(&own).chain(types(&introspection)) {
            if map.find(&definition.name.node).is_none() {
                map.add(&definition.name.node, Kind::Scalar);
            }
        }
        let sizes = introspection_sizes(&own);
        for definition in types(&own).chain(types(&introspection)) {
            let kind = map.kind_of(definition, &sizes);
            let TypeId(index) = map.find(&definition.name.node).expect("every name was added above");
            match (&mut map.kinds[index], kind) {
                // A type may be defined in several parts (`extend type`).
                (Kind::Composite(fields), Kind::Composite(more)) => fields.extend(more),
                (Kind::Input(fields), Kind::Input(more)) => fields.extend(more),
                (Kind::Enum(values), Kind::Enum(more)) => values.extend(more),
                (Kind::BuiltIn(_), _) => {}
                (slot, kind) => *slot = kind,
            }
        }
        map.find_roots(&own)?;
        Ok(map)
    }

    /// The type of a name.
    pub fn find(&self, name: &str) -> Option<TypeId> {
        self.by_name.get(name).copied()
    }

    /// What a type is made of.
    pub fn kind(&self, id: TypeId) -> &Kind {
        &self.kinds[id.0]
    }

    /// The mutations whose answer has a field of this name.
    pub fn mutations_answering_with(&self, name: &str) -> impl Iterator<Item = &str> {
        let mutations = match self.mutation.map(|id| self.kind(id)) {
            Some(Kind::Composite(fields)) => Some(fields),
            _ => None,
        };
        let fields = mutations.into_iter().flatten();
        fields
            .filter(move |(_, mutation)| mutation.ty.is_some_and(|answer| self.field(answer, name).is_some()))
            .map(|(mutation, _)| &**mutation)
    }

    /// The field of a composite type, if it has it.
    pub fn field(&self, id: TypeId, name: &str) -> Option<&Field> {
        match self.kind(id) {
            Kind::Composite(fields) => fields.get(name),
            _ => None,
        }
    }

    /// Where queries start.
    pub fn query(&self) -> TypeId {
        self.query
    }

    /// Where mutations start.
    pub fn mutation(&self) -> Option<TypeId> {
        self.mutation
    }

    /// Where subscriptions start.
    pub fn subscription(&self) -> Option<TypeId> {
        self.subscription
    }

    fn add(&mut self, name: &str, kind: Kind) {
        self.by_name.insert(name.into(), TypeId(self.kinds.len()));
        self.kinds.push(kind);
    }

    fn kind_of(&self, definition: &async_graphql_parser::types::TypeDefinition, sizes: &Sizes) -> Kind {
        match &definition.kind {
            TypeKind::Object(object) => {
                Kind::Composite(self.fields_of(&definition.name.node, &object.fields, sizes))
            }
            TypeKind::Interface(interface) => {
                Kind::Composite(self.fields_of(&definition.name.node, &interface.fields, sizes))
            }
            TypeKind::Union(_) => Kind::Composite(self.fields_of(&definition.name.node, &[], sizes)),
            TypeKind::Enum(values) => {
                Kind::Enum(values.values.iter().map(|value| value.node.value.node.as_str().into()).collect())
            }
            TypeKind::InputObject(input) => Kind::Input(arguments_of(&input.fields)),
            TypeKind::Scalar => Kind::Scalar,
        }
    }

    fn fields_of(
        &self,
        type_name: &str,
        definitions: &[Positioned<FieldDefinition>],
        sizes: &Sizes,
    ) -> HashMap<Box<str>, Field> {
        let mut fields: HashMap<Box<str>, Field> = definitions
            .iter()
            .map(|definition| {
                let definition = &definition.node;
                let name = definition.name.node.as_str();
                let arguments = arguments_of(&definition.arguments);
                let field = Field {
                    ty: self.find(base_name(&definition.ty.node)),
                    is_list: is_list(&definition.ty.node),
                    is_page: arguments.contains_key("first") || arguments.contains_key("last"),
                    list_size: if type_name.starts_with("__") { sizes.get(name).copied() } else { None },
                    arguments,
                };
                (name.into(), field)
            })
            .collect();
        fields.insert("__typename".into(), self.plain_field("String", &[]));
        fields
    }

    fn plain_field(&self, ty: &str, arguments: &[&str]) -> Field {
        let string =
            Type { base: BaseType::Named(async_graphql_value::Name::new("String")), nullable: false };
        Field {
            ty: self.find(ty),
            is_list: false,
            is_page: false,
            list_size: None,
            arguments: arguments
                .iter()
                .map(|name| ((*name).into(), Argument { ty: string.clone(), default: None }))
                .collect(),
        }
    }

    fn find_roots(&mut self, document: &ServiceDocument) -> Result<(), TypeMapError> {
        let mut names = (None, None, None);
        for definition in &document.definitions {
            if let TypeSystemDefinition::Schema(schema) = definition {
                names = (
                    schema.node.query.as_ref().map(|name| name.node.to_string()),
                    schema.node.mutation.as_ref().map(|name| name.node.to_string()),
                    schema.node.subscription.as_ref().map(|name| name.node.to_string()),
                );
            }
        }
        if names == (None, None, None) {
            names = (Some("Query".into()), Some("Mutation".into()), Some("Subscription".into()));
        }
        self.query = names.0.and_then(|name| self.find(&name)).ok_or(TypeMapError::NoQueryType)?;
        self.mutation = names.1.and_then(|name| self.find(&name));
        self.subscription = names.2.and_then(|name| self.find(&name));
        let schema = self.plain_field("__Schema", &[]);
        let ty = self.plain_field("__Type", &["name"]);
        match &mut self.kinds[self.query.0] {
            Kind::Composite(fields) => {
                fields.insert("__schema".into(), schema);
                fields.insert("__type".into(), ty);
                Ok(())
            }
            _ => Err(TypeMapError::NoQueryType),
        }
    }
}

/// The name of a type without lists and non-null marks.
pub(super) fn base_name(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => base_name(inner),
    }
}

fn is_list(ty: &Type) -> bool {
    matches!(ty.base, BaseType::List(_))
}

fn types(document: &ServiceDocument) -> impl Iterator<Item = &async_graphql_parser::types::TypeDefinition> {
    document.definitions.iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(&definition.node),
        _ => None,
    })
}

fn arguments_of(definitions: &[Positioned<InputValueDefinition>]) -> HashMap<Box<str>, Argument> {
    definitions
        .iter()
        .map(|definition| {
            let definition = &definition.node;
            let argument = Argument {
                ty: definition.ty.node.clone(),
                default: definition.default_value.as_ref().map(|value| value.node.clone()),
            };
            (definition.name.node.as_str().into(), argument)
        })
        .collect()
}

type Sizes = HashMap<&'static str, u64>;

/// How long the lists of introspection are in this schema, on average.
fn introspection_sizes(document: &ServiceDocument) -> Sizes {
    let mut composites = Mean::default();
    let mut arguments = Mean::default();
    let mut inputs = Mean::default();
    let mut values = Mean::default();
    let mut possible = Mean::default();
    let mut count = 0;
    for definition in types(document) {
        count += 1;
        let fields = match &definition.kind {
            TypeKind::Object(object) => {
                possible.sum += object.implements.len() as u64;
                &object.fields
            }
            TypeKind::Interface(interface) => {
                possible.count += 1;
                &interface.fields
            }
            TypeKind::Enum(definition) => {
                values.add(definition.values.len());
                continue;
            }
            TypeKind::InputObject(definition) => {
                inputs.add(definition.fields.len());
                continue;
            }
            TypeKind::Union(definition) => {
                possible.add(definition.members.len());
                continue;
            }
            TypeKind::Scalar => continue,
        };
        composites.add(fields.len());
        for field in fields {
            arguments.add(field.node.arguments.len());
        }
    }
    // The introspection types themselves and the built-in scalars are listed too.
    HashMap::from([
        ("types", count + 15),
        ("fields", composites.rounded_up()),
        ("args", arguments.rounded_up()),
        ("inputFields", inputs.rounded_up()),
        ("enumValues", values.rounded_up()),
        ("possibleTypes", possible.rounded_up()),
        ("interfaces", 1),
        ("directives", 5),
        ("locations", 3),
    ])
}

#[derive(Default)]
struct Mean {
    sum: u64,
    count: u64,
}

impl Mean {
    fn add(&mut self, length: usize) {
        self.sum += length as u64;
        self.count += 1;
    }

    fn rounded_up(&self) -> u64 {
        self.sum.div_ceil(self.count.max(1)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_types_are_found_by_name_and_by_schema_definition() {
        let map = TypeMap::new("type Query { a: Int }").unwrap();
        assert!(map.field(map.query(), "__schema").is_some());
        assert!(map.mutation().is_none());
        let map =
            TypeMap::new("schema { query: Q mutation: M } type Q { a: Int } type M { b: Int }").unwrap();
        assert!(map.field(map.mutation().unwrap(), "b").is_some());
        assert!(matches!(TypeMap::new("type Thing { a: Int }"), Err(TypeMapError::NoQueryType)));
    }

    #[test]
    fn pages_and_lists_are_told_apart() {
        let map = TypeMap::new("type Query { a(first: Int = 7): [Int!]!, b: [Int], c: Int }").unwrap();
        let field = |name| map.field(map.query(), name).unwrap();
        assert!(field("a").is_page && field("a").is_list);
        assert!(!field("b").is_page && field("b").is_list);
        assert!(!field("c").is_page && !field("c").is_list);
        assert_eq!(field("a").arguments["first"].default, Some(ConstValue::Number(7.into())));
    }

    #[test]
    fn a_type_in_several_parts_is_put_together() {
        let map = TypeMap::new("type Query { a: Int } extend type Query { b: Int }").unwrap();
        assert!(map.field(map.query(), "a").is_some() && map.field(map.query(), "b").is_some());
    }
}
