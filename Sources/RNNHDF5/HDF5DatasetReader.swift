import CHDF5
import RNNFormats
import RNNModel

extension HDF5Reader {
  /// Reads a dataset. Nil if it is listed as unreadable instead.
  mutating func dataset(_ id: hid_t, _ path: String) throws(RNNError) -> HDF5Tree.Node? {
    let creation = try HDF5Handle(H5Dget_create_plist(id), "the dataset cannot be read", at: path)
    // Check this first: libhdf5 opens other files to answer other questions about a virtual dataset.
    let layout = H5Pget_layout(creation.id)
    if let obstacle = try Self.obstacle(creation.id, layout, path) {
      note(path, obstacle)
      return nil
    }
    let type = try HDF5Handle(H5Dget_type(id), "its type cannot be read", at: path)
    let space = try HDF5Handle(H5Dget_space(id), "its shape cannot be read", at: path)
    guard H5Sget_simple_extent_type(space.id) != H5S_NULL else {
      note(path, HDF5Obstacle(.metadata, "a dataset without a shape"))
      return nil
    }
    if H5Tget_class(type.id) == H5T_STRING { return try strings(id, type.id, space.id, creation.id, path) }
    let shape = try Self.shape(space.id, path)
    let isNamed = H5Aexists(id, "dtype") > 0
    guard let datatype = try HDF5Datatype.reading(type.id, isNamed: isNamed, at: path) else {
      note(path, HDF5Obstacle.type(type.id, path))
      return nil
    }
    let (byteCount, overflow) = shape.count.multipliedReportingOverflow(by: datatype.elementType.byteCount)
    guard !overflow else { throw Self.tooLarge(shape, path) }
    let attributes = try attributes(of: id, creation.id, path)
    if layout == H5D_CONTIGUOUS, datatype.isExact, byteCount > 0 {
      let address = H5Dget_offset(id)
      if address != rnn_h5_no_address() {
        let offset = try mapped(address, byteCount, path)
        guard let tensor = Tensor(datatype.elementType, shape, in: storage, at: offset) else {
          throw Self.tooLarge(shape, path)
        }
        return .dataset(HDF5Tree.Dataset(tensor, attributes: attributes, fileOffset: offset))
      }
      H5Eclear2(hid_t(H5E_DEFAULT))
    }
    try checkStored(id, byteCount, isCompact: layout == H5D_COMPACT, path)
    var chunk = [Int](repeating: 1, count: shape.rank)
    if layout == H5D_CHUNKED {
      chunk = try Self.chunk(creation.id, shape.rank, datatype.elementType.byteCount, path)
      HDF5LZF.expect(chunkSize: chunk.reduce(H5Tget_size(type.id), &*))
    }
    let elementType = datatype.elementType
    let memoryType = datatype.memoryType.id
    let storage = try scratch.storage(byteCount) { (room) throws(RNNError) in
      guard let base = room.bytes.baseAddress, byteCount > 0 else { return }
      var end = 0
      let boxes = HDF5Boxes(shape.dimensions, multiplesOf: chunk, elementSize: elementType.byteCount)
      try boxes.forEach { (start, count) throws(RNNError) in
        if !count.isEmpty {
          let status = H5Sselect_hyperslab(
            space.id, H5S_SELECT_SET, start.map(hsize_t.init), nil, count.map(hsize_t.init), nil)
          try hdf5(status, "its elements cannot be selected", at: path)
        }
        try hdf5(
          H5Dread(id, memoryType, space.id, space.id, hdf5Default, base), "its elements cannot be read", at: path)
        let read = count.reduce(elementType.byteCount, &*)
        end += read
        room.wrote(end)
        progress.add(read)
      }
    }
    guard let tensor = Tensor(elementType, shape, in: storage) else { throw Self.tooLarge(shape, path) }
    return .dataset(HDF5Tree.Dataset(tensor, attributes: attributes))
  }

  /// Why a dataset's storage cannot be read: it is in other files, or needs a filter that is not available.
  private static func obstacle(
    _ creation: hid_t, _ layout: H5D_layout_t, _ path: String
  ) throws(RNNError) -> HDF5Obstacle? {
    if layout == H5D_VIRTUAL { return .virtual }
    guard [H5D_CONTIGUOUS, H5D_CHUNKED, H5D_COMPACT].contains(layout) else { return .unknownLayout }
    if try hdf5(H5Pget_external_count(creation), "the dataset cannot be read", at: path) > 0 { return .external }
    let count = try hdf5(H5Pget_nfilters(creation), "its filters cannot be read", at: path)
    for index in 0..<count {
      var flags: UInt32 = 0, config: UInt32 = 0
      var valueCount = 0
      var name = [CChar](repeating: 0, count: 64)
      let filter = try hdf5(
        H5Pget_filter2(creation, UInt32(index), &flags, &valueCount, nil, name.count - 1, &name, &config),
        "its filters cannot be read", at: path)
      guard H5Zfilter_avail(filter) <= 0 else { continue }
      let text = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      return .filter(Int(filter), text)
    }
    return nil
  }

  static func shape(_ space: hid_t, _ path: String) throws(RNNError) -> Shape {
    let rank = try hdf5(H5Sget_simple_extent_ndims(space), "its shape cannot be read", at: path)
    var sizes = [hsize_t](repeating: 0, count: Int(rank))
    if rank > 0 { try hdf5(H5Sget_simple_extent_dims(space, &sizes, nil), "its shape cannot be read", at: path) }
    let dimensions = sizes.compactMap { Int(exactly: $0) }
    guard dimensions.count == sizes.count, let shape = Shape(dimensions) else {
      throw RNNError(.badData, place: path,
        "its shape (\(sizes.map { String($0) }.joined(separator: ", "))) is more than memory can hold",
        remedy: "write the file again; it is damaged")
    }
    return shape
  }

  /// Checks that a contiguous dataset is inside the file and returns its offset, which already includes a user block.
  private mutating func mapped(_ address: haddr_t, _ byteCount: Int, _ path: String) throws(RNNError) -> Int {
    guard let offset = Int(exactly: address), offset <= storage.count, byteCount <= storage.count - offset else {
      throw RNNError(.badData, place: path,
        "\(byteCount) bytes are expected at offset \(address), the file has only \(storage.count)",
        remedy: "copy the file again; it is cut short or damaged")
    }
    extents.append(Extent(path: path, start: offset, end: offset + byteCount))
    return offset
  }

  /// Checks the size that a dataset claims against the bytes stored for it, before memory is allocated.
  mutating func checkStored(_ id: hid_t, _ byteCount: Int, isCompact: Bool, _ path: String) throws(RNNError) {
    let stored = H5Dget_storage_size(id)
    guard stored <= UInt64(storage.count) else {
      throw RNNError(.badData, place: path, "\(stored) bytes are said to be stored, the file has only \(storage.count)",
        remedy: "copy the file again; it is damaged")
    }
    let (inflated, overflow) = Int(stored).multipliedReportingOverflow(by: Limits.maximumInflationRatio)
    guard overflow || byteCount <= max(inflated, Limits.maximumUnstoredSize) else {
      throw RNNError(.badData, place: path,
        "it claims \(byteCount) bytes, of which \(stored) are stored: more than \(Limits.maximumInflationRatio) to 1",
        remedy: "write the file again without compression, or with all its elements")
    }
    try budget.takeUnpacked(byteCount, at: path)
  }

  /// The chunks' sizes, by axis.
  static func chunk(
    _ creation: hid_t, _ rank: Int, _ elementSize: Int, _ path: String
  ) throws(RNNError) -> [Int] {
    var sizes = [hsize_t](repeating: 1, count: max(rank, 1))
    let count = try hdf5(H5Pget_chunk(creation, Int32(rank), &sizes), "its chunks cannot be read", at: path)
    var byteCount = elementSize
    for size in sizes.prefix(rank) {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: Int(clamping: size))
      byteCount = overflow ? Int.max : product
    }
    guard Int(count) == rank, sizes.allSatisfy({ $0 > 0 }), byteCount <= Limits.maximumChunkSize else {
      throw RNNError(.badData, place: path,
        "its chunks are \(byteCount) bytes each, more than \(Limits.maximumChunkSize >> 20) MiB",
        remedy: "write it with smaller chunks: h5repack -l CHUNK=…")
    }
    return sizes.prefix(rank).map { Int(clamping: $0) }
  }

  private static func tooLarge(_ shape: Shape, _ path: String) -> RNNError {
    RNNError(.badData, place: path, "a shape of \(shape) is more than memory can hold",
      remedy: "write the file again; it is damaged")
  }
}

/// Splits a dataset into boxes that are consecutive in memory. Each consists of whole chunks, so that every chunk is
/// unpacked once and libhdf5 tracks few chunks at a time.
struct HDF5Boxes {
  private let dimensions: [Int]
  private let box: [Int]

  init(_ dimensions: [Int], multiplesOf chunk: [Int], elementSize: Int, target: Int = 8 << 20) {
    var box = zip(chunk, dimensions).map { min($0, $1) }
    var byteCount = box.reduce(elementSize) { $0.multipliedReportingOverflow(by: $1).partialValue }
    for axis in box.indices.reversed() where byteCount > 0 {
      let size = box[axis]
      let whole = (dimensions[axis] + size - 1) / size
      let times = max(1, min(whole, target / byteCount))
      box[axis] = times == whole ? dimensions[axis] : size * times
      byteCount *= times
      if times < whole { break }
    }
    self.dimensions = dimensions
    self.box = box
  }

  /// Calls `body` with the start and the size of each box, row-major. A scalar has one box without axes.
  func forEach(_ body: (_ start: [Int], _ count: [Int]) throws(RNNError) -> Void) throws(RNNError) {
    if dimensions.contains(0) { return }
    var start = [Int](repeating: 0, count: dimensions.count)
    while true {
      try body(start, start.indices.map { min(box[$0], dimensions[$0] - start[$0]) })
      var axis = dimensions.count - 1
      while axis >= 0 {
        start[axis] += box[axis]
        if start[axis] < dimensions[axis] { break }
        start[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
