# The service for servers and homes.
{
  lib,
  name,
  settings,
}:

{ config, pkgs, ... }:

let
  own = config.services.${name};
  user = own.user or name;
  data = "/var/lib/${name}";
  start = "${own.package}/bin/${name} --port ${toString settings.ports.web} --data ${data}";
  timer = seconds: {
    OnBootSec = "5m";
    OnUnitActiveSec = toString seconds;
  };
in
{
  config = lib.mapAttrs (_: value: if own.enable then value else { }) {
    users.${user}.home = data;
    services.${name} = {
      ExecStart = start;
      User = user;
      Restart = "on-failure";
    };
    timers = {
      fetch = timer settings.intervals.fetch;
      clean = timer settings.intervals.clean;
    };
  };
}
