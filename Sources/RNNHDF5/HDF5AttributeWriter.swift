import CHDF5
import RNNFormats
import RNNModel

extension HDF5Writer {
  /// Writes an object's attributes.
  static func write(_ attributes: [HDF5Tree.Attribute], to object: hid_t, _ path: String) throws(RNNError) {
    for attribute in attributes {
      let place = "\(path), attribute \(attribute.name)"
      guard !attribute.name.isEmpty, !attribute.name.utf8.contains(0) else {
        throw RNNError(.badData, place: place, "HDF5 cannot hold the name", remedy: "rename it")
      }
      try write(attribute, to: object, at: place)
    }
  }

  private static func write(_ attribute: HDF5Tree.Attribute, to object: hid_t, at place: String) throws(RNNError) {
    let values = attribute.value.array
    let shape = Shape(values.map { [$0.count] } ?? []) ?? nil
    guard let shape else { throw unsupported(place) }
    let space = attribute.value == .null
      ? try HDF5Handle(H5Screate(H5S_NULL), "cannot be written", at: place) : try space(shape, at: place)
    let list = values ?? [attribute.value]
    switch list.first {
    case nil, .null:
      guard values?.isEmpty ?? true else { throw unsupported(place) }
      // An empty list has no element type: use float64, as NumPy does.
      _ = try create(attribute.name, on: object, try HDF5Datatype.writing(.float64), space, at: place)
    case .string:
      let strings = list.compactMap(\.string)
      guard strings.count == list.count else { throw unsupported(place) }
      let type = try stringType(at: place)
      let typeID = type.id
      let made = try create(attribute.name, on: object, type, space, at: place)
      let id = made.id
      try withPointers(to: strings, at: place) { H5Awrite(id, typeID, $0) }
    case .bool:
      try write(list.map { $0.bool.map { UInt8($0 ? 1 : 0) } }, .bool, attribute.name, on: object, space, at: place)
    case .integer, .largeInteger:
      let signed = list.map { value -> Int64? in if case .integer(let number) = value { number } else { nil } }
      if signed.contains(nil) {
        try write(list.map(Self.unsigned), .uint64, attribute.name, on: object, space, at: place)
      } else {
        try write(signed, .int64, attribute.name, on: object, space, at: place)
      }
    case .number:
      try write(
        list.map { value -> Double? in if case .number(let number) = value { number } else { nil } }, .float64,
        attribute.name, on: object, space, at: place)
    case .array, .object:
      throw unsupported(place)
    }
  }

  private static func unsigned(_ value: JSONValue) -> UInt64? {
    switch value {
    case .integer(let number): UInt64(exactly: number)
    case .largeInteger(let digits): UInt64(digits)
    default: nil
    }
  }

  private static func write<Value>(
    _ values: [Value?], _ type: ElementType, _ name: String, on object: hid_t, _ space: borrowing HDF5Handle,
    at place: String
  ) throws(RNNError) {
    let known = values.compactMap { $0 }
    guard known.count == values.count else { throw unsupported(place) }
    let type = try HDF5Datatype.writing(type)
    let typeID = type.id
    let attribute = try create(name, on: object, type, space, at: place)
    let status = known.withUnsafeBytes { H5Awrite(attribute.id, typeID, $0.baseAddress) }
    try hdf5(status, "cannot be written", at: place)
  }

  private static func create(
    _ name: String, on object: hid_t, _ type: borrowing HDF5Handle, _ space: borrowing HDF5Handle, at place: String
  ) throws(RNNError) -> HDF5Handle {
    let creation = try HDF5Handle(H5Pcreate(rnn_h5p_attribute_create()), "cannot be created", at: place)
    try hdf5(H5Pset_char_encoding(creation.id, H5T_CSET_UTF8), "cannot be created", at: place)
    return try HDF5Handle(
      H5Acreate2(object, name, type.id, space.id, creation.id, hdf5Default), "cannot be created", at: place)
  }

  /// Variable-length UTF-8 text, which h5py reads as `str`.
  static func stringType(at place: String) throws(RNNError) -> HDF5Handle {
    let type = try HDF5Handle(H5Tcopy(rnn_h5t_c_string()), "a type cannot be made", at: place)
    try hdf5(H5Tset_size(type.id, rnn_h5t_variable()), "a type cannot be made", at: place)
    try hdf5(H5Tset_cset(type.id, H5T_CSET_UTF8), "a type cannot be made", at: place)
    return type
  }

  /// Calls `body` with the strings as an array of C strings.
  static func withPointers(
    to strings: [String], at place: String, _ body: (UnsafeRawPointer?) -> herr_t
  ) throws(RNNError) {
    guard !strings.contains(where: { $0.utf8.contains(0) }) else {
      throw RNNError(.badData, place: place, "HDF5 cannot hold a text with a zero character", remedy: "remove it")
    }
    var bytes: [CChar] = []
    var starts: [Int] = []
    for string in strings {
      starts.append(bytes.count)
      bytes.append(contentsOf: string.utf8CString)
    }
    let status = bytes.withUnsafeBufferPointer { bytes in
      starts.map { start in bytes.baseAddress.map { $0 + start } }.withUnsafeBytes { body($0.baseAddress) }
    }
    try hdf5(status, "cannot be written", at: place)
  }

  private static func unsupported(_ place: String) -> RNNError {
    RNNError(.badData, place: place,
      "an attribute can be a text, a number, true or false, or a list of one of these",
      remedy: "keep it as JSON text instead")
  }
}
