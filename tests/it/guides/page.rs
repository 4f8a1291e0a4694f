//! A page of the documentation, and what of it was tried.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

/// A page whose examples are run as they are written. What a test leaves out fails it: see [`Page::assert_tried`].
pub struct Page {
    name: &'static str,
    examples: Vec<Example>,
    tried: RefCell<BTreeSet<usize>>,
}

struct Example {
    language: String,
    text: String,
}

impl Page {
    /// Reads a page, by its path in the project.
    pub fn read(name: &'static str) -> Self {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let examples = examples(&text);
        assert!(!examples.is_empty(), "{name} has no examples");
        Self { name, examples, tried: RefCell::default() }
    }

    /// The GraphQL operation that asks for this root field, with its placeholders filled in: `("org_…", id)`.
    pub fn graphql(&self, field: &str, values: &[(&str, &str)]) -> String {
        self.find(field, values, |example| {
            example.language == "graphql" && root_field(&example.text) == field
        })
    }

    /// What a call of curl sends as JSON, with its placeholders filled in, and the path it goes to.
    pub fn curl(&self, path: &str, values: &[(&str, &str)]) -> (String, Value) {
        let text =
            self.find(path, values, |example| example.language == "curl" && example.text.contains(path));
        let url = text.split_whitespace().find(|word| word.contains('/')).expect("an address");
        let start = ["127.0.0.1:8080", "127.0.0.1:12111", "$SANDBOX"]
            .iter()
            .find_map(|host| Some(url.find(host)? + host.len()))
            .unwrap_or_else(|| panic!("{}: an address of this machine, not {url}", self.name));
        let (_, data) = text.split_once("-d ").unwrap_or_else(|| panic!("{}: no data in {text}", self.name));
        let data = match data.strip_prefix('"') {
            Some(quoted) => quoted.trim_end().trim_end_matches('"').replace("\\\"", "\""),
            None => data.trim().trim_matches('\'').to_owned(),
        };
        let data =
            serde_json::from_str(&data).unwrap_or_else(|error| panic!("{}: {error}: {data}", self.name));
        (url[start..].to_owned(), data)
    }

    /// The path of a call of curl that only reads.
    pub fn get(&self, path: &str) -> String {
        let text = self.find(path, &[], |example| example.language == "curl" && example.text.contains(path));
        let url = text.split_whitespace().find(|word| word.contains('/')).expect("an address");
        let url = url.trim_matches('\'');
        let start =
            url.find("127.0.0.1:8080").unwrap_or_else(|| panic!("{}: not this machine: {url}", self.name));
        url[start + "127.0.0.1:8080".len()..].to_owned()
    }

    /// A call of curl that sends a form: its path, and the form's fields.
    pub fn form(&self, path: &str) -> (String, Vec<(String, String)>) {
        let text = self.find(path, &[], |example| example.language == "curl" && example.text.contains(path));
        let mut fields = Vec::new();
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            if word == "-d" {
                let field = words.next().expect("a field").trim_matches('\'');
                let (name, value) = field.split_once('=').expect("a name and a value");
                fields.push((name.to_owned(), value.to_owned()));
            }
        }
        (path.to_owned(), fields)
    }

    /// The JSON of the page that stands right after the example which holds these words.
    pub fn json_after(&self, words: &str) -> Value {
        let before = self.examples.iter().position(|example| example.text.contains(words));
        let after = before.and_then(|place| self.examples.get(place + 1));
        let json = after.filter(|example| example.language == "json");
        let json = json.unwrap_or_else(|| panic!("{}: no JSON after {words}", self.name));
        serde_json::from_str(&json.text).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// The settings that a shell example hands to a command that ends like this: `NAME=value …`.
    pub fn settings_of(&self, command: &str) -> Vec<(String, String)> {
        let example = self
            .examples
            .iter()
            .find(|example| example.language == "shell" && example.text.ends_with(command))
            .unwrap_or_else(|| panic!("{}: no {command}", self.name));
        let words = example.text.split_whitespace().filter_map(|word| word.split_once('='));
        words.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Fails when an operation or a call of the page was not tried.
    pub fn assert_tried(self) {
        let tried = self.tried.into_inner();
        for (place, example) in self.examples.iter().enumerate() {
            let counts = matches!(example.language.as_str(), "graphql" | "curl");
            assert!(!counts || tried.contains(&place), "{}: nobody tried\n{}", self.name, example.text);
        }
    }

    fn find(&self, what: &str, values: &[(&str, &str)], is_it: impl Fn(&Example) -> bool) -> String {
        let place = self.examples.iter().position(is_it);
        let place = place.unwrap_or_else(|| panic!("{} has no example of {what}", self.name));
        self.tried.borrow_mut().insert(place);
        let mut text = self.examples[place].text.clone();
        for (placeholder, value) in values {
            assert!(text.contains(placeholder), "{}: no {placeholder} in\n{text}", self.name);
            text = text.replace(placeholder, value);
        }
        assert!(!text.contains('…'), "{}: something is left to fill in:\n{text}", self.name);
        text
    }
}

/// The first field of an operation.
fn root_field(operation: &str) -> &str {
    let fields = operation.split_once('{').map_or("", |(_, fields)| fields.trim_start());
    fields.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default()
}

/// The fenced examples of a page: GraphQL is taken apart into its operations, shell into calls of curl and the rest.
fn examples(page: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut fence: Option<(String, String)> = None;
    for line in page.lines() {
        match (&mut fence, line.strip_prefix("```")) {
            (None, Some(language)) => fence = Some((language.trim().to_owned(), String::new())),
            (Some(_), Some(_)) => {
                let (language, text) = fence.take().expect("it is open");
                match language.as_str() {
                    "graphql" => examples.extend(operations(&text)),
                    "" => examples.extend(commands(&text)),
                    _ => examples.push(Example { language, text }),
                }
            }
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(fence.is_none(), "a fence is not closed");
    examples
}

fn operations(block: &str) -> Vec<Example> {
    let mut operations: Vec<Example> = Vec::new();
    for line in block.lines() {
        if ["mutation", "query", "subscription"].iter().any(|word| line.starts_with(word)) {
            operations.push(Example { language: "graphql".to_owned(), text: String::new() });
        }
        let operation = operations.last_mut().expect("a block begins with an operation");
        operation.text.push_str(line);
        operation.text.push('\n');
    }
    operations
}

fn commands(block: &str) -> Vec<Example> {
    let mut commands = Vec::new();
    let joined = block.replace("\\\n", " ");
    for line in joined.lines() {
        let line = line.split("  #").next().unwrap_or_default().trim();
        let language = if line.starts_with("curl ") { "curl" } else { "shell" };
        commands.push(Example { language: language.to_owned(), text: line.to_owned() });
    }
    commands
}
