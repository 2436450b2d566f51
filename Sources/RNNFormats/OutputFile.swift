import CProcess
import RNNModel
import Synchronization

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
/// A link is followed: the file it names is replaced, and its owner, group, mode and access control list stay; where they
/// cannot, fewer users may read the new file, never more. A pipe or device, and `-`, standard output, get the bytes at
/// `commit()`.
public struct OutputFile: ~Copyable {
  /// The path as the user gave it.
  public let path: String
  /// The offset of the next `write`.
  public private(set) var position = 0
  package let descriptor: Int32
  private let target: OutputTarget
  /// The hidden name of this file, or, once it is published, of the one that it replaced.
  private var temporaryName: String?
  /// The file that it replaced, locked while it has the temporary name; -1 for none.
  private var replaced: Int32 = -1
  private let replaces: Bool
  private var behind = WriteBehind()
  private var state = State.written

  private enum State {
    case written
    /// It has its name, which was free.
    case new
    /// It has its name, and the old file has the temporary one.
    case exchanged
    /// It has its name for good.
    case final
  }

  /// Prepares to write `path`. Throws `cannotCreate` where it exists and may not be replaced, or where its folder is missing
  /// or closed to writing.
  public init(_ path: String, replacing: Bool) throws(RNNError) {
    let target = try OutputTarget(path, replacing: replacing)
    let (folder, isNew) =
      switch target {
      case .file(let path, let exists): (path.folderPath, !exists)
      case .stream, .borrowed: (getenv("TMPDIR").map { String(systemPath: $0) } ?? "/tmp", false)
      }
    var temporaryName: String?
    #if os(Linux)
      // O_TMPFILE is a macro that Swift does not import.
      var descriptor = open(folder.systemPath, 0o20000000 | O_DIRECTORY | O_RDWR | O_CLOEXEC, 0o666)
      // It can get a name through /proc alone.
      if descriptor >= 0, case .file = target, access(Self.nameless(descriptor), F_OK) != 0 {
        close(descriptor)
        (descriptor, errno) = (-1, EOPNOTSUPP)
      }
    #else
      var descriptor: Int32 = -1
      errno = EOPNOTSUPP
    #endif
    if descriptor < 0, [EOPNOTSUPP, EISDIR, EINVAL].contains(errno) {
      TemporaryName.removeAbandoned(in: folder)
      // Others can see it. In the place of another file, it is this user's alone until it has that one's access.
      (descriptor, temporaryName) = TemporaryName.create(in: folder, mode: isNew ? 0o666 : 0o600)
    }
    guard descriptor >= 0 else {
      let code = errno
      if case .stream(let stream) = target { close(stream) }
      throw RNNError(uncreated: path, code)
    }
    self.path = path
    self.descriptor = descriptor
    self.target = target
    self.temporaryName = temporaryName
    replaces = replacing
  }

  /// The path of an open file that has no name.
  private static func nameless(_ descriptor: Int32) -> String { "/proc/self/fd/\(descriptor)" }

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
    if let temporaryName { TemporaryName.remove(temporaryName) }
    if replaced >= 0 { close(replaced) }
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

  /// Bytes that this process has written to outputs.
  package static var bytesWritten: Int { written.load(ordering: .relaxed) }
  private static let written = Atomic(0)

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
      Self.written.add(count, ordering: .relaxed)
    }
    if isFile { behind.wrote(descriptor, upTo: offset + bytes.count) }
  }

  /// Appends `header`, and after it `count` bytes, 1 or more, that whoever gets them writes where the file is mapped. Nil
  /// where this file system maps none: then nothing is appended.
  package mutating func room(after header: [UInt8], _ count: Int) throws(RNNError) -> OutputRoom? {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let offset = position + header.count, skipped = offset % page
    let (end, overflow) = offset.addingReportingOverflow(count)
    guard !overflow, off_t(exactly: end) != nil else { throw failed(EFBIG) }
    // Room is claimed now: a full disk is an error here, and a signal in the middle of a write to the mapping.
    #if canImport(Darwin)
      let code = ftruncate(descriptor, off_t(end)) == 0 ? 0 : errno
    #else
      let code = posix_fallocate(descriptor, off_t(offset), off_t(count))
    #endif
    guard code == 0 else {
      if [EOPNOTSUPP, EINVAL, ENODEV].contains(code) { return nil }
      throw failed(code)
    }
    let size = skipped + count
    guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, off_t(offset - skipped)),
      base != MAP_FAILED
    else {
      guard ftruncate(descriptor, off_t(position)) == 0 else { throw failed(errno) }
      return nil
    }
    try write(header)
    position += count
    return OutputRoom(mapping: base, size, from: skipped)
  }

  /// Flushes the bytes to the disk and gives the file its name.
  public consuming func commit() throws(RNNError) {
    try finish()
    try publish()
  }

  /// Flushes the bytes to the disk and gives the new file the old file's owner, mode and ACL. Nothing but
  /// `publish()` follows.
  package mutating func finish() throws(RNNError) {
    guard case .file(let resolved, _) = target else { return }
    let isThere = replaces ? try takeAccess(of: resolved) : false
    guard behind.finish(descriptor), fsync(descriptor) == 0 else { throw failed(errno) }
    if isThere { try hide(besides: resolved) }
  }

  /// Gives the finished file its name, replacing the old one in one step where that is wanted; a stream gets the bytes.
  ///
  /// - Parameter undoable: Whether `withdraw()` may follow. What was replaced is kept until then.
  package mutating func publish(undoable: Bool = false) throws(RNNError) {
    switch target {
    case .borrowed: return
    case .stream(let stream): try copy(to: stream)
    case .file(let resolved, _):
      try name(resolved, undoable)
      // The name itself must survive a power cut. A folder that cannot be flushed still holds the file.
      let folder = open(resolved.folderPath.systemPath, O_RDONLY | O_CLOEXEC)
      if folder >= 0 {
        fsync(folder)
        close(folder)
      }
    }
  }

  /// Gives two finished files their names: both or, as far as the file systems can, neither. The error is of the second's
  /// path where it has one.
  package static func publish(_ first: inout OutputFile, _ second: inout OutputFile) throws(RNNError) {
    try first.publish(undoable: true)
    do throws(RNNError) {
      guard !second.wouldReplace(first) else {
        throw RNNError(.usage, file: second.path, "the outputs are one file here", remedy: "choose two")
      }
      try second.publish()
    } catch {
      first.withdraw()
      throw error
    }
  }

  /// Takes a published file away again and puts back what it replaced, as far as the file system can.
  package mutating func withdraw() {
    guard case .file(let resolved, _) = target else { return }
    switch state {
    case .new: unlink(resolved.systemPath)
    case .exchanged:
      guard let old = temporaryName, rename(old.systemPath, resolved.systemPath) == 0 else { return }
      TemporaryName.forget(old)
      temporaryName = nil
    case .written, .final: return
    }
    state = .written
  }

  /// Whether a published file stands where this one would go, under a spelling that the file system takes for the same.
  package borrowing func wouldReplace(_ other: borrowing OutputFile) -> Bool {
    guard case .file(let resolved, _) = target, let mine = FileIdentity(resolved, standard: 1) else { return false }
    return mine == FileIdentity(descriptor: other.descriptor)
  }

  /// Removes what this process would leave under hidden names, before it ends without dropping its outputs.
  package static func removeTemporaryNames() {
    TemporaryName.removeAll()
  }

  private mutating func name(_ resolved: String, _ undoable: Bool) throws(RNNError) {
    if temporaryName == nil {
      if linkat(AT_FDCWD, Self.nameless(descriptor), AT_FDCWD, resolved.systemPath, AT_SYMLINK_FOLLOW) == 0 {
        state = .new
        return
      }
      guard errno == EEXIST else { throw RNNError(uncreated: path, errno) }
      guard replaces else { throw RNNError(existing: path) }
      // It was not there before.
      _ = try takeAccess(of: resolved)
      try hide(besides: resolved)
    }
    guard let source = temporaryName else { return }
    if undoable, replaces {
      // Locked before it gets the temporary name, so that nobody takes it for abandoned.
      replaced = TemporaryName.lock(resolved)
      if rnn_rename_exchange(source.systemPath, resolved.systemPath) == 0 {
        state = .exchanged
        return
      }
    }
    let isNew = !replaces || undoable && access(resolved.systemPath, F_OK) != 0
    let result = replaces
      ? rename(source.systemPath, resolved.systemPath) : rnn_rename_new(source.systemPath, resolved.systemPath)
    guard result == 0 else { throw errno == EEXIST ? RNNError(existing: path) : RNNError(uncreated: path, errno) }
    TemporaryName.forget(source)
    temporaryName = nil
    state = isNew ? .new : .final
  }

  /// Gives a nameless file, which cannot replace another, a hidden name for the moment before it does.
  private mutating func hide(besides resolved: String) throws(RNNError) {
    guard temporaryName == nil else { return }
    let folder = resolved.folderPath
    TemporaryName.removeAbandoned(in: folder)
    TemporaryName.lock(descriptor)
    let name = TemporaryName.new(in: folder)
    guard linkat(AT_FDCWD, Self.nameless(descriptor), AT_FDCWD, name.systemPath, AT_SYMLINK_FOLLOW) == 0 else {
      let code = errno
      TemporaryName.forget(name)
      throw RNNError(uncreated: path, code)
    }
    temporaryName = name
  }

  /// Lets those use the new file who may use the old one, before it can be seen, and nobody else. False where there is no
  /// old file.
  private borrowing func takeAccess(of resolved: String) throws(RNNError) -> Bool {
    do throws(SystemFailure) {
      guard let old = try FileAccess(of: resolved) else { return false }
      try old.give(to: descriptor)
      return true
    } catch {
      let remedy = systemRemedy(error.code)
      throw RNNError(remedy == nil ? .cannotCreate : .inputOutput, file: path,
        "cannot be replaced by a file of the same owner, group and rights: \(systemMessage(error.code))",
        remedy: remedy ?? "choose another name, or remove the old file first")
    }
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
