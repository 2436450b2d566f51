import RNNFormats
import RNNModel

/// What must hold of any bytes that are given as a file of some kind: they are refused with a reason, or what was read
/// can be written and read back the same.
///
/// The fuzzer looks for bytes that break it; the tests replay those it found.
package struct FileCheck: Sendable {
  /// The name of the fuzz target and of the folder of its regression files.
  package let name: String
  /// Extensions, without the dot, of the files it starts from.
  package let seedExtensions: [String]
  /// Whether the bytes were accepted. Throws `Broken` where something does not hold.
  package let accepts: @Sendable ([UInt8]) throws -> Bool

  package init(
    _ name: String, seeds seedExtensions: [String], accepts: @escaping @Sendable ([UInt8]) throws -> Bool
  ) {
    self.name = name
    self.seedExtensions = seedExtensions
    self.accepts = accepts
  }

  package static let all: [FileCheck] = [
    .native, .zipArchive, .pickle, .script, .safetensors, .numpy, .onnx, .json, .csv, .mapping, .hdf5Tree, .lzf, .foreign,
    .packed, .forwardLine, .sound,
  ]
}

/// Something that must hold and does not.
package struct Broken: Error, CustomStringConvertible {
  package var description: String

  package init(_ description: String) {
    self.description = description
  }
}

/// Throws unless a condition holds.
package func require(_ condition: Bool, _ description: @autoclosure () -> String) throws(Broken) {
  if !condition { throw Broken(description()) }
}

/// What `body` gives, or nil where it refuses, which it must do as the data's fault and in one line.
package func accepted<Value>(_ what: String, _ body: () throws -> Value) throws -> Value? {
  do {
    return try body()
  } catch let error as RNNError {
    // A model may name files that are not there.
    try require([.badData, .missingInput].contains(error.kind), "\(what) fails with \(error.kind): \(error)")
    let text = error.description
    try require(!text.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "\(what): the error is not one line")
    try require(text.utf8.count < 1 << 17, "\(what): the error has \(text.utf8.count) bytes")
    return nil
  }
}

/// What `body` gives, which may not refuse.
package func certain<Value>(_ what: String, _ body: () throws -> Value) throws -> Value {
  do {
    return try body()
  } catch let error as RNNError {
    throw Broken("\(what) is refused: \(error)")
  }
}

/// The bytes that `write` puts into a file.
package func written(_ write: (inout OutputFile) throws -> Void) throws -> [UInt8] {
  let scratch = try ScratchFile()
  defer { withExtendedLifetime(scratch) {} }
  var file = OutputFile(borrowing: scratch.descriptor, name: "output")
  try write(&file)
  return try InputFile("/dev/fd/\(scratch.descriptor)").withUnsafeBytes { Array($0) }
}
