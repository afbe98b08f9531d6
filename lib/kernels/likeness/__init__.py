"""Units that are alike: what they have in common, groups of redundant ones, and a map."""
