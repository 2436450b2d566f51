import ArgumentParser
import RNNKit

struct Report: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Writes a page about a model, or about what is different in another one.",
    usage: "rnn report [<options>] <model> [<other>] --output <file>",
    discussion: """
      One page of HTML that needs no network and no scripts, for a pull request or a report of a defect: the model as a \
      picture, its parameters with histograms, eigenvalues of the recurrent weights, each reference case with the error of \
      every step and unit, and how gradients travel back through time. The same files give the same page, but for --timing.

        rnn report model.rnn -o report.html
        rnn report model.rnn half.rnn -o difference.html
      """)

  @Argument(help: ArgumentHelp("The model file.", valueName: "model")) var path: String
  @Argument(help: ArgumentHelp("Another one to compare it with, of any format.", valueName: "other")) var other: String?
  @Option(name: [.customShort("o"), .long], help: ArgumentHelp("The page to write, .html.", valueName: "file"))
  var output: String
  @Option(help: ArgumentHelp(
    "What to show gradients on, as for 'rnn run'. Default: the model's first reference case, else 100 steps of normal noise.", valueName: "file"))
  var input: String?
  @Flag(help: "Measure how fast it runs here, as 'rnn bench' does.") var timing = false
  @Flag(help: "Replace an existing output.") var force = false
  @OptionGroup var part: PartArguments
  @OptionGroup var model: ModelArguments

  func run() throws {
    let name = output.lowercased()
    guard name.hasSuffix(".html") || name.hasSuffix(".htm") else {
      throw RNNError(.usage, file: output, "the name's extension is no page's", remedy: "name a file that ends in .html")
    }
    try OptionEffects.check(self)
    var outputs = WrittenFiles()
    try outputs.add("the output", output)
    if let input { try outputs.check(input: "--input", input) }
    var target = try OutputFile(output, replacing: force)
    let page = try other.map { try comparison(with: $0) } ?? page()
    do throws(RNNError) {
      try target.write(Array(page.utf8))
      try target.commit()
    } catch {
      throw error.inFile(output)
    }
  }

  private func page() throws -> String {
    let progress = Progress("looking into \(path.readableFileName)")
    defer { progress.end() }
    var file = try model.open(
      path, modules: part.names, others: [input].compactMap { $0 }, ignoring: Set(Departure.Kind.allCases))
    if let names = part.names { file = try file.part(names) }
    let signals: Result<(diagnosis: Diagnosis, input: String), RNNError>
    do throws(RNNError) {
      let source = try DiagnosisInput(file: file, modules: nil, path: input, model.hdf5)
      signals = .success((try Diagnosis(file.model, source.forward, input: source.sequence), source.description.readableFileName.lastPathComponent))
    } catch {
      // What was asked for by name is an error; else the page says why it is not there.
      if input != nil { throw error.inFile(path) }
      signals = .failure(error)
    }
    let text = timing ? try Bench.text(of: file) : nil
    do throws(RNNError) {
      return try ReportPage(file, cases: file.model.archive.cases, signals: signals, timing: text).html(in: CommandWording())
    } catch {
      throw error.inFile(path)
    }
  }

  private func comparison(with other: String) throws -> String {
    let progress = Progress("comparing")
    defer { progress.end() }
    let (a, b) = (
      try model.open(path, isOneOfTwo: true, ignoring: Set(Departure.Kind.allCases)),
      try model.open(other, isOneOfTwo: true, ignoring: Set(Departure.Kind.allCases)))
    return try ComparisonPage(a, b).html()
  }
}
