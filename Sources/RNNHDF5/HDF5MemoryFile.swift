import CHDF5
import RNNModel

/// A file that libhdf5 reads and writes through our own driver, so that it never opens a file itself.
///
/// Reading uses the bytes of a mapped file. Writing stores the pages that were touched; the rest are holes. libhdf5's
/// own drivers are not suitable: they need a path, and on a full disk libhdf5 1.10 cannot close its file and crashes the
/// process at exit.
final class HDF5MemoryFile {
  private let storage: TensorStorage?
  /// Written pages by number.
  private var pages: [Int: [UInt8]] = [:]
  /// The end of the space that libhdf5 has allocated, which is the file's size once it is closed.
  fileprivate(set) var end = 0

  private static let pageSize = 4096
  private static let emptyPage = [UInt8](repeating: 0, count: pageSize)

  /// A file for reading.
  init(_ storage: TensorStorage) {
    self.storage = storage
  }

  /// An empty file for writing.
  init() {
    storage = nil
  }

  /// Calls `body` with the written pages and the last page, in file order. Between them are holes.
  func forEachPage(_ body: (_ offset: Int, _ bytes: UnsafeRawBufferPointer) throws(RNNError) -> Void) throws(RNNError) {
    // The file must end where libhdf5 says, even if that is in a hole.
    if end > 0 { pages[(end - 1) / Self.pageSize, default: Self.emptyPage] += [] }
    for (number, page) in pages.sorted(by: { $0.key < $1.key }) where number * Self.pageSize < end {
      let offset = number * Self.pageSize
      try page.withUnsafeBufferPointer { (page) throws(RNNError) in
        try body(offset, UnsafeRawBufferPointer(start: page.baseAddress, count: min(page.count, end - offset)))
      }
    }
  }

  /// The file's size in bytes.
  fileprivate var count: Int { storage?.count ?? end }

  fileprivate func read(_ bytes: UnsafeMutableRawBufferPointer, at offset: Int) -> Bool {
    if let storage {
      guard offset <= storage.count, bytes.count <= storage.count - offset else { return false }
      return (try? storage.copyBytes(at: offset, into: bytes)) != nil
    }
    Self.forEachPart(offset, bytes.count) { number, inPage, inBytes in
      let target = UnsafeMutableRawBufferPointer(rebasing: bytes[inBytes])
      guard let page = pages[number] else {
        target.initializeMemory(as: UInt8.self, repeating: 0)
        return
      }
      page.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[inPage])) }
    }
    return true
  }

  fileprivate func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
    guard storage == nil, !offset.addingReportingOverflow(bytes.count).overflow else { return false }
    Self.forEachPart(offset, bytes.count) { number, inPage, inBytes in
      pages[number, default: Self.emptyPage].withUnsafeMutableBytes {
        UnsafeMutableRawBufferPointer(rebasing: $0[inPage])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[inBytes]))
      }
    }
    return true
  }

  /// Splits a run of bytes at page boundaries.
  private static func forEachPart(
    _ offset: Int, _ count: Int, _ body: (_ page: Int, _ inPage: Range<Int>, _ inBytes: Range<Int>) -> Void
  ) {
    var done = 0
    while done < count {
      let (number, start) = (offset + done).quotientAndRemainder(dividingBy: pageSize)
      let size = min(pageSize - start, count - done)
      body(number, start..<start + size, done..<done + size)
      done += size
    }
  }
}

/// The libhdf5 driver for `HDF5MemoryFile`, registered for the lifetime of this value.
struct HDF5MemoryDriver: ~Copyable {
  private let id: hid_t

  init() throws(RNNError) {
    var driver = H5FD_class_t()
    rnn_h5fd_prepare(&driver)
    driver.maxaddr = haddr_t(Int.max)
    driver.fc_degree = H5F_CLOSE_STRONG
    driver.fapl_size = MemoryLayout<UnsafeMutableRawPointer>.size
    driver.open = { _, _, access, _ in
      guard let info = H5Pget_driver_info(access) else { return nil }
      let context = info.load(as: UnsafeMutableRawPointer.self)
      let open = UnsafeMutablePointer<OpenFile>.allocate(capacity: 1)
      open.initialize(to: OpenFile(file: Unmanaged<HDF5MemoryFile>.fromOpaque(context).retain()))
      return UnsafeMutableRawPointer(open).assumingMemoryBound(to: H5FD_t.self)
    }
    driver.close = { file in
      guard let file else { return -1 }
      let open = UnsafeMutableRawPointer(file).assumingMemoryBound(to: OpenFile.self)
      open.pointee.file.release()
      open.deinitialize(count: 1)
      open.deallocate()
      return 0
    }
    driver.get_eoa = { file, _ in haddr_t(Self.file(file)?.end ?? 0) }
    driver.set_eoa = { file, _, address in
      guard let end = Int(exactly: address), let file = Self.file(file) else { return -1 }
      file.end = end
      return 0
    }
    driver.get_eof = { file, _ in haddr_t(Self.file(file)?.count ?? 0) }
    driver.read = { file, _, _, address, size, buffer in
      guard let offset = Int(exactly: address), let file = Self.file(file) else { return -1 }
      return file.read(UnsafeMutableRawBufferPointer(start: buffer, count: size), at: offset) ? 0 : -1
    }
    driver.write = { file, _, _, address, size, buffer in
      guard let offset = Int(exactly: address), let file = Self.file(file) else { return -1 }
      return file.write(UnsafeRawBufferPointer(start: buffer, count: size), at: offset) ? 0 : -1
    }
    id = try hdf5("RNNKit memory".withCString { name in
      driver.name = name
      return H5FDregister(&driver)
    }, "libhdf5 does not take a driver", at: nil)
  }

  deinit { H5FDunregister(id) }

  /// Sets up a file access list for `file` and opens the file.
  func open(_ file: HDF5MemoryFile, _ access: hid_t, _ open: () -> hid_t) throws(RNNError) -> hid_t {
    var context = Unmanaged.passUnretained(file).toOpaque()
    try hdf5(H5Pset_driver(access, id, &context), "libhdf5 does not take a driver", at: nil)
    return withExtendedLifetime(file) { open() }
  }

  /// libhdf5's record of an open file. Its own part comes first.
  private struct OpenFile {
    var header = H5FD_t()
    var file: Unmanaged<HDF5MemoryFile>
  }

  private static func file(_ file: UnsafePointer<H5FD_t>?) -> HDF5MemoryFile? {
    file.map { UnsafeRawPointer($0).assumingMemoryBound(to: OpenFile.self).pointee.file.takeUnretainedValue() }
  }
}
