# What can be set without a change to code.
let
  name = "feedview";
  domain = "${name}.example.org";
  minute = 60;
  hour = 60 * minute;
  day = 24 * hour;
in
{
  inherit name domain;
  ports = {
    web = 8443;
    metrics = 9100;
  };
  intervals = {
    fetch = 15 * minute;
    clean = day;
    index = 6 * hour;
  };
  python = "python3";
  style = "setuptools";
}
