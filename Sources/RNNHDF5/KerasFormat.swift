import RNNFormats
import RNNModel

/// Keras 3's `.keras`, its HDF5 part read by libhdf5 in this process; see `HDF5File` for the risk.
public typealias KerasFormat = KerasArchiveFormat<HDF5File>

/// Keras' whole model as HDF5, by libhdf5 in this process.
public typealias KerasH5Format = KerasHDF5Format<HDF5File>
