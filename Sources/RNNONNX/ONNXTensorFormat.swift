import RNNFormats
import RNNModel
import SwiftProtobuf

/// ONNX's tensor files (`.pb`), as the test data of the official operator tests: one array with the name of a graph's
/// input.
public enum ONNXTensorFormat: ArrayFormat {
  public static let name = "pb"
  public static let fileExtensions = ["pb"]
  public static let holdsOneArray = true

  /// Protobuf has no magic: the file's outermost fields must be those of a tensor.
  public static func recognizes(_ file: InputFile) -> Bool {
    file.withUnsafeBytes { WireFields($0).areONNXTensor }
  }

  public static func read(_ file: InputFile) throws(RNNError) -> [NamedTensor] {
    var options = BinaryDecodingOptions()
    options.discardUnknownFields = true
    let proto = file.withUnsafeBytes { bytes in
      try? TensorProto(serializedBytes: RawSpan(_unsafeBytes: bytes), partial: true, options: options)
    }
    guard let proto else {
      throw RNNError(
        .badData, "the file is not valid protobuf", remedy: "copy the file again; it is cut short or damaged")
    }
    var decoder = TensorDecoder(modelPath: file.pathOfCompanions)
    return [NamedTensor(proto.name, try decoder.tensor(proto, name: proto.name))]
  }

  public static func write(_ output: ArrayOutput, to file: inout OutputFile) throws(RNNError) {
    guard let bytes: [UInt8] = try? output.end.proto.serializedBytes(partial: true) else {
      throw RNNError(.badData, "the array is larger than the 2 GiB that protobuf allows", remedy: "write .npy")
    }
    try file.write(bytes)
  }
}
