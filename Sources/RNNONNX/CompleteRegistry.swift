import RNNFormats

extension FormatRegistry {
  /// Every format.
  ///
  /// - Parameter hdf5: How HDF5 is read and written: by a process of its own, unless it is `HDF5File` of `RNNHDF5`.
  public static func complete(hdf5: any HDF5Access = HDF5Process()) -> FormatRegistry {
    FormatRegistry(standard.formats + [HDF5Format(hdf5), KerasFormat(hdf5), KerasH5Format(hdf5), ONNXFormat()])
  }
}

extension ArrayRegistry {
  /// The same for arrays.
  public static func complete(hdf5: any HDF5Access = HDF5Process()) -> ArrayRegistry {
    ArrayRegistry([ONNXTensorFormat(), HDF5ArrayFormat(hdf5)] + standard.formats)
  }
}
