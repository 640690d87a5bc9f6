//! The history of the package-set repository: which commits there are, on which line, and what each one changes.
//! It decides; `import` writes.

use std::rc::Rc;

use crate::collection::{BREAKS, CULPRIT_STEP, Collection, Edit, File, STEPS};
use crate::import::{Commit, Importer, Line};
use crate::nar::Tree;
use crate::packages::{AT_START, Catalogue, LATER};
use crate::rng::Rng;
use crate::{Options, SampleError, State, names};

/// The time of the first commit: 2023-08-01 00:00 UTC.
pub(crate) const START: u64 = 1_690_848_000;
/// The smallest history that has room for everything.
const FEWEST: usize = 30;
/// Open side branches at a time.
const MOST_BRANCHES: usize = 6;

/// A commit that a lock file can pin: its number, its time, its tree.
#[derive(Debug)]
pub(crate) struct Pinned {
    pub(crate) number: usize,
    pub(crate) time: u64,
    pub(crate) tree: Tree,
}

/// What is true of a history; commits by number.
#[derive(Debug)]
pub(crate) struct History {
    /// The first commit.
    pub(crate) older: Pinned,
    pub(crate) good: Pinned,
    pub(crate) bad: Pinned,
    pub(crate) culprit: usize,
    pub(crate) culprit_parent: usize,
    pub(crate) merge: usize,
    pub(crate) pull_request: u32,
    pub(crate) states: Vec<State>,
    /// The commits at which the evaluation becomes heavier.
    pub(crate) jumps: Vec<usize>,
    /// The paths of the files that the development shell needs besides.
    pub(crate) closure: Vec<String>,
}

struct Branch {
    collection: Collection,
    tip: usize,
    todo: Vec<Edit>,
    done: Vec<Edit>,
    title: String,
    author: usize,
    is_culprits: bool,
}

struct Writer<'a> {
    importer: &'a mut Importer,
    rng: Rng,
    total: usize,
    main: Collection,
    tip: usize,
    branches: Vec<Branch>,
    states: Vec<State>,
    time: u64,
    pull_request: u32,
    /// Where the culprit's branch is to begin; `None` when it has begun.
    culprit_at: Option<usize>,
    /// Where the evaluation is to become heavier, the next one last.
    jumps_at: Vec<usize>,
    /// Until which commit the present failure on the main line lasts.
    broken_until: usize,
    found: Found,
}

#[derive(Default)]
struct Found {
    good: Option<Pinned>,
    culprit: Option<(usize, usize)>,
    merge: Option<(usize, u32)>,
    jumps: Vec<usize>,
}

/// Writes the history and tells what is true of it.
pub(crate) fn write(options: &Options, importer: &mut Importer) -> Result<History, SampleError> {
    let total = options.commits.max(FEWEST);
    let good_at = (total / 20).max(2);
    let mut rng = Rng::new(options.seed ^ 0x6869_7374);
    let place = options.culprit.unwrap_or_else(|| 0.15 + 0.7 * (rng.below(10_000) as f64 / 10_000.0)).clamp(0.0, 1.0);
    let (first, last) = (good_at + 3, total.saturating_sub(12));
    let culprit_at = first + (place * last.saturating_sub(first) as f64) as usize;
    let main = Collection::new(Rc::new(Catalogue::new(options.seed)), options.widen);
    let mut writer = Writer {
        importer,
        rng,
        total,
        main,
        tip: 0,
        branches: Vec::new(),
        states: Vec::with_capacity(total),
        time: START,
        pull_request: 246_000,
        culprit_at: Some(culprit_at),
        jumps_at: (1..=options.jumps)
            .rev()
            .map(|n| first + n * last.saturating_sub(first) / (options.jumps + 1))
            .collect(),
        broken_until: 0,
        found: Found::default(),
    };
    writer.first_commit()?;
    let older = writer.pin();
    while writer.states.len() < total {
        if writer.states.len() >= good_at && writer.found.good.is_none() {
            writer.main_commit()?;
            writer.found.good = Some(writer.pin());
        } else if writer.culprit_is_due() {
            writer.open_culprit_branch()?;
        } else if writer.jump_is_due() {
            writer.jump()?;
        } else {
            writer.step()?;
        }
    }
    let bad = writer.pin();
    let closure = writer.main.wide_paths().take(options.closure).collect();
    let Writer { found, mut states, .. } = writer;
    if options.jumps > 0 {
        // The overlay is locked where it evaluates with the culprit, too.
        states.iter_mut().filter(|state| **state == State::Bad).for_each(|state| *state = State::Good);
    }
    if found.jumps.len() < options.jumps {
        return Err(SampleError::TooShort { commits: options.commits });
    }
    let (Some(good), Some((culprit, culprit_parent)), Some((merge, pull_request))) =
        (found.good, found.culprit, found.merge)
    else {
        return Err(SampleError::TooShort { commits: options.commits });
    };
    Ok(History { older, good, bad, culprit, culprit_parent, merge, pull_request, states, jumps: found.jumps, closure })
}

impl Writer<'_> {
    /// One commit of whatever kind comes next.
    fn step(&mut self) -> Result<(), SampleError> {
        let (left, owed) = (self.total - self.states.len(), self.owed());
        if let Some(how) = self.main.broken()
            && (self.states.len() >= self.broken_until || left <= owed + 4)
        {
            return self.commit_on_main(Edit::Repair(how));
        }
        let culprits = self.branches.iter().position(|branch| branch.is_culprits);
        if let Some(position) = culprits
            && self.rng.chance(500)
        {
            return self.advance(position);
        }
        if !self.branches.is_empty() && (left <= owed + 2 || self.rng.chance(450)) {
            let position = self.rng.below(self.branches.len());
            return self.advance(position);
        }
        if self.branches.len() < MOST_BRANCHES && left > owed + 12 && self.rng.chance(350) {
            return self.open_branch();
        }
        let calm = culprits.is_some() || self.found.good.is_none() || left < owed + 30;
        if self.main.broken().is_none() && !calm && self.rng.chance(7) {
            let longest = (self.total / 50).clamp(4, 18);
            self.broken_until = self.states.len() + self.rng.between(3, longest);
            // Nobody merges the culprit while nothing can be evaluated.
            if let Some(culprit_at) = self.culprit_at {
                self.broken_until = self.broken_until.min(culprit_at.saturating_sub(1));
            }
            let how = *self.rng.pick(&BREAKS);
            return self.commit_on_main(Edit::Break(how));
        }
        self.main_commit()
    }

    /// How many commits it takes to finish and merge every branch, the culprit's included.
    fn owed(&self) -> usize {
        let open: usize = self.branches.iter().map(|branch| branch.todo.len() + 1).sum();
        open + 4 * self.jumps_at.len() + if self.culprit_at.is_some() { usize::from(STEPS) + 1 } else { 0 }
    }

    fn jump_is_due(&self) -> bool {
        let running_out = self.total - self.states.len() <= self.owed() + 2;
        self.main.broken().is_none() && self.jumps_at.last().is_some_and(|at| self.states.len() >= *at || running_out)
    }

    /// Makes the evaluation heavier: by a commit on the main line, or every second time by one on a branch.
    fn jump(&mut self) -> Result<(), SampleError> {
        self.jumps_at.pop();
        if self.jumps_at.len().is_multiple_of(2) {
            return self.commit_on_main(Edit::Heavier);
        }
        let todo = vec![ordinary(&mut self.rng, &self.main), Edit::Heavier, Edit::Readme];
        self.add_branch(self.main.clone(), todo, self.main.title(Edit::Heavier), false)
    }

    fn culprit_is_due(&self) -> bool {
        let running_out = self.total - self.states.len() <= self.owed() + 2;
        self.main.broken().is_none() && self.culprit_at.is_some_and(|at| self.states.len() >= at || running_out)
    }

    fn first_commit(&mut self) -> Result<(), SampleError> {
        let files = self.main.files();
        self.emit(Line::Main, vec![], 0, "start the collection".to_owned(), &files, None)?;
        Ok(())
    }

    fn main_commit(&mut self) -> Result<(), SampleError> {
        let edit = ordinary(&mut self.rng, &self.main);
        self.commit_on_main(edit)
    }

    fn commit_on_main(&mut self, edit: Edit) -> Result<(), SampleError> {
        let title = self.main.title(edit);
        let files = self.main.apply(edit);
        let author = self.rng.below(names::PEOPLE);
        self.tip = self.emit(Line::Main, vec![self.tip], author, title, &files, None)?;
        self.found.jumps.extend((edit == Edit::Heavier).then_some(self.tip));
        Ok(())
    }

    fn open_branch(&mut self) -> Result<(), SampleError> {
        let collection = self.main.clone();
        let length = self.rng.between(1, 6);
        let mut todo: Vec<Edit> = (0..length).map(|_| ordinary(&mut self.rng, &collection)).collect();
        if length >= 3 && collection.broken().is_none() && self.rng.chance(60) {
            // A branch whose author broke something and noticed in the next commit.
            let how = *self.rng.pick(&BREAKS);
            todo[0] = Edit::Break(how);
            todo[1] = Edit::Repair(how);
        }
        let title = collection.title(todo[length - 1]);
        self.add_branch(collection, todo, title, false)
    }

    fn open_culprit_branch(&mut self) -> Result<(), SampleError> {
        self.culprit_at = None;
        let todo = (1..=STEPS).map(Edit::Bootstrap).collect();
        self.add_branch(self.main.clone(), todo, "python3.pkgs: fewer packages that only bootstrap".to_owned(), true)
    }

    fn add_branch(
        &mut self,
        collection: Collection,
        mut todo: Vec<Edit>,
        title: String,
        is_culprits: bool,
    ) -> Result<(), SampleError> {
        todo.reverse();
        let author = self.rng.below(names::PEOPLE);
        self.branches.push(Branch { collection, tip: self.tip, todo, done: Vec::new(), title, author, is_culprits });
        self.advance(self.branches.len() - 1)
    }

    /// The next commit of a side branch, or its merge when it is complete.
    fn advance(&mut self, position: usize) -> Result<(), SampleError> {
        let branch = &mut self.branches[position];
        let Some(edit) = branch.todo.pop() else { return self.merge(position) };
        let title = branch.collection.title(edit);
        let files = branch.collection.apply(edit);
        branch.done.push(edit);
        let (parent, author, collection) = (branch.tip, branch.author, branch.collection.clone());
        let number = self.emit(Line::Side, vec![parent], author, title, &files, Some(&collection))?;
        self.branches[position].tip = number;
        self.found.jumps.extend((edit == Edit::Heavier).then_some(number));
        if edit == Edit::Bootstrap(CULPRIT_STEP) {
            self.found.culprit = Some((number, parent));
        }
        Ok(())
    }

    fn merge(&mut self, position: usize) -> Result<(), SampleError> {
        let branch = self.branches.remove(position);
        let mut files: Vec<File> = Vec::new();
        for edit in branch.done {
            // A branch leaves the main line's failures as they are: it repaired its own.
            if !matches!(edit, Edit::Break(_) | Edit::Repair(_)) {
                files.extend(self.main.apply(edit));
            }
        }
        self.pull_request += 1 + self.rng.below(40) as u32;
        let topic = branch.title.split([':', ' ', '/']).next().unwrap_or("topic").to_owned();
        let message = format!(
            "Merge pull request #{} from {}/{topic}-{}\n\n{}",
            self.pull_request,
            names::user(branch.author),
            self.states.len() % 97,
            branch.title
        );
        let author = self.rng.below(12);
        self.tip = self.emit(Line::Main, vec![self.tip, branch.tip], author, message, &files, None)?;
        if branch.is_culprits {
            self.found.merge = Some((self.tip, self.pull_request));
        }
        Ok(())
    }

    fn emit(
        &mut self,
        line: Line,
        parents: Vec<usize>,
        author: usize,
        message: String,
        files: &[File],
        collection: Option<&Collection>,
    ) -> Result<usize, SampleError> {
        let collection = collection.unwrap_or(&self.main);
        let files = files.iter().map(|&file| collection.render(file)).collect();
        self.states.push(collection.state());
        self.time += self.rng.between(120, 1500) as u64;
        let message = format!("{message}\n");
        self.importer.commit(&Commit { line, parents, author: names::author(author), time: self.time, message, files })
    }

    /// The tip of the main line, to be pinned.
    fn pin(&self) -> Pinned {
        Pinned { number: self.tip, time: self.time, tree: self.main.tree() }
    }
}

/// A change that neither breaks nor repairs anything.
fn ordinary(rng: &mut Rng, collection: &Collection) -> Edit {
    let catalogue = collection.catalogue();
    match rng.below(1000) {
        0..500 => {
            let number = rng.below(AT_START);
            Edit::Bump(number)
        }
        500..680 => Edit::BumpPython(rng.below(catalogue.python.len())),
        680..760 => Edit::Doc(rng.below(8)),
        760..800 => Edit::Maintainers,
        800..830 => Edit::Readme,
        830..870 => Edit::Module(rng.below(2)),
        870..890 => Edit::Library(rng.below(3)),
        890..900 => Edit::Builder,
        900..910 => Edit::Interpreter,
        910..916 => Edit::Index,
        916..960 => {
            let number = AT_START + rng.below(LATER);
            if collection.is_present(number) { Edit::Bump(number) } else { Edit::Add(number) }
        }
        _ => Edit::Bump(rng.below(40)),
    }
}
