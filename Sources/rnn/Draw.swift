import ArgumentParser
import RNNKit

struct Draw: TalkingCommand {
  static let configuration = CommandConfiguration(
    commandName: "draw", abstract: "Draws what a model computes, as SVG or for Graphviz.",
    usage: "rnn draw [<options>] <model> --output <file>",
    discussion: """
      Steps are boxes with sizes and the shape of what they give, arrows lead up from the inputs, and each recurrent module \
      is shown over a few steps of time. What the file does not say and was assumed is dashed. The same model gives the same \
      file. The output's extension says what it is: .svg, a picture that needs nothing else, or .dot, for Graphviz.

        rnn draw model.rnn -o model.svg
        rnn draw model.rnn -o model.dot
      """)

  @Argument(help: ArgumentHelp("The model file.", valueName: "model"), completion: Completions.model) var path: String
  @Option(name: .shortAndLong, help: ArgumentHelp("The picture to write, .svg or .dot.", valueName: "file"), completion: .file(extensions: ["svg", "dot"]))
  var output: String
  @Flag(name: .shortAndLong, help: "Replace an existing output.") var force = false
  @OptionGroup var part: PartArguments
  @OptionGroup var talk: TalkArguments
  @OptionGroup var model: ModelArguments

  func run() throws {
    let isDOT = output.lowercased().hasSuffix(".dot")
    guard isDOT || output.lowercased().hasSuffix(".svg") else {
      throw RNNError(.usage, file: output, "the name's extension tells no kind of picture", remedy: "name a file that ends in .svg or .dot")
    }
    var target = try OutputFile(output, replacing: force)
    var file = try model.open(path, modules: part.names, ignoring: Set(Departure.Kind.allCases), unpacking: LateFailures())
    if let names = part.names { file = try file.part(names) }
    do throws(RNNError) {
      try target.write(Array((isDOT ? file.dot() : file.svg()).utf8))
      try target.commit()
    } catch {
      throw error.inFile(output)
    }
  }
}
