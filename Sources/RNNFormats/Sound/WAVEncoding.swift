import RNNModel

/// How a sample of a `.wav` is stored, little-endian.
enum WAVEncoding {
  case unsigned8, signed16, signed24, signed32, float32, float64

  /// Throws where nothing reads the format, which it names.
  init(tag: UInt16, bits: Int) throws(RNNError) {
    switch (tag, bits) {
    case (1, 8): self = .unsigned8
    case (1, 16): self = .signed16
    case (1, 24): self = .signed24
    case (1, 32): self = .signed32
    case (3, 32): self = .float32
    case (3, 64): self = .float64
    default:
      let names: [UInt16: String] = [1: "integers", 2: "ADPCM", 3: "floats", 6: "A-law", 7: "mu-law", 17: "IMA ADPCM", 85: "MP3"]
      throw RNNError(.badData, "sound as \(names[tag] ?? "format \(tag)") of \(bits) bits",
        remedy: "convert it: ffmpeg -i FILE -c:a pcm_f32le sound.wav")
    }
  }

  /// Bytes of a channel's sample.
  var byteCount: Int {
    switch self {
    case .unsigned8: 1
    case .signed16: 2
    case .signed24: 3
    case .signed32, .float32: 4
    case .float64: 8
    }
  }

  /// What holds every sample exactly.
  var elementType: ElementType { self == .signed32 || self == .float64 ? .float64 : .float32 }

  /// Writes the numbers of all samples of `source`, whole ones, into memory for as many elements.
  func decode(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) {
    func each<Value: BitwiseCopyable>(_ type: Value.Type, _ value: (Int) -> Value) {
      for index in 0..<source.count / byteCount {
        target.storeBytes(of: value(index), toByteOffset: index * MemoryLayout<Value>.size, as: Value.self)
      }
    }
    func load<Value: FixedWidthInteger>(_ index: Int, _: Value.Type) -> Value {
      Value(littleEndian: source.loadUnaligned(fromByteOffset: index * MemoryLayout<Value>.size, as: Value.self))
    }
    switch self {
    case .unsigned8: each(Float.self) { (Float(source[$0]) - 128) / 128 }
    case .signed16: each(Float.self) { Float(load($0, Int16.self)) / 0x1p15 }
    case .signed24:
      each(Float.self) { index in
        let word = Int32(source[3 * index]) | Int32(source[3 * index + 1]) << 8 | Int32(Int8(bitPattern: source[3 * index + 2])) << 16
        return Float(word) / 0x1p23
      }
    case .signed32: each(Double.self) { Double(load($0, Int32.self)) / 0x1p31 }
    case .float32, .float64: target.copyMemory(from: source)
    }
  }
}
