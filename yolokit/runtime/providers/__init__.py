"""The execution providers of onnxruntime that a model may run on, one module each."""
