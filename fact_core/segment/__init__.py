"""Semantic segmentation by the same phases: the paper's Table VII, as a package beside the classifier.

The product is a classifier of images and needs nothing of this. Read in this order: ``folders`` (images and masks),
``masks`` (one mask file), ``maps`` (feature maps of a backbone), ``upernet`` (the decode head), ``phases`` (LP, FF,
LM), ``metric`` (mIoU), ``export`` and ``predict``.
"""
