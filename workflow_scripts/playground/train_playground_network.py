from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.playground.train_playground_network import train_playground_network

    train_playground_network(**arguments, threads=snakemake.threads)
