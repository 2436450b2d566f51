/// The type of a tensor's elements, named as PyTorch and NumPy name them.
///
/// Bytes of a `Tensor` are always little-endian and row-major, whatever the file they came from used.
public enum ElementType: String, Sendable, Hashable, CaseIterable {
  /// IEEE 754's types, and the upper half of float32.
  case float64, float32, float16, bfloat16
  /// Two's complement.
  case int64, int32, int16, int8
  /// Without a sign.
  case uint64, uint32, uint16, uint8
  /// A byte, 0 or 1.
  case bool
  /// Carried from file to file, never computed with.
  case complex128, complex64, float8_e4m3fn, float8_e5m2

  /// The size of one element in bytes.
  public var byteCount: Int {
    switch self {
    case .complex128: 16
    case .float64, .int64, .uint64, .complex64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .bool, .float8_e4m3fn, .float8_e5m2: 1
    }
  }

  /// Whether the runner can use elements of this type as weights: float64, float32, float16 and bfloat16.
  public var isWeight: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16: true
    default: false
    }
  }

  /// Whether elements are whole numbers, as indices and lengths are.
  public var isInteger: Bool {
    switch self {
    case .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8: true
    default: false
    }
  }
}
