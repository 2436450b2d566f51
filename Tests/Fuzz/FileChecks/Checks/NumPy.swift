import RNNFormats
import RNNModel

extension FileCheck {
  /// `.npy`, and `.npz` as arrays and as a model.
  static let numpy = FileCheck("numpy", seeds: ["npy", "npz"]) { bytes in
    let file = InputFile(Repair.zip(bytes), name: "fuzz")
    if NPYFormat().recognizes(file) { return try checkArrays(file, as: NPYFormat()) }
    let isRead = try checkArrays(file, as: NPZArrayFormat())
    return try checkModel(file, as: NPZFormat(), writing: [NPZFormat()]) || isRead
  }
}
