from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.train_playground_network import train_playground_network

    train_playground_network(**arguments, threads=snakemake.threads)
