import RNNFormats
import RNNModel

/// Keras 3's `.keras`, its HDF5 part read by libhdf5 in this process; see `HDF5File` for the risk.
public typealias KerasFormat = KerasArchiveFormat<HDF5File>
