import CXXHash
import CZlib
import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The versions of the file libraries that are installed where the program runs.
package enum FormatLibraries {
  /// One text per library: `zlib 1.2.13`.
  package static var versions: [String] {
    let xxhash = XXH_versionNumber()
    return [
      "zlib \(zlibVersion().map { String(cString: $0) } ?? "unknown")",
      "xxHash \(xxhash / 10000).\(xxhash / 100 % 100).\(xxhash % 100)",
    ]
  }
}

extension HDF5Process {
  /// The version of the libhdf5 that `rnn-hdf5` is linked to; nil if that program cannot be started.
  package static var libraryVersion: String? {
    guard let program = try? HDF5Process().program(), let line = firstLine(of: program, "--version") else { return nil }
    return line.split(separator: " ").last.map(String.init)
  }

  /// The first line that a program prints; nil if it cannot be started or its exit status is not 0.
  private static func firstLine(of program: String, _ argument: String) -> String? {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
    #else
      var actions = posix_spawn_file_actions_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor: Int32 in [1, 2] { posix_spawn_file_actions_adddup2(&actions, ends[1], descriptor) }
    var path = program.systemPath, word = argument.systemPath, process: pid_t = 0
    let started = path.withUnsafeMutableBufferPointer { path in
      word.withUnsafeMutableBufferPointer { word in
        path.baseAddress.map { posix_spawn(&process, $0, &actions, nil, [$0, word.baseAddress, nil], environ) == 0 } ?? false
      }
    }
    close(ends[1])
    guard started else { return nil }
    var text: [UInt8] = [], bytes = [UInt8](repeating: 0, count: 256), count = read(ends[0], &bytes, bytes.count)
    while count > 0 && text.count < bytes.count {
      text += bytes[..<count]
      count = read(ends[0], &bytes, bytes.count)
    }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    return status == 0 ? String(decoding: text.prefix { $0 != 10 }, as: UTF8.self) : nil
  }
}
