"""Modelling: the feature map, the scale of the target, moments, ElasticNet, cross-validation, leakage."""
