import CProcess
import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that appears whole or not at all.
///
/// Bytes go to a nameless file in the target's folder (a hidden sibling where the file system has no nameless files), are
/// flushed to the disk, and only then take the target's name. Dropped without `commit()`, it leaves nothing behind. A process
/// that is killed leaves nothing either, or at worst a hidden sibling, which the next one that needs such a sibling removes.
/// A link is followed: the file it names is replaced. A pipe or device, and `-`, standard output, get the bytes at `commit()`.
public struct OutputFile: ~Copyable {
  /// The path as the user gave it.
  public let path: String
  /// A path under which a library can open the file being written.
  public var temporaryPath: String { temporaryName ?? "/proc/self/fd/\(descriptor)" }
  /// The offset of the next `write`.
  public private(set) var position = 0
  package let descriptor: Int32
  private let target: Target
  private let temporaryName: String?
  private let replaces: Bool
  private var behind = WriteBehind()

  private enum Target {
    /// A regular file, at its path with links resolved.
    case file(String)
    /// Something that is written to and stays: a pipe, a device, standard output.
    case stream(Int32)
    /// A descriptor that someone else opened and will take care of.
    case borrowed
  }

  /// Prepares to write `path`. Throws `cannotCreate` where it exists and may not be replaced, or where its folder is missing
  /// or closed to writing.
  public init(_ path: String, replacing: Bool) throws(RNNError) {
    let target = try Self.target(path, replacing: replacing)
    let folder: String
    switch target {
    case .file(let path): folder = Self.folder(of: path)
    case .stream, .borrowed: folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    }
    var temporaryName: String?
    #if os(Linux)
      // O_TMPFILE is a macro that Swift does not import.
      var descriptor = open(folder, 0o20000000 | O_DIRECTORY | O_RDWR | O_CLOEXEC, 0o666)
    #else
      var descriptor: Int32 = -1
      errno = EOPNOTSUPP
    #endif
    if descriptor < 0, [EOPNOTSUPP, EISDIR, EINVAL].contains(errno) {
      TemporaryName.removeAbandoned(in: folder)
      // It can be seen, and so by nobody who may not read the old one.
      var old = stat()
      let isNew = if case .file(let path) = target { stat(path, &old) != 0 } else { true }
      (descriptor, temporaryName) = TemporaryName.create(in: folder, mode: isNew ? 0o666 : old.st_mode & 0o777)
    }
    guard descriptor >= 0 else {
      let code = errno
      if case .stream(let stream) = target { close(stream) }
      throw Self.uncreated(path, code)
    }
    self.path = path
    self.descriptor = descriptor
    self.target = target
    self.temporaryName = temporaryName
    replaces = replacing
  }

  /// Writes into an open, empty file, under a name for errors. The descriptor stays the caller's, and `commit()` does
  /// nothing.
  package init(borrowing descriptor: Int32, name: String) {
    path = name
    self.descriptor = descriptor
    target = .borrowed
    temporaryName = nil
    replaces = false
  }

  deinit {
    if case .borrowed = target { return }
    close(descriptor)
    if let temporaryName { unlink(temporaryName) }
    if case .stream(let stream) = target { close(stream) }
  }

  /// Appends bytes.
  public mutating func write(_ bytes: UnsafeRawBufferPointer) throws(RNNError) {
    try write(bytes, at: position)
    position += bytes.count
  }

  /// Appends bytes.
  public mutating func write(_ bytes: [UInt8]) throws(RNNError) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(RNNError) in try write(UnsafeRawBufferPointer(bytes)) }
  }

  /// Appends zeros up to a multiple of `alignment`.
  public mutating func pad(to alignment: Int) throws(RNNError) {
    try write([UInt8](repeating: 0, count: (alignment - position % alignment) % alignment))
  }

  /// Writes bytes at an offset and leaves `position` where it is.
  public mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(RNNError) {
    var isFile = false
    if case .file = target { isFile = true }
    if isFile { behind.prepare(descriptor, for: offset + bytes.count) }
    var done = 0
    while done < bytes.count {
      let count = pwrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset + done))
      if count < 0 {
        if errno == EINTR { continue }
        throw failed(errno)
      }
      done += count
    }
    if isFile { behind.wrote(descriptor, upTo: offset + bytes.count) }
  }

  /// Flushes the bytes to the disk and gives the file its name.
  public consuming func commit() throws(RNNError) {
    switch target {
    case .borrowed: return
    case .stream(let stream): try copy(to: stream)
    case .file(let resolved):
      guard behind.finish(descriptor), fsync(descriptor) == 0 else { throw failed(errno) }
      try name(resolved)
      // The name itself must survive a power cut. A folder that cannot be flushed still holds the file.
      let folder = open(Self.folder(of: resolved), O_RDONLY | O_CLOEXEC)
      if folder >= 0 {
        fsync(folder)
        close(folder)
      }
    }
  }

  /// Gives the written file its name, replacing the old one in one step where that is wanted.
  private borrowing func name(_ resolved: String) throws(RNNError) {
    if replaces { try takeMode(of: resolved) }
    var source = temporaryName
    if source == nil {
      if linkat(AT_FDCWD, temporaryPath, AT_FDCWD, resolved, AT_SYMLINK_FOLLOW) == 0 { return }
      guard errno == EEXIST else { throw Self.uncreated(path, errno) }
      guard replaces else { throw Self.exists(path) }
      // A nameless file cannot replace another: it gets a hidden name for the moment before the rename.
      let folder = Self.folder(of: resolved)
      TemporaryName.removeAbandoned(in: folder)
      TemporaryName.lock(descriptor)
      let name = TemporaryName.new(in: folder)
      guard linkat(AT_FDCWD, temporaryPath, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 else { throw Self.uncreated(path, errno) }
      source = name
    }
    guard let source else { return }
    if (replaces ? rename(source, resolved) : rnn_rename_new(source, resolved)) == 0 { return }
    let code = errno
    unlink(source)
    throw code == EEXIST ? Self.exists(path) : Self.uncreated(path, code)
  }

  /// Lets those read the new file who may read the old one, before it can be seen, and nobody else.
  private borrowing func takeMode(of resolved: String) throws(RNNError) {
    var (old, new) = (stat(), stat())
    guard stat(resolved, &old) == 0 else {
      if errno == ENOENT { return }
      throw Self.uncreated(path, errno)
    }
    guard fstat(descriptor, &new) == 0 else { throw failed(errno) }
    let mode = old.st_mode & 0o7777
    guard new.st_mode & 0o7777 == mode || fchmod(descriptor, mode) == 0 else { throw Self.uncreated(path, errno) }
  }

  private borrowing func copy(to stream: Int32) throws(RNNError) {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    var offset = 0
    while true {
      let count = pread(descriptor, &chunk, chunk.count, off_t(offset))
      guard count >= 0 else { throw failed(errno) }
      if count == 0 { return }
      var done = 0
      while done < count {
        let written = chunk.withUnsafeBytes { Self.writeSome(stream, $0[done..<count]) }
        if written < 0 {
          if errno == EINTR { continue }
          throw failed(errno)
        }
        done += written
      }
      offset += count
    }
  }

  private static func writeSome(_ stream: Int32, _ bytes: Slice<UnsafeRawBufferPointer>) -> Int {
    let bytes = UnsafeRawBufferPointer(rebasing: bytes)
    #if canImport(Glibc)
      return Glibc.write(stream, bytes.baseAddress, bytes.count)
    #elseif canImport(Musl)
      return Musl.write(stream, bytes.baseAddress, bytes.count)
    #else
      return Darwin.write(stream, bytes.baseAddress, bytes.count)
    #endif
  }

  private static func target(_ path: String, replacing: Bool) throws(RNNError) -> Target {
    if path == "-" {
      let stream = fcntl(1, F_GETFL) & O_ACCMODE == O_RDONLY ? -1 : dup(1)
      guard stream >= 0 else {
        throw RNNError(.cannotCreate, file: path, "standard output is closed", remedy: "name a file")
      }
      return .stream(stream)
    }
    var status = stat()
    guard stat(path, &status) == 0 else {
      guard errno == ENOENT else {
        throw uncreated(path, errno)
      }
      // A link to nothing yet, perhaps through others: the file is made where it points. The system ends loops.
      guard let linked = readLink(path) else { return .file(path) }
      return try target(linked.hasPrefix("/") ? linked : folder(of: path) + "/" + linked, replacing: replacing)
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      throw RNNError(.cannotCreate, file: path, "is a folder", remedy: "name a file in it")
    case S_IFREG:
      guard replacing else { throw exists(path) }
      guard let resolved = realpath(path, nil) else { throw uncreated(path, errno) }
      defer { free(resolved) }
      return .file(String(cString: resolved))
    default:
      let stream = open(path, O_WRONLY | O_CLOEXEC)
      guard stream >= 0 else {
        throw RNNError(.cannotCreate, file: path, "cannot be opened: \(systemMessage(errno))",
          remedy: "check its permissions")
      }
      return .stream(stream)
    }
  }

  private static func readLink(_ path: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { bytes in
      bytes.baseAddress.map { readlink(path, $0.assumingMemoryBound(to: CChar.self), bytes.count) } ?? -1
    }
    return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func exists(_ path: String) -> RNNError {
    RNNError(.cannotCreate, file: path, "exists already", remedy: "choose another name, or replace it with --force")
  }

  private static func uncreated(_ path: String, _ code: Int32) -> RNNError {
    let remedy = systemRemedy(code)
    return RNNError(remedy == nil ? .cannotCreate : .inputOutput, file: path,
      "cannot be created: \(systemMessage(code))", remedy: remedy ?? "check that the folder exists and may be written to")
  }

  private borrowing func failed(_ code: Int32) -> RNNError {
    // The bytes are those of a mapped file that has them no more.
    if code == EFAULT {
      return RNNError(.inputOutput, file: path, "cannot be written: an input file was shortened while it was read",
        remedy: "work on a copy that nobody writes to")
    }
    return RNNError(.inputOutput, file: path, "cannot be written: \(systemMessage(code))",
      remedy: systemRemedy(code) ?? "check the disk")
  }
}
