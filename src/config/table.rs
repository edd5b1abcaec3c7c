//! Asking a table for its keys. A reader asks for each key it knows, with the default and the rule
//! for the value; what nobody asked for is unknown. Nothing stops at the first mistake: a bad value
//! is noted and its default stands in, so that one pass finds everything. Whoever reads a table to
//! the end must look at the complaints before using what was read.

use std::{collections::HashSet, hash::Hash};

use super::{
    hash::{self, PasswordHash, SecretHash},
    nearest::nearest,
    node::{Entry, Node, Value},
    secret::{self, Secret},
    value::Wrong,
};

/// What follows the key of a secret that stands in clear here, in a variable, in a file.
const CLEAR: [&str; 3] = ["", "_env", "_file"];
/// ... and where only its hash stands here, a plain one or a slow one.
const SHA256: &str = "_sha256";
const SLOW: &str = "_hash";

/// The process environment, passed in so that tests need not change their own.
pub(super) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A mistake that knows its key and its offset, but not yet its line.
#[derive(Debug)]
pub(super) struct Complaint {
    pub(super) at: Option<usize>,
    pub(super) key: String,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// What a reading leaves behind beside its values.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) complaints: Vec<Complaint>,
    /// Path of every key that was asked for: the list the manual is held against.
    #[cfg(test)]
    pub(super) keys: Vec<String>,
}

/// One table being read.
pub(super) struct Table<'a> {
    entries: &'a [Entry],
    at: Option<usize>,
    /// Path of the table with its final dot, such as `http.`; empty for the whole file.
    prefix: String,
    asked: Vec<String>,
    env: Env<'a>,
    findings: &'a mut Findings,
}

impl<'a> Table<'a> {
    /// `path` names the table in complaints; empty for a whole file. A node that is no table reads
    /// as an empty one.
    pub(super) fn new(
        node: &'a Node,
        path: &str,
        env: Env<'a>,
        findings: &'a mut Findings,
    ) -> Self {
        let entries: &[Entry] = match &node.value {
            Value::Table(entries) => entries,
            _ => &[],
        };
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("{path}.")
        };
        Self {
            entries,
            at: node.at,
            prefix,
            asked: Vec::new(),
            env,
            findings,
        }
    }

    /// The key's value, or `default` when it is not written.
    pub(super) fn or<T>(
        &mut self,
        key: &str,
        default: T,
        rule: impl Fn(&Value) -> Result<T, Wrong>,
    ) -> T {
        self.written(key, rule).unwrap_or(default)
    }

    /// None when the key is not written or holds the empty string.
    pub(super) fn optional<T>(
        &mut self,
        key: &str,
        rule: impl Fn(&Value) -> Result<T, Wrong>,
    ) -> Option<T> {
        match self.ask(key).map(|node| &node.value) {
            Some(Value::Text(text)) if text.is_empty() => None,
            _ => self.written(key, rule),
        }
    }

    /// A key without a default. None is always accompanied by a complaint.
    pub(super) fn required<T>(
        &mut self,
        key: &str,
        rule: impl Fn(&Value) -> Result<T, Wrong>,
    ) -> Option<T> {
        if self.ask(key).is_none() {
            self.complain(key, "is required");
        }
        self.written(key, rule)
    }

    /// A list, each item under the same rule; empty when not written.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        rule: impl Fn(&Value) -> Result<T, Wrong>,
    ) -> Vec<T> {
        let mut read = Vec::new();
        for (n, item) in self.items(key, "a list").iter().enumerate() {
            match rule(&item.value) {
                Ok(value) => read.push(value),
                Err(wrong) => self.note(item.at, &format!("{key}[{n}]"), wrong),
            }
        }
        read
    }

    /// A secret: written as `key`, or named by `key_env` (a variable) or `key_file` (a path). At
    /// most one of the three.
    pub(super) fn secret(&mut self, key: &str) -> Option<Secret> {
        let keys = CLEAR.map(|end| format!("{key}{end}"));
        self.is_from_one(&keys).then(|| self.clear(&keys))?
    }

    /// A secret that is only compared: the same, or its hash as `key_sha256`. `rule` is for what
    /// stands in clear.
    pub(super) fn token(
        &mut self,
        key: &str,
        rule: impl Fn(&Secret) -> Result<(), Wrong>,
    ) -> Option<SecretHash> {
        let (keys, hashed) = (
            CLEAR.map(|end| format!("{key}{end}")),
            format!("{key}{SHA256}"),
        );
        if !self.is_from_one(keys.iter().chain([&hashed])) {
            return None;
        }
        if self.has(&hashed) {
            return self.written(&hashed, hash::written_sha256);
        }
        let secret = self.clear(&keys)?;
        match rule(&secret) {
            Ok(()) => Some(hash::of_token(secret)),
            Err(wrong) => {
                self.complain(key, wrong);
                None
            }
        }
    }

    /// A person's password, only compared: the same, or its slow hash as `key_hash`.
    pub(super) fn password(&mut self, key: &str) -> Option<PasswordHash> {
        let (keys, hashed) = (
            CLEAR.map(|end| format!("{key}{end}")),
            format!("{key}{SLOW}"),
        );
        if !self.is_from_one(keys.iter().chain([&hashed])) {
            return None;
        }
        match self.has(&hashed) {
            true => self.written(&hashed, hash::written_slow),
            false => self.clear(&keys).map(hash::of_password),
        }
    }

    /// Refuses a secret that is written in more than one of these ways.
    fn is_from_one<'k>(&mut self, keys: impl IntoIterator<Item = &'k String>) -> bool {
        let keys: Vec<&String> = keys.into_iter().collect();
        let written: Vec<&String> = keys
            .into_iter()
            .filter(|key| self.ask(key).is_some())
            .collect();
        if let [first, second, ..] = written[..] {
            let wrong = format!("contradicts `{first}`: a secret comes from one place");
            self.complain(second, wrong);
            return false;
        }
        true
    }

    fn clear(&mut self, [literal, variable, file]: &[String; 3]) -> Option<Secret> {
        let env = self.env;
        self.written(literal, secret::written)
            .or_else(|| self.written(variable, |value| secret::from_env(value, env)))
            .or_else(|| self.written(file, secret::from_file))
    }

    /// A table below this one. A table that is not written reads as an empty one: every key at its
    /// default.
    pub(super) fn section<T>(&mut self, key: &str, read: impl FnOnce(&mut Table<'_>) -> T) -> T {
        let nothing = Node {
            at: self.at,
            value: Value::Table(Vec::new()),
        };
        let node = match self.ask(key) {
            Some(node) if !matches!(node.value, Value::Table(_)) => {
                self.note(node.at, key, Wrong::not("a table", &node.value));
                &nothing
            }
            Some(node) => node,
            None => &nothing,
        };
        self.below(node, key, read)
    }

    /// The tables of `[[key]]`. An item whose `read` gives None has complained already.
    pub(super) fn tables<T>(
        &mut self,
        key: &str,
        mut read: impl FnMut(&mut Table<'_>) -> Option<T>,
    ) -> Vec<T> {
        let mut tables = Vec::new();
        for (n, item) in self.items(key, "a list of tables").iter().enumerate() {
            let name = format!("{key}[{n}]");
            if matches!(item.value, Value::Table(_)) {
                tables.extend(self.below(item, &name, &mut read));
            } else {
                self.note(item.at, &name, Wrong::not("a table", &item.value));
            }
        }
        tables
    }

    /// Whether the file says anything about this key.
    pub(super) fn has(&mut self, key: &str) -> bool {
        self.ask(key).is_some()
    }

    /// Whether the file says where this secret is.
    pub(super) fn has_secret(&self, key: &str) -> bool {
        self.source_of(key).is_some()
    }

    /// Items of a list, right or wrong; 0 when it is not written, and 1 when it is no list.
    pub(super) fn length(&self, key: &str) -> usize {
        match self.entry(key).map(|entry| &entry.node.value) {
            Some(Value::List(items)) => items.len(),
            Some(_) => 1,
            None => 0,
        }
    }

    /// Refuses a value that is in `taken` already, and puts it there.
    pub(super) fn once<T: Hash + Eq + Clone>(
        &mut self,
        key: &str,
        value: &Option<T>,
        taken: &mut HashSet<T>,
    ) {
        if let Some(value) = value
            && !taken.insert(value.clone())
        {
            self.complain(key, "is used twice");
        }
    }

    /// The same for tokens, which are compared in constant time. They are few.
    pub(super) fn once_token(
        &mut self,
        key: &str,
        token: &Option<SecretHash>,
        taken: &mut Vec<SecretHash>,
    ) {
        if let Some(token) = token {
            if taken.contains(token) {
                self.complain(key, "is used twice");
            }
            taken.push(token.clone());
        }
    }

    /// Notes a mistake at this key, or at the table when the key is not written.
    pub(super) fn complain(&mut self, key: &str, wrong: impl Into<Wrong>) {
        let at = self
            .source_of(key)
            .map_or(self.at, |entry| entry.node.at.or(entry.at));
        self.note(at, key, wrong.into());
    }

    /// Notes a mistake at a key of a table below, found by comparing it with others.
    pub(super) fn complain_in(&mut self, table: &str, key: &str, wrong: impl Into<Wrong>) {
        match self.entry(table) {
            Some(entry) => {
                let path = format!("{}{table}", self.prefix);
                Table::new(&entry.node, &path, self.env, self.findings).complain(key, wrong);
            }
            None => self.complain(table, wrong),
        }
    }

    /// Complains of every key that nobody asked for.
    pub(super) fn refuse_unknown(&mut self) {
        for (entry, hint) in self.unknown() {
            let message = "unknown key".to_owned();
            self.note(entry.at, &entry.key, Wrong { message, hint });
        }
    }

    /// The keys that nobody asked for, each with a hint at the one that was probably meant.
    pub(super) fn unknown(&self) -> Vec<(&'a Entry, Option<String>)> {
        let asked = || self.asked.iter().map(String::as_str);
        let unasked = self
            .entries
            .iter()
            .filter(|e| asked().all(|key| key != e.key));
        let hint = |e: &Entry| Some(format!("did you mean `{}`?", nearest(&e.key, asked())?));
        unasked.map(|entry| (entry, hint(entry))).collect()
    }

    fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.entries
            .iter()
            .find(|entry| entry.key == key && !matches!(entry.node.value, Value::Null))
    }

    /// Where a value comes from: the key, or one of the other ways to give a secret.
    fn source_of(&self, key: &str) -> Option<&'a Entry> {
        CLEAR
            .iter()
            .chain(&[SHA256, SLOW])
            .find_map(|end| self.entry(&format!("{key}{end}")))
    }

    fn ask(&mut self, key: &str) -> Option<&'a Node> {
        if !self.asked.iter().any(|asked| asked == key) {
            self.asked.push(key.to_owned());
            #[cfg(test)]
            self.findings.keys.push(format!("{}{key}", self.prefix));
        }
        self.entry(key).map(|entry| &entry.node)
    }

    fn written<T>(&mut self, key: &str, rule: impl Fn(&Value) -> Result<T, Wrong>) -> Option<T> {
        let node = self.ask(key)?;
        rule(&node.value)
            .map_err(|wrong| self.note(node.at, key, wrong))
            .ok()
    }

    fn items(&mut self, key: &str, expected: &str) -> &'a [Node] {
        match self.ask(key) {
            Some(Node {
                value: Value::List(items),
                ..
            }) => items,
            Some(node) => {
                self.note(node.at, key, Wrong::not(expected, &node.value));
                &[]
            }
            None => &[],
        }
    }

    fn below<T>(&mut self, node: &Node, name: &str, read: impl FnOnce(&mut Table<'_>) -> T) -> T {
        let path = format!("{}{name}", self.prefix);
        let mut table = Table::new(node, &path, self.env, self.findings);
        let value = read(&mut table);
        table.refuse_unknown();
        value
    }

    fn note(&mut self, at: Option<usize>, key: &str, wrong: Wrong) {
        let key = format!("{}{key}", self.prefix);
        self.findings.complaints.push(Complaint {
            at: at.or(self.at),
            key,
            message: wrong.message,
            hint: wrong.hint,
        });
    }
}
