import CXXHash
import RNNFormats
import RNNModel

/// A native file put together from its parts, so that one may be wrong while every checksum holds.
///
/// The header is filled up with spaces to 984 bytes: tensors begin at offset 1024 whatever becomes of it.
struct NativeFile {
  var magic: [UInt8] = [0x89, 0x52, 0x4E, 0x4E, 0x0D, 0x0A, 0x1A, 0x0A]
  var version: UInt32 = 1
  var reserved: UInt32 = 0
  /// What the file says of these; nil for the truth.
  var headerLength: UInt64?
  var fileLength: UInt64?
  var headerChecksum: UInt64?
  var header: [UInt8]
  var fill: UInt8 = 0x20
  /// From offset 1024.
  var body: [UInt8]

  /// Tensors a = [1, 2] and b = [3] in float32, and a case c with input = [7] in int64.
  static var good: NativeFile {
    let a: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]
    let b: [UInt8] = [0, 0, 0x40, 0x40]
    let input: [UInt8] = [7, 0, 0, 0, 0, 0, 0, 0]
    let text = """
      {"tensors":[\
      {"name":"a","dtype":"float32","shape":[2],"offset":1024,"bytes":8,"xxh3":"\(checksum(a))"},\
      {"name":"b","dtype":"float32","shape":[1],"offset":1088,"bytes":4,"xxh3":"\(checksum(b))"}],\
      "cases":[{"name":"c","members":[\
      {"name":"input","dtype":"int64","shape":[1],"offset":1152,"bytes":8,"xxh3":"\(checksum(input))"}]}]}
      """
    let zeros = { [UInt8](repeating: 0, count: $0) }
    return NativeFile(header: Array(text.utf8), body: a + zeros(56) + b + zeros(60) + input)
  }

  /// The good file with another text in place of the only one like it in the header.
  static func good(replacing old: String, with new: String) throws -> NativeFile {
    var file = good
    let text = String(decoding: file.header, as: UTF8.self)
    guard text.ranges(of: old).count == 1 else { throw NoTensor() }
    file.header = Array(text.replacing(old, with: new).utf8)
    return file
  }

  /// A file without tensors' bytes whose header is this.
  init(header: String) {
    self.init(header: Array(header.utf8), body: [])
  }

  init(header: [UInt8], body: [UInt8]) {
    self.header = header
    self.body = body
  }

  var bytes: [UInt8] {
    let text = header + [UInt8](repeating: fill, count: max(984 - header.count, 0))
    let rest = text + body
    let length = headerLength ?? UInt64(text.count)
    var head = magic
    for value in [UInt64(version) | UInt64(reserved) << 32, length, fileLength ?? UInt64(40 + rest.count)] {
      head += withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    // What the checksum covers where the length lies is what a reader that believes it would cover.
    let covered = head + rest.prefix(Int(clamping: length))
    let sum = headerChecksum ?? covered.withUnsafeBytes { XXH3_64bits($0.baseAddress, $0.count) }
    return head + withUnsafeBytes(of: sum.littleEndian) { Array($0) } + rest
  }

  /// The header's checksum as the file states it.
  var statedChecksum: String {
    let sum = bytes[32..<40].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return Self.hexadecimal(sum)
  }

  /// As the header has it.
  static func checksum(_ bytes: [UInt8]) -> String {
    hexadecimal(bytes.withUnsafeBytes { XXH3_64bits($0.baseAddress, $0.count) })
  }

  static func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// What the reader makes of the file.
  func read() throws -> TensorArchive {
    try NativeFormat().read(bytes.file)
  }
}
