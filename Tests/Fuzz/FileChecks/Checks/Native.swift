import RNNFormats
import RNNModel

extension FileCheck {
  /// Native files, damaged and with their checksums put right.
  static let native = FileCheck("native", seeds: ["rnn"]) { bytes in
    _ = try checkModel(InputFile(bytes, name: "fuzz"), as: NativeFormat.self, writing: [])
    return try checkModel(InputFile(Repair.native(bytes), name: "fuzz"), as: NativeFormat.self, writing: everyFormat)
  }
}
