# Evaluates one attribute of a flake from a plan, in the way that Nix itself calls flakes, but with
# chosen inputs as plain folders. Works with every Nix from 2.3 on, also without the flakes feature.
{ plan }:
let
  inherit (builtins)
    attrNames deepSeq fetchGit fetchTarball foldl' fromJSON head isAttrs length mapAttrs pathExists
    removeAttrs seq substring tail;

  inherit (fromJSON plan) nodes root candidates;

  below = path: dir: if dir == "" then path else path + "/" + dir;

  # What Nix before 2.4 can do in place of fetchTree.
  fetchLegacy = locked:
    let
      archives = {
        github = "https://${locked.host or "github.com"}/${locked.owner}/${locked.repo}/archive/${locked.rev}.tar.gz";
        gitlab = "https://${locked.host or "gitlab.com"}/api/v4/projects/${locked.owner}%2F${locked.repo}/repository/archive.tar.gz?sha=${locked.rev}";
        sourcehut = "https://${locked.host or "git.sr.ht"}/${locked.owner}/${locked.repo}/archive/${locked.rev}.tar.gz";
        tarball = locked.url;
      };
      git = { inherit (locked) url rev; name = "source"; } // (if locked ? ref then { inherit (locked) ref; } else { });
      outPath =
        if locked.type == "path" then locked.path
        else if locked.type == "git" then (fetchGit git).outPath
        else fetchTarball { url = archives.${locked.type}; sha256 = locked.narHash; };
    in
    removeAttrs locked [ "type" "owner" "repo" "host" "url" "ref" "path" ] // { inherit outPath; }
    // (if locked ? rev then { shortRev = substring 0 7 locked.rev; } else { });

  fetch = builtins.fetchTree or fetchLegacy;

  # What a folder says of its commit, as values that leave a trace when they are used: the look-up of a file
  # that is not there.
  traced = tree:
    if !(tree ? rev) then tree
    else
      mapAttrs
        (name: value:
          if name == "outPath" then value else seq (pathExists (tree.outPath + "/.nix-culprit-commit-was-asked-for")) value)
        tree;

  called = mapAttrs
    (key: node:
      let
        relative = node ? parent; # the input's path is relative to another input's folder
        sourceInfo =
          if node ? tree then traced node.tree
          else if relative then called.${node.parent}.sourceInfo
          else fetch node.fetch;
        outPath =
          if relative then below (below called.${node.parent}.outPath node.path) node.dir
          else below sourceInfo.outPath node.dir;
        flake = import (outPath + "/flake.nix");
        inputs = mapAttrs (_: input: called.${input}) node.inputs;
        outputs = flake.outputs (inputs // { self = result; });
        result = outputs // sourceInfo // { inherit outPath inputs outputs sourceInfo; _type = "flake"; };
      in
      if node.flake then result else sourceInfo // { inherit outPath sourceInfo; })
    nodes;

  inherit (called.${root}) outputs;

  has = value: path: path == [ ] || (isAttrs value && value ? ${head path} && has value.${head path} (tail path));
  get = foldl' (value: name: value.${name});

  # A candidate is an attribute path, or a path below the only entry of a set.
  resolve = candidate:
    if candidate ? attr then (if has outputs candidate.attr then candidate.attr else null)
    else
      let
        inherit (candidate.below-only) set below;
        names = if has outputs set then attrNames (get outputs set) else [ ];
      in
      if length names == 1 then set ++ names ++ below else null;

  attr = foldl' (found: candidate: if found != null then found else resolve candidate) null candidates;

  value = get outputs attr;
  evaluated =
    if isAttrs value && value ? drvPath then value.drvPath
    else deepSeq value null;
in
if attr == null
then { attr = null; drvPath = null; outputs = attrNames outputs; }
else { inherit attr; drvPath = evaluated; outputs = [ ]; }
