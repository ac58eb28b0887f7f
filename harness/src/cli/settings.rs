//! `cnispec.toml`: what a command line need not say again.
//!
//! A table is named after a command, and its keys after the command's options; `plugin` holds the plugins.
//! Options on the command line override those of the file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, CommandFactory};
use toml_edit::{Document, Item, Table, Value};

use super::arguments::Arguments;
use super::failure::Failure;
use super::stored;
use crate::pattern::nearest;
use crate::regression::line_and_column;

/// The file, in the working directory.
const FILE: &str = "cnispec.toml";
/// The commands that it can speak of.
const COMMANDS: &[&str] = &["test", "fuzz", "bench"];

/// The file as it was read.
struct Settings {
    text: String,
    document: Document<String>,
}

impl Settings {
    fn read() -> Result<Option<Self>, Failure> {
        if !Path::new(FILE).exists() {
            return Ok(None);
        }
        Self::parse(stored::text(Path::new(FILE), "settings file")?).map(Some)
    }

    fn parse(text: String) -> Result<Self, Failure> {
        let document = Document::parse(text.clone()).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            wrong(
                &text,
                start,
                error.message(),
                "the file is TOML, with a table `[test]`",
            )
        })?;
        let settings = Self { text, document };
        for (name, item) in settings.document.iter() {
            let start = settings.document.key(name).and_then(|key| key.span());
            if !COMMANDS.contains(&name) {
                let hint = format!("there are tables for {}", COMMANDS.join(", "));
                return Err(settings.wrong(start, &format!("unknown table `{name}`"), &hint));
            }
            if !item.is_table() {
                let hint = format!("write `[{name}]`, and keys below it");
                return Err(settings.wrong(start, &format!("`{name}` is no table"), &hint));
            }
        }
        Ok(settings)
    }

    fn table(&self, command: &str) -> Option<&Table> {
        self.document.get(command)?.as_table()
    }

    fn wrong(&self, span: Option<std::ops::Range<usize>>, what: &str, hint: &str) -> Failure {
        wrong(&self.text, span.map_or(0, |span| span.start), what, hint)
    }

    /// The file's options for a command, as words of a command line; without those that stand there already.
    fn words(&self, command: &clap::Command, given: &ArgMatches) -> Result<Vec<OsString>, Failure> {
        let mut words = Vec::new();
        for (key, item) in self
            .table(command.get_name())
            .into_iter()
            .flat_map(Table::iter)
        {
            let span = || self.table(command.get_name())?.key(key)?.span();
            let argument = command
                .get_arguments()
                .find(|argument| name(argument) == key);
            let Some(argument) =
                argument.filter(|argument| !IN_NO_FILE.contains(&name(argument).as_str()))
            else {
                let names: Vec<String> = command.get_arguments().map(name).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let hint = match nearest(key, &names) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("keys are the options of `cnispec {}`", command.get_name()),
                };
                return Err(self.wrong(span(), &format!("unknown key `{key}`"), &hint));
            };
            if given.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine) {
                continue;
            }
            let values = texts(item).ok_or_else(|| {
                let what = format!(
                    "`{key}` is neither a text, a number, a truth value nor a list of those"
                );
                self.wrong(span(), &what, "write it as on the command line")
            })?;
            for value in values {
                words.extend(as_words(argument, value));
            }
        }
        Ok(words)
    }
}

/// Options of `cnispec` rather than of a command.
const IN_NO_FILE: &[&str] = &["help", "version"];

fn wrong(text: &str, start: usize, what: &str, hint: &str) -> Failure {
    let (line, column) = line_and_column(text, start);
    Failure::usage(format!(
        "`{FILE}`, line {line}, column {column}: {what}\nhint: {hint}"
    ))
}

/// The key of an option: its long name; of what has none, its own.
fn name(argument: &Arg) -> String {
    argument
        .get_long()
        .map_or_else(|| argument.get_id().to_string(), str::to_owned)
}

/// The values of a key, each as it would stand on the command line.
fn texts(item: &Item) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.value().clone()),
        Value::Integer(number) => Some(number.value().to_string()),
        Value::Float(number) => Some(number.value().to_string()),
        Value::Boolean(truth) => Some(truth.value().to_string()),
        _ => None,
    };
    match item.as_value()? {
        Value::Array(values) => values.iter().map(one).collect(),
        value => one(value).map(|text| vec![text]),
    }
}

fn as_words(argument: &Arg, value: String) -> Vec<OsString> {
    let Some(long) = argument.get_long() else {
        return vec![value.into()];
    };
    let option = format!("--{long}");
    if argument.get_action().takes_values() {
        return vec![format!("{option}={value}").into()];
    }
    match value.as_str() {
        "false" => Vec::new(),
        "true" => vec![option.into()],
        // An option without a value is given one: clap says what is wrong.
        _ => vec![format!("{option}={value}").into()],
    }
}

/// Reads the text of a settings file, and what it says to each command; or says what is wrong with it.
pub fn settings_read(text: &str) -> Result<(), String> {
    let settings = Settings::parse(text.to_owned()).map_err(|failure| failure.to_string())?;
    let command = Arguments::command();
    for name in COMMANDS {
        let words = command.clone().try_get_matches_from(["cnispec", name]);
        let Ok(matches) = words else { continue };
        if let (Some(subcommand), Some((_, given))) =
            (command.find_subcommand(name), matches.subcommand())
        {
            let words = settings.words(subcommand, given);
            words.map_err(|failure| failure.to_string())?;
        }
    }
    Ok(())
}

/// The command line with what the settings file adds to it.
pub(super) fn completed(words: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let command = Arguments::command();
    let Ok(matches) = command.clone().try_get_matches_from(&words) else {
        return Ok(words);
    };
    let Some((name, given)) = matches
        .subcommand()
        .filter(|(name, _)| COMMANDS.contains(name))
    else {
        return Ok(words);
    };
    let (Some(settings), Some(subcommand)) = (Settings::read()?, command.find_subcommand(name))
    else {
        return Ok(words);
    };
    let added = settings.words(subcommand, given)?;
    let mut completed = words;
    // The program, the command, and then what belongs to it.
    completed.splice(2..2, added);
    command.try_get_matches_from(&completed).map_err(|error| {
        let text = error.to_string();
        let what = text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        Failure::usage(format!(
            "`{FILE}`: {what}\nhint: write `[{name}]` as the command line would have it"
        ))
    })?;
    Ok(completed)
}

/// The file of expectations that the settings file names for tests.
pub(super) fn expectations() -> Result<Option<PathBuf>, Failure> {
    let settings = Settings::read()?;
    let path = settings
        .as_ref()
        .and_then(|settings| settings.table("test")?.get("expect")?.as_str());
    Ok(path.map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, line: &[&str]) -> Result<Vec<String>, Failure> {
        let command = Arguments::command();
        let matches = command.clone().try_get_matches_from(line).unwrap();
        let (name, given) = matches.subcommand().unwrap();
        let words = Settings::parse(text.to_owned())?
            .words(command.find_subcommand(name).unwrap(), given)?;
        Ok(words
            .into_iter()
            .map(|word| word.into_string().unwrap())
            .collect())
    }

    #[test]
    fn the_file_says_what_the_command_line_does_not() {
        let text = "[test]\nplugin = [\"./a\", \"./b\"]\nseed = 7\nstrict = true\nquiet = false\nspec = [\"1.0.0\", \"1.1.0\"]\n";
        assert_eq!(
            words(text, &["cnispec", "test"]).unwrap(),
            [
                "./a",
                "./b",
                "--seed=7",
                "--strict",
                "--spec=1.0.0",
                "--spec=1.1.0"
            ]
        );
        assert_eq!(
            words(
                text,
                &["cnispec", "test", "./c", "--seed", "8", "--spec", "0.4.0"]
            )
            .unwrap(),
            ["--strict"]
        );
    }

    #[test]
    fn whatever_is_not_known_is_a_mistake_with_its_place() {
        for (text, place, what) in [
            (
                "[test]\n\nseeed = 1\n",
                "line 3, column 1",
                "did you mean `seed`?",
            ),
            ("[tests]\n", "line 1", "unknown table `tests`"),
            ("test = 1\n", "line 1, column 1", "`test` is no table"),
            ("[test]\nseed = [[1]]\n", "line 2, column 1", "neither"),
            ("[test\n", "line 1", "cnispec.toml"),
            (
                "[test]\nhelp = true\n",
                "line 2, column 1",
                "unknown key `help`",
            ),
        ] {
            let failure = words(text, &["cnispec", "test"]).unwrap_err();
            assert_eq!(failure.status, 2);
            assert!(
                failure.message.contains(place) && failure.message.contains(what),
                "{text}: {failure}"
            );
            assert!(failure.message.contains("\nhint: "), "{failure}");
        }
    }
}
