"""Forward passes: recording layers, ablation, generated images."""
