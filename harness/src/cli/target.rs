//! Where reports are written.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::{print, to_reader};
use crate::report::{Detail, Document, Format, write_table, write_terminal};

/// Shows the document and writes its reports. Files first: whoever reads the terminal may stop reading.
pub(super) fn publish(
    document: &Document,
    targets: &[Target],
    detail: Detail,
) -> Result<(), Failure> {
    // An error does not keep the other targets from being written.
    let mut written = Ok(());
    let mut files = Vec::new();
    for target in targets {
        match target.write(document) {
            Ok(()) => files.extend(target.path.as_ref().map(|path| (target.format, path))),
            failed => written = written.and(failed),
        }
    }
    let show = |out: &mut dyn Write| match document {
        Document::One(report) => write_terminal(report, detail, out),
        Document::Many(matrix) => write_table(matrix, detail, out),
    };
    let print_all = |out: &mut dyn Write| {
        show(out)?;
        files
            .iter()
            .filter(|_| detail != Detail::Quiet)
            .try_for_each(|(format, path)| {
                writeln!(out, "{} report: {}", format.name(), path.display())
            })
    };
    let shown = match targets.iter().any(Target::is_stdout) {
        true => to_reader(show(&mut anstream::stderr().lock()), "standard error"),
        false => print(print_all),
    };
    written.and(shown)
}

/// One `--report FORMAT=PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    format: Format,
    /// None is standard output.
    path: Option<PathBuf>,
}

impl Target {
    pub fn parse(text: &str) -> Result<Self, String> {
        let (format, path) = text
            .split_once('=')
            .ok_or_else(|| "a report is FORMAT=PATH, such as json=report.json".to_owned())?;
        let format = Format::find(format).ok_or_else(|| {
            let known = Format::ALL.map(Format::name).join(", ");
            format!("there is no format `{format}`; there are {known}")
        })?;
        match path {
            "" => Err("the path is missing; `-` is standard output".to_owned()),
            "-" => Ok(Self { format, path: None }),
            path => Ok(Self {
                format,
                path: Some(PathBuf::from(path)),
            }),
        }
    }

    /// Two reports in one place would overwrite each other.
    pub fn must_differ(targets: &[Self]) -> Result<(), Failure> {
        let twice = |(index, target): (usize, &Self)| {
            targets[..index]
                .iter()
                .any(|other| other.path == target.path)
        };
        if targets.iter().enumerate().any(twice) {
            return Err(Failure::usage(
                "two reports go to the same place\nhint: give every `--report` a path of its own",
            ));
        }
        Ok(())
    }

    pub fn is_stdout(&self) -> bool {
        self.path.is_none()
    }

    /// Finds out before the run whether the report can be written after it. Leaves nothing behind.
    pub fn probe(&self) -> Result<(), Failure> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let probed = match special(path) {
            Some(_) if path.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
            Some(_) => fs::OpenOptions::new().write(true).open(path).map(drop),
            None => {
                let beside = beside(path);
                fs::File::create_new(&beside).and_then(|_| fs::remove_file(&beside))
            }
        };
        probed.map_err(|error| unwritable(path, &error))
    }

    pub fn format(&self) -> Format {
        self.format
    }

    /// Writes the report: whole, or not at all.
    pub fn write(&self, document: &Document) -> Result<(), Failure> {
        self.put(|out| match document {
            Document::One(report) => self.format.write(report, out),
            Document::Many(matrix) => self.format.write_matrix(matrix, out),
        })
    }

    /// Puts a report in its place, as it is made: whole, or not at all.
    pub fn put(&self, make: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        write(self.path.as_deref(), make)
    }
}

/// Writes what is made to a file, or to standard output if there is no path. A file is there whole, or not at all.
pub(super) fn write(
    path: Option<&Path>,
    make: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let Some(path) = path else {
        return to_reader(through(io::stdout().lock(), make), "standard output");
    };
    let written = match special(path) {
        Some(_) => fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|file| through(file, make)),
        None => replace(path, make),
    };
    written.map_err(|error| unwritable(path, &error))
}

/// Makes something in pieces of a useful size.
fn through(out: impl Write, make: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    make(&mut out).and_then(|()| out.flush())
}

/// Something that stands at the path and is no ordinary file, such as a device or a directory.
fn special(path: &Path) -> Option<fs::Metadata> {
    fs::metadata(path)
        .ok()
        .filter(|metadata| !metadata.is_file())
}

/// A name in the same directory that nobody else uses.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

fn replace(path: &Path, make: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let beside = beside(path);
    let replaced = fs::File::create(&beside)
        .and_then(|file| through(file, make))
        .and_then(|()| fs::rename(&beside, path));
    if replaced.is_err() {
        // Whatever was wrong, what is half written is of no use.
        let _ = fs::remove_file(&beside);
    }
    replaced
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "make the directory first",
        io::ErrorKind::IsADirectory => "give the name of a file in it",
        _ => "give a path that can be written, or `-` for standard output",
    };
    Failure::environment(format!(
        "cannot write `{}`: {error}\nhint: {hint}",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Report;
    use crate::report::sample::report;

    fn target(format: &str, path: &Path) -> Target {
        Target::parse(&format!("{format}={}", path.display())).unwrap()
    }

    #[test]
    fn formats_and_paths() {
        for format in ["json", "junit", "html", "sarif", "markdown", "tap"] {
            assert!(Target::parse(&format!("{format}=-")).unwrap().is_stdout());
        }
        assert!(!Target::parse("junit=a=b").unwrap().is_stdout());
        for text in ["json", "json=", "yaml=x", "=x"] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn two_reports_need_two_places() {
        let targets = |texts: [&str; 2]| texts.map(|text| Target::parse(text).unwrap());
        assert!(Target::must_differ(&targets(["json=a", "junit=-"])).is_ok());
        for twice in [["json=a", "junit=a"], ["json=-", "junit=-"]] {
            assert_eq!(Target::must_differ(&targets(twice)).unwrap_err().status, 2);
        }
    }

    #[test]
    fn a_report_replaces_what_was_there_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.json");
        fs::write(&path, "old").unwrap();
        let target = target("json", &path);
        target.probe().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        target.write(&report().into()).unwrap();
        let written: Report = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(written, report());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_report_that_cannot_be_written_costs_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.json");
        let gone = directory.path().join("gone/report.xml");
        let targets = [target("junit", &gone), target("json", &path)];
        let failure = publish(&report().into(), &targets, Detail::Quiet).unwrap_err();
        assert!(failure.message.contains("gone/report.xml"), "{failure}");
        assert!(path.is_file());
    }

    #[test]
    fn what_cannot_be_written_is_found_before_the_run() {
        let directory = tempfile::tempdir().unwrap();
        for path in [
            directory.path().to_owned(),
            directory.path().join("no/such/x"),
            PathBuf::from("/proc/x"),
        ] {
            let failure = target("junit", &path).probe().unwrap_err();
            assert_eq!(failure.status, 3);
            assert!(failure.message.contains("\nhint: "), "{failure}");
        }
        assert!(target("json", Path::new("/dev/null")).probe().is_ok());
    }
}
