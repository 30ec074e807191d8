"""Phase 3, the light model: attention pooling, feature augmentation, logistic regression."""
