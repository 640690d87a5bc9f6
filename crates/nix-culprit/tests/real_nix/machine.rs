//! What all tests of a run share: the Nix versions at hand, a store for each, the sample, and a folder that goes away.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use nix_culprit_sample::{Options, Sample, generate};

/// One real Nix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RealNix {
    number: Vec<u32>,
    pub(crate) version: String,
    /// The folder with `nix`, `nix-instantiate` and `nix-store`.
    pub(crate) programs: PathBuf,
}

impl RealNix {
    pub(crate) fn has_flakes(&self) -> bool {
        self.is_at_least(2, 4)
    }

    pub(crate) fn is_at_least(&self, major: u32, minor: u32) -> bool {
        self.number >= vec![major, minor]
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.programs.join("nix")
    }

    /// The private store of this version, shared by the tests of a run.
    pub(crate) fn store(&self) -> PathBuf {
        machine().root.join(format!("store-{}", self.version))
    }
}

struct Machine {
    root: PathBuf,
    nix: Vec<RealNix>,
    /// Removes the folder when this process ends, however it ends.
    _janitor: Child,
}

fn machine() -> &'static Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    MACHINE.get_or_init(|| {
        let root = tempfile::Builder::new().prefix("nix-culprit-real-").tempdir().unwrap().keep();
        let root = fs::canonicalize(root).unwrap();
        let script = "cat >/dev/null; chmod -R u+w \"$1\" 2>/dev/null; rm -rf --one-file-system \"$1\"";
        let janitor = Command::new("sh")
            .args(["-c", script, "janitor"])
            .arg(&root)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let conf = "build-users-group =\nsandbox = false\nsubstituters =\nexperimental-features = nix-command flakes\n";
        fs::create_dir(root.join("conf")).unwrap();
        fs::write(root.join("conf/nix.conf"), conf).unwrap();
        fs::create_dir(root.join("rooms")).unwrap();
        let nix = at_hand();
        let versions: Vec<&str> = nix.iter().map(|nix| nix.version.as_str()).collect();
        say(&match versions.as_slice() {
            [] => "real Nix: none at hand, its tests are skipped (script/nix-versions gets some)".to_owned(),
            versions => format!("real Nix: {}", versions.join(", ")),
        });
        Machine { root, nix, _janitor: janitor }
    })
}

/// Says something past the capture of a test's output.
pub(crate) fn say(text: &str) {
    let _unheard = writeln!(std::io::stderr(), "{text}");
}

/// Lists the versions at hand, oldest first.
fn at_hand() -> Vec<RealNix> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder =
        std::env::var_os("NIX_CULPRIT_TEST_NIX").map_or_else(|| workspace.join(".nix-versions/bin"), Into::into);
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let version = entry.file_name().to_string_lossy().into_owned();
        let number: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
        if let Some(number) = number
            && entry.path().join("nix").is_file()
        {
            all.push(RealNix { number, version, programs: fs::canonicalize(entry.path()).unwrap() });
        }
    }
    all.sort();
    all
}

/// Every Nix at hand, oldest first.
pub(crate) fn every_nix() -> Vec<RealNix> {
    machine().nix.clone()
}

/// Every Nix at hand that has flakes, oldest first.
pub(crate) fn every_nix_with_flakes() -> Vec<RealNix> {
    every_nix().into_iter().filter(RealNix::has_flakes).collect()
}

/// The newest Nix at hand, for what does not depend on the version.
pub(crate) fn newest_nix() -> Option<RealNix> {
    every_nix_with_flakes().pop()
}

/// This machine's system, as Nix calls it.
pub(crate) fn system() -> String {
    format!("{}-linux", std::env::consts::ARCH)
}

/// The attribute that the sample's failure shows in.
pub(crate) fn target() -> String {
    format!(".#devShells.{}.default.drvPath", system())
}

/// The folder of the run.
pub(crate) fn root() -> &'static Path {
    &machine().root
}

/// The sample that most tests use.
pub(crate) fn sample() -> Arc<Sample> {
    sample_of(&Options { commits: 400, ..Options::default() })
}

/// A sample with these options, made once in a run.
pub(crate) fn sample_of(options: &Options) -> Arc<Sample> {
    static SAMPLES: Mutex<BTreeMap<String, Arc<Sample>>> = Mutex::new(BTreeMap::new());
    let mut samples = SAMPLES.lock().unwrap();
    let name = format!("{options:?}");
    if let Some(sample) = samples.get(&name) {
        return Arc::clone(sample);
    }
    let folder = root().join(format!("sample-{}", samples.len()));
    let sample = Arc::new(generate(&folder, options).unwrap());
    samples.insert(name, Arc::clone(&sample));
    sample
}
