import Foundation
import RNNKit
import Testing

/// `rnn draw`.
@Suite struct DrawTests {
  private func draw(_ model: String, _ options: [String] = [], as kind: String = "svg") throws -> String {
    let scratch = try Scratch()
    let path = scratch.path("model." + kind)
    let result = try Command.run(["draw", model, "-o", path] + options)
    #expect(result.status == 0 && result.output.isEmpty, "\(result.errors)")
    return try String(contentsOfFile: path, encoding: .utf8)
  }

  /// A state_dict of these modules in a file of its own.
  private func file(_ modules: [Module], _ scratch: Scratch) throws -> String {
    var archive = TensorArchive()
    for (name, shape) in modules.flatMap(Model.parameters) {
      try archive.append(name, try #require(Shape(shape).flatMap { Tensor(noise($0.count), $0) }))
    }
    let path = scratch.path("model.rnn")
    try Model(archive, architecture: Architecture(modules: modules)).write(to: path)
    return path
  }

  @Test(arguments: ["sunspots/sunspots", "lstm_bidirectional", "chain_lstm_lstm2_dense", "seq2seq", "unknown_modules", "head_softmax"])
  func drawsEveryModuleWithItsSizesTheSameWayEachTime(sample: String) throws {
    let picture = try draw(Samples.path(sample))
    #expect(picture == (try draw(Samples.path(sample))))
    let dot = try draw(Samples.path(sample), as: "dot")
    let model = try Samples.open(sample)
    for module in model.architecture.usedModules {
      #expect(picture.contains(">\(module.name)</text>") && dot.contains("label=\"\(module.name)\\n"), "\(module.name)")
    }
    for step in model.stepSummaries {
      let shape = step.gives(batchFirst: model.architecture.batchFirst)
      #expect(picture.contains(">→ \(shape)</text>") && dot.contains("→ \(shape)"), "\(shape)")
    }
    // No script, nothing from elsewhere but the names of XML.
    #expect(!picture.contains("<script") && !picture.contains("href") && !picture.contains("url("))
    #expect(picture.components(separatedBy: "http").count == 2)
  }

  @Test func showsBothDirectionsOfTheState() throws {
    let (one, both) = (try draw(Samples.path("lstm")), try draw(Samples.path("lstm_bidirectional")))
    #expect(!one.contains(">reverse</text>") && both.contains(">reverse</text>") && both.contains(">both directions</text>") == both.contains(">both directions"))
    for label in ["x[0]", "output[T−1]", "layer 1", "h, c"] { #expect(one.contains(">\(label)</text>"), "\(label)") }
    #expect(try draw(Samples.path("gru")).contains(">h</text>"))
  }

  @Test func marksWhatIsAssumed() throws {
    let path = Samples.file("plain/flat.h5")
    #expect(try draw(path).contains("class=\"recurrent assumed\""))
    let said = ["--nonlinearity", "tanh", "--batch-first", "--forward", "rnn(x)"]
    #expect(try !draw(path, said).contains(" assumed\""))
  }

  @Test func escapesWhatAFileNamesItsModules() throws {
    let scratch = try Scratch()
    let name = "<script>alert('1')</script>\u{7}\"&\u{301}\u{301}\u{301}\u{202E}"
    let path = try file([.recurrent(Recurrent(name: name, cell: .gru, inputSize: 2, hiddenSize: 3))], scratch)
    let picture = try draw(path)
    #expect(!picture.contains("<script") && picture.contains("&lt;script&gt;") && picture.contains("\\u{202e}"))
    #expect(!picture.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    #expect(try draw(path, as: "dot").contains("</script>\\\\u{7}\\\""))
  }

  @Test func drawsOfManyStepsAsManyAsCanBeRead() throws {
    let scratch = try Scratch()
    let modules = [Module.recurrent(Recurrent(name: "rnn", cell: .rnn, inputSize: 2, hiddenSize: 2, numLayers: 9))]
      + (0..<3000).map { Module.linear(Linear(name: "fc\($0)", inFeatures: 2, outFeatures: 2)) }
    let picture = try draw(try file(modules, scratch))
    #expect(picture.contains("2,841 more steps") && picture.contains("… 6 more layers"))
    #expect(picture.utf8.count < 200_000)
  }

  @Test func refusesWhatItCannotWrite() throws {
    let scratch = try Scratch()
    let model = try Samples.native("lstm", scratch)
    let png = scratch.path("model.png"), svg = scratch.path("model.svg")
    #expect(try Refusal.of(["draw", model, "-o", png], status: 64, in: scratch)
      == "\(png): the name's extension tells no kind of picture; name a file that ends in .svg or .dot")
    #expect(try Refusal.of(["draw", model], status: 64, in: scratch)
      == "Missing expected argument '--output <file>'; see 'rnn draw --help'")
    try Data("old".utf8).write(to: scratch.url("model.svg"))
    #expect(try Refusal.of(["draw", model, "-o", svg], status: 73, in: scratch)
      == "\(svg): exists already; choose another name, or replace it with --force")
    #expect(try Command.run("draw", model, "-o", svg, "--force").status == 0)
    let missing = scratch.path("none.rnn")
    #expect(try Refusal.of(["draw", missing, "-o", scratch.path("new.svg")], status: 66, in: scratch).hasPrefix(missing))
  }
}
