"""What the stages share. Each stage declares in dvc.yaml the modules of this package that it imports."""
