from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.evidence.search_shuffled import search_shuffled

    search_shuffled(**arguments, threads=snakemake.threads)
