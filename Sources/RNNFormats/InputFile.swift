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
  /// The file's bytes.
  public let storage: TensorStorage
  /// The open file that is mapped, for a process that is to read it too. Nil for bytes in memory.
  package let mapped: OpenDescriptor?
  /// The path beside which files that this one names are looked for; nil for what came through a pipe or from memory.
  package let pathOfCompanions: String?
  let parts = SharedParts()

  /// Opens and maps a file. Throws `missingInput` where it is missing, a folder or may not be read.
  public init(_ path: String) throws(RNNError) {
    let descriptor = path == "-" ? dup(0) : open(path.systemPath, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.missing(path, errno) }
    if path == "-", fcntl(descriptor, F_GETFL) & O_ACCMODE == O_WRONLY {
      close(descriptor)
      throw RNNError(.missingInput, file: path, "standard input is closed", remedy: "name a file")
    }
    try self.init(OpenDescriptor(descriptor), name: path)
  }

  /// Maps a file that is open already, under a name for errors.
  package init(_ file: OpenDescriptor, name: String) throws(RNNError) {
    defer { withExtendedLifetime(file) {} }
    path = name
    pathOfCompanions = name == "-" ? nil : name
    var status = stat()
    guard fstat(file.number, &status) == 0 else { throw Self.missing(name, errno) }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: throw Self.missing(name, EISDIR)
    case S_IFREG:
      mapped = file
      guard let size = Int(exactly: status.st_size), size > 0 else {
        storage = TensorStorage(UnsafeRawBufferPointer(start: nil, count: 0)) {}
        return
      }
      guard let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, file.number, 0), base != MAP_FAILED else {
        throw Self.failed(name, errno)
      }
      let address = UInt(bitPattern: base)
      storage = TensorStorage(
        UnsafeRawBufferPointer(start: base, count: size),
        read: { (offset, target) throws(RNNError) in try Self.readPart(file, name, at: offset, into: target) },
        forget: { MappedPages.drop(address, $0) },
        release: { munmap(UnsafeMutableRawPointer(bitPattern: address), size) })
    default:
      mapped = nil
      storage = try Self.readWhole(file.number, name)
    }
  }

  /// Bytes that are already in memory, under a name for errors.
  public init(_ bytes: [UInt8], name: String) {
    self.init(TensorStorage(count: bytes.count) { $0.copyBytes(from: bytes) }, name: name)
  }

  /// Bytes that are part of something else, such as a member of an archive, under a name for errors.
  public init(_ storage: TensorStorage, name: String) {
    path = name
    pathOfCompanions = name == "-" ? nil : name
    self.storage = storage
    mapped = nil
  }

  /// A copy of bytes that came from no file, under a name for errors. Files that they name are not looked for.
  public init(copying bytes: UnsafeRawBufferPointer, name: String) {
    path = name
    pathOfCompanions = nil
    storage = TensorStorage(count: bytes.count) { $0.copyMemory(from: bytes) }
    mapped = nil
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

  private static func readPart(
    _ file: OpenDescriptor, _ name: String, at offset: Int, into target: UnsafeMutableRawBufferPointer
  ) throws(RNNError) {
    var done = 0
    while done < target.count {
      let count = pread(file.number, target.baseAddress.map { $0 + done }, target.count - done, off_t(offset + done))
      if count < 0 {
        if errno == EINTR { continue }
        throw failed(name, errno)
      }
      guard count > 0 else {
        throw RNNError(.inputOutput, file: name, "was cut short while it was read", remedy: "let nobody write to it")
      }
      done += count
    }
  }

  private static func missing(_ path: String, _ code: Int32) -> RNNError {
    let remedy = systemRemedy(code)
    if code == EISDIR, let folder = ForeignFolder(path) { return folder.error.inFile(path) }
    return RNNError(remedy == nil ? .missingInput : .inputOutput, file: path, "cannot be opened: \(systemMessage(code))",
      remedy: remedy ?? (code == EISDIR ? "name a file in it" : "check the path and its permissions"))
  }

  private static func failed(_ path: String, _ code: Int32) -> RNNError {
    RNNError(.inputOutput, file: path, "cannot be read: \(systemMessage(code))",
      remedy: systemRemedy(code) ?? "check the disk")
  }
}

/// A descriptor that is closed with its last user.
package final class OpenDescriptor: Sendable {
  package let number: Int32

  /// Takes over a descriptor.
  package init(_ number: Int32) {
    self.number = number
  }

  deinit { close(number) }
}
