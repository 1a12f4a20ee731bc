"""From a checkpoint to one self-describing ONNX file, published only if parity holds."""
