rec {
  # The value that a function of itself settles on.
  fix =
    f:
    let
      x = f x;
    in
    x;

  # Lays an overlay (self: super: ...) on a function of self.
  extends =
    overlay: f: self:
    let
      super = f self;
    in
    super // overlay self super;

  # Makes one overlay of a list of them; later ones see what earlier ones made.
  composeExtensions = overlays: self: super: apply self super { } overlays 0;

  apply =
    self: super: changes: overlays: n:
    if n == builtins.length overlays then
      changes
    else
      let
        next = (builtins.elemAt overlays n) self super;
      in
      apply self (super // next) (changes // next) overlays (n + 1);
}
