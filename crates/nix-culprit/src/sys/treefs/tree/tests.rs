use super::*;

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

/// Objects in memory; counts how often each is read.
#[derive(Debug, Default)]
struct Memory {
    commits: HashMap<String, ObjectId>,
    trees: HashMap<ObjectId, Vec<Entry>>,
    blobs: HashMap<ObjectId, Vec<u8>>,
    reads: Mutex<HashMap<ObjectId, usize>>,
}

impl Memory {
    fn count(&self, id: ObjectId) {
        *lock(&self.reads).entry(id).or_default() += 1;
    }
}

impl Objects for Memory {
    fn root(&self, commit: &CommitId) -> Result<Option<ObjectId>, ReadError> {
        Ok(self.commits.get(commit.as_str()).copied())
    }

    fn tree(&self, id: ObjectId) -> Result<Vec<Entry>, ReadError> {
        self.count(id);
        self.trees.get(&id).cloned().ok_or(ReadError::Missing(id))
    }

    fn size(&self, id: ObjectId) -> Result<u64, ReadError> {
        self.blobs.get(&id).map(|blob| blob.len() as u64).ok_or(ReadError::Missing(id))
    }

    fn blob(&self, id: ObjectId) -> Result<Vec<u8>, ReadError> {
        self.count(id);
        self.blobs.get(&id).cloned().ok_or(ReadError::Missing(id))
    }

    fn lacking(&self, ids: Vec<ObjectId>) -> Vec<ObjectId> {
        ids.into_iter().filter(|id| !self.blobs.contains_key(id)).collect()
    }
}

fn id(digit: u8) -> ObjectId {
    ObjectId::from_bytes_or_panic(&[digit; 20])
}

fn entry(name: &[u8], mode: Mode, id: ObjectId) -> Entry {
    Entry { name: name.into(), mode, id }
}

const ROOT_ONE: u8 = 10;
const ROOT_TWO: u8 = 11;
const LIB: u8 = 12;
const GONE: u8 = 13;
const HELLO: u8 = 20;
const EMPTY: u8 = 21;
const TARGET: u8 = 22;

/// Two commits that share a directory; the second has no `hello`, and a file whose blob is missing.
fn memory() -> Arc<Memory> {
    let lib = entry(b"lib", Mode::Tree, id(LIB));
    // In git's own order, where `lib` is sorted as `lib/`.
    let one = vec![
        entry(b"hello", Mode::Executable, id(HELLO)),
        entry(b"lib.nix", Mode::File, id(EMPTY)),
        lib.clone(),
        entry(b"odd \n\xff", Mode::Symlink, id(TARGET)),
        entry(b"sub", Mode::Submodule, id(99)),
    ];
    let two = vec![lib, entry(b"lost", Mode::File, id(GONE)), entry(b"lost.d", Mode::Tree, id(GONE))];
    let blobs = [(HELLO, &b"hello\n"[..]), (EMPTY, b""), (TARGET, b"lib/a")];
    Arc::new(Memory {
        commits: [(ONE.to_owned(), id(ROOT_ONE)), (TWO.to_owned(), id(ROOT_TWO))].into(),
        trees: [(id(ROOT_ONE), one), (id(ROOT_TWO), two), (id(LIB), vec![entry(b"a", Mode::File, id(HELLO))])].into(),
        blobs: blobs.into_iter().map(|(digit, blob)| (id(digit), blob.to_vec())).collect(),
        reads: Mutex::default(),
    })
}

/// Follows names from a node.
fn walk(forest: &Forest, from: u64, names: &[&str]) -> Result<Answer, Refusal> {
    let mut at = Answer::Found(Attributes { node: from, mode: Mode::Tree, size: 0 });
    for name in names {
        let Answer::Found(parent) = at else { panic!("no directory to look for {name} in") };
        at = forest.lookup(parent.node, name.as_bytes())?;
    }
    Ok(at)
}

fn found(answer: Result<Answer, Refusal>) -> Attributes {
    match answer {
        Ok(Answer::Found(attributes)) => attributes,
        other => panic!("{other:?}"),
    }
}

/// Begins a view and returns it with a commit's `source` in it.
fn source(forest: &Forest, commit: &str) -> (u64, u64) {
    let view = forest.begin_view();
    assert_eq!(forest.name(view, 0, &commit.parse().unwrap()), 0);
    (view, found(walk(forest, Forest::ROOT, &[&view.to_string(), "0", SOURCE])).node)
}

fn uses(forest: &Forest, view: u64, commit: &str) -> Vec<(String, Use)> {
    let set = forest.read_set(view);
    let reads = &set[&(0, commit.parse().unwrap())];
    reads.uses.iter().map(|(path, used)| (path.to_string_lossy().into_owned(), *used)).collect()
}

fn pairs(list: &[(&str, Use)]) -> Vec<(String, Use)> {
    list.iter().map(|(path, used)| ((*path).to_owned(), *used)).collect()
}

#[test]
fn every_kind_of_entry_is_what_it_is_in_git() {
    let forest = Forest::new(vec![memory()]);
    let (_, top) = source(&forest, ONE);
    let look = |name: &[u8]| {
        let attributes = found(forest.lookup(top, name));
        (attributes.mode, attributes.size)
    };
    assert_eq!(look(b"hello"), (Mode::Executable, 6));
    assert_eq!(look(b"lib"), (Mode::Tree, 0));
    assert_eq!(look(b"lib.nix"), (Mode::File, 0));
    assert_eq!(look(b"odd \n\xff"), (Mode::Symlink, 5));
    assert_eq!(look(b"sub"), (Mode::Submodule, 0));
    let link = found(forest.lookup(top, b"odd \n\xff")).node;
    assert_eq!(&*forest.target(link).unwrap(), b"lib/a");
    let hello = found(forest.lookup(top, b"hello")).node;
    assert_eq!(&*forest.read(hello).unwrap(), b"hello\n");
    let names: Vec<_> = forest.list(top).unwrap().iter().map(|entry| entry.name.clone()).collect();
    assert_eq!(names, [&b"hello"[..], b"lib", b"lib.nix", b"odd \n\xff", b"sub"].map(Box::from));
    let sub = found(forest.lookup(top, b"sub")).node;
    assert_eq!((forest.list(sub).unwrap().len(), forest.lookup(sub, b"x")), (0, Ok(Answer::Never)));
}

#[test]
fn what_does_not_fit_the_kind_is_refused() {
    let forest = Forest::new(vec![memory()]);
    let (_, top) = source(&forest, ONE);
    let hello = found(forest.lookup(top, b"hello")).node;
    assert_eq!(forest.lookup(hello, b"x"), Err(Refusal::NotADirectory));
    assert_eq!(forest.list(hello), Err(Refusal::NotADirectory));
    assert_eq!(forest.target(hello), Err(Refusal::NotALink));
    assert_eq!(forest.read(top), Err(Refusal::IsADirectory));
    assert_eq!(forest.read(4711), Err(Refusal::Stale));
}

#[test]
fn an_absence_is_final_only_inside_a_commit() {
    let forest = Forest::new(vec![memory()]);
    let (view, top) = source(&forest, ONE);
    assert_eq!(forest.lookup(top, b"nothing"), Ok(Answer::Never));
    for names in [&["9"][..], &["x"], &["0"], &["00"], &["+1"]] {
        assert_eq!(walk(&forest, Forest::ROOT, names), Ok(Answer::NotYet), "{names:?}");
    }
    let name = |repository, commit: &str| forest.name(view, repository, &commit.parse().unwrap()).to_string();
    let (unknown, later) = (name(0, &TWO.replace('2', "3")), name(1, TWO));
    assert_eq!((name(0, ONE).as_str(), unknown.as_str(), later.as_str()), ("0", "1", "2"));
    for names in [&[&*unknown][..], &[&*later], &["3"], &[ONE], &["00"], &["0", "result"]] {
        assert_eq!(walk(&forest, view, names), Ok(Answer::NotYet), "{names:?}");
    }
    assert_eq!(forest.add(memory()), 1);
    assert!(matches!(walk(&forest, view, &[&later, SOURCE]), Ok(Answer::Found(_))));
}

#[test]
fn a_read_set_has_the_strongest_use_of_each_path() {
    let forest = Forest::new(vec![memory()]);
    let (view, top) = source(&forest, ONE);
    assert_eq!(uses(&forest, view, ONE), pairs(&[("", Use::Found)]));
    let hello = found(forest.lookup(top, b"hello")).node;
    forest.lookup(top, b"flake.nix").unwrap();
    let lib = found(forest.lookup(top, b"lib")).node;
    forest.lookup(lib, b"b").unwrap();
    forest.list(lib).unwrap();
    forest.read(hello).unwrap();
    forest.lookup(top, b"hello").unwrap();
    forest.lookup(top, b"lib.nix").unwrap();
    let expected = [
        ("", Use::Found),
        ("flake.nix", Use::Missing),
        ("hello", Use::Read),
        ("lib", Use::Listed),
        ("lib/b", Use::Missing),
        // Empty: that it has no bytes is all there is to read.
        ("lib.nix", Use::Read),
    ];
    let mut expected = pairs(&expected);
    expected.sort_by(|one, other| Path::new(&one.0).cmp(Path::new(&other.0)));
    assert_eq!(uses(&forest, view, ONE), expected);
}

#[test]
fn views_do_not_see_each_other() {
    let forest = Forest::new(vec![memory()]);
    let (first, top) = source(&forest, ONE);
    forest.read(found(forest.lookup(top, b"hello")).node).unwrap();
    let (second, other) = source(&forest, ONE);
    assert_ne!(top, other);
    forest.lookup(other, b"hello").unwrap();
    assert_eq!(uses(&forest, first, ONE), pairs(&[("", Use::Found), ("hello", Use::Read)]));
    assert_eq!(uses(&forest, second, ONE), pairs(&[("", Use::Found), ("hello", Use::Found)]));
}

#[test]
fn commits_and_views_share_what_was_decoded() {
    let memory = memory();
    let objects: Arc<dyn Objects> = memory.clone();
    let forest = Forest::new(vec![objects]);
    for commit in [ONE, TWO, ONE] {
        let (view, top) = source(&forest, commit);
        let lib = found(forest.lookup(top, b"lib")).node;
        forest.read(found(forest.lookup(lib, b"a")).node).unwrap();
        forest.end_view(view);
    }
    assert_eq!(*lock(&memory.reads), HashMap::from([ROOT_ONE, ROOT_TWO, LIB, HELLO].map(|digit| (id(digit), 1))));
}

#[test]
fn a_name_keeps_its_number_within_a_view() {
    let forest = Forest::new(vec![memory()]);
    let (_, top) = source(&forest, ONE);
    let numbers: Vec<_> = std::thread::scope(|scope| {
        let look = || found(forest.lookup(top, b"hello")).node;
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(look)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(numbers.windows(2).all(|pair| pair[0] == pair[1]), "{numbers:?}");
}

#[test]
fn an_unreadable_object_is_an_error_and_is_remembered_as_one() {
    let forest = Forest::new(vec![memory()]);
    let (view, top) = source(&forest, TWO);
    assert_eq!(forest.lookup(top, b"lost"), Err(Refusal::Unreadable));
    let lost = found(forest.lookup(top, b"lost.d")).node;
    assert_eq!(forest.lookup(lost, b"x"), Err(Refusal::Unreadable));
    let set = forest.read_set(view);
    let unreadable: Vec<_> = set[&(0, TWO.parse().unwrap())].unreadable.iter().map(PathBuf::as_path).collect();
    assert_eq!(unreadable, [Path::new("lost"), Path::new("lost.d")]);
}

#[test]
fn an_ended_view_leaves_nothing_behind() {
    let forest = Forest::new(vec![memory()]);
    let before = forest.nodes.read().unwrap().len();
    let (view, top) = source(&forest, ONE);
    let hello = found(forest.lookup(top, b"hello")).node;
    forest.end_view(view);
    forest.end_view(view);
    assert_eq!(forest.nodes.read().unwrap().len(), before);
    assert_eq!(forest.read(hello), Err(Refusal::Stale));
    assert_eq!(forest.lookup(Forest::ROOT, view.to_string().as_bytes()), Ok(Answer::NotYet));
    assert_eq!(forest.read_set(view), ReadSet::new());
}

#[test]
fn what_is_lacking_is_found_by_path_and_by_name() {
    let forest = Forest::new(vec![memory()]);
    let two = TWO.parse().unwrap();
    let lacking = |wanted| forest.lacking(0, &two, wanted).unwrap();
    let paths = ["lost", "lib", "lib/a", "lib/a/b", "lost/x", "nowhere/at/all"].map(PathBuf::from).into();
    assert_eq!(lacking(Wanted::Paths(&paths)), [id(GONE)]);
    assert_eq!(lacking(Wanted::Paths(&[PathBuf::from("lost/x")].into())), Vec::<ObjectId>::new());
    // A directory that is not there can hide anything.
    assert!(forest.lacking(0, &two, Wanted::Ending("t")).is_err());
    assert_eq!(forest.lacking(0, &ONE.parse().unwrap(), Wanted::Ending("")).unwrap(), Vec::<ObjectId>::new());
}
