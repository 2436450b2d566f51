import RNNModel

/// One element of a tensor, exactly as stored: types shorter than float32 are widened to it.
enum TensorElement {
  case single(Float)
  case double(Double)
  case integer(Int64)
  case unsigned(UInt64)
  case bool(Bool)
  case complex(Double, Double)

  /// The element at `index`, in row-major order, of a tensor's bytes.
  init(_ bytes: UnsafeRawBufferPointer, _ type: ElementType, at index: Int) {
    func load<Value: BitwiseCopyable>(_: Value.Type, _ offset: Int = 0) -> Value {
      bytes.loadUnaligned(fromByteOffset: index * type.byteCount + offset, as: Value.self)
    }
    switch type {
    case .float64: self = .double(load(Double.self))
    case .float32: self = .single(load(Float.self))
    case .float16: self = .single(Self.widen(UInt32(load(UInt16.self)), exponentBits: 5, fractionBits: 10))
    case .bfloat16: self = .single(Float(bitPattern: UInt32(load(UInt16.self)) << 16))
    case .float8_e5m2: self = .single(Self.widen(UInt32(load(UInt8.self)), exponentBits: 5, fractionBits: 2))
    case .float8_e4m3fn:
      // This type has no infinities: all ones is NaN, and the rest of that exponent are numbers.
      let bits = UInt32(load(UInt8.self))
      if bits & 0x7F == 0x7F {
        self = .single(.nan)
      } else {
        let magnitude = bits & 0x7F
        let value = magnitude >= 8 ? Float(8 + magnitude & 7) * Self.powerOfTwo(Int(magnitude >> 3) - 10)
          : Float(magnitude) * 0x1p-9
        self = .single(bits & 0x80 == 0 ? value : -value)
      }
    case .int64: self = .integer(load(Int64.self))
    case .int32: self = .integer(Int64(load(Int32.self)))
    case .int16: self = .integer(Int64(load(Int16.self)))
    case .int8: self = .integer(Int64(load(Int8.self)))
    case .uint64: self = .unsigned(load(UInt64.self))
    case .uint32: self = .unsigned(UInt64(load(UInt32.self)))
    case .uint16: self = .unsigned(UInt64(load(UInt16.self)))
    case .uint8: self = .unsigned(UInt64(load(UInt8.self)))
    case .bool: self = .bool(load(UInt8.self) != 0)
    case .complex64: self = .complex(Double(load(Float.self)), Double(load(Float.self, 4)))
    case .complex128: self = .complex(load(Double.self), load(Double.self, 8))
    }
  }

  /// An IEEE-like bit pattern with infinities and NaN at the largest exponent, as float32.
  private static func widen(_ bits: UInt32, exponentBits: UInt32, fractionBits: UInt32) -> Float {
    let fraction = bits & (1 << fractionBits - 1)
    let exponent = bits >> fractionBits & (1 << exponentBits - 1)
    let bias = 1 << (Int(exponentBits) - 1) - 1
    let magnitude: Float
    switch Int(exponent) {
    case 0: magnitude = Float(fraction) * powerOfTwo(1 - bias - Int(fractionBits))
    case 1 << Int(exponentBits) - 1: magnitude = fraction == 0 ? .infinity : .nan
    default: magnitude = Float(1 << fractionBits + fraction) * powerOfTwo(Int(exponent) - bias - Int(fractionBits))
    }
    return bits >> (exponentBits + fractionBits) & 1 == 0 ? magnitude : -magnitude
  }

  private static func powerOfTwo(_ exponent: Int) -> Float {
    Float(sign: .plus, exponent: exponent, significand: 1)
  }

  /// The shortest decimal that reads back as the same value in the element's type: `0.1`, `1e-05`, `nan`, `-inf`, `7`.
  /// Nil for a complex number.
  var decimal: String? {
    switch self {
    case .single(let value): value.isNaN ? "nan" : value.description
    case .double(let value): value.isNaN ? "nan" : value.description
    case .integer(let value): value.description
    case .unsigned(let value): value.description
    case .bool(let value): value ? "1" : "0"
    case .complex: nil
    }
  }

  var isFinite: Bool {
    switch self {
    case .single(let value): value.isFinite
    case .double(let value): value.isFinite
    case .complex(let real, let imaginary): real.isFinite && imaginary.isFinite
    default: true
    }
  }
}
