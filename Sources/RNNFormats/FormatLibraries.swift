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

/// The versions of the libraries by which files are read and written, as they are where the program runs.
package enum FormatLibraries {
  /// Each as a person writes it: `zlib 1.2.13`.
  package static var versions: [String] {
    let xxhash = XXH_versionNumber()
    return [
      "zlib \(zlibVersion().map { String(cString: $0) } ?? "unknown")",
      "xxHash \(xxhash / 10000).\(xxhash / 100 % 100).\(xxhash % 100)",
    ]
  }
}

extension HDF5Process {
  /// The version of the libhdf5 that `rnn-hdf5` was linked to, nil where that program cannot be started.
  package static var libraryVersion: String? {
    guard let program = try? HDF5Process().program(), access(program.systemPath, X_OK) == 0,
      let pipe = "exec \(program.shellWord) --version 2>/dev/null".systemPath.withUnsafeBufferPointer({ command in
        command.baseAddress.flatMap { popen($0, "re") }
      })
    else { return nil }
    var buffer = [CChar](repeating: 0, count: 64)
    let line = fgets(&buffer, Int32(buffer.count), pipe) == nil ? "" : String(decoding: buffer.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard pclose(pipe) == 0, let version = line.split(separator: " ").last else { return nil }
    return String(version)
  }
}
