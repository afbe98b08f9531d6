from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.playground.train_playground_generator import train_playground_generator

    train_playground_generator(**arguments, threads=snakemake.threads)
