from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.captions.train_milan import train_milan

    train_milan(**arguments, threads=snakemake.threads)
