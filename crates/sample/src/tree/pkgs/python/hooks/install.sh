installPhase() { python -m installer --prefix "$out" dist/*.whl; }
