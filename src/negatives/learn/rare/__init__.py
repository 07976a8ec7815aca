"""Items and their classes, of which one is rare, or of which some items are of none.

    examples          vectors and the class of each, in parts: what learns, what chooses, what tests
    network           the plainest training of a small network on them
    smote             SMOTE: further items of a rare class, on segments between those there are
    virtual_outliers  OVOR: items just outside of all classes, and a head that is unsure of them
    abet              AbeT: how far an item is from all classes, by a temperature that is learned
    pruning           a network made smaller, without missing more of the rare class
    prescreen         a classifier before another model: items that have nothing are left out

What is rare is judged by `measure.imbalance` and `measure.thresholds`. A class is a label, an item
is a document (or a text whose labels are documents), and its vector is any encoder's. Only the part
that learns is ever changed: an item that was made before the split would be tested on its copy.
"""
