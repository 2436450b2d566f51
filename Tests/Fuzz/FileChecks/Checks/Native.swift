import RNNFormats
import RNNModel

extension FileCheck {
  /// Native files, damaged and with their checksums put right; the models in them are run.
  static let native = FileCheck("native", seeds: ["rnn"]) { bytes in
    _ = try checkModel(InputFile(bytes, name: "fuzz"), as: NativeFormat(), writing: [])
    let repaired = InputFile(Repair.native(bytes), name: "fuzz")
    let isRead = try checkModel(repaired, as: NativeFormat(), writing: [someFormat(for: bytes)])
    if isRead, let model = try? Interpretation(NativeFormat().read(repaired)).model { try checkRun(model) }
    return isRead
  }
}
