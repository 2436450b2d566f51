import RNNModel

/// Sound (`.wav`) as an array (samples, channels): integers of 8, 16, 24 and 32 bits between -1 and 1, and floats.
///
/// Integers are divided by the largest negative one: 16 bits by 32,768. What has up to 24 bits, and float32, is read as
/// float32; integers of 32 bits and float64 as float64. Each is exact. Sound is written as float32, or float64 where the
/// array is, so that no number changes and none is cut off at 1.
public struct WAVFormat: ArrayFormat {
  public let name = "wav"
  public let fileExtensions = ["wav"]
  public let holdsOneArray = true

  public init() {}

  /// RIFF's own file, its 64-bit form, and other sound that is refused by name.
  public func recognizes(_ file: InputFile) -> Bool {
    file.withUnsafeBytes { WAVHeader.isSound($0) }
  }

  public func read(_ file: InputFile) throws(RNNError) -> [NamedTensor] {
    let header = try Self.header(of: file)
    guard let shape = Shape([header.sampleCount, header.channels]) else {
      throw RNNError(.badData, "\(header.sampleCount) samples of \(header.channels) channels are too many",
        remedy: "cut the sound into pieces")
    }
    let size = header.encoding.elementType.byteCount
    let (byteCount, overflow) = shape.count.multipliedReportingOverflow(by: size)
    guard !overflow else { throw RNNError(.badData, "the sound is larger than memory", remedy: "cut it into pieces") }
    let storage = try ScratchSpace.shared.storage(byteCount) { (room) throws(RNNError) in
      let target = room.bytes
      file.withUnsafeBytes { bytes in
        header.encoding.decode(UnsafeRawBufferPointer(rebasing: bytes[header.data]), into: target)
      }
    }
    guard let tensor = Tensor(header.encoding.elementType, shape, in: storage) else {
      throw RNNError(.defect, "a sound does not fit its storage")
    }
    return [NamedTensor("", tensor)]
  }

  /// Samples a second of a file; throws what `read` would of its header.
  package static func sampleRate(of file: InputFile) throws(RNNError) -> Int { try header(of: file).sampleRate }

  private static func header(of file: InputFile) throws(RNNError) -> WAVHeader {
    try file.withUnsafeBytes { (bytes) throws(RNNError) in try WAVHeader(bytes) }
  }

  /// Writes one sound, whose last axis is its channels. Refuses a batch of several, a result without time, integers, and
  /// what is larger than 4 GiB or has no sample rate.
  public func write(_ output: ArrayOutput, to file: inout OutputFile) throws(RNNError) {
    guard let rate = output.sampleRate else {
      throw RNNError(.usage, "a sound has a sample rate, which neither the input nor the model tells",
        remedy: "give a .wav as input, or write .npy")
    }
    var sizes = output.end.shape.dimensions
    if sizes.count > 2, let axis = output.batchAxis, sizes.indices.contains(axis) {
      guard sizes[axis] == 1 else {
        throw RNNError(.badData, "a .wav holds one sequence, the output has \(sizes[axis]) (axis \(axis) of \(output.end.shape))",
          remedy: "write .npy, .npz or .json, or run one sequence")
      }
      sizes.remove(at: axis)
    }
    guard sizes.count == 2, sizes[1] > 0 else {
      throw RNNError(.badData, "a .wav holds samples and channels, the output has the shape \(output.end.shape)",
        remedy: "write .npy, .npz or .json")
    }
    let type = output.end.elementType
    guard type == .float32 || type == .float64 || type == .float16 || type == .bfloat16 else {
      throw RNNError(.badData, "a .wav cannot hold \(type.rawValue)", remedy: "write .npy or .npz")
    }
    let tensor = type == .float16 || type == .bfloat16 ? try output.end.converted(to: .float32, in: Tensor.made)?.tensor : output.end
    guard let tensor else { throw RNNError(.defect, "half precision cannot be widened") }
    try file.write(try WAVHeader.bytes(
      samples: sizes[0], channels: sizes[1], sampleRate: rate, bytesPerSample: tensor.elementType.byteCount))
    try tensor.forEachPiece { (piece) throws(RNNError) in try file.write(piece) }
  }
}
