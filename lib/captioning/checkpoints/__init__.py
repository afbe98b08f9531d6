"""Files of captioning models: the native format and the published ones."""
