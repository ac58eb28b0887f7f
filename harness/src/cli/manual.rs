//! `cnispec manual`: man pages and shell completions, made of the command line itself.

use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use super::arguments::Arguments;
use super::failure::Failure;
use super::print;

/// The shells, and the files that they read completions from below a share directory.
const COMPLETIONS: [(Shell, &str); 3] = [
    (Shell::Bash, "bash-completion/completions/cnispec"),
    (Shell::Fish, "fish/vendor_completions.d/cnispec.fish"),
    (Shell::Zsh, "zsh/site-functions/_cnispec"),
];

pub(super) fn run(directory: &Path) -> Result<u8, Failure> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    write(directory, &mut command).map_err(|error| {
        Failure::environment(format!(
            "cannot write the manual into `{}`: {error}\nhint: give a directory that can be written",
            directory.display()
        ))
    })?;
    print(|out| writeln!(out, "{}", directory.display()))?;
    Ok(0)
}

fn write(directory: &Path, command: &mut clap::Command) -> io::Result<()> {
    let pages = directory.join("man/man1");
    fs::create_dir_all(&pages)?;
    clap_mangen::generate_to(command.clone(), &pages)?;
    for (shell, path) in COMPLETIONS {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap_or(directory))?;
        let mut text = Vec::new();
        clap_complete::generate(shell, command, "cnispec", &mut text);
        fs::write(path, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_and_every_shell_its_completions() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(run(directory.path()).map_err(|error| error.message), Ok(0));
        let read = |path: &str| fs::read_to_string(directory.path().join(path)).unwrap();
        for command in Arguments::command().get_subcommands() {
            let page = read(&format!("man/man1/cnispec-{}.1", command.get_name()));
            assert!(page.contains(".SH SYNOPSIS"), "{page}");
        }
        assert!(!directory.path().join("man/man1/cnispec-help.1").exists());
        for (_, path) in COMPLETIONS {
            assert!(read(path).contains("scenario"), "{path}");
        }
    }
}
