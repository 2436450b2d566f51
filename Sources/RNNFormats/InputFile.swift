import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file's bytes, mapped: pages are read as they are used and may be dropped again.
///
/// A pipe or terminal, which cannot be mapped, is read into memory, up to `Limits.maximumPipedInput`. The file must not be
/// shortened while it is in use; RNNKit itself only ever replaces files whole.
public struct InputFile: Sendable {
  /// The path as the user gave it; `-` is standard input.
  public let path: String
  public let storage: TensorStorage

  /// Opens and maps a file. Throws `missingInput` where it is missing, a folder or may not be read.
  public init(_ path: String) throws(RNNError) {
    self.path = path
    let descriptor = path == "-" ? dup(0) : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.missing(path, errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.missing(path, errno) }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: throw Self.missing(path, EISDIR)
    case S_IFREG:
      guard let size = Int(exactly: status.st_size), size > 0 else {
        storage = TensorStorage(UnsafeRawBufferPointer(start: nil, count: 0)) {}
        return
      }
      guard let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
        throw Self.failed(path, errno)
      }
      let address = UInt(bitPattern: base)
      storage = TensorStorage(UnsafeRawBufferPointer(start: base, count: size)) {
        munmap(UnsafeMutableRawPointer(bitPattern: address), size)
      }
    default:
      storage = try Self.readWhole(descriptor, path)
    }
  }

  /// Bytes that are already in memory, under a name for errors.
  public init(_ bytes: [UInt8], name: String) {
    path = name
    storage = TensorStorage(count: bytes.count) { $0.copyBytes(from: bytes) }
  }

  /// A part of another file, or bytes from elsewhere, under a name for errors.
  package init(_ storage: TensorStorage, name: String) {
    path = name
    self.storage = storage
  }

  /// The file's length in bytes.
  public var count: Int { storage.count }

  /// Lends the bytes for the length of the call.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try storage.withUnsafeBytes(body)
  }

  private static func readWhole(_ descriptor: Int32, _ path: String) throws(RNNError) -> TensorStorage {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw failed(path, errno)
      }
      if count == 0 { break }
      guard bytes.count + count <= Limits.maximumPipedInput else {
        throw RNNError(.badData, file: path, "more than \(Limits.maximumPipedInput >> 20) MiB through a pipe",
          remedy: "save it as a file first")
      }
      bytes.append(contentsOf: chunk[..<count])
    }
    return TensorStorage(count: bytes.count) { $0.copyBytes(from: bytes) }
  }

  private static func missing(_ path: String, _ code: Int32) -> RNNError {
    RNNError(.missingInput, file: path, "cannot be opened: \(systemMessage(code))",
      remedy: code == EISDIR ? "name a file in it" : "check the path and its permissions")
  }

  private static func failed(_ path: String, _ code: Int32) -> RNNError {
    RNNError(.inputOutput, file: path, "cannot be read: \(systemMessage(code))", remedy: "check the disk")
  }
}

/// The system's words for an error number.
func systemMessage(_ code: Int32) -> String {
  String(cString: strerror(code))
}
