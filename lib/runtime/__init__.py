"""Running of jobs: arguments and errors, progress, locks, parallel work, fingerprints, resuming."""
