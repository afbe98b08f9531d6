from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.train_milan import train_milan

    train_milan(**arguments, threads=snakemake.threads)
