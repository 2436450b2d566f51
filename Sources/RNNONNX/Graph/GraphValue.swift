import RNNModel

/// What is known of a value of the graph without running it.
enum GraphValue {
  /// Numbers that the file holds, or that were supplied.
  case constant(Constant)
  /// A scalar or vector of integers made of sizes, on its way to a Reshape or the like.
  case extents([Extent], isScalar: Bool)
  /// A vector of any length whose elements are all this size.
  case uniform(Extent)
  /// Numbers that depend on the graph's input.
  case flow(Flow)
  /// Not known, and why.
  case missing(RNNError)
}

/// A tensor in the file, possibly repeated along axes where it has size 1.
struct Constant {
  /// Under each axis either the size in `shape` or 1.
  var tensor: Tensor
  var shape: [Extent]
  /// The type it is computed in, wider than the tensor's own where a Cast came after.
  var type: ElementType
  /// The initializer it came from.
  var name: String?

  init(_ tensor: Tensor, name: String? = nil) {
    self.tensor = tensor
    shape = tensor.shape.dimensions.map(Extent.known)
    type = tensor.elementType
    self.name = name
  }

  init(_ tensor: Tensor, shape: [Extent], type: ElementType, name: String?) {
    self.tensor = tensor
    self.shape = shape
    self.type = type
    self.name = name
  }

  /// Whether the tensor stands for itself.
  var isPlain: Bool { shape == tensor.shape.dimensions.map(Extent.known) }

  /// The elements, if they are integers and no more than a tensor has axes.
  var integers: [Int]? {
    guard isPlain, tensor.elementType.isInteger, tensor.shape.rank <= 1, tensor.count <= Limits.maximumRank else {
      return nil
    }
    return tensor.exactIntegers
  }
}

extension Tensor {
  /// The elements of an integer tensor; values beyond an `Int` are held at its ends. Empty for other types.
  var exactIntegers: [Int] {
    withUnsafeBytes { bytes in
      func all<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) -> [Int] {
        (0..<count).map {
          Int(
            clamping: Value(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Value>.size, as: type)))
        }
      }
      switch elementType {
      case .int64: return all(Int64.self)
      case .int32: return all(Int32.self)
      case .int16: return all(Int16.self)
      case .int8: return all(Int8.self)
      case .uint64: return all(UInt64.self)
      case .uint32: return all(UInt32.self)
      case .uint16: return all(UInt16.self)
      case .uint8: return all(UInt8.self)
      default: return []
      }
    }
  }
}
