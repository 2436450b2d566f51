import RNNFormats
import RNNModel

extension FileCheck {
  /// What the confined process says of an HDF5 file, read as our layout, as a plain dump and as Keras.
  static let hdf5Tree = FileCheck("hdf5-tree", seeds: ["tree"]) { bytes in
    let file = InputFile(Repair.native(bytes), name: "fuzz")
    let format = HDF5Format(TreeMessage())
    return try checkModel(file, as: format, writing: [format, KerasH5Format(TreeMessage())])
  }
}
