extension Tensor {
  /// How many elements are not a number, and how many infinite; zero for types that have neither.
  public func nonFiniteCounts() throws(RNNError) -> (nan: Int, infinite: Int) {
    var (nan, infinite) = (0, 0)
    /// Without its sign, the bit pattern of infinity is the largest that is no NaN.
    func count<Bits: FixedWidthInteger>(_ infinity: Bits) throws(RNNError) {
      try forEachPiece { (piece) throws(RNNError) in
        for offset in stride(from: 0, to: piece.count, by: MemoryLayout<Bits>.size) {
          let magnitude = piece.loadUnaligned(fromByteOffset: offset, as: Bits.self) & (.max >> 1)
          nan += magnitude > infinity ? 1 : 0
          infinite += magnitude == infinity ? 1 : 0
        }
      }
    }
    switch elementType {
    case .float64: try count(0x7FF0_0000_0000_0000 as UInt64)
    case .float32: try count(0x7F80_0000 as UInt32)
    case .float16: try count(0x7C00 as UInt16)
    case .bfloat16: try count(0x7F80 as UInt16)
    default: break
    }
    return (nan, infinite)
  }

  /// The elements in row-major order as float64, which holds every real type but large 64-bit integers exactly. Empty for
  /// complex and float8 tensors.
  public var doubles: [Double] {
    var result: [Double] = []
    result.reserveCapacity(count)
    forEachDouble { _, value in result.append(value) }
    return result
  }

  /// Calls `body` with the position and value of every element, in row-major order. Nothing for complex and float8 tensors.
  public func forEachDouble(_ body: (Int, Double) -> Void) {
    withUnsafeBytes { bytes in
      func visit<Value>(_ type: Value.Type, _ convert: (Value) -> Double) {
        for index in 0..<count {
          body(index, convert(bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<Value>.size, as: type)))
        }
      }
      switch elementType {
      case .float64: visit(Double.self) { $0 }
      case .float32: visit(Float.self) { Double($0) }
      case .float16: visit(UInt16.self) { Double(Float(halfBits: $0)) }
      case .bfloat16: visit(UInt16.self) { Double(Float(bitPattern: UInt32($0) << 16)) }
      case .int64: visit(Int64.self) { Double($0) }
      case .int32: visit(Int32.self) { Double($0) }
      case .int16: visit(Int16.self) { Double($0) }
      case .int8: visit(Int8.self) { Double($0) }
      case .uint64: visit(UInt64.self) { Double($0) }
      case .uint32: visit(UInt32.self) { Double($0) }
      case .uint16: visit(UInt16.self) { Double($0) }
      case .uint8, .bool: visit(UInt8.self) { Double($0) }
      case .complex64, .complex128, .float8_e4m3fn, .float8_e5m2: break
      }
    }
  }

  /// The tensor in another floating-point type, each element rounded once to nearest even, with the largest absolute change
  /// and where it is. Nil where either type is no weight type.
  ///
  /// NaN stays NaN; what is too large becomes infinite, a change that counts as infinite.
  public func converted(to type: ElementType) -> (tensor: Tensor, largestChange: Double, position: Int)? {
    converted(to: type) { Tensor($0, $1, fill: $2) }
  }

  /// The same in room that `make` finds: for a type and shape it makes a tensor, whose bytes it has filled.
  public func converted<Failure: Error>(
    to type: ElementType,
    in make: (ElementType, Shape, (UnsafeMutableRawBufferPointer) -> Void) throws(Failure) -> Tensor?
  ) throws(Failure) -> (tensor: Tensor, largestChange: Double, position: Int)? {
    guard elementType.isWeight, type.isWeight else { return nil }
    var (largest, position) = (0.0, 0)
    let made = try make(type, shape) { bytes in
      forEachDouble { index, value in
        let stored: Double
        switch type {
        case .float64:
          bytes.storeBytes(of: value, toByteOffset: index * 8, as: Double.self)
          stored = value
        case .float32:
          let rounded = Float(value)
          bytes.storeBytes(of: rounded, toByteOffset: index * 4, as: Float.self)
          stored = Double(rounded)
        case .float16:
          let bits = value.halfBits
          bytes.storeBytes(of: bits, toByteOffset: index * 2, as: UInt16.self)
          stored = Double(Float(halfBits: bits))
        default:
          let bits = value.bfloat16Bits
          bytes.storeBytes(of: bits, toByteOffset: index * 2, as: UInt16.self)
          stored = Double(Float(bitPattern: UInt32(bits) << 16))
        }
        let change = value.isNaN || value == stored ? 0 : abs(stored - value)
        if change > largest { (largest, position) = (change, index) }
      }
    }
    return made.map { ($0, largest, position) }
  }
}

extension Float {
  /// The value of an IEEE 754 half-precision bit pattern, exactly; a NaN keeps its payload.
  public init(halfBits bits: UInt16) {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10 & 0x1F)
    let fraction = UInt32(bits & 0x3FF)
    switch exponent {
    case 0: self = (sign == 0 ? 1 : -1) * Float(fraction) * 0x1p-24
    case 31: self.init(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: self.init(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }
}

extension Double {
  /// The nearest half-precision bit pattern, ties to even.
  public var halfBits: UInt16 { narrowBits(fractionBits: 10, exponentBits: 5) }

  /// The nearest bfloat16 bit pattern, ties to even.
  public var bfloat16Bits: UInt16 { narrowBits(fractionBits: 7, exponentBits: 8) }

  /// Rounds once, straight from float64, to a 16-bit format.
  private func narrowBits(fractionBits: Int, exponentBits: Int) -> UInt16 {
    let signBit: UInt16 = sign == .minus ? 0x8000 : 0
    let infinity = UInt16((1 << exponentBits) - 1) << fractionBits
    if isNaN { return signBit | infinity | 1 << (fractionBits - 1) }
    let bias = (1 << (exponentBits - 1)) - 1
    let largest = Double(sign: .plus, exponent: bias, significand: 2 - Double(sign: .plus, exponent: -fractionBits, significand: 1))
    // In units of the last place, where rounding to a whole number is rounding to the format.
    let exponent = Swift.max(magnitude == 0 ? 1 - bias : Int(self.exponent), 1 - bias)
    guard exponent <= bias else { return signBit | infinity }
    let unit = Double(sign: .plus, exponent: exponent - fractionBits, significand: 1)
    let rounded = (magnitude / unit).rounded(.toNearestOrEven)
    guard rounded * unit <= largest else { return signBit | infinity }
    // A subnormal's exponent field is 0; a carry out of the fraction raises the exponent by itself.
    let field = UInt16(exponent - (1 - bias)) << fractionBits
    return signBit | (field &+ UInt16(rounded))
  }
}
