import CHDF5
import RNNModel

/// How a file's datatype is read: the element type, and the memory type that libhdf5 converts to.
struct HDF5Datatype: ~Copyable {
  let elementType: ElementType
  /// The type's little-endian form.
  let memoryType: HDF5Handle
  /// Whether the file's bytes are the tensor's bytes, without conversion.
  let isExact: Bool

  private init(_ elementType: ElementType, _ memoryType: consuming HDF5Handle, isExact: Bool) {
    self.elementType = elementType
    self.memoryType = memoryType
    self.isExact = isExact
  }

  /// Nil for a type that no tensor has; `unsupportedReason` describes it. `isNamed` says that an attribute names the type.
  static func reading(_ type: hid_t, isNamed: Bool, at place: String) throws(RNNError) -> HDF5Datatype? {
    switch H5Tget_class(type) {
    case H5T_INTEGER: try integer(type, at: place)
    case H5T_FLOAT: try float(type, at: place)
    case H5T_ENUM: try isBool(type) ? HDF5Datatype(.bool, copy(type, at: place), isExact: true) : nil
    case H5T_COMPOUND: try complex(type, at: place)
    // h5py writes NumPy types of other packages this way. Keras writes bfloat16 so, with the name in an attribute.
    case H5T_OPAQUE where isNamed && H5Tget_size(type) == 2:
      HDF5Datatype(.uint16, try copy(type, at: place), isExact: true)
    default: nil
    }
  }

  /// The type to write elements with.
  static func writing(_ elementType: ElementType) throws(RNNError) -> HDF5Handle {
    switch elementType {
    case .int8: return try copy(rnn_h5t_int8(), at: nil)
    case .int16: return try copy(rnn_h5t_int16(), at: nil)
    case .int32: return try copy(rnn_h5t_int32(), at: nil)
    case .int64: return try copy(rnn_h5t_int64(), at: nil)
    case .uint8: return try copy(rnn_h5t_uint8(), at: nil)
    case .uint16: return try copy(rnn_h5t_uint16(), at: nil)
    case .uint32: return try copy(rnn_h5t_uint32(), at: nil)
    case .uint64: return try copy(rnn_h5t_uint64(), at: nil)
    case .bool: return try boolType()
    case .complex64: return try compound(of: try writing(.float32))
    case .complex128: return try compound(of: try writing(.float64))
    case .float64, .float32, .float16, .bfloat16, .float8_e4m3fn, .float8_e5m2:
      guard let entry = FloatLayout.all.first(where: { $0.elementType == elementType }) else {
        throw RNNError(.defect, "no HDF5 type for \(elementType.rawValue)")
      }
      return try entry.layout.type()
    }
  }

  /// A description of a type that no tensor has.
  static func unsupportedReason(_ type: hid_t) -> String {
    switch H5Tget_class(type) {
    case H5T_INTEGER: "an integer of \(H5Tget_size(type)) bytes"
    case H5T_FLOAT: "a floating-point number of \(H5Tget_size(type)) bytes in an unknown layout"
    case H5T_STRING: "a string"
    case H5T_BITFIELD: "a bit field"
    case H5T_OPAQUE: "opaque bytes"
    case H5T_COMPOUND: "a compound type"
    case H5T_REFERENCE: "references"
    case H5T_ENUM: "an enumeration other than h5py's bool"
    case H5T_VLEN: "variable-length lists"
    case H5T_ARRAY: "an array type"
    case H5T_TIME: "a time"
    default: "an unknown type"
    }
  }

  private static func copy(_ type: hid_t, at place: String?) throws(RNNError) -> HDF5Handle {
    try HDF5Handle(H5Tcopy(type), "its type cannot be copied", at: place)
  }

  private static func integer(_ type: hid_t, at place: String) throws(RNNError) -> HDF5Datatype? {
    let isSigned = H5Tget_sign(type) == H5T_SGN_2
    let size = H5Tget_size(type)
    let elementType: ElementType
    let memoryType: hid_t
    switch (size, isSigned) {
    case (1, true): (elementType, memoryType) = (.int8, rnn_h5t_int8())
    case (1, false): (elementType, memoryType) = (.uint8, rnn_h5t_uint8())
    case (2, true): (elementType, memoryType) = (.int16, rnn_h5t_int16())
    case (2, false): (elementType, memoryType) = (.uint16, rnn_h5t_uint16())
    case (3...4, true): (elementType, memoryType) = (.int32, rnn_h5t_int32())
    case (3...4, false): (elementType, memoryType) = (.uint32, rnn_h5t_uint32())
    case (5...8, true): (elementType, memoryType) = (.int64, rnn_h5t_int64())
    case (5...8, false): (elementType, memoryType) = (.uint64, rnn_h5t_uint64())
    default: return nil
    }
    guard size == 1 || hasByteOrder(type) else { return nil }
    return HDF5Datatype(elementType, try copy(memoryType, at: place), isExact: H5Tequal(type, memoryType) > 0)
  }

  private static func float(_ type: hid_t, at place: String) throws(RNNError) -> HDF5Datatype? {
    guard hasByteOrder(type), let layout = FloatLayout(of: type),
      let elementType = FloatLayout.all.first(where: { $0.layout == layout })?.elementType
    else { return nil }
    let memoryType = try copy(type, at: place)
    try hdf5(H5Tset_order(memoryType.id, H5T_ORDER_LE), "its type cannot be converted", at: place)
    return HDF5Datatype(elementType, memoryType, isExact: elementType.byteCount == 1 || isLittleEndian(type))
  }

  /// h5py's complex numbers: two floating-point members, r and i.
  private static func complex(_ type: hid_t, at place: String) throws(RNNError) -> HDF5Datatype? {
    guard H5Tget_nmembers(type) == 2, memberName(type, 0) == "r", memberName(type, 1) == "i" else { return nil }
    let real = try HDF5Handle(H5Tget_member_type(type, 0), "its type cannot be read", at: place)
    let imaginary = try HDF5Handle(H5Tget_member_type(type, 1), "its type cannot be read", at: place)
    guard H5Tequal(real.id, imaginary.id) > 0, H5Tget_class(real.id) == H5T_FLOAT,
      let part = try float(real.id, at: place), part.elementType == .float32 || part.elementType == .float64
    else { return nil }
    let size = part.elementType.byteCount
    let isExact = part.isExact && H5Tget_size(type) == 2 * size && H5Tget_member_offset(type, 0) == 0
      && H5Tget_member_offset(type, 1) == size
    return HDF5Datatype(
      size == 4 ? .complex64 : .complex128, try compound(of: try copy(part.memoryType.id, at: place)), isExact: isExact)
  }

  private static func compound(of part: consuming HDF5Handle) throws(RNNError) -> HDF5Handle {
    let size = H5Tget_size(part.id)
    let type = try HDF5Handle(H5Tcreate(H5T_COMPOUND, 2 * size), "a type cannot be made", at: nil)
    try hdf5(H5Tinsert(type.id, "r", 0, part.id), "a type cannot be made", at: nil)
    try hdf5(H5Tinsert(type.id, "i", size, part.id), "a type cannot be made", at: nil)
    return type
  }

  private static func boolType() throws(RNNError) -> HDF5Handle {
    let type = try HDF5Handle(H5Tenum_create(rnn_h5t_int8()), "a type cannot be made", at: nil)
    for (name, value) in [("FALSE", Int8(0)), ("TRUE", 1)] {
      var value = value
      try hdf5(H5Tenum_insert(type.id, name, &value), "a type cannot be made", at: nil)
    }
    return type
  }

  /// Whether an enumeration is h5py's bool: one byte, FALSE 0 and TRUE 1.
  static func isBool(_ type: hid_t) -> Bool {
    guard H5Tget_class(type) == H5T_ENUM, H5Tget_size(type) == 1, H5Tget_nmembers(type) == 2 else { return false }
    return (0..<2).allSatisfy { index in
      var value: UInt8 = 0xFF
      guard H5Tget_member_value(type, UInt32(index), &value) >= 0, value < 2 else { return false }
      return memberName(type, UInt32(index)) == (value == 1 ? "TRUE" : "FALSE")
    }
  }

  private static func memberName(_ type: hid_t, _ index: UInt32) -> String? {
    guard let name = H5Tget_member_name(type, index) else { return nil }
    defer { H5free_memory(name) }
    return String(cString: name)
  }

  private static func hasByteOrder(_ type: hid_t) -> Bool {
    let order = H5Tget_order(type)
    return order == H5T_ORDER_LE || order == H5T_ORDER_BE
  }

  private static func isLittleEndian(_ type: hid_t) -> Bool { H5Tget_order(type) == H5T_ORDER_LE }
}

/// The positions of sign, exponent and mantissa in a floating-point number. HDF5 describes every such type by these.
private struct FloatLayout: Equatable {
  var size: Int
  /// Positions of the lowest bits, and widths.
  var sign, exponent, exponentSize, mantissa, mantissaSize: Int
  var bias: Int

  /// Sign, then exponent, then mantissa, filling the type.
  init(size: Int, exponentSize: Int, bias: Int) {
    self.size = size
    sign = size * 8 - 1
    self.exponentSize = exponentSize
    exponent = sign - exponentSize
    mantissa = 0
    mantissaSize = exponent
    self.bias = bias
  }

  /// Nil if bits are unused or the leading bit of the mantissa is stored.
  init?(of type: hid_t) {
    var sign = 0, exponent = 0, exponentSize = 0, mantissa = 0, mantissaSize = 0
    guard H5Tget_fields(type, &sign, &exponent, &exponentSize, &mantissa, &mantissaSize) >= 0,
      H5Tget_norm(type) == H5T_NORM_IMPLIED, H5Tget_offset(type) == 0,
      H5Tget_precision(type) == H5Tget_size(type) * 8
    else { return nil }
    size = H5Tget_size(type)
    (self.sign, self.exponent, self.exponentSize) = (sign, exponent, exponentSize)
    (self.mantissa, self.mantissaSize) = (mantissa, mantissaSize)
    bias = H5Tget_ebias(type)
  }

  static let all: [(elementType: ElementType, layout: FloatLayout)] = [
    (.float64, FloatLayout(size: 8, exponentSize: 11, bias: 1023)),
    (.float32, FloatLayout(size: 4, exponentSize: 8, bias: 127)),
    (.float16, FloatLayout(size: 2, exponentSize: 5, bias: 15)),
    (.bfloat16, FloatLayout(size: 2, exponentSize: 8, bias: 127)),
    (.float8_e5m2, FloatLayout(size: 1, exponentSize: 5, bias: 15)),
    (.float8_e4m3fn, FloatLayout(size: 1, exponentSize: 4, bias: 7)),
  ]

  /// The little-endian type of this layout.
  func type() throws(RNNError) -> HDF5Handle {
    let type = try HDF5Handle(H5Tcopy(rnn_h5t_float64()), "a type cannot be made", at: nil)
    try hdf5(
      H5Tset_fields(type.id, sign, exponent, exponentSize, mantissa, mantissaSize), "a type cannot be made", at: nil)
    try hdf5(H5Tset_precision(type.id, size * 8), "a type cannot be made", at: nil)
    try hdf5(H5Tset_size(type.id, size), "a type cannot be made", at: nil)
    try hdf5(H5Tset_ebias(type.id, bias), "a type cannot be made", at: nil)
    return type
  }
}
