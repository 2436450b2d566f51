@_exported import RNNFormats
@_exported import RNNModel
@_exported import RNNRunner
