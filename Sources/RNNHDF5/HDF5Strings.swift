import CHDF5
import RNNFormats
import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads the strings of a dataset or attribute, of fixed length (padded with zeros or spaces) or of variable length.
enum HDF5Strings {
  /// Reads `count` strings with `transfer`, which gets the memory type and the memory. Nil if one is not UTF-8.
  static func read(
    _ type: hid_t, _ space: hid_t, count: Int, _ budget: inout HDF5Budget, at place: String,
    transferList: hid_t = hdf5Default, _ transfer: (_ type: hid_t, _ memory: UnsafeMutableRawPointer?) -> herr_t
  ) throws(RNNError) -> [String]? {
    if try hdf5(H5Tis_variable_str(type), "its type cannot be read", at: place) == 0 {
      return try fixed(type, count, &budget, at: place, transfer)
    }
    var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
    let status = pointers.withUnsafeMutableBytes { transfer(type, $0.baseAddress) }
    defer { _ = pointers.withUnsafeMutableBytes { H5Dvlen_reclaim(type, space, transferList, $0.baseAddress) } }
    try hdf5(status, "cannot be read", at: place)
    var result: [String] = []
    for pointer in pointers {
      guard let pointer else {
        result.append("")
        continue
      }
      try budget.takeMetadata(strlen(pointer), at: place)
      guard let text = String(validatingCString: pointer) else { return nil }
      result.append(text)
    }
    return result
  }

  private static func fixed(
    _ type: hid_t, _ count: Int, _ budget: inout HDF5Budget, at place: String,
    _ transfer: (hid_t, UnsafeMutableRawPointer?) -> herr_t
  ) throws(RNNError) -> [String]? {
    let size = H5Tget_size(type)
    let (total, overflow) = count.multipliedReportingOverflow(by: size)
    try budget.takeMetadata(overflow ? Int.max : total, at: place)
    var bytes = [UInt8](repeating: 0, count: total)
    let status = bytes.withUnsafeMutableBytes { transfer(type, $0.baseAddress) }
    try hdf5(status, "cannot be read", at: place)
    let padding = H5Tget_strpad(type)
    var result: [String] = []
    for index in 0..<count {
      var text = bytes[index * size..<(index + 1) * size]
      switch padding {
      case H5T_STR_NULLTERM: text = text.prefix { $0 != 0 }
      case H5T_STR_SPACEPAD: while text.last == 0x20 { text.removeLast() }
      default: while text.last == 0 { text.removeLast() }
      }
      guard let string = String(validating: text, as: UTF8.self) else { return nil }
      result.append(string)
    }
    return result
  }
}

extension HDF5Reader {
  /// Reads a dataset of strings. Nil if it is listed as unreadable instead.
  mutating func strings(
    _ id: hid_t, _ type: hid_t, _ space: hid_t, _ creation: hid_t, _ path: String
  ) throws(RNNError) -> HDF5Tree.Node? {
    let shape = try Self.shape(space, path)
    let attributes = try attributes(of: id, creation, path)
    let elementSize = max(H5Tget_size(type), HDF5Budget.bytesPerValue)
    let (size, overflow) = shape.count.multipliedReportingOverflow(by: elementSize)
    guard !overflow, size <= budget.metadata else {
      note(path, HDF5Obstacle(.metadata, "\(shape.count) strings, more than are read"))
      return nil
    }
    try budget.takeMetadata(shape.count * HDF5Budget.bytesPerValue, at: path)
    if H5Pget_layout(creation) == H5D_CHUNKED {
      let chunk = try Self.chunk(creation, shape.rank, H5Tget_size(type), path)
      HDF5LZF.expect(chunkSize: chunk.reduce(H5Tget_size(type), &*))
    }
    // The sizes of the strings become known only when libhdf5 allocates them.
    let left = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    left.initialize(to: budget.metadata)
    defer { left.deallocate() }
    let transfer = try HDF5Handle(H5Pcreate(rnn_h5p_dataset_transfer()), "cannot be read", at: path)
    let allocate: H5MM_allocate_t = { (size, context) in
      guard let left = context?.assumingMemoryBound(to: Int.self), size <= left.pointee else { return nil }
      left.pointee -= size
      return malloc(size)
    }
    try hdf5(
      H5Pset_vlen_mem_manager(transfer.id, allocate, left, { (memory, _) in free(memory) }, left),
      "cannot be read", at: path)
    let list = transfer.id
    let values = try HDF5Strings.read(type, space, count: shape.count, &budget, at: path, transferList: list) {
      H5Dread(id, $0, hdf5Default, hdf5Default, list, $1)
    }
    guard let values else {
      note(path, HDF5Obstacle(.metadata, "text that is not UTF-8"))
      return nil
    }
    return .strings(HDF5Tree.Strings(values, shape, attributes: attributes))
  }
}
