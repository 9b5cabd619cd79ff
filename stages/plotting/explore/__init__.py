"""The plots of the explore stage."""
