"""Images and their classes, where what is not of a class teaches as much as what is.

    joint_labels      a class and a turn of the image as one label (joint label augmentation)
    language_targets  classes by frozen vectors of their names
    documents         classes by sentences about them, of which some say nothing that can be seen
    pseudolabels      labels that a weak model gives, as many of each class, in rounds
    pixel_text        a class for each pixel, by frozen vectors of names (DenseCLIP)
    correspondence    which place of one image is which of another, and what is no negative (GEMINI)

Arrays in, arrays out: images are float[n, height, width], vectors any encoder's. Nothing is mined
and no retriever trained, so that none of them is a recipe.
"""
