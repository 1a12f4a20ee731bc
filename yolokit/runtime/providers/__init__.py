"""What runs a model, one module each: execution providers of onnxruntime, and OpenVINO itself."""
