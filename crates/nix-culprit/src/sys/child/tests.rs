//! Helper programs, with `sh` standing in for them.

use super::*;

fn sh(script: &str) -> Call {
    Call::new("sh").args(["-c", script])
}

#[test]
fn both_streams_and_the_exit_code_arrive() {
    let helped = output(&sh("echo out; echo err >&2; exit 3"), None, &Interrupt::new()).unwrap();
    assert_eq!((helped.end, helped.kill), (End::Exited(3), None));
    assert_eq!((helped.stdout.as_slice(), helped.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    assert!(!helped.success());
}

#[test]
fn a_flood_on_both_streams_neither_blocks_nor_fills_memory() {
    let script = "yes | head -c 3000000; yes e | head -c 3000000 >&2";
    let helped = output(&sh(script).output(Output::Capture(1000)), None, &Interrupt::new()).unwrap();
    assert!(helped.success());
    assert!(helped.stdout.len() <= 1000 && helped.stderr.len() <= 1000);
    assert_eq!(helped.stdout.len() as u64 + helped.stdout_missing, 3_000_000);
}

#[test]
fn standard_input_is_what_the_call_says() {
    let bytes = vec![b'x'; 300_000];
    let helped = output(&sh("wc -c").stdin(Stdin::Bytes(bytes)), None, &Interrupt::new()).unwrap();
    assert_eq!(String::from_utf8_lossy(&helped.stdout).trim(), "300000");
    let helped = output(&sh("cat"), None, &Interrupt::new()).unwrap();
    assert_eq!(helped.stdout, b"");
    let unread = sh("exec true").stdin(Stdin::Bytes(vec![0; 1 << 20]));
    assert!(output(&unread, None, &Interrupt::new()).unwrap().success());
}

#[test]
fn a_program_that_outlives_its_time_dies_with_its_children() {
    let helped = output(&sh("sleep 60 & sleep 60"), Some(Duration::from_millis(100)), &Interrupt::new()).unwrap();
    assert_eq!((helped.end, helped.kill), (End::Signalled(9), Some(Kill::Time)));
}

#[test]
fn another_thread_can_stop_a_helper() {
    let interrupt = Interrupt::new();
    let helped = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(50));
            interrupt.ask();
        });
        output(&sh("sleep 60"), None, &interrupt).unwrap()
    });
    assert_eq!(helped.kill, Some(Kill::Interrupt));
}

#[test]
fn a_background_process_that_holds_the_pipes_does_not_hold_us() {
    let helped = output(&sh("echo here; sleep 5 & exit 0"), None, &Interrupt::new()).unwrap();
    assert!(helped.success());
    assert_eq!(helped.stdout, b"here\n");
}

#[test]
fn the_environment_is_cleared_or_changed_as_asked() {
    let cleared = Environment::Cleared(vec![("ONLY".into(), "this".into())]);
    let call = Call::new("/usr/bin/env").environment(cleared).env("AND", "that").env_remove("ONLY");
    let helped = output(&call, None, &Interrupt::new()).unwrap();
    assert_eq!(helped.stdout, b"AND=that\n");
    let call = sh("echo ${HOME-none} $NEW; pwd").env_remove("HOME").env("NEW", "new").folder("/");
    assert_eq!(output(&call, None, &Interrupt::new()).unwrap().stdout, b"none new\n/\n");
}

#[test]
fn lines_of_standard_error_come_while_it_runs_and_the_reader_may_stop_early() {
    let mut lines = Vec::new();
    let call = sh("printf '1%%\\r2%%\\rdone\\nlast' >&2; yes | head -c 1000000");
    let (first, streamed) = stream(
        &call,
        None,
        &Interrupt::new(),
        |stdout| {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line
        },
        |line| lines.push(String::from_utf8_lossy(line).into_owned()),
    )
    .unwrap();
    assert_eq!(first, "y\n");
    assert_eq!(streamed, Streamed { end: End::Exited(0), kill: None });
    assert_eq!(lines, ["1%\r", "2%\r", "done\n", "last"]);
}

#[test]
fn a_program_that_does_not_exist_is_named_in_the_error() {
    let error = output(&Call::new("no-such-program"), None, &Interrupt::new()).unwrap_err();
    assert_eq!(error.to_string(), "cannot run `no-such-program`");
    assert!(matches!(error, ChildError::Start { source, .. } if source.kind() == io::ErrorKind::NotFound));
}
