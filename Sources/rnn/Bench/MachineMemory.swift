import RNNKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Bench {
  /// Refuses sizes that this machine cannot hold, before the attempt ends the process.
  static func checkMemory(bytes: Double) throws(RNNError) {
    let memory = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
    guard bytes <= memory / 2 else {
      throw RNNError(.usage,
        "--batch and --steps take some \(grouped(Int(bytes / 0x1p20))) MiB, more than half of this machine's memory",
        remedy: "choose smaller ones")
    }
  }
}
