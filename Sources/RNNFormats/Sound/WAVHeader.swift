import RNNModel

/// What a RIFF WAVE file says of its samples, and where they are.
///
///     "RIFF" size "WAVE"                          size: of what follows it, 32 bits as every number here
///     "fmt " size tag channels rate …             tag 1: integers, 3: floats, 0xFFFE: as the GUID behind it says
///     "data" size samples                         channels side by side, padded to an even length
///
/// Other chunks are passed over. Programs that write to a pipe leave sizes at 0 or at their largest; the samples go on to
/// the file's end then.
struct WAVHeader {
  let channels: Int
  let sampleRate: Int
  let encoding: WAVEncoding
  /// The samples' bytes, whole samples of all channels.
  let data: Range<Int>

  var sampleCount: Int { data.count / (channels * encoding.byteCount) }

  private static let unknownSizes: Set<UInt32> = [0, .max, .max - 1]
  /// What follows the tag in an extensible format's GUID.
  private static let guid: [UInt8] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]

  init(_ bytes: UnsafeRawBufferPointer) throws(RNNError) {
    if let other = Self.otherSound(bytes) {
      throw RNNError(.badData, other, remedy: "convert it: ffmpeg -i FILE -c:a pcm_f32le sound.wav")
    }
    var reader = ByteReader(bytes, at: 0)
    _ = try reader.take(4, "the word RIFF")
    _ = try reader.integer("RIFF's size") as UInt32
    _ = try reader.take(4, "the word WAVE")
    var format: (tag: UInt16, channels: Int, rate: Int, frame: Int, bits: Int)?
    while reader.remaining > 0 {
      let place = reader.offset
      let name = try Array(reader.take(4, "a chunk's name"))
      let size: UInt32 = try reader.integer("a chunk's size")
      if name == Array("data".utf8) {
        guard let format else { throw Self.refuse("its samples come before their format", at: place) }
        let isOpen = Self.unknownSizes.contains(size) && (size != 0 || reader.remaining > 0 && !Self.hasChunk(bytes, at: reader.offset))
        let count = isOpen ? reader.remaining - reader.remaining % max(format.frame, 1) : Int(size)
        guard count <= reader.remaining else {
          throw Self.refuse("\(count) bytes of samples, of which the file has \(reader.remaining)", at: place)
        }
        (channels, sampleRate) = (format.channels, format.rate)
        encoding = try WAVEncoding(tag: format.tag, bits: format.bits)
        let (frame, overflow) = channels.multipliedReportingOverflow(by: encoding.byteCount)
        guard !overflow, frame == format.frame else {
          throw Self.refuse("\(format.frame) bytes a sample, expected \(frame) of \(channels) channels with \(format.bits) bits", at: place)
        }
        guard count % frame == 0 else {
          throw Self.refuse("\(count) bytes of samples, which is no multiple of \(frame), those of a sample", at: place)
        }
        data = reader.offset..<reader.offset + count
        return
      }
      // An odd chunk is followed by a byte that does not count, but for the last one.
      let content = try reader.take(Int(size), "the chunk \(String(decoding: name, as: UTF8.self))")
      if size % 2 == 1, reader.remaining > 0 { _ = try reader.take(1, "a chunk's padding") }
      if name == Array("fmt ".utf8), format == nil { format = try Self.format(content, at: place) }
    }
    throw Self.refuse(format == nil ? "it has no format" : "it has no samples", at: bytes.count)
  }

  private static func format(
    _ content: UnsafeRawBufferPointer, at place: Int
  ) throws(RNNError) -> (tag: UInt16, channels: Int, rate: Int, frame: Int, bits: Int) {
    var reader = ByteReader(content)
    var tag: UInt16 = try reader.integer("the format")
    let channels: UInt16 = try reader.integer("the channels")
    let rate: UInt32 = try reader.integer("the sample rate")
    _ = try reader.integer("the bytes a second") as UInt32
    let frame: UInt16 = try reader.integer("the bytes a sample")
    let bits: UInt16 = try reader.integer("the bits")
    if tag == 0xFFFE {
      _ = try reader.integer("the extension's size") as UInt16
      let valid: UInt16 = try reader.integer("the valid bits")
      _ = try reader.integer("the channels' places") as UInt32
      tag = try reader.integer("the format")
      guard try reader.take(guid.count, "the format").elementsEqual(guid) else { throw refuse("a format that is no integers or floats", at: place) }
      guard valid <= bits else { throw refuse("\(valid) valid bits of \(bits)", at: place) }
    }
    guard channels > 0, rate > 0, rate <= Int32.max else { throw refuse("\(channels) channels at \(rate) Hz", at: place) }
    return (tag, Int(channels), Int(rate), Int(frame), Int(bits))
  }

  /// Whether a chunk's name stands there, as it does behind samples that are none.
  private static func hasChunk(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
    bytes.count - offset >= 8 && bytes[offset..<offset + 4].allSatisfy { (0x20..<0x7F).contains($0) }
  }

  private static func refuse(_ problem: String, at offset: Int) -> RNNError {
    RNNError(.badData, place: "offset \(offset)", problem, remedy: "write the sound again; the file is damaged")
  }

  // MARK: Recognising

  static func isSound(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.starts(with: "RIFF".utf8) && bytes.dropFirst(8).starts(with: "WAVE".utf8) || otherSound(bytes) != nil
  }

  /// Sound that is not read, by its first bytes.
  private static func otherSound(_ bytes: UnsafeRawBufferPointer) -> String? {
    func has(_ text: String, at offset: Int = 0) -> Bool { bytes.dropFirst(offset).starts(with: text.utf8) }
    if has("RF64"), has("WAVE", at: 8) { return "a .wav of the 64-bit kind (RF64)" }
    if has("RIFX"), has("WAVE", at: 8) { return "a big-endian .wav (RIFX)" }
    if has("riff"), bytes.dropFirst(4).starts(with: [0x2E, 0x91, 0xCF, 0x11]) { return "a Wave64 file (.w64)" }
    if has("fLaC") { return "a FLAC file" }
    if has("OggS") { return "an Ogg file (Vorbis or Opus)" }
    if has("ID3") { return "an MP3 file" }
    if has("FORM"), has("AIFF", at: 8) || has("AIFC", at: 8) { return "an AIFF file" }
    if has("caff") { return "a CAF file" }
    return nil
  }

  // MARK: Writing

  /// The header of samples as floats, which follow it.
  static func bytes(samples: Int, channels: Int, sampleRate: Int, bytesPerSample: Int) throws(RNNError) -> [UInt8] {
    let (frame, wide) = channels.multipliedReportingOverflow(by: bytesPerSample)
    let (size, large) = samples.multipliedReportingOverflow(by: frame)
    let (perSecond, fast) = frame.multipliedReportingOverflow(by: sampleRate)
    guard !wide, !large, !fast, channels <= UInt16.max, frame <= UInt16.max, let rate = UInt32(exactly: sampleRate), rate > 0,
      let bytesPerSecond = UInt32(exactly: perSecond), let dataSize = UInt32(exactly: size), dataSize <= UInt32.max - 64
    else {
      throw RNNError(.badData, "a .wav holds less than 4 GiB, at most 65,535 channels and their rate: \(samples) samples of \(channels) channels at \(sampleRate) Hz are too many",
        remedy: "write .npy")
    }
    var result: [UInt8] = []
    func add(_ text: String) { result += Array(text.utf8) }
    func add<Value: FixedWidthInteger>(_ value: Value) { withUnsafeBytes(of: value.littleEndian) { result += Array($0) } }
    add("RIFF")
    // "WAVE", and three chunks with their heads: what floats must have beside their format is how many samples there are.
    add(UInt32(4 + 8 + 18 + 8 + 4 + 8) + dataSize)
    add("WAVE")
    add("fmt ")
    add(UInt32(18))
    add(UInt16(3))
    add(UInt16(truncatingIfNeeded: channels))
    add(rate)
    add(bytesPerSecond)
    add(UInt16(truncatingIfNeeded: frame))
    add(UInt16(truncatingIfNeeded: bytesPerSample * 8))
    add(UInt16(0))
    add("fact")
    add(UInt32(4))
    add(UInt32(truncatingIfNeeded: samples))
    add("data")
    add(dataSize)
    return result
  }
}
