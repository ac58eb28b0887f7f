//! `cnispec diff`: what is different between two reports.

use super::arguments::{DiffArguments, DiffFormat};
use super::failure::Failure;
use super::{print, stored};
use crate::regression::{self, Diff};
use crate::report::{Matrix, write_json};

pub(super) fn run(arguments: &DiffArguments) -> Result<u8, Failure> {
    // Two files, two readers.
    let (old, new) = std::thread::scope(|scope| {
        let old = scope.spawn(|| stored::read(&arguments.old));
        let new = stored::read(&arguments.new);
        (old.join(), new)
    });
    let old = old.map_err(|_| Failure::environment("a report could not be read"))??;
    let new = new?;
    let diff = Diff::between(&old, &new);
    if arguments.table {
        let reports = old.reports().iter().chain(new.reports()).cloned().collect();
        let matrix = Matrix::new(reports, Vec::new());
        print(|out| match arguments.format {
            DiffFormat::Terminal => regression::write_table(&matrix, out),
            DiffFormat::Markdown => regression::write_table_markdown(&matrix, out),
            DiffFormat::Json => write_json(&matrix, out),
        })?;
    } else {
        print(|out| match arguments.format {
            DiffFormat::Terminal => regression::write_terminal(&diff, out),
            DiffFormat::Markdown => regression::write_markdown(&diff, out),
            DiffFormat::Json => write_json(&diff, out),
        })?;
    }
    Ok(diff.exit_status())
}
