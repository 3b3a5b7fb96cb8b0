"""Programs here run when they are imported: only the tests that name them import them."""

collect_ignore_glob = ["*.py", "package/*.py"]
