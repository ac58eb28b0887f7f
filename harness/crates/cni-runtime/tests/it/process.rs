//! Plugins as processes.

use std::cell::RefCell;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use cni_runtime::{CallEnv, Cancellation, Error, Exec, ExecError, Exit, PluginFault, ProcessExec};
use cni_types::Operation;
use trials::test;

use crate::recorder::{attachment, network, runtime};

const GENEROUS: Duration = Duration::from_secs(60);

struct Plugins {
    dir: tempfile::TempDir,
}

impl Plugins {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn script(&self, script: &str) -> PathBuf {
        let path = self.dir.path().join("plugin");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }
}

/// An environment like no other test's: orphans of a call are known by the variables of CNI that they inherited.
fn env() -> CallEnv {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let path = format!("/plugins/{}", CALLS.fetch_add(1, Ordering::Relaxed));
    CallEnv::of_network(Operation::Status, &[path.into()]).inheriting([("OWN".into(), "1".into())])
}

fn quiet() -> ProcessExec {
    ProcessExec::new().with_stderr(|_| {})
}

fn run(script: &str) -> Result<Vec<u8>, ExecError> {
    quiet().exec(&Plugins::new().script(script), b"{}", &env())
}

fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

fn eventually(what: impl Fn() -> bool) -> bool {
    let until = Instant::now() + GENEROUS;
    while Instant::now() < until {
        if what() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

#[test]
fn stdin_goes_in_and_stdout_comes_out() {
    let stdout = quiet()
        .exec(&Plugins::new().script("cat"), b"{\"a\": 1}", &env())
        .unwrap();
    assert_eq!(stdout, b"{\"a\": 1}");
}

#[test]
fn much_goes_in_and_out_at_once() {
    let input = vec![b'x'; 3_000_000];
    let stdout = quiet()
        .exec(
            &Plugins::new().script("cat; cat >&2 </dev/null"),
            &input,
            &env(),
        )
        .unwrap();
    assert_eq!(stdout.len(), input.len());
}

#[test]
fn a_plugin_need_not_read_its_input() {
    let input = vec![b'x'; 1_000_000];
    assert_eq!(
        quiet()
            .exec(&Plugins::new().script("echo done"), &input, &env())
            .unwrap(),
        b"done\n"
    );
}

#[test]
fn the_environment_is_the_calls_alone() {
    let stdout = String::from_utf8(run("/usr/bin/env").unwrap()).unwrap();
    let names: Vec<&str> = stdout
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .collect();
    for name in ["CNI_COMMAND", "CNI_PATH", "OWN"] {
        assert!(names.contains(&name), "{stdout}");
    }
    for name in ["HOME", "CARGO", "CARGO_PKG_NAME", "CNI_CONTAINERID"] {
        assert!(!names.contains(&name), "{stdout}");
    }
}

#[test]
fn stderr_is_passed_on_and_kept_for_the_error() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let taker = Rc::clone(&seen);
    let exec =
        ProcessExec::new().with_stderr(move |bytes| taker.borrow_mut().extend_from_slice(bytes));
    let error = exec
        .exec(&Plugins::new().script("echo log >&2; exit 3"), b"", &env())
        .unwrap_err();
    let ExecError::Failed {
        exit,
        stdout,
        stderr,
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(
        (exit, stdout.as_slice(), stderr.as_slice()),
        (Exit::Code(3), &b""[..], &b"log\n"[..])
    );
    assert_eq!(seen.borrow().as_slice(), b"log\n");
}

#[test]
fn a_signal_is_an_end_of_its_own() {
    let error = run("kill -9 $$").unwrap_err();
    assert!(
        matches!(
            error,
            ExecError::Failed {
                exit: Exit::Signal(9),
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn what_cannot_be_executed_says_why() {
    let plugins = Plugins::new();
    let path = plugins.script("true");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = quiet().exec(&path, b"", &env()).unwrap_err().to_string();
    assert!(error.contains("hint: make the file executable"), "{error}");
    fs::write(&path, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let error = quiet().exec(&path, b"", &env()).unwrap_err().to_string();
    assert!(error.contains("interpreter"), "{error}");
    assert!(matches!(
        quiet().exec(Path::new("/"), b"", &env()),
        Err(ExecError::NotStarted { .. })
    ));
}

#[test]
fn an_executable_that_is_being_written_is_waited_for() {
    let plugins = Plugins::new();
    let path = plugins.script("echo done");
    let writer = File::options().append(true).open(&path).unwrap();
    let (tell, told) = mpsc::channel::<()>();
    let closer = std::thread::spawn(move || {
        told.recv().unwrap();
        drop(writer);
    });
    let impatient = quiet()
        .with_deadline(Duration::from_millis(20))
        .exec(&path, b"", &env());
    assert!(
        matches!(impatient, Err(ExecError::NotStarted { .. })),
        "{impatient:?}"
    );
    tell.send(()).unwrap();
    assert_eq!(quiet().exec(&path, b"", &env()).unwrap(), b"done\n");
    closer.join().unwrap();
}

#[test]
fn a_call_that_takes_too_long_is_ended_with_all_it_started() {
    let plugins = Plugins::new();
    let pids = plugins.dir.path().join("pids");
    let script = format!(
        "trap '' TERM\nsleep 1000 & echo $! >> {pids}\nsetsid sleep 1000 & echo $! >> {pids}\n\
         (setsid sh -c 'echo $$ >> {pids}; exec sleep 1000' &)\necho $$ >> {pids}\nwait",
        pids = pids.display()
    );
    let path = plugins.script(&script);
    // A busy machine may end the call before the script has started all four: then it gets longer.
    let has_started_all = (0..5)
        .map(|attempt| Duration::from_secs(1 << (2 * attempt)))
        .any(|deadline| {
            fs::write(&pids, "").unwrap();
            let started = Instant::now();
            let error = quiet()
                .with_deadline(deadline)
                .exec(&path, b"", &env())
                .unwrap_err();
            assert!(
                matches!(error, ExecError::DeadlineExceeded { .. }),
                "{error}"
            );
            assert!(started.elapsed() < deadline + GENEROUS);
            let started = fs::read_to_string(&pids).unwrap();
            assert!(eventually(|| !started.lines().any(is_alive)), "{started}");
            started.lines().count() == 4
        });
    assert!(has_started_all);
}

#[test]
fn a_cancelled_call_is_ended_with_all_it_started_and_no_other_is_made() {
    let plugins = Plugins::new();
    let pids = plugins.dir.path().join("pids");
    let script = format!(
        "sleep 1000 & echo $! >> {pids}\necho $$ >> {pids}\nwait",
        pids = pids.display()
    );
    let path = plugins.script(&script);
    let cancellation = Cancellation::new().unwrap();
    let exec = quiet().with_cancellation(&cancellation);
    let started = || fs::read_to_string(&pids).is_ok_and(|pids| pids.lines().count() == 2);
    let error = thread::scope(|scope| {
        scope.spawn(|| {
            let both = eventually(started);
            cancellation.cancel();
            assert!(both);
        });
        exec.exec(&path, b"", &env()).unwrap_err()
    });
    assert!(matches!(error, ExecError::Cancelled { .. }), "{error}");
    let running = fs::read_to_string(&pids).unwrap();
    assert!(eventually(|| !running.lines().any(is_alive)), "{running}");
    let error = exec.exec(&path, b"", &env()).unwrap_err();
    assert!(matches!(error, ExecError::Cancelled { .. }), "{error}");
    assert_eq!(fs::read_to_string(&pids).unwrap(), running);
}

#[test]
fn what_a_plugin_leaves_behind_is_not_waited_for() {
    let plugins = Plugins::new();
    let pid = plugins.dir.path().join("pid");
    let script = format!("sleep 1000 & echo $! > {}; echo done", pid.display());
    assert_eq!(
        quiet().exec(&plugins.script(&script), b"", &env()).unwrap(),
        b"done\n"
    );
    let pid = fs::read_to_string(pid).unwrap();
    assert!(is_alive(pid.trim()));
    let killed = std::process::Command::new("kill")
        .arg(pid.trim())
        .status()
        .unwrap();
    assert!(killed.success());
}

#[test]
fn a_flood_is_dammed() {
    let exec = quiet().with_stdout_limit(100_000);
    let error = exec
        .exec(&Plugins::new().script("exec yes"), b"", &env())
        .unwrap_err();
    assert!(
        matches!(error, ExecError::TooMuchOutput { limit: 100_000 }),
        "{error}"
    );
}

#[test]
fn a_flood_of_stderr_is_ended_in_time() {
    let exec = quiet().with_deadline(Duration::from_millis(200));
    let error = exec
        .exec(&Plugins::new().script("exec yes >&2"), b"", &env())
        .unwrap_err();
    let ExecError::DeadlineExceeded { stderr, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(stderr.len(), 64 * 1024);
}

#[test]
fn the_runtime_tells_the_plugins_faults_apart() {
    let plugins = Plugins::new();
    let cache = tempfile::tempdir().unwrap();
    let mut list = network("1.0.0", &["plugin"]);
    list.name = "net".to_owned();
    let exec = quiet().with_deadline(GENEROUS);
    let fault = |script: &str| {
        plugins.script(script);
        let runtime = cni_runtime::Runtime::new(&exec, [plugins.dir.path().to_owned()])
            .with_cache_dir(cache.path());
        match runtime.add_network_list(&list, &attachment("c1")) {
            Err(Error::Plugin(error)) => error.fault,
            other => panic!("{other:?}"),
        }
    };
    assert!(
        matches!(fault(r#"echo '{"code":7,"msg":"no"}'; exit 1"#), PluginFault::Reported(e) if e.code == 7)
    );
    assert!(matches!(fault("exit 1"), PluginFault::Silent { .. }));
    assert!(
        matches!(fault("echo log >&2; exit 1"), PluginFault::Silent { stderr, .. } if stderr == "log")
    );
    assert!(
        matches!(fault("echo oops; exit 1"), PluginFault::Undecodable { stdout, .. } if stdout == "oops")
    );
    assert!(matches!(
        fault("kill -11 $$"),
        PluginFault::Silent {
            exit: Exit::Signal(11),
            ..
        }
    ));
    assert!(matches!(
        fault("echo oops"),
        PluginFault::InvalidAnswer { .. }
    ));
    fs::remove_file(plugins.dir.path().join("plugin")).unwrap();
    let error = runtime(&exec, cache.path())
        .add_network_list(&list, &attachment("c1"))
        .unwrap_err();
    assert!(matches!(error, Error::Configuration(_)), "{error}");
}
