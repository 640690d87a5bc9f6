{
  description = "Fetches feeds, keeps them, and shows them in a terminal and on the web";

  inputs = {
    pkgs.url = "git+@pkgs@?ref=main";
    overlay = {
      url = "git+@overlay@?ref=main";
      inputs.pkgs.follows = "pkgs";
    };
    tools.url = "git+@tools@?ref=main";
    systems.url = "git+@systems@?ref=main";
  };

  outputs =
    {
      self,
      pkgs,
      overlay,
      tools,
      systems,
    }:
    let
      inherit (pkgs) lib;

      # What the application is called, and who keeps it.
      settings = import ./nix/settings.nix;
      name = settings.name;
      version = project.tool.poetry.version;
      project = builtins.fromTOML (builtins.readFile ./pyproject.toml);
      homepage = "https://feedview.example.org/";
      maintainers = [
        {
          name = "Ada Berg";
          email = "adaberg@example.org";
        }
        {
          name = "Ole Strand";
          email = "olestrand@example.org";
        }
      ];

      # Package sets, one for each system.
      supported = import systems;
      linux = builtins.filter (system: builtins.match ".*-linux" system != null) supported;
      overlays = [
        overlay.overlays.default
        extra
      ];
      extra = final: prev: {
        feedview = applicationOf final;
        feedviewDocs = docsOf final;
      };
      packagesFor = system: import pkgs { inherit system overlays; };
      allPackages = lib.genAttrs supported packagesFor;
      each = f: lib.genAttrs supported (system: f allPackages.${system});
      eachLinux = f: lib.genAttrs linux (system: f allPackages.${system});

      # The application and what belongs to it.
      applicationOf =
        packages:
        packages.callPackage ./nix/application.nix {
          inherit version settings;
          groups = [
            "main"
            "web"
            "store"
          ];
        };
      serverOf =
        packages:
        packages.callPackage ./nix/application.nix {
          inherit version settings;
          groups = [ "web" ];
        };
      docsOf = packages: packages.callPackage ./nix/docs.nix { inherit name version; };
      imageOf =
        packages:
        let
          application = applicationOf packages;
          layers = [
            application
            packages.sqlite
            packages.curl
          ];
          entry = "/bin/${name}";
        in
        packages.stdenv.mkDerivation {
          pname = "${name}-image";
          inherit version entry;
          source = "image";
          buildInputs = layers;
        };

      # Shells.
      shellTools = packages: [
        packages.curl
        packages.jq
        packages.git
        packages.sqlite
      ];
      greeting = ''
        Welcome to ${name} ${version}.
        Run `make check` before you push.
        See ${homepage} for more.
      '';
      shellOf =
        packages: more:
        packages.callPackage ./nix/shell.nix {
          inherit tools greeting settings;
          application = applicationOf packages;
          packages = shellTools packages ++ more;
        };

      # Checks.
      checkNames = [
        "unit"
        "style"
        "types"
        "links"
      ];
      checkOf =
        packages: check:
        packages.stdenv.mkDerivation {
          pname = "${name}-check-${check}";
          inherit version;
          source = "checks/${check}";
          buildInputs = [ packages.jq ];
        };
      checksOf = packages: lib.genAttrs checkNames (checkOf packages);

      # Servers.
      service = import ./nix/service.nix {
        inherit lib name settings;
      };
      serverSystem = "x86_64-linux";
      serverPackages = import pkgs { system = serverSystem; };
      port = settings.ports.web;
      hosts = {
        first = "feeds1.example.org";
        second = "feeds2.example.org";
      };
    in
    {
      packages = each (packages: {
        default = applicationOf packages;
        server = serverOf packages;
        docs = docsOf packages;
      });

      devShells = each (packages: {
        default = shellOf packages [ packages.gettext ];
        small = shellOf packages [ ];
        docs = packages.stdenv.mkShell {
          name = "${name}-docs-shell";
          packages = [ packages.jq ];
        };
      });

      apps = each (packages: {
        default = {
          type = "app";
          program = "${applicationOf packages}/bin/${name}";
        };
        server = {
          type = "app";
          program = "${serverOf packages}/bin/${name}-server";
        };
      });

      checks = each checksOf;

      formatter = each (packages: packages.jq);

      legacyPackages = allPackages;

      overlays = {
        default = extra;
        inherit extra;
      };

      nixosModules = {
        default = service;
        inherit service;
      };

      homeModules.default = service;

      nixosConfigurations.feedserver = lib.pkgsSystem {
        pkgs = serverPackages;
      };

      lib = {
        inherit version maintainers homepage;
        urls = lib.mapAttrs (_: host: "https://${host}:${toString port}/") hosts;
      };

      templates.default = {
        path = ./nix;
        description = "A feed reader of your own";
      };

      hydraJobs = eachLinux (packages: {
        application = applicationOf packages;
        checks = checksOf packages;
      });

      images = eachLinux (packages: {
        default = imageOf packages;
      });

      schemas = {
        version = 1;
        outputs = builtins.attrNames (removeAttrs self [ "schemas" ]);
      };
    };
}
