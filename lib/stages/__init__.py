"""One function per rule of the workflow."""
