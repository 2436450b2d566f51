import RNNFormats

extension FormatRegistry {
  /// Every format, with HDF5 read and written by a process of its own; see `HDF5Process`.
  public static let complete = FormatRegistry.standard.adding(HDF5ProcessFormat.self)
    .adding(KerasArchiveFormat<HDF5Process>.self).adding(KerasHDF5Format<HDF5Process>.self).adding(ONNXFormat.self)
}
