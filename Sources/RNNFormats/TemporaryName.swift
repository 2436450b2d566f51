import RNNModel
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The hidden name that an output has before it takes its own: `.rnn-<process>-<random>.tmp`, in the same folder.
///
/// Its writer holds a lock on the file, from before the name can be seen where the file system has nameless files. A file
/// of such a name that nobody has locked is what a killed process left.
enum TemporaryName {
  private static let (prefix, suffix) = (".rnn-", ".tmp")

  /// Those that this process uses now.
  private static let used = Mutex<Set<String>>([])

  static func new(in folder: String) -> String {
    let name = "\(folder)/\(prefix)\(getpid())-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))\(suffix)"
    used.withLock { _ = $0.insert(name) }
    return name
  }

  /// Says that there is no file of this name any more.
  static func forget(_ name: String) {
    used.withLock { _ = $0.remove(name) }
  }

  static func remove(_ name: String) {
    unlink(name.systemPath)
    forget(name)
  }

  /// Removes every file that this process still has under such a name.
  static func removeAll() {
    for name in used.withLock({ $0 }) { remove(name) }
  }

  /// Makes a file under a new hidden name and locks it. Returns -1, with the reason in `errno`, where none can be made.
  static func create(in folder: String, mode: mode_t) -> (descriptor: Int32, name: String) {
    while true {
      let name = new(in: folder)
      let descriptor = open(name.systemPath, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode)
      guard descriptor >= 0 else {
        let code = errno
        forget(name)
        errno = code
        return (descriptor, name)
      }
      lock(descriptor)
      // Between its creation and the lock, another process may have taken it for abandoned.
      var status = stat()
      if fstat(descriptor, &status) != 0 || status.st_nlink > 0 { return (descriptor, name) }
      close(descriptor)
      forget(name)
    }
  }

  /// Marks an open file as one that is being written.
  static func lock(_ descriptor: Int32) {
    while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
  }

  /// Opens a file that is to get such a name and marks it; it stays marked until it is closed. Returns -1 where it cannot be
  /// opened, which is so for those who would remove it as well.
  static func lock(_ path: String) -> Int32 {
    let descriptor = open(path.systemPath, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    // Where somebody else holds the lock, it is marked all the same.
    if descriptor >= 0 { _ = flock(descriptor, LOCK_EX | LOCK_NB) }
    return descriptor
  }

  /// Removes what killed processes left in a folder.
  static func removeAbandoned(in folder: String) {
    guard let list = opendir(folder.systemPath) else { return }
    defer { closedir(list) }
    while let entry = readdir(list) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
        name.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: name.pointee)) { String(cString: $0) }
      }
      guard isTemporary(name) else { continue }
      let path = "\(folder)/\(name)"
      let descriptor = open(path.systemPath, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path.systemPath) }
      close(descriptor)
    }
  }

  private static func isTemporary(_ name: String) -> Bool {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix), name.utf8.count > prefix.utf8.count + suffix.utf8.count else {
      return false
    }
    let parts = name.dropFirst(prefix.count).dropLast(suffix.count).split(separator: "-", omittingEmptySubsequences: false)
    return parts.count == 2 && Int32(parts[0]) != nil && UInt64(parts[1], radix: 36) != nil
  }
}
