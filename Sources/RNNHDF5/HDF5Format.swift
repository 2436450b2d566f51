import RNNFormats

/// HDF5 as models through libhdf5 in this process; see `HDF5File` for the risk.
public typealias HDF5Format = HDF5ModelFormat<HDF5File>

/// HDF5 as plain arrays through libhdf5 in this process; see `HDF5File` for the risk.
public typealias HDF5FileArrayFormat = HDF5ArrayFormat<HDF5File>
