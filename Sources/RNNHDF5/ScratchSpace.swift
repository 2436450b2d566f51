import RNNFormats
import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Room for tensors that cannot be mapped from their file because they must be unpacked or converted.
///
/// The first and small ones stay in memory; the rest goes to a nameless file, in `TMPDIR` or `/var/tmp`, that is mapped
/// and whose pages the system may drop. So a file of any size is read in little memory.
struct ScratchSpace: ~Copyable {
  /// Tensors from this size on never stay in memory.
  static let largeTensor = 16 << 20
  /// All that stays in memory.
  static let memoryBudget = 64 << 20
  /// The least that is added to the file at a time, so that a million small tensors need few mappings.
  private static let extent = 64 << 20

  private var inMemory = 0
  private var file: ScratchFile?
  /// The file's, or someone else's.
  private var descriptor: Int32
  private var fileSize = 0
  private var current: Mapping?
  /// Bytes of the current mapping that are given away.
  private var used = 0

  private struct Mapping {
    var storage: TensorStorage
    var base: UnsafeMutableRawPointer
  }

  /// Uses an open, empty file that stays the caller's, or makes one of its own where one is needed.
  init(_ descriptor: Int32?) {
    self.descriptor = descriptor ?? -1
  }

  /// Makes a tensor and lets `fill` write its bytes, which are zeros before.
  mutating func tensor(
    _ type: ElementType, _ shape: Shape, fill: (UnsafeMutableRawBufferPointer) throws(RNNError) -> Void
  ) throws(RNNError) -> Tensor? {
    let (byteCount, overflow) = shape.count.multipliedReportingOverflow(by: type.byteCount)
    if overflow { return nil }
    if byteCount < Self.largeTensor, byteCount <= Self.memoryBudget - inMemory {
      inMemory += byteCount
      return try Tensor(type, shape, fill: fill)
    }
    // Tensors larger than an extent have a mapping of their own, so that the current one is filled up by small ones.
    if byteCount > Self.extent {
      let own = try extend(by: byteCount)
      try fill(UnsafeMutableRawBufferPointer(start: own.base, count: byteCount))
      return Tensor(type, shape, in: own.storage)
    }
    if current.map({ used + byteCount > $0.storage.count }) ?? true {
      current = try extend(by: Self.extent)
      used = 0
    }
    guard let current else { return nil }
    try fill(UnsafeMutableRawBufferPointer(start: current.base + used, count: byteCount))
    defer { used = (used + byteCount + 63) & ~63 }
    return Tensor(type, shape, in: current.storage, at: used)
  }

  /// Maps that much more of the file.
  private mutating func extend(by byteCount: Int) throws(RNNError) -> Mapping {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let (padded, overflow) = byteCount.addingReportingOverflow(page - 1)
    guard !overflow else { throw Self.failed(byteCount, EFBIG) }
    let size = padded / page * page
    if descriptor < 0 {
      let made = try ScratchFile()
      file = made
      descriptor = made.descriptor
    }
    // Room is taken now: a full disk is an error here and would be a signal once the mapping is written to.
    #if canImport(Darwin)
      let status = ftruncate(descriptor, off_t(fileSize + size)) == 0 ? 0 : errno
    #else
      let status = posix_fallocate(descriptor, off_t(fileSize), off_t(size))
    #endif
    guard status == 0 else { throw Self.failed(byteCount, status) }
    let access = PROT_READ | PROT_WRITE
    guard let base = mmap(nil, size, access, MAP_SHARED, descriptor, off_t(fileSize)), base != MAP_FAILED else {
      throw Self.failed(byteCount, errno)
    }
    fileSize += size
    let address = UInt(bitPattern: base)
    let storage = TensorStorage(UnsafeRawBufferPointer(start: base, count: size)) {
      munmap(UnsafeMutableRawPointer(bitPattern: address), size)
    }
    return Mapping(storage: storage, base: base)
  }

  private static func failed(_ byteCount: Int, _ code: Int32) -> RNNError {
    RNNError(.inputOutput, "no room for \(byteCount) bytes unpacked: \(String(cString: strerror(code)))",
      remedy: "set TMPDIR to a folder with more room")
  }
}
