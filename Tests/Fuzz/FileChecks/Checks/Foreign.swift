import RNNFormats
import RNNONNX

extension FileCheck {
  /// Files that are called what they are: whatever the bytes, in one line with a next step.
  static let foreign = FileCheck("foreign", seeds: ["pb", "zip", "pt2", "gz", "onnx", "json", "npy", "csv"]) { bytes in
    let file = InputFile(bytes, name: "fuzz")
    let registry = FormatRegistry.standard.adding(ONNXFormat())
    _ = try accepted("recognising") { try registry.format(of: file) }
    _ = try accepted("recognising arrays") { try ArrayRegistry.standard.format(of: file) }
    guard let foreign = ForeignFile.recognize(file) else { return false }
    try require(!foreign.name.isEmpty && !foreign.remedy.isEmpty, "no name or no remedy")
    _ = try accepted("the error") { throw foreign.error }
    return true
  }
}
