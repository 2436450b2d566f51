import RNNFormats
import RNNModel

/// HDF5 through libhdf5 in this process; see `HDF5File` for the risk.
public enum HDF5Format: ModelFormat {
  public static let name = "hdf5"
  public static let summary = "HDF5: state_dict and reference cases for h5py; plain dumps are read as well"
  public static let fileExtensions = ["h5", "hdf5"]

  public static func recognizes(_ file: InputFile) -> Bool {
    file.withUnsafeBytes { HDF5Tree.isHDF5($0) }
  }

  public static func read(_ file: InputFile) throws(RNNError) -> TensorArchive {
    try TensorArchive(hdf5: HDF5File.readTree(file))
  }

  public static func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    try HDF5File.write(HDF5Tree(model), to: &file)
  }
}
