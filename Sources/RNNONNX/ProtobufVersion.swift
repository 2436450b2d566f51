import RNNFormats
import SwiftProtobuf

extension FormatLibraries {
  /// The library that reads and writes ONNX's messages.
  package static var protobuf: String { "SwiftProtobuf \(SwiftProtobuf.Version.versionString)" }
}
