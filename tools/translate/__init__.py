"""The model as code: SQL, an ONNX graph, a Python module, a JavaScript module."""
