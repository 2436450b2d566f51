import RNNFormats
import RNNModel
import SwiftProtobuf

/// ONNX's tensor files (`.pb`), as the test data of the official operator tests: one array with the name of a graph's
/// input.
public struct ONNXTensorFormat: ArrayFormat {
  public let name = "pb"
  public let fileExtensions = ["pb"]
  public let holdsOneArray = true

  public init() {}

  /// Protobuf has no magic: the file's outermost fields must be those of a tensor.
  public func recognizes(_ file: InputFile) -> Bool {
    file.withUnsafeBytes { WireFields($0).areONNXTensor }
  }

  public func read(_ file: InputFile) throws(RNNError) -> [NamedTensor] {
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

  public func write(_ output: ArrayOutput, to file: inout OutputFile) throws(RNNError) {
    guard let bytes: [UInt8] = try? output.end.proto.serializedBytes(partial: true) else {
      throw RNNError(.badData, "the array is larger than the 2 GiB that protobuf allows", remedy: "write .npy")
    }
    try file.write(bytes)
  }
}
