import CHDF5
import RNNFormats
import RNNModel

extension HDF5Reader {
  /// Reads an object's attributes, in creation order if the file tracks it, else by name.
  mutating func attributes(
    of object: hid_t, _ creation: hid_t, _ path: String
  ) throws(RNNError) -> [HDF5Tree.Attribute] {
    var flags: UInt32 = 0
    try hdf5(H5Pget_attr_creation_order(creation, &flags), "its attributes cannot be read", at: path)
    let index = flags & UInt32(H5P_CRT_ORDER_TRACKED) != 0 ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME
    struct Walk {
      var names: [String] = []
      var badNames: [String] = []
      var budget: HDF5Budget
      var isTooMany = false
    }
    var walk = Walk(budget: budget)
    var position: hsize_t = 0
    let status = withUnsafeMutablePointer(to: &walk) { walk in
      H5Aiterate2(object, index, H5_ITER_INC, &position, { (_, name, _, context) in
        guard let name, let walk = context?.assumingMemoryBound(to: Walk.self) else { return 1 }
        guard walk.pointee.budget.takeObject() else {
          walk.pointee.isTooMany = true
          return 1
        }
        if let text = String(validatingCString: name) {
          walk.pointee.names.append(text)
        } else {
          walk.pointee.badNames.append(String(cString: name))
        }
        return 0
      }, walk)
    }
    budget = walk.budget
    if walk.isTooMany { throw HDF5Budget.tooMany(at: path) }
    try hdf5(status, "its attributes cannot be read", at: path)
    for name in walk.badNames { note("\(path), attribute \(name)", HDF5Obstacle(.metadata, "a name that is not UTF-8")) }
    var result: [HDF5Tree.Attribute] = []
    for name in walk.names {
      progress.addObject()
      let place = "\(path), attribute \(name)"
      let attribute = try HDF5Handle(H5Aopen(object, name, hdf5Default), "cannot be opened", at: place)
      if let value = try value(attribute.id, place) { result.append(HDF5Tree.Attribute(name, value)) }
    }
    return result
  }

  /// An attribute's value. Nil if it is listed as unreadable instead.
  private mutating func value(_ attribute: hid_t, _ place: String) throws(RNNError) -> JSONValue? {
    let type = try HDF5Handle(H5Aget_type(attribute), "its type cannot be read", at: place)
    let space = try HDF5Handle(H5Aget_space(attribute), "its shape cannot be read", at: place)
    if H5Sget_simple_extent_type(space.id) == H5S_NULL { return .null }
    let shape = try Self.shape(space.id, place)
    let (size, overflow) = shape.count.multipliedReportingOverflow(by: HDF5Budget.bytesPerValue)
    try budget.takeMetadata(overflow ? Int.max : size, at: place)
    let values: [JSONValue]?
    switch H5Tget_class(type.id) {
    case H5T_STRING:
      let strings = try HDF5Strings.read(type.id, space.id, count: shape.count, &budget, at: place) {
        H5Aread(attribute, $0, $1)
      }
      values = strings?.map { .string($0) }
      if strings == nil { note(place, HDF5Obstacle(.metadata, "text that is not UTF-8")) }
    case H5T_INTEGER:
      values = try integers(attribute, type.id, shape.count, place)
      if values == nil { note(place, HDF5Obstacle(.metadata, HDF5Datatype.unsupportedReason(type.id))) }
    case H5T_FLOAT:
      var numbers = [Double](repeating: 0, count: shape.count)
      try hdf5(H5Aread(attribute, rnn_h5t_native_double(), &numbers), "cannot be read", at: place)
      values = numbers.map { .number($0) }
    case H5T_ENUM where HDF5Datatype.isBool(type.id):
      var bytes = [UInt8](repeating: 0, count: shape.count)
      try hdf5(H5Aread(attribute, type.id, &bytes), "cannot be read", at: place)
      values = bytes.map { .bool($0 != 0) }
    default:
      note(place, HDF5Obstacle(.metadata, HDF5Datatype.unsupportedReason(type.id)))
      return nil
    }
    return values.map { JSONValue.nested($0, shape.dimensions) }
  }

  /// Nil if the values have more than 64 bits.
  private func integers(
    _ attribute: hid_t, _ type: hid_t, _ count: Int, _ place: String
  ) throws(RNNError) -> [JSONValue]? {
    guard H5Tget_size(type) <= 8 else { return nil }
    if H5Tget_sign(type) == H5T_SGN_NONE {
      var numbers = [UInt64](repeating: 0, count: count)
      try hdf5(H5Aread(attribute, rnn_h5t_native_uint64(), &numbers), "cannot be read", at: place)
      return numbers.map { number in Int64(exactly: number).map { .integer($0) } ?? .largeInteger(String(number)) }
    }
    var numbers = [Int64](repeating: 0, count: count)
    try hdf5(H5Aread(attribute, rnn_h5t_native_int64(), &numbers), "cannot be read", at: place)
    return numbers.map { .integer($0) }
  }
}
