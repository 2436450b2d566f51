import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// An empty temporary file without a name, which goes when it is closed and unmapped.
package final class ScratchFile: Sendable {
  package let descriptor: Int32
  /// The folder whose room it takes.
  package let folder: String

  /// Throws `inputOutput` where no folder takes a file.
  package init() throws(RNNError) {
    // /tmp is memory on many systems, /var/tmp seldom.
    let folders = [getenv("TMPDIR").map { String(systemPath: $0) }, "/var/tmp", "/tmp"].compactMap { $0 }
    var descriptor: Int32 = -1
    var folder = ""
    for candidate in folders where descriptor < 0 {
      folder = candidate
      #if os(Linux)
        // O_TMPFILE is a macro that Swift does not import.
        descriptor = open(folder.systemPath, 0o20000000 | O_DIRECTORY | O_RDWR | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 { break }
      #endif
      var template = "\(folder)/rnn-scratch-XXXXXX".systemPath
      descriptor = mkstemp(&template)
      if descriptor >= 0 { unlink(template) }
    }
    guard descriptor >= 0 else {
      throw RNNError(.inputOutput, file: folder, "no temporary file can be made: \(systemMessage(errno))",
        remedy: scratchRemedy())
    }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    self.descriptor = descriptor
    self.folder = folder
  }

  deinit { close(descriptor) }

  /// Throws `inputOutput` where the file's disk has less than so many bytes free for this user, and says how many it has.
  /// Where the system does not tell, writing will.
  package static func requireRoom(_ count: Int, on descriptor: Int32, in folder: String?) throws(RNNError) {
    var status = statvfs()
    guard fstatvfs(descriptor, &status) == 0 else { return }
    let (free, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
    guard !overflow, free < UInt64(count) else { return }
    throw RNNError(.inputOutput, file: folder, "\(count) temporary bytes are needed, and \(free) are free",
      remedy: scratchRemedy())
  }

  /// How many bytes there are.
  package var count: Int {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
  }
}
