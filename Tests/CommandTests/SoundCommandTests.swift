import Foundation
import RNNKit
import Testing

/// Sound through audio models: the same numbers as arrays give, at the sample rate that went in.
@Suite struct SoundCommandTests {
  private static let folder = Command.root.appendingPathComponent("Tests/RNNFormatsTests/Fixtures")
  private static let amp = folder.appendingPathComponent("json/lstm.nam").path
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private static func sound(_ name: String) -> String { folder.appendingPathComponent("sound/\(name).wav").path }

  @Test(arguments: ["u8", "s16", "s32", "f32"]) func givesWhatArraysGive(name: String) throws {
    let expected = try #require(ArrayFile.read(Self.folder.appendingPathComponent("sound/expected.npz").path)[name])
    try ArrayFile.write([NamedTensor("", expected)], scratch.path("x.npy"))
    let array = try Command.run("run", Self.amp, "-i", scratch.path("x.npy"), "-o", scratch.path("y.npy"))
    let sound = try Command.run("run", Self.amp, "-i", Self.sound(name), "-o", scratch.path("y.wav"))
    #expect(array.status == 0 && sound.status == 0, "\(sound.errors)")
    let y = try ArrayFile.readOnly(scratch.path("y.npy")), heard = try ArrayFile.readOnly(scratch.path("y.wav"))
    #expect(sameBits(y, heard) && heard.shape.dimensions == [21, 1])
    #expect(try WAVFormat.sampleRate(of: InputFile(scratch.path("y.wav"))) == (name == "s16" ? 44100 : 48000))
  }

  @Test func comparesChannelsAndSampleRate() throws {
    let stereo = Self.sound("s24")
    #expect(try Refusal.of(["run", Self.amp, "-i", stereo, "-o", scratch.path("y.wav")], status: 65, in: scratch)
      == "\(stereo): a sound of 2 channels, and the model takes 1 channel; take one: ffmpeg -i \(stereo) -af 'pan=mono|c0=c0' -c:a pcm_f32le mono.wav")
    // The model is of 48 kHz.
    let rated = Self.amp, unrated = scratch.path("unrated.nam")
    let text = try String(contentsOfFile: rated, encoding: .utf8)
    try text.replacing(#""sample_rate""#, with: #""author""#).write(toFile: unrated, atomically: true, encoding: .utf8)
    for (name, warns) in [("s16", true), ("f32", false)] {
      let result = try Command.run("run", rated, "-i", Self.sound(name), "-o", scratch.path("\(name).wav"))
      #expect(result.status == 0)
      let warning = "warning: \(Self.sound(name)): 44,100 samples a second, and the model is of 48,000: resample it with ffmpeg -i \(Self.sound(name)) -ar 48000 -c:a pcm_f32le resampled.wav\n"
      #expect(result.errors.contains(warning) == warns, "\(result.errors)")
    }
    // Of an array the model tells the rate, and where it does not nobody does.
    try ArrayFile.write([NamedTensor("", try tensor(noise(5), 5, 1))], scratch.path("x.npy"))
    #expect(try Command.run("run", rated, "-i", scratch.path("x.npy"), "-o", scratch.path("z.wav")).status == 0)
    #expect(try WAVFormat.sampleRate(of: InputFile(scratch.path("z.wav"))) == 48000)
    let unknown = try Refusal.of(["run", unrated, "-i", scratch.path("x.npy"), "-o", scratch.path("n.wav")], status: 64, in: scratch)
    #expect(unknown.contains("a sound has a sample rate, which neither the input nor the model tells; give a .wav as input, or write .npy"))
  }
}
