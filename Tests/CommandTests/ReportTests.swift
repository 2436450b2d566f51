import Foundation
import RNNKit
import Testing

/// `rnn report`.
@Suite struct ReportTests {
  private func report(_ arguments: String...) throws -> String {
    let scratch = try Scratch()
    let path = scratch.path("page.html")
    let result = try Command.run(["report"] + arguments + ["-o", path])
    #expect(result.status == 0 && result.output.isEmpty, "\(arguments): \(result.errors)")
    return try String(contentsOfFile: path, encoding: .utf8)
  }

  private func write(_ archive: TensorArchive, _ modules: [Module], _ path: String) throws -> String {
    try Model(archive, architecture: Architecture(modules: modules)).write(to: path)
    return path
  }

  /// Nothing is fetched and nothing is run.
  private func expectSelfContained(_ page: String) {
    for word in ["<script", "http", "src=", "href", "url(", "@import", "<link", "<iframe"] { #expect(!page.contains(word), "\(word)") }
    #expect(page.hasPrefix("<!DOCTYPE html>\n") && page.hasSuffix("</html>\n"))
    for element in ["div", "table", "figure", "svg", "span", "td", "tr", "ul", "dl", "g", "pre"] {
      let opened = page.components(separatedBy: "<\(element) ").count + page.components(separatedBy: "<\(element)>").count
      #expect(opened - 1 == page.components(separatedBy: "</\(element)>").count, "\(element)")
    }
  }

  @Test(arguments: ["sunspots/sunspots", "lstm_bidirectional", "gru_float16", "head_last_step", "keras_gru_reset_before", "seq2seq", "lstm_projection_bidirectional"])
  func showsEveryTensorAndCaseTheSameWayEachTime(sample: String) throws {
    let path = Samples.path(sample)
    let page = try report(path)
    #expect(page == (try report(path)))
    expectSelfContained(page)
    let model = try Samples.open(sample)
    for tensor in model.archive.tensors { #expect(page.contains("<code>\(tensor.name)</code>"), "\(tensor.name)") }
    for reference in model.archive.cases {
      #expect(page.contains("<h3>Case \(reference.name)</h3>"))
      for comparison in try Verification(reference, of: model).comparisons { #expect(page.contains("<h4><code>\(comparison.member)</code></h4>")) }
    }
    let held = try model.archive.cases.count { try Verification($0, of: model).holds }
    #expect(page.contains("<dd>\(held) of \(model.archive.cases.count)</dd>"))
    let parameters = model.parameterNames.reduce(0) { $0 + (model.archive[$1]?.count ?? 0) }
    #expect(page.contains("<dd>\(parameters.formatted(.number.locale(Locale(identifier: "en_US"))))</dd>"))
  }

  /// One number of a reference is moved: its cell alone is beyond the tolerance, and the ring is around it.
  @Test func pointsAtTheStepThatIsWrong() throws {
    let scratch = try Scratch()
    let model = try Samples.open("lstm_1_layer")
    var archive = model.archive
    let (reference, place) = (try #require(archive.cases.firstIndex { $0["output"] != nil }), 5)
    let member = try #require(archive.cases[reference].members.firstIndex { $0.name == "output" })
    let output = archive.cases[reference].members[member].tensor
    var values = output.doubles.map(Float.init)
    let width = try #require(output.shape.dimensions.last)
    let row = output.shape.rank == 3 && !model.architecture.batchFirst ? output.shape[1] * width : width
    values[place * row + 2] += 0.25
    archive.cases[reference].members[member].tensor = try #require(Tensor(values, output.shape))
    archive.cases = [archive.cases[reference]]
    let path = scratch.path("moved.rnn")
    try Model(archive, architecture: model.architecture).write(to: path)
    let page = try report(path)
    #expect(page.contains("<span class=\"badge poor\">mismatch</span>") && page.contains("<dd>0 of 1</dd>"))
    let found = try #require(page.range(of: "Ring: first beyond the tolerance, at step \(place), "))
    #expect(page[found.upperBound...].prefix(20).contains("unit 2"))
    // The shade of a cell for what is 0.25 off: more than a thousand times what is allowed.
    let heat = page.components(separatedBy: "class=\"heat7\"").count - 1
    #expect(heat >= 3, "the legend, the largest gradient and the cell")
    #expect(try report(Samples.path("lstm_1_layer")).components(separatedBy: "class=\"heat7\"").count - 1 == 2)
  }

  @Test func marksWeightsThatAreNoNumbers() throws {
    let scratch = try Scratch()
    let module = Recurrent(name: "rnn", cell: .rnn, inputSize: 2, hiddenSize: 3)
    var archive = TensorArchive()
    for (name, shape) in Model.parameters(of: .recurrent(module)) {
      var values = noise(shape.reduce(1, *))
      if name == "rnn.weight_hh_l0" { values[4] = .nan }
      if name == "rnn.bias_ih_l0" { (values[0], values[1]) = (.infinity, .greatestFiniteMagnitude) }
      try archive.append(name, try #require(Shape(shape).flatMap { Tensor(values, $0) }))
    }
    let page = try report(try write(archive, [.recurrent(module)], scratch.path("m.rnn")))
    #expect(page.contains("rnn.weight_hh_l0 has 1 NaN and 0 infinite values"))
    #expect(page.contains("<span class=\"badge poor\">1 NaN</span>"))
    #expect(page.contains("<span class=\"badge poor\">1 infinite, 1 at the type&#39;s end</span>"))
    #expect(page.contains("not finite, no eigenvalues"))
    expectSelfContained(page)
  }

  @Test func escapesWhatAFileSays() throws {
    let scratch = try Scratch()
    let evil = "<script>alert(1)</script>\"'&\u{7}"
    let module = Recurrent(name: evil, cell: .gru, inputSize: 2, hiddenSize: 3)
    var archive = TensorArchive()
    for (name, shape) in Model.parameters(of: .recurrent(module)) {
      try archive.append(name, try #require(Shape(shape).flatMap { Tensor(noise($0.count), $0) }))
    }
    try archive.append("</code><img src=x onerror=alert(2)>", try tensor(noise(3), 3))
    archive.cases = [ReferenceCase(name: evil, members: [NamedTensor("input", try tensor(noise(8), 4, 2)), NamedTensor(evil, try tensor(noise(2), 2))])]
    let path = try write(archive, [.recurrent(module)], scratch.path("m.rnn"))
    let copy = scratch.path("<b>'\".rnn")
    try FileManager.default.copyItem(atPath: path, toPath: copy)
    for page in [try report(copy), try report(copy, path)] {
      for word in ["<script", "<img", "<b>"] { #expect(!page.contains(word), "\(word)") }
      #expect(!page.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
      #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
    }
    #expect(try report(copy).contains("It cannot be replayed: "))
  }

  /// A model of many tensors, and one of many steps of a case, give a page of a few megabytes at most.
  @Test func isBounded() throws {
    let scratch = try Scratch()
    let rnn = Module.recurrent(Recurrent(name: "rnn", cell: .rnn, inputSize: 2, hiddenSize: 2, numLayers: 40))
    let modules = [rnn] + (0..<2000).map { Module.linear(Linear(name: "fc\($0)", inFeatures: 2, outFeatures: 2)) }
    var archive = TensorArchive()
    for (name, shape) in modules.flatMap(Model.parameters) {
      try archive.append(name, try #require(Shape(shape).flatMap { Tensor(noise($0.count), $0) }))
    }
    let many = try report(try write(archive, modules, scratch.path("many.rnn")))
    #expect(many.contains("… and 3,760 more tensors") && many.contains("more steps") && many.contains("more matrices"))
    #expect(many.utf8.count < 2_000_000, "\(many.utf8.count)")

    let steps = 50_000
    let lstm = Recurrent(name: "rnn", cell: .rnn, inputSize: 1, hiddenSize: 4)
    var long = TensorArchive()
    for (name, shape) in Model.parameters(of: .recurrent(lstm)) {
      try long.append(name, try #require(Shape(shape).flatMap { Tensor(noise($0.count), $0) }))
    }
    long.cases = [ReferenceCase(name: "long", members: [
      NamedTensor("input", try tensor(noise(steps), steps, 1)), NamedTensor("output", try tensor([Float](repeating: 0, count: steps * 4), steps, 4)),
    ])]
    let page = try report(try write(long, [.recurrent(lstm)], scratch.path("long.rnn")))
    #expect(page.contains("a cell is the largest of several") && page.utf8.count < 500_000, "\(page.utf8.count)")
  }

  @Test func comparesTwoModels() throws {
    let scratch = try Scratch()
    let (first, half) = (Samples.path("lstm"), scratch.path("half.rnn"))
    try #require(Command.run("convert", first, half, "--dtype", "f16", "--quiet").status == 0)
    let page = try report(first, half)
    #expect(page == (try report(first, half)))
    expectSelfContained(page)
    let count = try Samples.open("lstm").archive.tensors.count
    #expect(page.contains("<dd>0 of \(count)</dd>") && page.contains("The same steps."))
    // Rounding to nearest is half a unit off at most.
    let ulps = try #require(page.range(of: "most units in the last place</dt><dd>")).upperBound
    #expect(try #require(Double(page[ulps...].prefix { $0 != "<" })) <= 0.5)
    let same = try report(first, first)
    #expect(same.contains("<dd>\(count) of \(count)</dd>") && !same.contains("badge fair"))
    let other = try report(first, Samples.path("gru"))
    #expect(other.contains("<span class=\"gone\">− lstm  LSTM(") && other.contains("<span class=\"added\">+ gru  GRU("))
    #expect(other.contains("only in the first") && other.contains("only in the second"))
  }

  @Test func measuresOnlyWhereAsked() throws {
    #expect(try !report(Samples.path("lstm_1_layer")).contains("µs"))
    #expect(try report(Samples.path("lstm_1_layer"), "--timing").contains("bound by "))
  }

  @Test func saysWhyGradientsAreNotShown() throws {
    #expect(try report(Samples.path("unknown_modules")).contains("Not shown: "))
  }

  @Test func refusesWhatItCannotWriteOrUse() throws {
    let scratch = try Scratch()
    let model = try Samples.native("lstm", scratch)
    let (pdf, html) = (scratch.path("r.pdf"), scratch.path("r.html"))
    #expect(try Refusal.of(["report", model, "-o", pdf], status: 64, in: scratch)
      == "\(pdf): the name's extension is no page's; name a file that ends in .html")
    #expect(try Refusal.of(["report", model], status: 64, in: scratch)
      == "Missing expected argument '--output <file>'; see 'rnn report --help'")
    #expect(try Refusal.of(["report", model, model, "-o", html, "--timing"], status: 64, in: scratch)
      == "--timing has no effect on a page about two models, which runs neither; leave the option out")
    try ArrayFile.write([NamedTensor("", try tensor(noise(15), 3, 5))], scratch.path("x.npy"))
    #expect(try Refusal.of(["report", model, "-o", html, "--input", scratch.path("x.npy")], status: 65, in: scratch).contains("expected (time, batch, 4)"))
    try Data("old".utf8).write(to: scratch.url("r.html"))
    #expect(try Refusal.of(["report", model, "-o", html], status: 73, in: scratch)
      == "\(html): exists already; choose another name, or replace it with --force")
  }
}
