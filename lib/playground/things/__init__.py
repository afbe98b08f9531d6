"""Things that stand in the scenes of the playground."""
