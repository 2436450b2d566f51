import RNNFormats
import RNNModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Files that the scripts beside them made.
enum Fixture {
  static func path(_ name: String) -> String {
    let source = #filePath
    return source[..<(source.lastIndex(of: "/") ?? source.startIndex)] + "/Fixtures/" + name
  }

  static func file(_ name: String) throws -> InputFile {
    try InputFile(path(name))
  }

  static func json(_ name: String) throws -> JSONValue {
    try file(name).withUnsafeBytes { bytes in try JSONValue(parsing: bytes) }
  }

  static func bytes(hexadecimal text: String) -> [UInt8] {
    let digits = Array(text.utf8)
    return stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
    }
  }

  /// The tensor that an object's `dtype`, `shape` and hexadecimal `bytes` describe.
  static func tensor(_ json: JSONValue) -> Tensor? {
    guard let type = json["dtype"]?.string.flatMap(ElementType.init(rawValue:)),
      let shape = json["shape"]?.array.flatMap({ Shape($0.compactMap(\.integer)) }),
      let bytes = json["bytes"]?.string.map(bytes(hexadecimal:))
    else { return nil }
    return Tensor(type, shape, in: TensorStorage(count: bytes.count) { $0.copyBytes(from: bytes) })
  }
}

/// The one line that the error of `body` reads, or nil where it has none.
func refusal(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return "\(error)"
  }
}

/// What `write` puts into a file.
func written(_ write: (inout OutputFile) throws -> Void) throws -> [UInt8] {
  let path = "/tmp/rnn-tests-\(UInt64.random(in: 0...UInt64.max))"
  var file = try OutputFile(path, replacing: false)
  defer { unlink(path) }
  try write(&file)
  try file.commit()
  return try InputFile(path).withUnsafeBytes { bytes in Array(bytes) }
}

extension [UInt8] {
  /// The bytes as a file.
  var file: InputFile { InputFile(self, name: "test") }
}

extension [NamedTensor] {
  subscript(name: String) -> Tensor? { first { $0.name == name }?.tensor }
}

struct NoTensor: Error {}

/// Whole numbers make an int64 tensor, others float64, unless the type is said.
@_disfavoredOverload
func makeTensor(_ values: [Float], _ sizes: [Int]) throws -> Tensor {
  guard let shape = Shape(sizes), let tensor = Tensor(values, shape) else { throw NoTensor() }
  return tensor
}

@_disfavoredOverload
func makeTensor(_ values: [Double], _ sizes: [Int]) throws -> Tensor {
  guard let shape = Shape(sizes), let tensor = Tensor(values, shape) else { throw NoTensor() }
  return tensor
}

func makeTensor(_ values: [Int64], _ sizes: [Int]) throws -> Tensor {
  guard let shape = Shape(sizes), let tensor = Tensor(values, shape) else { throw NoTensor() }
  return tensor
}

func makeTensor(_ type: ElementType, _ sizes: [Int], bytes: [UInt8]) throws -> Tensor {
  guard let shape = Shape(sizes),
    let tensor = Tensor(type, shape, in: TensorStorage(count: bytes.count) { $0.copyBytes(from: bytes) })
  else { throw NoTensor() }
  return tensor
}
