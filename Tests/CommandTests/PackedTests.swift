import Foundation
import RNNKit
import Testing

/// Files that hold several models, and models in archives. Made by Fixtures/packed/make.py, whose numbers are PyTorch's.
@Suite struct PackedTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private static let folder = Command.root.appendingPathComponent("Tests/CommandTests/Fixtures/packed")

  private static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  /// What a run gives, as far from PyTorch's numbers of one of the two models.
  private func distance(_ name: String, _ entry: String?, from model: String) throws -> (Double, errors: String) {
    let output = scratch.path("y-\(UUID().uuidString).npy")
    let result = try Command.run(
      ["run", Self.path(name), "--input", Self.path("input.npy"), "--output", output]
        + (entry.map { ["--state-dict", $0] } ?? []))
    try #require(result.status == 0, "\(name) \(entry ?? ""): \(result.errors)")
    let made = try #require(ArrayFile.read(output).values.first).doubles
    let expected = try #require(ArrayFile.read(Self.path("\(model).npy")).values.first).doubles
    try #require(made.count == expected.count)
    return (zip(made, expected).map { abs($0 - $1) }.max() ?? .infinity, result.errors)
  }

  @Test(arguments: [
    ("two.pt", "gen", "a"), ("two.pt", "dis", "b"), ("two.pt", "['dis']", "b"), ("two_legacy.pt", "dis", "b"),
    ("dotted.pt", "['a.b']", "b"), ("dotted.pt", "['a']['b']", "a"), ("with_optimizer.pt", "model", "a"),
    ("several.zip", "a.pt", "a"), ("several.zip", "b.pt", "b"), ("two.zip", "gen", "a"), ("two.zip", "m.pt:dis", "b"),
    ("both.zip", "m.pt:dis", "b"), ("both.zip", "a.pt", "a"), ("nested.zip", "inner.zip:a.pt", "a"),
  ])
  func runsTheOneThatIsChosen(_ name: String, _ entry: String, _ model: String) throws {
    #expect(try distance(name, entry, from: model).0 < 1e-6)
  }

  @Test(arguments: [
    ("with_optimizer.pt", "the state_dict is ['model'] of the checkpoint"),
    ("sb3.zip", "the model is policy.pth of the archive; left out: pytorch_variables.pth, policy.optimizer.pth"),
    ("m.tar", "the model is deep/a.pt of the archive"), ("ustar.tar", "/a.pt of the archive"),
    ("long.tar.gz", "/a.pt of the archive"), ("pax.tgz", "/é/a.pt of the archive"), ("members.pt.gz", ""),
    ("nested.zip", "the model is inner.zip:a.pt of the archive"),
  ])
  func takesTheOnlyOneAndSaysWhich(_ name: String, _ note: String) throws {
    let (distance, errors) = try distance(name, nil, from: "a")
    #expect(distance < 1e-6)
    #expect(note.isEmpty || errors.contains(note), "\(errors)")
  }

  /// What is listed, followed to the letter, runs.
  @Test(arguments: [
    ("two.pt", nil, "gen, dis"), ("two_legacy.pt", nil, "gen, dis"), ("dotted.pt", nil, "['a.b'], ['a']['b']"),
    ("several.zip", nil, "a.pt, b.pt"), ("two.zip", nil, "gen, dis"), ("both.zip", "m.pt", "m.pt:gen, m.pt:dis"),
  ] as [(String, String?, String)])
  func refusesToChooseAndListsWhatThereIs(_ name: String, _ entry: String?, _ list: String) throws {
    let option = entry.map { ["--state-dict", $0] } ?? []
    for command in [["inspect"], ["verify"], ["diagnose"], ["bench"]] {
      let message = try Refusal.of(command + [Self.path(name)] + option, status: 65, in: scratch)
      #expect(message.hasSuffix("the file holds 2 models; choose one with --state-dict: \(list)"), "\(message)")
    }
    for entry in list.components(separatedBy: ", ") {
      #expect(try Command.run(["inspect", Self.path(name), "--state-dict", entry]).status == 0)
    }
  }

  @Test func refusesANameThatNoModelHas() throws {
    for (name, entry, words) in [
      ("two.pt", "x", "no model in the file is named x; choose one with --state-dict: gen, dis"),
      ("dotted.pt", "a.b", "several models are named a.b; choose one with --state-dict: ['a.b'], ['a']['b']"),
      ("several.zip", "c.pt", "no model in the file is named c.pt; choose one with --state-dict: a.pt, b.pt"),
      ("both.zip", "m.pt:x", "no model in the file is named x; choose one with --state-dict: m.pt:gen, m.pt:dis"),
    ] {
      let message = try Refusal.of(["inspect", Self.path(name), "--state-dict", entry], status: 64, in: scratch)
      #expect(message.hasSuffix(words), "\(message)")
    }
    let plain = try Refusal.of(["inspect", Samples.path("lstm"), "--state-dict", "x"], status: 64, in: scratch)
    #expect(plain.hasSuffix("holds one model; leave out --state-dict"), "\(plain)")
  }

  @Test(arguments: [
    ("bomb.gz", "it unpacks to more than 1100 times the file's size or 68719476736 bytes"),
    ("deep.gz", "archives within archives in more than 4 levels"), ("cut.gz", "gzip: its compressed bytes end early"),
    ("crc.gz", "gzip: its compressed bytes or their checksum are damaged"), ("after.gz", "gzip: 4 bytes after the end"),
    ("cut.tar", "tar, offset 0: a member of 3165 bytes, 688 left"), ("checksum.tar", "a header whose checksum is wrong"),
    ("up.tar", "a member with a name that leads out of the archive"), ("twice.tar", "member a.pt stands twice"),
    ("link.tar", "a tar archive without files"),
    ("nothing.zip", "a zip archive without a model that RNNKit reads: it holds \"readme.txt\", \"x.csv2\""),
  ])
  func refusesWhatIsDamagedOrTooMuch(_ name: String, _ words: String) throws {
    for command in [["inspect", Self.path(name)], ["convert", Self.path(name), scratch.path("o.rnn")]] {
      let message = try Refusal.of(command, status: 65, in: scratch)
      #expect(message.hasPrefix("\(Self.path(name)): ") && message.contains(words), "\(message)")
    }
  }

  @Test func readsNoMoreFilesThanTheLimit() throws {
    let model = try Data(contentsOf: URL(fileURLWithPath: Self.path("m.tar")))
    var archive = Data()
    for number in 0..<65 { archive += try header("\(number).tar", model.count) + model }
    try archive.write(to: scratch.url("many.tar"))
    let message = try Refusal.of(["inspect", scratch.path("many.tar")], status: 65, in: scratch)
    #expect(message.contains("the file holds 65 models; choose one with --state-dict: 0.tar:deep/a.pt, "), "\(message)")
  }

  /// A tar header; the bodies here are whole blocks.
  private func header(_ name: String, _ count: Int) throws -> Data {
    try #require(count % 512 == 0)
    var bytes = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, _ at: Int) { bytes.replaceSubrange(at..<at + text.utf8.count, with: text.utf8) }
    func octal(_ value: Int, _ width: Int) -> String {
      let digits = String(value, radix: 8)
      return String(repeating: "0", count: width - digits.count) + digits
    }
    put(name, 0)
    put(octal(count, 11), 124)
    put("        0", 148)
    put("ustar", 257)
    put("00", 263)
    put(octal(bytes.reduce(0) { $0 + Int($1) }, 6) + "\u{0}", 148)
    return Data(bytes)
  }
}
