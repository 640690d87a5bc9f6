rec {
  # Calls a function and remembers how, so that `override` can call it again
  # with other arguments.
  makeOverridable =
    f: args:
    let
      result = f args;
    in
    if builtins.isAttrs result then
      result
      // {
        override =
          changes: makeOverridable f (args // (if builtins.isFunction changes then changes args else changes));
      }
    else
      result;

  # Calls a function (or the file that holds one) with the arguments that it
  # names, taken from a scope.
  callPackageWith =
    scope: file: args:
    let
      f = if builtins.isFunction file then file else import file;
    in
    makeOverridable f (builtins.intersectAttrs (builtins.functionArgs f) scope // args);
}
