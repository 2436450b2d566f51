import RNNModel
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Room for bytes that a file does not hold as they are needed: unpacked, converted, transposed.
///
/// The first and small ones stay in memory; the rest goes to nameless files, in `TMPDIR` or `/var/tmp`, that are mapped
/// and leave memory again as soon as they are written or have been read. So a model of any size takes little memory.
package final class ScratchSpace: Sendable {
  /// Bytes from this size on never stay in memory.
  package static let largeSize = 16 << 20
  /// All that stays in memory.
  static let memoryBudget = 64 << 20
  /// The least that is mapped at a time, so that a million small tensors need few mappings.
  private static let regionSize = 64 << 20

  /// For everyone who may open files. A process has its own: what `fork` leaves to a child is mapped by both, who would
  /// fill the same room, and perhaps locked by a thread that the child does not have.
  package static var shared: ScratchSpace {
    while true {
      let address = current.load(ordering: .acquiring)
      if let pointer = UnsafeRawPointer(bitPattern: address) {
        let space = Unmanaged<ScratchSpace>.fromOpaque(pointer).takeUnretainedValue()
        if space.process == getpid() { return space }
      }
      // Never released: there is one for each process of a line of forks.
      let new = Unmanaged.passRetained(ScratchSpace(nil))
      let desired = UInt(bitPattern: new.toOpaque())
      if current.compareExchange(expected: address, desired: desired, ordering: .acquiringAndReleasing).exchanged {
        return new.takeUnretainedValue()
      }
      new.release()
    }
  }

  /// The address of the process's own.
  private static let current = Atomic<UInt>(0)
  private let process = getpid()

  /// A mapped part of a file.
  private struct Region {
    var storage: TensorStorage
    var address: UInt
  }

  private struct State {
    /// Of the given file.
    var fileSize = 0
    /// The region that small tensors fill, and how far.
    var current: Region?
    var used = 0
  }

  private let descriptor: Int32?
  private let state = Mutex(State())
  private let inMemory = Atomic<Int>(0)

  /// Uses an open, empty file that stays the caller's, or, with none, files of its own.
  package init(_ descriptor: Int32?) {
    self.descriptor = descriptor
  }

  /// Makes `count` bytes, zeros at first, and lets `fill` write them. Throws `inputOutput` where there is no room.
  package func storage(
    _ count: Int, fill: (inout ScratchRoom) throws(RNNError) -> Void
  ) throws(RNNError) -> TensorStorage {
    if count < Self.largeSize, inMemory.load(ordering: .relaxed) + count <= Self.memoryBudget {
      inMemory.add(count, ordering: .relaxed)
      let memory: TensorStorage
      do throws(RNNError) {
        memory = try TensorStorage(count: count) { (bytes) throws(RNNError) in
          var room = ScratchRoom(bytes: bytes, isMapped: false)
          try fill(&room)
        }
      } catch {
        inMemory.subtract(count, ordering: .relaxed)
        throw error
      }
      return memory.withUnsafeBytes { bytes in
        TensorStorage(bytes) { [self] in
          _ = memory
          inMemory.subtract(count, ordering: .relaxed)
        }
      }
    }
    let mapped = try room(count)
    var room = ScratchRoom(bytes: mapped.bytes, isMapped: true)
    try fill(&room)
    room.finish()
    return mapped.storage
  }

  /// Room for `count` bytes, zeros at first, in a file however few they are. Throws `inputOutput` where there is none.
  package func room(_ count: Int) throws(RNNError) -> OutputRoom {
    let (region, offset) = try state.withLock { (state) throws(RNNError) in try place(count, &state) }
    guard let part = region.storage.slice(at: offset, count: count) else {
      throw RNNError(.defect, "a part of the temporary file is not inside it")
    }
    let bytes = UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(bitPattern: region.address + UInt(offset)), count: count)
    return OutputRoom(bytes, in: part)
  }

  /// Finds room for that many bytes.
  private func place(_ count: Int, _ state: inout State) throws(RNNError) -> (Region, offset: Int) {
    // Large ones have a region of their own, so that the current one is filled up by small ones.
    if count > Self.regionSize { return (try extend(by: count, &state), 0) }
    if let current = state.current, state.used + count <= current.storage.count {
      defer { state.used = (state.used + count + 63) & ~63 }
      return (current, state.used)
    }
    let region = try extend(by: Self.regionSize, &state)
    (state.current, state.used) = (region, (count + 63) & ~63)
    return (region, 0)
  }

  /// Maps that much more of a file.
  private func extend(by count: Int, _ state: inout State) throws(RNNError) -> Region {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let (padded, overflow) = count.addingReportingOverflow(page - 1)
    guard !overflow else { throw Self.failed(count, EFBIG, nil) }
    let size = padded / page * page
    let own = descriptor == nil ? try ScratchFile() : nil
    defer { withExtendedLifetime(own) {} }
    let (file, start) = own.map { ($0.descriptor, 0) } ?? (descriptor ?? -1, state.fileSize)
    try ScratchFile.requireRoom(size, on: file, in: own?.folder)
    // Room is claimed now: a full disk is an error here, and a signal in the middle of a write to the mapping.
    #if canImport(Darwin)
      let code = ftruncate(file, off_t(start + size)) == 0 ? 0 : errno
    #else
      let code = posix_fallocate(file, off_t(start), off_t(size))
    #endif
    guard code == 0 else { throw Self.failed(count, code, own?.folder) }
    guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, off_t(start)), base != MAP_FAILED else {
      throw Self.failed(count, errno, own?.folder)
    }
    if own == nil { state.fileSize += size }
    let address = UInt(bitPattern: base)
    let storage = TensorStorage(
      UnsafeRawBufferPointer(start: base, count: size),
      read: { (offset, target) throws(RNNError) in
        let source = UnsafeMutableRawBufferPointer(
          start: UnsafeMutableRawPointer(bitPattern: address + UInt(offset)), count: target.count)
        target.copyMemory(from: UnsafeRawBufferPointer(source))
        MappedPages.drop(address, offset..<offset + target.count)
      },
      forget: { MappedPages.drop(address, $0) },
      release: { munmap(UnsafeMutableRawPointer(bitPattern: address), size) })
    return Region(storage: storage, address: address)
  }

  /// Throws `inputOutput`, before anything is unpacked, where so many bytes in all would find no room. What stays in
  /// memory is left out of account.
  package func requireRoom(_ count: Int) throws(RNNError) {
    guard descriptor == nil, count > Self.memoryBudget else { return }
    let file = try ScratchFile()
    try ScratchFile.requireRoom(count, on: file.descriptor, in: file.folder)
  }

  private static func failed(_ count: Int, _ code: Int32, _ folder: String?) -> RNNError {
    RNNError(.inputOutput, file: folder, "no room for \(count) temporary bytes: \(systemMessage(code))",
      remedy: scratchRemedy(code))
  }
}

/// Room that is being filled, best from its start.
package struct ScratchRoom: ~Copyable {
  package let bytes: UnsafeMutableRawBufferPointer
  private let isMapped: Bool
  private var dropped = 0
  private static let run = 8 << 20

  fileprivate init(bytes: UnsafeMutableRawBufferPointer, isMapped: Bool) {
    self.bytes = bytes
    self.isMapped = isMapped
  }

  /// Says that the first `count` bytes are written, and need not stay in memory where they are in a file too.
  package mutating func wrote(_ count: Int) {
    guard isMapped, count - dropped >= Self.run else { return }
    Self.drop(UnsafeMutableRawBufferPointer(rebasing: bytes[dropped..<count]))
    dropped = count
  }

  /// Says that bytes which were written are written anew, and need not stay in memory either.
  package func changed(_ range: Range<Int>) {
    if isMapped { Self.drop(UnsafeMutableRawBufferPointer(rebasing: bytes[range])) }
  }

  fileprivate func finish() {
    if isMapped { Self.drop(bytes) }
  }

  private static func drop(_ bytes: UnsafeMutableRawBufferPointer) {
    MappedPages.drop(UInt(bitPattern: bytes.baseAddress), 0..<bytes.count)
  }
}

/// Pages of a file that is mapped.
enum MappedPages {
  /// Takes the pages that a range of the bytes at an address touches out of this process's memory. They stay in the file.
  static func drop(_ address: UInt, _ range: Range<Int>) {
    let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
    let start = (address + UInt(range.lowerBound)) / page * page
    let end = (address + UInt(range.upperBound) + page - 1) / page * page
    madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), MADV_DONTNEED)
  }
}

extension TensorStorage {
  /// Addresses for so many bytes that nobody may touch, for tensors of which only type and shape are meant.
  package static func unreadable(count: Int) throws(RNNError) -> TensorStorage { try mapped(count, PROT_NONE) }

  /// So many zeros, which take no memory of their own.
  static func zeros(count: Int) throws(RNNError) -> TensorStorage { try mapped(count, PROT_READ) }

  private static func mapped(_ count: Int, _ protection: Int32) throws(RNNError) -> TensorStorage {
    guard count > 0 else { return TensorStorage(UnsafeRawBufferPointer(start: nil, count: 0)) {} }
    guard let base = mmap(nil, count, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), base != MAP_FAILED else {
      throw RNNError(.inputOutput, "no room for the addresses of \(count) bytes: \(systemMessage(errno))",
        remedy: systemRemedy(errno) ?? "carry fewer tensors")
    }
    let address = UInt(bitPattern: base)
    return TensorStorage(UnsafeRawBufferPointer(start: base, count: count)) {
      munmap(UnsafeMutableRawPointer(bitPattern: address), count)
    }
  }
}
