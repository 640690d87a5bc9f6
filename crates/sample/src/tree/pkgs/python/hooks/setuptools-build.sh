buildPhase() { python -m build --no-isolation --wheel --setuptools; }
