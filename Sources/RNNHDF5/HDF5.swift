import RNNFormats
