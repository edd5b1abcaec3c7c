//! What is wrong with a configuration, as a list: an operator repairs a file once, not once per
//! mistake.

use std::fmt;

use super::table::Complaint;

/// One mistake: where it is and what to write instead. Displays as one line, `file:line:column:
/// key: message; hint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The path as the operator gave it.
    pub file: String,
    /// Counted from 1; 0 when the problem is the file itself.
    pub line: usize,
    /// In characters, counted from 1; 0 when the problem is the file itself.
    pub column: usize,
    /// Full path of the key, such as `api.tokens[0].name`; empty when no key is to blame.
    pub key: String,
    pub message: String,
    /// What would be right, where we can tell.
    pub hint: Option<String>,
}

/// Every mistake found, in the order of the lines. Never empty when returned as an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The file as a whole cannot be used.
    pub(super) fn file(file: &str, message: String) -> Self {
        Self(vec![Problem {
            file: file.to_owned(),
            line: 0,
            column: 0,
            key: String::new(),
            message,
            hint: None,
        }])
    }

    /// Gives each complaint its line and column in `text`.
    pub(super) fn locate(file: &str, text: &str, complaints: Vec<Complaint>) -> Self {
        let mut problems: Vec<Problem> = complaints
            .into_iter()
            .map(|complaint| {
                let (line, column) = complaint.at.map_or((0, 0), |at| line_and_column(text, at));
                Problem {
                    file: file.to_owned(),
                    line,
                    column,
                    key: complaint.key,
                    message: complaint.message,
                    hint: complaint.hint,
                }
            })
            .collect();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Self(problems)
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Both counted from 1. An offset beyond the text, or inside a character, counts as the nearest
/// place before it.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_never_panic() {
        let text = "a = 1\nü = 2\n";
        assert_eq!(line_and_column(text, 0), (1, 1));
        assert_eq!(line_and_column(text, 6), (2, 1));
        assert_eq!(line_and_column(text, 7), (2, 1), "inside the ü");
        assert_eq!(line_and_column(text, 9), (2, 3));
        assert_eq!(line_and_column(text, 999), (3, 1));
    }
}
