# Evaluates one attribute of a project without a flake, as `nix-instantiate FILE -A ATTRIBUTE` does, but with some
# fetched commits as plain folders. Works with every Nix from 2.3 on.
{ plan }:
let
  inherit (builtins)
    all attrNames attrValues deepSeq filter foldl' fromJSON functionArgs head isAttrs length scopedImport seq split
    stringLength substring tail typeOf;

  inherit (fromJSON plan) root file attr folders;

  # The folder of the commit that a text names.
  folderOf = text:
    let found = filter (folder: length (split folder.rev text) > 1) folders;
    in if found == [ ] then null else head found;

  fetchTarball = argument:
    let
      url = if isAttrs argument then argument.url or "" else argument;
      folder = folderOf (toString url);
    in
    if folder == null then builtins.fetchTarball argument else folder.path;

  gitLike = fetch: argument:
    let folder = if isAttrs argument && argument ? rev then folderOf argument.rev else null;
    in
    if folder == null then fetch argument
    else {
      outPath = folder.path;
      inherit (folder) rev;
      shortRev = substring 0 7 folder.rev;
      revCount = 0;
      submodules = false;
    };

  # Only the project's own code sees these.
  ours = {
    inherit fetchTarball;
    fetchGit = gitLike builtins.fetchGit;
    import = importOurs;
  } // (if builtins ? fetchTree then { fetchTree = gitLike builtins.fetchTree; } else { });
  scope = ours // { builtins = builtins // ours; };

  isOurs = path: substring 0 (stringLength root) (toString path) == root;
  importOurs = path: if isOurs path then scopedImport scope path else import path;

  # As the command line does: a function all of whose arguments have defaults is called.
  called = value:
    if typeOf value == "lambda" && all (hasDefault: hasDefault) (attrValues (functionArgs value)) then value { }
    else value;

  has = value: path:
    let set = called value;
    in path == [ ] || (isAttrs set && set ? ${head path} && has set.${head path} (tail path));
  get = value: path: if path == [ ] then called value else get (called value).${head path} (tail path);

  top = importOurs (root + "/" + file);
  value = get top attr;
  isDerivation = value: isAttrs value && value ? drvPath;
  drvPath =
    if isDerivation value then value.drvPath
    else if isAttrs value then foldl' (_: one: if isDerivation one then seq one.drvPath null else null) null (attrValues value)
    else deepSeq value null;
in
if has top attr
then { inherit attr drvPath; outputs = [ ]; }
else { attr = null; drvPath = null; outputs = let set = called top; in if isAttrs set then attrNames set else [ ]; }
