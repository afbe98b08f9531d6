# Input functions of single groups of rules.
import re


def latents_of(wildcards):
    """Return the files of latents among the layers of a job, by layer."""
    layers = None
    if hasattr(wildcards, "batch"):
        layers = batches.layers_of_batch(wildcards.batch)
    elif hasattr(wildcards, "layer"):
        layers = [wildcards.layer]
    return of(latents.latent_files, "model", "dataset", layers=layers)(wildcards)


def latent_files_of(wildcards):
    return list(latents_of(wildcards).values())


def base_activations_of(wildcards):
    """Return the folders of the activations of a layer, whose latents the job may be about."""
    base = latents.base_of(wildcards.layer)
    names = "model", "dataset", "concepts"
    return of(batches.activation_folders, *names, layer=base)(wildcards)


def network_of(wildcards):
    """Return the settings of a network with the latents that a job records, if it does."""
    files = latents_of(wildcards)
    return plain_network_of(wildcards) | ({"latents": files} if files else {})


def recorded_network_of(wildcards):
    """Return the settings of a network whose activations a job records."""
    return network_of(wildcards) | recording_options_of(wildcards)


def own_copy_of(source):
    """Return the input function of a local copy of a download."""
    return lambda wildcards: own_files.own_copy(
        source.format(**wildcards), config=config
    )


def datasets_with(images):
    """Return a pattern that matches the names of data sets whose config key `images` has this value."""
    return any_of(
        re.escape(name)
        for name, entry in config["datasets"].items()
        if entry["images"] == images
    )


drawn_of = of(entries.sample_settings, "dataset")


def samples_file(key):
    """Return the input function of the user's latents or classes; they are drawn if there are none."""
    return lambda wildcards: drawn_of(wildcards).get(key, [])


SEARCH = {
    key: config["explanations"][key] for key in ("search", "seconds", "length", "beam")
}


def explanation_settings(**changes):
    return settings(layer=pattern("{layer}"), **SEARCH | changes)


def label_masking_parts_of(wildcards):
    """Return the parts of label_masking.csv, if images are to be masked."""
    if config["metrics"]["masking_images"] == 0:
        raise WorkflowError(
            "label_masking.csv needs masked images: set the config key metrics.masking_images to a number of images per "
            "formula, or to null for all."
        )
    return parts_of("label_masking")(wildcards)


def planted_parts(table):
    """Return the parts of a table of planted units."""
    return [
        f"results/planted/playground/parts/{table}/{chunk}.csv"
        for chunk in all_parts(config["explanations"]["chunks"])
    ]


def chosen_units_of(wildcards):
    """Return which units of each layer are labelled, None for all."""
    return {
        layer: entries.chosen_units(wildcards.model, layer, config=config)
        for layer in layers_of(wildcards)
    }


def catalog_tables(table):
    return lambda wildcards: targets.catalog_tables(
        table, wildcards.model, wildcards.dataset, config=config
    )


def catalog_data_of(wildcards):
    """Return the folder of the images of each concept set of a network."""
    sets = of(targets.concept_sets, "model", "dataset")(wildcards)
    return [entries.concept_folder(concepts, config=config) for concepts in sets]


def catalog_concepts_of(wildcards):
    """Return the settings with which each concept set of a network is read."""
    sets = of(targets.concept_sets, "model", "dataset")(wildcards)
    return [entries.concept_settings(concepts, config=config) for concepts in sets]


def evidence_of(*tables):
    """Return the input function of tables of evidence of a network, if they are asked for or there from an earlier run.

    They take long, so that the default run does not make them.
    """

    def look_up(wildcards):
        files = [file for table in tables for file in catalog_tables(table)(wildcards)]
        return if_asked(files, group="evidence")

    return look_up


def experiments_of(wildcards):
    """Return the tables of experiments with a network and with captioning models, as `evidence_of` does."""
    names = wildcards.model, wildcards.dataset
    concepts = targets.concept_sets(*names, config=config)
    own = tables.network_experiments(*names, concepts, config=config)
    common = ["results/generalization.csv"] if COMPARISONS else []
    sweep = tables.sweep_tables(wildcards.dataset, config=config)
    parts = own, common, tables.audit_tables(*names, config=config), sweep
    made = [file for part in parts for file in if_asked(part, group="experiments")]
    compared = tables.arena_tables(*names, concepts, config=config)
    return made + if_asked(compared, group="arena")


def twins_of(wildcards):
    """Return the formulas of the network with random weights, if the analyses are asked for or they are there."""
    twin = f"{wildcards.model}{entries.TWIN}"
    sets = of(targets.concept_sets, "model", "dataset")(wildcards)
    root = f"results/{twin}/{wildcards.dataset}"
    return if_asked(
        [f"{root}/{name}/explanations.csv" for name in sets], group="analyses"
    )


def arena_scores_of(wildcards):
    """Return the scores of the labels of all sources of a network, as `evidence_of` does."""
    return if_asked(catalog_tables("arena_scores")(wildcards), group="arena")


def true_captions_of(wildcards):
    """Return the true captions of exemplars of the playground."""
    drawn = config["datasets"][wildcards.dataset]["images"] == "playground"
    if not drawn or peoples_annotations_of(wildcards):
        return []
    return [annotations_of(wildcards)]


def audit_of(wildcards):
    """Return the units of a network that speak of topics, as `evidence_of` does."""
    found = tables.audit_tables(wildcards.model, wildcards.dataset, config=config)
    return if_asked(found[1:2], group="experiments")


def if_asked(files, *, group):
    """Return files if they or their group are asked for, or if all are there."""
    asked = {group, *files} & set(requested_targets())
    return files if asked or all(Path(file).is_file() for file in files) else []


def compared_of(wildcards):
    """Return the pages that put two networks side by side, if there are two."""
    return ["results/compare"] if len(targets.network_roots(config)) > 1 else []


def caption_metrics_of(wildcards):
    """Return the agreement of the sentences of a network with annotations, where the default run measures it."""
    root = f"results/{wildcards.model}/{wildcards.dataset}"
    return [
        file
        for file in targets.all_targets(config)
        if file == f"{root}/description_metrics.csv"
    ]


def unit_labels(wildcards):
    """Return what the report says of the picture of a unit."""
    # pandas takes a second to import, which only a report needs
    from lib.reporting.index.chosen import unit_labels

    found = dict(wildcards.items())
    root = f"results/{found['model']}/{found['dataset']}"
    sets = targets.concept_sets(found["model"], found["dataset"], config=config)
    return unit_labels(
        root,
        found["layer"],
        int(found["unit"]),
        concepts=found.get("concepts", next(iter(sets), "")),
    )


# Shared functions of the rules of captioning models.

DOWNLOADED_MILAN = (
    milan_groups.PUBLISHED if config["milan"]["source"] == "download" else {}
)
TRAINED_MILAN = set(captioners.captioner_names(config)) - set(DOWNLOADED_MILAN)
# {argument of the stage: config key}
MILAN_SETTINGS = {
    "beam_size" if key == "beam" else key: key
    for key in [*config["milan"]["training"], "seed", "language_model"]
    if key not in ("networks", "units_per_layer")
}


training_of = of(captioners.caption_training, "milan")
annotated_networks_of = of(captioners.annotated_networks, "milan")
is_drawn_encoder = of(captioners.trains_on_playground, "milan")
annotations_of = of(captioners.annotations_file, "model", "dataset")


def annotated(file):
    """Return an input function of the exemplars (0) or the annotations (1) of each annotated network."""

    def look_up(wildcards):
        networks = annotated_networks_of(wildcards)
        if wildcards.milan == "playground":
            networks = [f"{network}/playground" for network in networks]
        return [
            of(captioners.training_files, network=network)(wildcards)[file]
            for network in networks
        ]

    return look_up


def peoples_annotations_of(wildcards):
    found = of(captioners.peoples_annotations, "model", "dataset")(wildcards)
    return found or []


def encoder_weights(encoder, drawn):
    """Return the weights of an encoder: a network of the playground, or one of ImageNet."""
    if drawn:
        return f"resources/weights/playground/{encoder}.safetensors"
    return f"resources/weights/imagenet/{encoder}.pth"


def encoder_normalisation(drawn):
    if drawn:
        return config["datasets"]["playground"]["normalisation"]
    return "imagenet"


def milan_encoder_of(wildcards):
    encoder = training_of(wildcards)["encoder"]
    return encoder_weights(encoder, is_drawn_encoder(wildcards))


def milan_setting(key):
    return lambda wildcards: training_of(wildcards)[key]


def description_settings(**changes):
    chosen = {
        "chunk": pattern("{chunk}"),
        "n_listed": config["milan"]["n_best"],
        "beam_size": of(captioners.beam_width, "dataset"),
        "temperature": config["milan"]["temperature"],
        "strategy": config["milan"]["strategy"],
        "lm_sum": config["milan"]["lm_sum"],
        "clip": entries.clip_settings(config),
    }
    return settings(**chosen | changes)


def likelihood_parts(search):
    """Return the input function of the sentences of a search without mutual information."""
    return lambda wildcards: [
        f"results/{wildcards.model}/{wildcards.dataset}/parts/likelihood_{search}/{chunk}.csv"
        for chunk in all_parts(config["milan"]["chunks"])
    ]


COMPARISONS = generalization.comparisons(config)


def network_files(network):
    """Return the exemplars and the annotations of an annotated network."""
    return of(captioners.training_files, network=network)({})


def generalization_training_of(wildcards):
    return generalization.generalization_training(
        COMPARISONS[wildcards.comparison], config=config
    )


def encoded_units(side):
    """Return the input function of the encoded units of the networks to train or to test on."""

    def look_up(wildcards):
        training = generalization_training_of(wildcards)
        return [
            f"resources/experiments/features/{training['source']}/{training['encoder']}/{network}.npz"
            for network in getattr(COMPARISONS[wildcards.comparison], side)
        ]

    return look_up


audited_sets_of = of(audit.audited_sets, "model", "dataset")


def audited_formulas(wildcards):
    """Return the formulas of the concept sets whose concepts are audited."""
    return [
        f"results/{wildcards.model}/{wildcards.dataset}/{concepts}/explanations.csv"
        for concepts in audited_sets_of(wildcards)
    ]


def needs_images(wildcards):
    """Return whether the published exemplars of a network lack images."""
    folder = checkpoints.fetch_annotations.get(**wildcards).output.target
    return wildcards.annotated_model != "biggan" and milan_groups.lacks_images(folder)


def annotated_images_of(wildcards):
    if not needs_images(wildcards):
        return []
    return f"resources/data/{wildcards.annotated_images}_val"


def class_list_of(wildcards):
    """Return the class list of Places365; not needed for images in class folders."""
    local = config["downloads"]["local"].get("places365_val")
    sorted_by_class = (
        local
        and Path(local).is_dir()
        and any(path.is_dir() for path in Path(local).iterdir())
    )
    if (
        wildcards.annotated_images != "places365"
        or sorted_by_class
        or not needs_images(wildcards)
    ):
        return []
    return "resources/data/places365_filelist"


def concept_source_of(wildcards):
    return config["concepts"][wildcards.concepts]["source"]


fresh_of = of(entries.fresh_concepts, "concepts")


def fresh_activations_of(wildcards):
    """Return the activations of a layer on freshly drawn scenes."""
    fresh = fresh_of(wildcards)
    names = wildcards.model, wildcards.dataset, fresh
    return fresh and batches.activation_folders(
        *names, layer=wildcards.layer, config=config
    )


clip_weights_of = of(entries.clip_weights)
sentence_parser_of = of(predictors.sentence_parser, "model", "dataset", "concepts")
sentence_predictor_of = of(
    predictors.sentence_predictor, "model", "dataset", "concepts"
)


def trusted_for_clip(wildcards, threads):
    """Return the checkpoints that are trusted, CLIP's published weights too."""
    return of(predictors.trusted_for_clip)(wildcards)


def sentences_read_by(predictor_of):
    """Return the input function of the sentences of a network's units, if there are some that a predictor reads."""
    table = "results/{model}/{dataset}/descriptions.csv"
    return lambda wildcards: (
        table.format(**wildcards) if predictor_of(wildcards) else []
    )


def similarities_of(wildcards):
    """Return the similarities of sentences and images, if CLIP is the predictor."""
    root = "results/{model}/{dataset}/{concepts}".format(**wildcards)
    by_clip = sentence_predictor_of(wildcards) == predictors.CLIP
    return f"{root}/similarities.zarr" if by_clip else []


def imported_labels_of(wildcards):
    return config["evidence"]["labels"] or []


def label_files_of(wildcards):
    """Return the user's files of labels that another program wrote."""
    return of(arena.files_of, "labels")(wildcards)


def imported_kinds_of(wildcards):
    """Return what kind of labels the entries of `labels` for a network are."""
    names = of(arena.imported, "model", "dataset")(wildcards)
    return [arena.kind_of(name, config=config) for name in names]


def imported_tables_of(wildcards):
    root = "results/{model}/{dataset}/imported_labels".format(**wildcards)
    names = of(arena.imported, "model", "dataset")(wildcards)
    return [f"{root}/{name}.csv" for name in names]


def imported_similarities_of(wildcards):
    """Return CLIP's similarities of imported words and images, if CLIP is the predictor."""
    root = "results/{model}/{dataset}/{concepts}/labels".format(**wildcards)
    names = of(arena.compared_words, "model", "dataset", "concepts")(wildcards)
    return [f"{root}/{name}.zarr" for name in names]


def in_arena(source, found):
    """Return the input function of what a source of labels needs, if the arena has the source."""

    def look_up(wildcards):
        names = of(arena.sources, "model", "dataset")(wildcards)
        if source not in names:
            return []
        return found(wildcards) if callable(found) else found.format(**wildcards)

    return look_up


compared_sentences_of = in_arena(
    arena.SENTENCE, sentences_read_by(sentence_predictor_of)
)
compared_similarities_of = in_arena(arena.SENTENCE, similarities_of)
clip_dissect_of = in_arena(
    arena.CLIP_DISSECT,
    "results/{model}/{dataset}/{concepts}/parts/clip_dissect/{layer}.csv",
)
word_similarities_of = in_arena(
    arena.CLIP_DISSECT,
    lambda wildcards: (
        "resources/words/{concepts}.zarr".format(**wildcards)
        if sentence_predictor_of(wildcards) == predictors.CLIP
        else []
    ),
)


def label_images_of(wildcards):
    """Return the folder of images of labels."""
    if not config["evidence"]["images"]:
        raise WorkflowError(
            "label_images.csv needs images of the labels: give their folder under the config key evidence.images."
        )
    return config["evidence"]["images"]


def pictures_of(wildcards):
    """Return the folder of the twins, or of images of labels."""
    if wildcards.images == "twins":
        return "resources/data/twins"
    return label_images_of(wildcards)


def answers_of(wildcards):
    """Return the user's table of answers of crowd workers."""
    network = f"{wildcards.model}/{wildcards.dataset}"
    if network not in config["crowd"]["results"]:
        raise WorkflowError(
            f"{network} has no answers of crowd workers: name their table under the config key crowd.results, as "
            f"{{{network}: batch.csv}}."
        )
    return config["crowd"]["results"][network]


def ratings_of(wildcards):
    """Return the user's folder of answers of raters."""
    network = f"{wildcards.model}/{wildcards.dataset}"
    if network not in config["crowd"]["ratings"]:
        raise WorkflowError(
            f"{network} has no ratings: save the answers from the view Rate of its catalog, and name their folder under "
            f"the config key crowd.ratings, as {{{network}: my/ratings}}."
        )
    return config["crowd"]["ratings"][network]


def class_file_of(wildcards):
    """Return the user's list of classes."""
    return of(entries.class_file, "dataset")(wildcards) or []


def ablation_groups_of(wildcards):
    """Return the layers whose units are erased together, by the name of the group."""
    layers = layers_of(wildcards)
    single = config["experiments"]["importance"]["by_layer"] and len(layers) > 1
    return {"all": layers} | ({layer: [layer] for layer in layers} if single else {})


def verdicts_of(wildcards):
    """Return the verdicts of a concept set, if they are asked for or there from an earlier run."""
    file = f"results/{wildcards.model}/{wildcards.dataset}/{wildcards.concepts}/verdicts.csv"
    asked = {"evidence", file} & set(requested_targets())
    return [file] if asked or Path(file).is_file() else []


EDITS = edits.edit_entries(config)
VERSION = r"[^/]+"


def edited_data_of(wildcards):
    """Return the folder of a version of an edit, with the splits train, val and test."""
    return edits.version_folder(wildcards.edit, wildcards.version, config=config)


def edited_network_of(wildcards):
    """Return the settings of a network of an edit; each trial has a seed of its own."""
    edit, version, trial = wildcards.edit, wildcards.version, int(wildcards.trial)
    found = networks.training_settings(
        edits.edited_model(edit),
        edits.edited_dataset(edit, version, trial),
        config=config,
    )
    return found | {"seed": config["seed"] + trial}


def edited_tables_of(kind):
    """Return the input function of the tables that say what the units of a network of an edit respond to."""
    return lambda wildcards: edits.edited_tables(
        wildcards.edit, wildcards.version, int(wildcards.trial), config=config
    )[kind]
