"""How jobs run: arguments and errors, progress, locks, parallel work, fingerprints, resuming."""
