import Foundation
import RNNKit
import Testing

/// A browser without a window, which lays pages out and takes pictures of them.
enum Chromium {
  static let path = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// What it prints with these options.
  static func run(_ options: [String], dark: Bool) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(path))
    let folder = try Scratch()
    process.arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--user-data-dir=\(folder.folder.path)"]
      + (dark ? ["--blink-settings=preferredColorScheme=0"] : []) + options
    try Data().write(to: folder.url("out"))
    process.standardOutput = try FileHandle(forWritingTo: folder.url("out"))
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return try String(contentsOf: folder.url("out"), encoding: .utf8)
  }
}

/// The pictures of `rnn draw` and `rnn report` as a browser shows them: nothing overlaps and nothing is cut, at two widths, in
/// light and dark. Screenshots are left in the folder that RNNKIT_PICTURES names, else in `.build/pictures`.
@Suite(.serialized, .enabled(if: Chromium.path != nil, "chromium is not installed")) struct PictureTests {
  private static let folder = ProcessInfo.processInfo.environment["RNNKIT_PICTURES"]
    ?? Command.root.appendingPathComponent(".build/pictures").path

  /// A name, and the arguments of `rnn report` or `rnn draw` without the output.
  enum Subject: String, CaseIterable {
    case sunspots, classifier, amp, halves, wrong, names, broken, skip, drawing
  }

  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
    try FileManager.default.createDirectory(atPath: Self.folder, withIntermediateDirectories: true)
  }

  private func file(_ modules: [Module], _ name: String, scale: (Int) -> Float = { _ in 1 }) throws -> String {
    var archive = TensorArchive()
    for (name, shape) in modules.flatMap(Model.parameters) {
      try archive.append(name, try #require(Shape(shape).flatMap { shape in
        Tensor(noise(shape.count, seed: archive.tensors.count).enumerated().map { $1 * scale($0) }, shape)
      }))
    }
    try ArrayFile.write(archive.tensors, scratch.path(name + ".npz"))
    return scratch.path(name + ".npz")
  }

  private func arguments(_ subject: Subject) throws -> [String] {
    switch subject {
    case .sunspots: return ["report", Samples.file("sunspots/sunspots.rnn")]
    case .classifier:
      // A BiLSTM classifier over indices, with its last states joined.
      let path = try file([
        .embedding(Embedding(name: "embed", numEmbeddings: 12, embeddingDim: 6)),
        .recurrent(Recurrent(name: "lstm", cell: .lstm, inputSize: 6, hiddenSize: 8, numLayers: 2, direction: .bidirectional)),
        .linear(Linear(name: "classify", inFeatures: 16, outFeatures: 4)),
      ], "classifier")
      try ArrayFile.write([NamedTensor("", try integers((0..<24).map { Int64($0 * 5 % 12) }, 24))], scratch.path("words.npy"))
      let forward = "softmax(classify(cat(lstm(embed(x)).hn[2], lstm(embed(x)).hn[3])))"
      return ["report", path, "--forward", forward, "--input", scratch.path("words.npy")]
    case .amp: return ["report", Command.root.appendingPathComponent("Tests/RNNFormatsTests/Fixtures/json/guitarml.json").path]
    case .halves:
      let (first, second) = (Samples.file("lstm_bidirectional.rnn"), scratch.path("half.rnn"))
      try #require(Command.run("convert", first, second, "--dtype", "f16", "--quiet").status == 0)
      return ["report", first, second]
    case .wrong:
      // Half precision against the outputs of float32.
      let path = scratch.path("wrong.rnn")
      try #require(Command.run("convert", Samples.file("lstm_3_layers.rnn"), path, "--dtype", "bf16", "--quiet").status == 0)
      return ["report", path]
    case .names:
      let long = (0..<12).map { "a_long_block_\($0)" }.joined(separator: ".")
      return ["report", try file([
        .recurrent(Recurrent(name: long, cell: .gru, inputSize: 3, hiddenSize: 4)),
        .linear(Linear(name: "<b>日本語の名前のとても長いモジュール&\u{301}\u{301}\u{301}WWWWWWWWWWWWWWWWWWWWWWWWWWWWW", inFeatures: 4, outFeatures: 4)),
      ], "names")]
    case .broken:
      return ["report", try file([
        .recurrent(Recurrent(name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: 4)), .linear(Linear(name: "fc", inFeatures: 4, outFeatures: 2)),
      ], "broken") { [1e20, -1e20, .nan, .infinity, 1][$0 % 5] }]
    case .skip: return ["report", try skip(), "--forward", Self.line]
    case .drawing: return ["draw", try skip(), "--forward", Self.line]
    }
  }

  private static let line = """
    ids, side(3) -> y, aux, state
    e = enc(emb(ids)); d = dec(cat(e, relu(fc(side))))
    out(sigmoid(score(d)) * d - 0.5) + side[..., :1], aux(cat(e.hn[2], e.hn[3])), last(d) / first(d)
    """

  private func skip() throws -> String {
    try file([
      .embedding(Embedding(name: "emb", numEmbeddings: 1000, embeddingDim: 16)),
      .recurrent(Recurrent(name: "enc", cell: .lstm, inputSize: 16, hiddenSize: 12, numLayers: 2, direction: .bidirectional)),
      .linear(Linear(name: "fc", inFeatures: 3, outFeatures: 8)), .recurrent(Recurrent(name: "dec", cell: .gru, inputSize: 32, hiddenSize: 20)),
      .linear(Linear(name: "score", inFeatures: 20, outFeatures: 20)), .linear(Linear(name: "out", inFeatures: 20, outFeatures: 5)),
      .linear(Linear(name: "aux", inFeatures: 24, outFeatures: 2)),
    ], "skip")
  }

  @Test(arguments: Subject.allCases) func nothingOverlapsOrIsCut(subject: Subject) throws {
    let arguments = try arguments(subject)
    let isPage = arguments[0] == "report"
    let page = scratch.path(isPage ? "page.html" : "page.svg")
    let result = try Command.run(arguments + ["-o", page])
    try #require(result.status == 0, "\(result.errors)")
    let text = try String(contentsOfFile: page, encoding: .utf8)
    let script = try String(contentsOf: Command.root.appendingPathComponent("Tests/CommandTests/Fixtures/layout.js"), encoding: .utf8)
    let end = isPage ? "</body>" : "</svg>\n"
    let checked = scratch.path(isPage ? "checked.html" : "checked.svg")
    #expect(text.hasSuffix(isPage ? "</body>\n</html>\n" : end))
    let place = try #require(text.range(of: end, options: .backwards))
    let element = isPage ? "<script>\(script)</script>" : "<script><![CDATA[\(script)]]></script>"
    try (text[..<place.lowerBound] + element + text[place.lowerBound...]).write(toFile: checked, atomically: true, encoding: .utf8)
    for (width, dark) in [(1280, false), (500, true)] {
      let document = try Chromium.run(["--window-size=\(width),1000", "--dump-dom", "file://" + checked], dark: dark)
      let start = try #require(document.range(of: "id=\"layout\">"), "the script did not run: \(document.suffix(300))")
      let lines = document[start.upperBound...].components(separatedBy: "</pre>")[0].split(separator: "\n").map(String.init)
      let head = try #require(lines.first)
      #expect(head.hasPrefix("\(width) wide, \(dark ? "dark" : "light")"), "\(head)")
      #expect(!head.hasSuffix(" 0 texts") && !head.contains(" 0 boxes"), "\(head)")
      #expect(lines.dropFirst().isEmpty, "\(subject) \(head)\n\(lines.dropFirst().joined(separator: "\n"))")
      for isDark in [false, true] where [.sunspots, .classifier, .amp, .halves].contains(subject) {
        let picture = "\(Self.folder)/\(subject.rawValue)-\(width)-\(isDark ? "dark" : "light").png"
        _ = try Chromium.run(["--window-size=\(width),\(isPage ? 4200 : 1300)", "--screenshot=\(picture)", "file://" + page], dark: isDark)
        #expect(try Data(contentsOf: URL(fileURLWithPath: picture)).count > 5000)
      }
    }
  }
}
