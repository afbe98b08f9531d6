"""Reading and checking of settings, for rules and the Python API."""
