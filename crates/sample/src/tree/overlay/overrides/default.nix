# Corrections to packages whose own metadata is not enough to build them.
{ pkgs, lib }:

self: super:
{
@overrides@}
