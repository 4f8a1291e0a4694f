//! What a document may measure, and what it is told when it measures more.

use std::collections::{HashMap, HashSet};
use std::fmt;

use async_graphql_parser::Pos;

/// How long a list is that has rows for each day from `since` to `until`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    /// Rows of a day.
    pub rows_a_day: u64,
    /// Days when `since` is not given.
    pub default_days: u64,
    /// Days at most: the schema refuses more.
    pub max_days: u64,
}

/// The bounds on one document. Every number is the largest that is let through.
#[derive(Clone, Debug)]
pub struct DocumentLimits {
    /// Size of the text, in bytes.
    pub bytes: u64,
    /// Lexical tokens.
    pub tokens: u64,
    /// Length of one name, in bytes.
    pub name_bytes: u64,
    /// Brackets of any kind open at once. The parser recurses over them.
    pub brackets: u64,
    /// Operations in the document.
    pub operations: u64,
    /// Fragment definitions in the document.
    pub fragments: u64,
    /// Variables that one operation defines.
    pub variables: u64,
    /// Directives in the document.
    pub directives: u64,
    /// Fields inside fields. The standard introspection query is 15 deep.
    pub depth: u64,
    /// Selection sets inside selection sets, fragments included: what recursive rules walk down.
    pub nesting: u64,
    /// Fields, spreads and inline fragments of all operations, once every fragment is written out.
    pub selections: u64,
    /// Aliases of all operations, once every fragment is written out.
    pub aliases: u64,
    /// Fields at the top of one operation, once every fragment is written out.
    pub root_fields: u64,
    /// Comparisons that the rule against conflicting fields makes, as the guard estimates them.
    pub merges: u64,
    /// Input values of one operation: literals once written out, and variables as often as they are used.
    pub input_values: u64,
    /// Fields and arguments that do not exist. Each costs a search for a suggestion.
    pub mistakes: u64,
    /// Cost of one operation: 1 a field, times the size of the lists around it.
    pub cost: u64,
    /// What fields of these names cost beside what is below them, where that is not 1: Stripe is asked for them.
    pub field_costs: HashMap<String, u64>,
    /// Lists of these names are as long as the days that are asked for.
    pub day_ranges: HashMap<String, DayRange>,
    /// Cost of the introspection in one operation, in per cent of what the standard query costs on this schema.
    pub introspection_percent: u64,
    /// Mutations out of `money_mutation_names` in one operation.
    pub money_mutations: u64,
    /// The root mutation fields that move money.
    pub money_mutation_names: HashSet<String>,
    /// Page size of a field with `first` or `last` when neither is given and the schema names no default.
    pub default_page_size: u64,
    /// The largest page the schema gives, whatever is asked for.
    pub max_page_size: u64,
    /// Assumed length of a list that is not a page.
    pub assumed_list_size: u64,
    /// Tokens of all documents that are kept ready for the next time. A token takes about 100 bytes.
    pub cached_tokens: u64,
}

impl Default for DocumentLimits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            tokens: 5_000,
            name_bytes: 128,
            brackets: 64,
            operations: 20,
            fragments: 200,
            variables: 100,
            directives: 50,
            depth: 20,
            nesting: 40,
            selections: 5_000,
            aliases: 50,
            root_fields: 20,
            merges: 20_000,
            input_values: 50_000,
            mistakes: 20,
            cost: 25_000,
            field_costs: HashMap::new(),
            day_ranges: HashMap::new(),
            introspection_percent: 200,
            money_mutations: 1,
            money_mutation_names: HashSet::new(),
            default_page_size: 20,
            max_page_size: 100,
            assumed_list_size: 10,
            cached_tokens: 400_000,
        }
    }
}

/// One of the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`DocumentLimits::bytes`]
    Bytes,
    /// [`DocumentLimits::tokens`]
    Tokens,
    /// [`DocumentLimits::name_bytes`]
    NameBytes,
    /// [`DocumentLimits::brackets`]
    Brackets,
    /// [`DocumentLimits::operations`]
    Operations,
    /// [`DocumentLimits::fragments`]
    Fragments,
    /// [`DocumentLimits::variables`]
    Variables,
    /// [`DocumentLimits::directives`]
    Directives,
    /// [`DocumentLimits::depth`]
    Depth,
    /// [`DocumentLimits::nesting`]
    Nesting,
    /// [`DocumentLimits::selections`]
    Selections,
    /// [`DocumentLimits::aliases`]
    Aliases,
    /// [`DocumentLimits::root_fields`]
    RootFields,
    /// [`DocumentLimits::merges`]
    Merges,
    /// [`DocumentLimits::input_values`]
    InputValues,
    /// [`DocumentLimits::mistakes`]
    Mistakes,
    /// [`DocumentLimits::cost`]
    Cost,
    /// [`DocumentLimits::introspection_percent`]
    Introspection,
    /// [`DocumentLimits::money_mutations`]
    MoneyMutations,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "size in bytes",
            Self::Tokens => "number of tokens",
            Self::NameBytes => "longest name, in bytes,",
            Self::Brackets => "nesting of brackets",
            Self::Operations => "number of operations",
            Self::Fragments => "number of fragments",
            Self::Variables => "number of variables",
            Self::Directives => "number of directives",
            Self::Depth => "depth",
            Self::Nesting => "nesting of selection sets",
            Self::Selections => "number of selections, fragments written out,",
            Self::Aliases => "number of aliases, fragments written out,",
            Self::RootFields => "number of root fields, fragments written out,",
            Self::Merges => "number of fields to compare for conflicts",
            Self::InputValues => "number of input values",
            Self::Mistakes => "number of fields and arguments that do not exist",
            Self::Cost => "cost",
            Self::Introspection => "cost of introspection",
            Self::MoneyMutations => "number of mutations that move money",
        })
    }
}

/// Why a document goes no further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It measures more than it may.
    #[error("The operation is too complex: its {limit} reaches {measured}, and the limit is {bound}.")]
    TooComplex {
        /// What was measured.
        limit: Limit,
        /// What it came to, or how far it was measured.
        measured: u64,
        /// The largest that is let through.
        bound: u64,
    },
    /// It is not GraphQL.
    #[error("The document is not valid GraphQL: {message}.")]
    Syntax {
        /// What was expected, or what is wrong.
        message: String,
        /// Where.
        location: Option<Pos>,
    },
    /// A text in it holds U+0000, which PostgreSQL cannot store and nobody types.
    #[error("A string holds the character U+0000, which no text of ours may.")]
    NulCharacter,
    /// A fragment spreads itself, perhaps through others.
    #[error("The fragment \"{name}\" spreads itself.")]
    FragmentCycle {
        /// The fragment's name.
        name: String,
        /// Where it is spread.
        location: Pos,
    },
    /// The document has no operation of the name that was asked for.
    #[error("The document has no operation named \"{0}\".")]
    UnknownOperation(String),
    /// The document has several operations, and none was asked for.
    #[error("The document has several operations: operationName must say which one to run.")]
    OperationNameRequired,
    /// A variable's value does not fit its type. The value itself is not repeated.
    #[error("The variable \"${path}\" {problem}.")]
    Variable {
        /// The variable and the way into it, such as `input.lines[2].amount`.
        path: String,
        /// What is wrong with it.
        problem: String,
        /// Where the variable is defined.
        location: Pos,
    },
}

impl Refusal {
    /// The code for `extensions.code`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooComplex { .. } => "QUERY_TOO_COMPLEX",
            _ => "BAD_USER_INPUT",
        }
    }

    /// Where in the document the reason stands, if it stands in one place.
    pub fn location(&self) -> Option<Pos> {
        match self {
            Self::Syntax { location, .. } => *location,
            Self::FragmentCycle { location, .. } | Self::Variable { location, .. } => Some(*location),
            _ => None,
        }
    }
}

/// Refuses what measures more than `bound`.
pub(super) fn at_most(limit: Limit, measured: u64, bound: u64) -> Result<(), Refusal> {
    if measured > bound { Err(Refusal::TooComplex { limit, measured, bound }) } else { Ok(()) }
}
