import Foundation
import RNNKit
import Testing

/// Datasets of an HDF5 file that cannot be read: an error that names them, the reason and a remedy, unless told to go on
/// without. Fixtures/unreadable/make.py made the files, with h5py.
@Suite struct UnreadableTests {
  private static let folder = Command.root.appendingPathComponent("Tests/CommandTests/Fixtures")
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
    try ArrayFile.write([NamedTensor("", try tensor(noise(24), 4, 2, 3))], scratch.path("x.npy"))
  }

  private static func file(_ name: String) -> String { folder.appendingPathComponent("unreadable/\(name)").path }

  private static let plugin = "unpack the file with the plugin: pip install hdf5plugin, then HDF5_PLUGIN_PATH=$(python3 -c "
    + "'import hdf5plugin; print(hdf5plugin.PLUGIN_PATH)') h5repack -f NONE IN OUT"
  private static let repack =
    "copy the numbers into it, in the folder where the other files are: h5repack -l CONTI IN OUT"
  private static func h5py(_ code: String) -> String {
    "in h5py, f = h5py.File(IN, \"r+\"); " + code.replacingOccurrences(of: "P", with: "\"/fc/weight\"")
  }

  static let kinds: [(name: String, reason: String, remedy: String)] = [
    ("blosc", "a dataset compressed with filter 32001 (blosc), which RNNKit does not read", plugin),
    ("zstd", "a dataset compressed with filter 32015 (HDF5 zstd filter), which RNNKit does not read", plugin),
    ("lz4", "a dataset compressed with filter 32004 (HDF5 lz4 filter), which RNNKit does not read", plugin),
    ("bitshuffle", "a dataset compressed with filter 32008 (bitshuffle), which RNNKit does not read", plugin),
    ("virtual", "a virtual dataset, whose data is elsewhere", repack),
    ("external", "a dataset whose data is in another file", repack),
    ("external_link", "a link to another file",
      "copy what it leads to into this file: " + h5py("f.copy(f[P], \"copy\"); del f[P]; f.move(\"copy\", P)")),
    ("dangling_link", "a soft link that leads nowhere in this file",
      "put into the file what it names, or remove it: " + h5py("del f[P]")),
    ("long_double", "a floating-point number of 16 bytes in an unknown layout",
      "write it as float64: " + h5py("v = f[P][()]; del f[P]; f[P] = v.astype(\"f8\")")),
    ("compound", "a compound type",
      "write each of its fields as a dataset of its own: "
        + h5py("v = f[P][()]; del f[P]; f.update({P + \"/\" + n: v[n] for n in v.dtype.names})")),
    ("enumeration", "an enumeration other than h5py's bool",
      "write it as int64: " + h5py("v = f[P][()]; del f[P]; f[P] = v.astype(\"i8\")")),
    ("lists", "variable-length lists", "write each of its lists as a dataset of its own"),
    ("references", "references", "remove it, since references are no numbers: " + h5py("del f[P]")),
    ("opaque", "opaque bytes", "write it as a type of numbers, with the program that made it"),
    ("bit_field", "a bit field",
      "write it as unsigned integers: " + h5py("v = f[P][()]; del f[P]; f[P] = v.astype(\"u8\")")),
  ]

  @Test(arguments: kinds)
  func goesOnWithoutADatasetOnlyWhereToldTo(_ name: String, _ reason: String, _ remedy: String) throws {
    let model = Self.file(name + ".h5")
    let message = "\(model): /fc/weight: \(reason); \(remedy); or say --ignore unreadable to go on without it"
    let run = ["run", model, "--module", "lstm", "--input", scratch.path("x.npy"), "--output", scratch.path("y.npz")]
    for command in [["convert", model, scratch.path("model.rnn")], run, ["verify", model], ["diagnose", model]] {
      #expect(try Refusal.of(command, status: 65, in: scratch) == message, "\(command[0])")
    }
    let part = try Command.run(run + ["--ignore", "unreadable"])
    let note = "note: \(model): left out, since they cannot be read: /fc/weight (\(reason))\n"
    #expect(part.status == 0 && part.errors.contains(note), "\(part.errors)")
    let shown = try Command.run("inspect", model)
    #expect(shown.status == 0 && shown.errors.contains(note) && shown.output.contains("LSTM(3, 5"), "\(shown.errors)")
  }

  /// Where nothing is left to go on with, that is not proposed.
  @Test func namesTheFilterWhereNothingElseIsThere() throws {
    let model = Self.file("no_lstm.h5")
    let message = "\(model): /lstm/bias_hh_l0: a dataset compressed with filter 32001 (blosc), which RNNKit does not read, "
      + "one of 4 that cannot be read; \(Self.plugin)"
    for command in [["inspect", model], ["convert", model, scratch.path("o.rnn")], ["verify", model, "--ignore", "unreadable"]] {
      #expect(try Refusal.of(command, status: 65, in: scratch) == message, "\(command[0])")
    }
  }

  @Test(arguments: ["keras.h5", "model.keras"])
  func missesNoArrayOfAKerasFile(name: String) throws {
    let model = Self.file(name)
    let message = try Refusal.of(["convert", model, scratch.path("o.rnn")], status: 65, in: scratch)
    #expect(message.contains("a dataset compressed with filter 32001 (blosc), which RNNKit does not read; unpack"))
    #expect(message.contains(name == "model.keras" ? ": member model.weights.h5, /" : ": /"), "\(message)")
  }

  @Test func saysThatAGroupIsReadUnderOneName() throws {
    let result = try Command.run("inspect", Self.file("alias.h5"))
    #expect(result.status == 0)
    #expect(result.errors.contains("read under one name alone: /lstm2 (another link to the group /lstm)"), "\(result.errors)")
  }

  @Test func readsNoInputOfWhichAnArrayIsMissing() throws {
    let input = Self.file("input.h5")
    let message = try Refusal.of(
      ["run", Samples.path("lstm"), "--input", input, "--output", scratch.path("y.npz")], status: 65, in: scratch)
    #expect(
      message == "\(input): /h0: a dataset compressed with filter 32001 (blosc), which RNNKit does not read; \(Self.plugin)")
  }

  /// A head, and a whole LSTM, in h5py's own compression; the numbers are PyTorch's (Fixtures/lzf/make.py).
  @Test func computesPyTorchsNumbersFromLZF() throws {
    func lzf(_ name: String) -> String { Self.folder.appendingPathComponent("lzf/\(name)").path }
    let output = scratch.path("y.npy")
    let result = try Command.run("run", lzf("model.h5"), "--input", lzf("input.npy"), "--output", output)
    try #require(result.status == 0, "\(result.errors)")
    let (found, expected) = (try ArrayFile.readOnly(output), try ArrayFile.readOnly(lzf("expected.npy")))
    #expect(found.shape == expected.shape)
    #expect(zip(found.doubles, expected.doubles).allSatisfy { abs($0 - $1) < 1e-6 })
    let whole = try Command.run("inspect", lzf("all_lzf.h5"))
    #expect(whole.status == 0 && whole.output.contains("LSTM(3, 5"))
  }
}
