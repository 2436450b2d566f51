import RNNFormats
import RNNModel
import RNNONNX

extension FileCheck {
  /// ONNX models, and ONNX's files of one tensor.
  static let onnx = FileCheck("onnx", seeds: ["onnx", "pb"]) { bytes in
    let file = InputFile(bytes, name: "fuzz")
    if ONNXTensorFormat().recognizes(file), try checkArrays(file, as: ONNXTensorFormat()) { return true }
    return try checkModel(file, as: ONNXFormat(), writing: [ONNXFormat()])
  }
}
