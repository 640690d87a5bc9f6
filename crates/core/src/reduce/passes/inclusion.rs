//! Puts the expression of a file where its path stands, if that is one place: then the file is not needed.

use std::path::{Component, Path};

use rnix::{SyntaxKind, SyntaxNode};

use super::super::edit::{Edit, Piece};
use super::super::project::Project;
use super::super::substitute::text_with;
use super::super::tree::{bytes, in_place, nodes, parse, replace};
use super::pairs::{is_path, lies_at};

/// Lists every file whose path stands once in the project.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let mut paths: Vec<(&Path, SyntaxNode)> = Vec::new();
    for (file, text) in project.texts("nix") {
        let Some(root) = parse(text) else { continue };
        paths.extend(nodes(file, &root).filter(|node| is_path(node.kind())).map(|node| (file, node)));
    }
    let leads_to = |(file, node): &(&Path, SyntaxNode)| {
        let place = lies_at(file, &node.text().to_string())?;
        let within = place.join("default.nix");
        [place, within].into_iter().find(|place| project.text(place).is_some())
    };
    let targets: Vec<_> = paths.iter().map(leads_to).collect();
    let piece = |(at, target): (usize, &Option<_>)| {
        let target: &std::path::PathBuf = target.as_ref()?;
        let once = targets.iter().flatten().filter(|other| *other == target).count() == 1;
        let (file, node) = &paths[at];
        if !once || *file == target || target.file_name().is_some_and(|name| name == "flake.nix") {
            return None;
        }
        included(project, file, node, target)
    };
    targets.iter().enumerate().filter_map(piece).collect()
}

fn included(project: &Project, file: &Path, node: &SyntaxNode, target: &Path) -> Option<Piece> {
    let content = project.text(target).filter(|_| target.extension().is_some_and(|extension| extension == "nix"))?;
    let expression = parse(content)?.first_child()?;
    let text = moved(&expression, target, file)?;
    // `import ./x.nix` is the expression, elsewhere the path itself stands for it.
    let import = node.parent().filter(|call| {
        call.kind() == SyntaxKind::NODE_APPLY && call.first_child().is_some_and(|function| function.text() == "import")
    });
    let place = import.as_ref().unwrap_or(node);
    let text = in_place(place, expression.kind(), text);
    let (start, end) = bytes(place);
    let saves = (content.len() + end - start + 1).checked_sub(text.len()).filter(|saves| *saves > 0)?;
    Some(Piece { edits: vec![replace(file, place, text), Edit::RemoveFile(target.to_owned())], level: 0, saves })
}

/// The text of an expression as it reads in another file: paths in it lead to where they did.
fn moved(expression: &SyntaxNode, from: &Path, to: &Path) -> Option<String> {
    let mut replaced = Vec::new();
    for path in expression.descendants().filter(|node| is_path(node.kind())) {
        let place = lies_at(from, &path.text().to_string()).filter(|_| path.first_child().is_none())?;
        let below = place.strip_prefix(to.parent()?).ok()?;
        if below.components().any(|component| !matches!(component, Component::Normal(_))) {
            return None;
        }
        let (start, end) = bytes(&path);
        replaced.push((start, end, format!("./{}", below.to_str()?)));
    }
    text_with(expression, replaced)
}
