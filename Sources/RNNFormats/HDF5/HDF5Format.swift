import RNNModel

/// HDF5 files as models: RNNKit's layout, plain dumps, and Keras' whole models and weights.
public struct HDF5Format: ModelFormat {
  public let name = "hdf5"
  public let summary = "state_dict and cases for h5py, plain dumps, and Keras 1, 2 and 3: whole models and weights"
  public let fileExtensions = ["h5", "hdf5"]
  private let hdf5: any HDF5Access

  /// - Parameter hdf5: How HDF5 files are read and written.
  public init(_ hdf5: any HDF5Access = HDF5Process()) { self.hdf5 = hdf5 }

  public func open(_ file: InputFile, isNamed: Bool) throws(RNNError) -> OpenedFile? {
    guard isNamed || file.withUnsafeBytes({ HDF5Tree.isHDF5($0) }) else { return nil }
    return OpenedFile(takesConfig: true) { (request) throws(RNNError) in
      let tree = try hdf5.readTree(file)
      guard let config = request.config else { return try TensorArchive(hdf5: tree) }
      return try tree.archive { (tree) throws(RNNError) in
        guard KerasTree.recognizes(tree) else {
          throw RNNError(.usage, "a config is of Keras' weights, and the file holds others", remedy: "leave \(.config) out")
        }
        return try KerasReader.archive(tree, companion: config)
      }
    }
  }

  public func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    try hdf5.write(HDF5Tree(model), to: &file)
  }
}
