import RNNModel

/// HDF5 files as models, read and written by way of `Access`.
public enum HDF5ModelFormat<Access: HDF5Access>: ModelFormat {
  public static var name: String { "hdf5" }
  public static var summary: String { "state_dict and cases for h5py, plain dumps, and Keras 1, 2 and 3: whole models and weights" }
  public static var fileExtensions: [String] { ["h5", "hdf5"] }

  public static func recognizes(_ file: InputFile) -> Bool {
    file.withUnsafeBytes { HDF5Tree.isHDF5($0) }
  }

  public static func read(_ file: InputFile) throws(RNNError) -> TensorArchive {
    try TensorArchive(hdf5: Access.readTree(file))
  }

  public static func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    try Access.write(HDF5Tree(model), to: &file)
  }
}

/// HDF5 files as models, with libhdf5 in a process of its own; see `HDF5Process`.
public typealias HDF5ProcessFormat = HDF5ModelFormat<HDF5Process>
