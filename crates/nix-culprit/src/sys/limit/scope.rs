//! A transient scope of systemd's user manager: the kernel's limit for users who may make no cgroup.
//!
//! Owns the command line of `systemd-run` and the check that such a scope is really enforced: on
//! hosts with cgroups of version 1 it silently is not.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix_culprit_core::quantity::Bytes;

use super::{Roots, cgroup};
use crate::sys::child::{self, Call, Environment, Stdin};
use crate::sys::interrupt::Interrupt;

/// What systemd-run itself needs to find the user manager.
const BUS: [&str; 2] = ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];

/// Prints where it is and which limit is there.
const SCRIPT: &str = r#"own=$(cat "$1/self/cgroup") && echo "$own" && cat "$2${own##*0::}/memory.max""#;

/// Tries a scope, and reads back from inside whether its limit is in force.
pub(super) fn verify(roots: &Roots) -> Result<(), String> {
    let runtime = roots.runtime.as_ref().ok_or("no user session (XDG_RUNTIME_DIR is not set)")?;
    if !runtime.join("bus").exists() && !runtime.join("systemd/private").exists() {
        return Err(format!("no user manager answers in {}", runtime.display()));
    }
    let controllers = fs::read_to_string(roots.cgroup.join("cgroup.controllers")).unwrap_or_default();
    if !controllers.split_whitespace().any(|name| name == "memory") {
        return Err("cgroups of version 2 have no memory controller here, so systemd could not enforce it".to_owned());
    }
    let unit = format!("{}{}-trial", cgroup::PREFIX, std::process::id());
    let limit = Bytes(64 << 20);
    let probe = Call::new("sh").args(["-c", SCRIPT, "sh"]).arg(&roots.proc).arg(&roots.cgroup);
    let tried = child::output(&wrap(&probe, roots, &unit, limit), Some(Duration::from_secs(2)), &Interrupt::new());
    let helped = tried.map_err(|error| error.to_string())?;
    if !helped.success() {
        let said = String::from_utf8_lossy(&helped.stderr);
        return Err(format!("systemd-run failed: {}", said.trim().lines().next().unwrap_or("it said nothing")));
    }
    in_force(&String::from_utf8_lossy(&helped.stdout), &unit, limit)
}

/// Judges what the script printed.
fn in_force(printed: &str, unit: &str, limit: Bytes) -> Result<(), String> {
    let inside = cgroup::parse_own(printed, "").is_some_and(|path| path.contains(unit));
    let read = printed.lines().last().and_then(|line| line.trim().parse().ok()).map(Bytes);
    match (inside, read) {
        (true, Some(read)) if read <= limit => Ok(()),
        (true, _) => Err("the scope's memory limit is not in force".to_owned()),
        (false, _) => Err("systemd-run did not move the program into its scope".to_owned()),
    }
}

/// Builds the call that runs `call` in a scope named `unit`, held to `limit`.
///
/// systemd-run executes the program in its own place, so the process and its limits stay ours.
pub(super) fn wrap(call: &Call, roots: &Roots, unit: &str, limit: Bytes) -> Call {
    let mut args: Vec<OsString> = ["--user", "--scope", "--quiet", "--collect"].map(OsString::from).to_vec();
    args.push(format!("--unit={unit}").into());
    for property in [&format!("MemoryMax={}", limit.0), "MemorySwapMax=0", "OOMPolicy=kill"] {
        args.extend(["-p".into(), property.into()]);
    }
    args.push("--".into());
    // The manager is found through the environment, of which the program must see no more than asked.
    let lent: Vec<(&str, OsString)> = BUS
        .into_iter()
        .filter(|name| hides(call.sees(), name))
        .filter_map(|name| Some((name, std::env::var_os(name)?)))
        .collect();
    if !lent.is_empty() {
        args.push(roots.env.clone().into());
        lent.iter().for_each(|(name, _)| args.extend(["-u".into(), name.into()]));
    }
    let mut wrapped = call.clone().within(roots.systemd_run.clone(), args);
    for (name, value) in lent {
        wrapped = wrapped.env(name, value);
    }
    match call.input() {
        Stdin::Bytes(_) => wrapped.stdin(Stdin::Null),
        Stdin::Null | Stdin::Inherit => wrapped,
    }
}

/// Tells whether a program would not see our value of a variable.
fn hides(environment: &Environment, name: &str) -> bool {
    match environment {
        Environment::Inherit(changes) => changes.iter().any(|(changed, _)| changed == name),
        Environment::Cleared(given) => !given.iter().any(|(given, _)| given == name),
    }
}

/// Finds the cgroup of the scope that a process was moved into, if its limit is in force.
pub(super) fn folder(roots: &Roots, pid: u32, unit: &str, limit: Bytes) -> Option<PathBuf> {
    let text = fs::read_to_string(roots.proc.join(pid.to_string()).join("cgroup")).ok()?;
    let path = cgroup::parse_own(&text, "").filter(|path| path.contains(unit))?;
    let folder = roots.cgroup.join(Path::new(path).strip_prefix("/").ok()?);
    cgroup::read_limit(&folder.join("memory.max")).filter(|read| *read <= limit).map(|_| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_counts_only_when_its_limit_reads_back() {
        let limit = Bytes(64 << 20);
        let inside = "0::/user.slice/user-1000.slice/app.slice/unit-1.scope\n";
        assert_eq!(in_force(&format!("{inside}67108864\n"), "unit-1", limit), Ok(()));
        assert!(in_force(&format!("{inside}max\n"), "unit-1", limit).unwrap_err().contains("not in force"));
        let v1 = "4:memory:/user.slice\n0::/user.slice/session.scope\n";
        assert!(in_force(v1, "unit-1", limit).unwrap_err().contains("did not move"));
    }

    #[test]
    fn a_cleared_environment_stays_cleared_inside_the_scope() {
        let roots = Roots::usual("/nowhere".into());
        let call = Call::new("nix").arg("--version").environment(Environment::Cleared(Vec::new()));
        let wrapped = wrap(&call, &roots, "unit", Bytes(100));
        let shown = wrapped.show();
        assert!(
            shown.starts_with("systemd-run --user --scope --quiet --collect --unit=unit -p MemoryMax=100"),
            "{shown}"
        );
        assert!(shown.ends_with(" nix --version"), "{shown}");
        for name in BUS {
            assert_eq!(std::env::var_os(name).is_some(), shown.contains(&format!("-u {name}")), "{shown}");
        }
    }

    #[test]
    fn a_machine_without_a_user_manager_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let mut roots = Roots::usual("/nowhere".into());
        roots.runtime = Some(folder.path().to_owned());
        assert!(verify(&roots).unwrap_err().contains("no user manager"));
        roots.runtime = None;
        assert!(verify(&roots).unwrap_err().contains("no user session"));
    }

    #[test]
    fn a_scope_that_is_not_enforced_is_found_out() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mut roots = Roots::usual("/nowhere".into());
        roots.runtime = Some(folder.path().to_owned());
        roots.cgroup = folder.path().to_owned();
        roots.systemd_run = folder.path().join("systemd-run");
        fs::write(folder.path().join("bus"), "").unwrap();
        fs::write(folder.path().join("cgroup.controllers"), "memory").unwrap();
        let script = "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\" || exit 7\n";
        fs::write(&roots.systemd_run, script).unwrap();
        fs::set_permissions(&roots.systemd_run, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.path().join("memory.max"), "max\n").unwrap();
        assert!(verify(&roots).is_err());
    }
}
