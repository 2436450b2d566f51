import Foundation
import RNNKit
import Testing

/// `Schemas/messages.md`: ordinary mistakes and what is said of each. `RNNKIT_WRITE_MESSAGES=1` writes the messages anew.
@Suite struct MessageTableTests {
  private static let page = Command.root.appendingPathComponent("Schemas/messages.md")
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
    func floats(_ sizes: Int...) throws -> Tensor {
      let shape = try #require(Shape(sizes))
      return try #require(Tensor(noise(shape.count, seed: shape.count), shape))
    }
    let lstm = try [
      NamedTensor("lstm.weight_ih_l0", floats(12, 2)), NamedTensor("lstm.weight_hh_l0", floats(12, 3)),
      NamedTensor("lstm.bias_ih_l0", floats(12)), NamedTensor("lstm.bias_hh_l0", floats(12)),
    ]
    let arrays: [String: [NamedTensor]] = try [
      "model.npz": lstm + [NamedTensor("fc.weight", floats(2, 3)), NamedTensor("fc.bias", floats(2))],
      "two.npz": lstm + [
        NamedTensor("fc1.weight", floats(4, 3)), NamedTensor("fc1.bias", floats(4)), NamedTensor("fc2.weight", floats(2, 4)),
        NamedTensor("fc2.bias", floats(2)),
      ],
      "linear.npz": [NamedTensor("fc.weight", floats(2, 3)), NamedTensor("fc.bias", floats(2))],
      "odd.npz": [NamedTensor("w_x", floats(12, 2)), NamedTensor("w_h", floats(12, 3)), NamedTensor("b", floats(12))],
      "x.npy": [NamedTensor("", floats(4, 2))], "wide.npy": [NamedTensor("", floats(4, 5))],
      "named.npz": [NamedTensor("signal", floats(4, 2)), NamedTensor("other", floats(3))],
      "noout.npz": [NamedTensor("input", floats(4, 2))],
    ]
    for (name, members) in arrays { try ArrayFile.write(members, scratch.path(name)) }
    for (name, text) in [
      "ragged.csv": "1,2\n3\n", "word.csv": "1,2\n3,abc\n", "semi.csv": "1;2\n", "date.csv": "2024-01-01,2\n", "x.tsv": "1\t2\n",
      "x.csv": "0.1,0.2\n", "empty.pt": "", "page.pt": "<!DOCTYPE html><html></html>\n", "model.gguf": "GGUF\u{3}",
      "pointer.safetensors": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n",
      "model.tflite": "\u{1C}\u{0}\u{0}\u{0}TFL3", "model.py": "import torch\n", "labels.txt": "cat\ndog\nbird\n",
      "config.json": #"{"model_type": "lstm"}"#,
    ] { try Data(text.utf8).write(to: scratch.url(name)) }
    try FileManager.default.createDirectory(at: scratch.url("saved"), withIntermediateDirectories: true)
    try Data().write(to: scratch.url("saved/saved_model.pb"))
    try #require(Command.run(["convert", "model.npz", "model.rnn", "-q"], in: scratch.folder).status == 0)
    var bytes = try Data(contentsOf: scratch.url("model.rnn"))
    try bytes.prefix(300).write(to: scratch.url("cut.rnn"))
    bytes[bytes.count - 3] ^= 4
    try bytes.write(to: scratch.url("flipped.rnn"))
  }

  /// The error's line without the command's name.
  private func message(_ arguments: [String]) throws -> String {
    let result = try Command.run(arguments, in: scratch.folder)
    #expect([64, 65, 66, 73].contains(result.status), "\(arguments): \(result.status)")
    let lines = result.errors.split(separator: "\n").filter { $0.hasPrefix("rnn: ") }
    #expect(lines.count == 1, "\(arguments): \(result.errors)")
    return String(lines.first?.dropFirst(5) ?? "")
  }

  @Test func everyMessageIsInTheTable() throws {
    let writes = ProcessInfo.processInfo.environment["RNNKIT_WRITE_MESSAGES"] != nil
    let before = try scratch.files()
    var page: [String] = []
    var count = 0
    for line in try String(contentsOf: Self.page, encoding: .utf8).components(separatedBy: "\n") {
      let cells = line.components(separatedBy: " | ")
      guard line.hasPrefix("| `rnn "), cells.count == 2 else {
        page.append(line)
        continue
      }
      count += 1
      let command = cells[0].dropFirst("| `rnn ".count).dropLast()
      let said = try message(command.split(separator: " ").map(String.init))
      page.append("\(cells[0]) | \(said) |")
      if !writes { #expect(line == page.last) }
      #expect(said.contains("; ") || said.hasSuffix("?"), "no remedy: \(said)")
    }
    let after = try scratch.files()
    #expect(count >= 40 && after == before)
    if writes { try page.joined(separator: "\n").write(to: Self.page, atomically: true, encoding: .utf8) }
  }
}
