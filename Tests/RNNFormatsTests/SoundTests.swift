import RNNFormats
import RNNModel
import Testing

/// `.wav` files against those that libsndfile wrote and what it reads of them (`Fixtures/sound/make.py`), and files damaged
/// by hand.
@Suite struct SoundTests {
  @Test(arguments: ["u8", "s16", "s24", "s32", "f32", "f64", "extensible24", "extensible_float"])
  func readsWhatLibsndfileWrites(name: String) throws {
    let file = try Fixture.file("sound/\(name).wav")
    let expected = try #require(NPZArrayFormat().read(Fixture.file("sound/expected.npz")).first { $0.name == name }).tensor
    #expect(try ArrayRegistry.standard.format(of: file) is WAVFormat)
    let found = try #require(WAVFormat().read(file).first).tensor
    #expect(found.shape == expected.shape && found.doubles == expected.doubles)
    #expect(try WAVFormat.sampleRate(of: file) == (name == "s16" ? 44100 : 48000))
    // Written as floats, nothing changes.
    let bytes = try written { try WAVFormat().write(ArrayOutput(members: [], end: found, sampleRate: 96000), to: &$0) }
    let again = try #require(WAVFormat().read(bytes.file).first).tensor
    #expect(again.isIdentical(to: found))
    #expect(try WAVFormat.sampleRate(of: bytes.file) == 96000)
  }

  @Test(arguments: [
    ("adpcm.wav", "sound as ADPCM of 4 bits"), ("ulaw.wav", "sound as mu-law of 8 bits"), ("big.aiff", "an AIFF file"),
    ("flac.flac", "a FLAC file"), ("rf64.wav", "a .wav of the 64-bit kind (RF64)"),
  ])
  func namesOtherSound(name: String, words: String) throws {
    let file = try Fixture.file("sound/\(name)")
    #expect(throws: RNNError(.badData, file: file.path, words, remedy: "convert it: ffmpeg -i FILE -c:a pcm_f32le sound.wav")) {
      try ArrayRegistry.standard.read(file)
    }
  }

  /// The 16-bit file with some bytes replaced.
  private func changed(_ changes: [Int: [UInt8]], dropping count: Int = 0) throws -> InputFile {
    var bytes = try Fixture.file("sound/s16.wav").withUnsafeBytes { Array($0) }
    for (offset, new) in changes { bytes.replaceSubrange(offset..<offset + new.count, with: new) }
    return InputFile(Array(bytes.dropLast(count)), name: "a.wav")
  }

  private func problem(_ changes: [Int: [UInt8]], dropping count: Int = 0) throws -> String {
    let file = try changed(changes, dropping: count)
    do throws(RNNError) {
      _ = try WAVFormat().read(file)
    } catch {
      #expect(error.kind == .badData && error.remedy != nil)
      return "\(error.problem)"
    }
    return "nothing"
  }

  /// 16 bytes of format from 20 on, 42 of samples from 44 on.
  @Test func refusesWhatContradictsItself() throws {
    #expect(try problem([:]) == "nothing")
    #expect(try problem([:], dropping: 1) == "42 bytes of samples, of which the file has 41")
    #expect(try problem([40: [0xFC, 0xFF, 0xFF, 0xFF]]) == "4294967292 bytes of samples, of which the file has 42")
    #expect(try problem([40: [41, 0, 0, 0]]) == "41 bytes of samples, which is no multiple of 2, those of a sample")
    #expect(try problem([22: [0, 0]]) == "0 channels at 44100 Hz")
    #expect(try problem([24: [0, 0, 0, 0]]) == "1 channels at 0 Hz")
    #expect(try problem([22: [0xFF, 0xFF]]) == "2 bytes a sample, expected 131070 of 65535 channels with 16 bits")
    #expect(try problem([34: [12, 0]]) == "sound as integers of 12 bits")
    #expect(try problem([20: [3, 0]]) == "sound as floats of 16 bits")
    #expect(try problem([12: Array("data".utf8)]) == "its samples come before their format")
    #expect(try problem([36: Array("LIST".utf8)]) == "it has no samples")
    #expect(try problem([16: [0xFF, 0xFF, 0xFF, 0xFF]]).hasPrefix("the file ends inside the chunk fmt "))
    #expect(try problem([16: [3, 0, 0, 0]]).hasPrefix("the file ends inside the channels"))
    for count in 1..<40 { #expect(try problem([:], dropping: 86 - count) != "nothing" || count >= 44) }
  }

  /// Some bytes changed, or the end cut off: it is refused, or read whole, and written and read again the same.
  @Test(arguments: ["u8", "s16", "s24", "f64", "extensible24"]) func takesOrRefusesAnyBytes(name: String) throws {
    let whole = try Fixture.file("sound/\(name).wav").withUnsafeBytes { Array($0) }
    var state: UInt64 = 1
    func random(_ count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % count
    }
    var taken = 0
    for _ in 0..<3000 {
      var bytes = whole
      for _ in 0...random(3) { bytes[random(min(bytes.count, 80))] = UInt8([0, 1, 2, 3, 0x7F, 0x80, 0xFE, 0xFF, random(256)][random(9)]) }
      if random(4) == 0 { bytes.removeLast(random(bytes.count)) }
      guard let read = try? WAVFormat().read(InputFile(bytes, name: "a.wav")), let tensor = read.first?.tensor else { continue }
      taken += 1
      #expect(tensor.count <= bytes.count)
      guard tensor.shape[1] > 0, let again = try? written({ try WAVFormat().write(ArrayOutput(members: [], end: tensor, sampleRate: 1), to: &$0) })
      else { continue }
      let same = try #require(WAVFormat().read(again.file).first).tensor
      #expect(same.isIdentical(to: tensor))
    }
    #expect(taken > 100)
  }

  /// Programs that write to a pipe do not know how much comes.
  @Test func takesSamplesOfUnknownLengthToTheEnd() throws {
    let whole = try #require(WAVFormat().read(changed([:])).first).tensor
    for size: [UInt8] in [[0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0]] {
      let found = try #require(WAVFormat().read(changed([4: size, 40: size, 44: [0, 0x80]])).first).tensor
      #expect(found.shape == whole.shape && found.doubles[1...] == whole.doubles[1...])
    }
  }

  @Test func refusesToWriteWhatIsNoSound() throws {
    func refusal(_ tensor: Tensor, batchAxis: Int? = nil, rate: Int? = 48000) -> String? {
      do {
        _ = try written { try WAVFormat().write(ArrayOutput(members: [], end: tensor, batchAxis: batchAxis, sampleRate: rate), to: &$0) }
      } catch {
        return (error as? RNNError).map { "\($0.problem)" }
      }
      return nil
    }
    #expect(try refusal(floats([1, 2], 2, 1), rate: nil)?.hasPrefix("a sound has a sample rate") == true)
    #expect(try refusal(floats([1, 2], 1, 2, 1), batchAxis: 1) == "a .wav holds one sequence, the output has 2 (axis 1 of (1, 2, 1))")
    #expect(try refusal(floats([1, 2], 2, 1, 1), batchAxis: 1) == nil)
    #expect(try refusal(floats([1, 2], 2)) == "a .wav holds samples and channels, the output has the shape (2,)")
    #expect(try refusal(tensor(.int64, [1, 1], [UInt8](repeating: 0, count: 8))) == "a .wav cannot hold int64")
  }
}
