import ArgumentParser
import RNNKit

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Converts a model to another format, bit for bit.",
    discussion: """
      Every tensor is carried along, those that are no part of the recurrent model too, with metadata and reference cases.
      The output appears whole or not at all.

        rnn convert model.h5 model.rnn
        rnn convert dump.h5 model.rnn --nonlinearity relu --case outputs.npz
      """)

  @Argument(help: "The model file to read.") var input: String
  @Argument(help: "The file to write; its extension tells the format.") var output: String
  @OptionGroup(title: "Model options") var model: ModelArguments
  @Option(help: ArgumentHelp("Write this format, whatever the output's extension.", valueName: "format"))
  var to: String?
  @Option(help: ArgumentHelp("Round the parameters to f32, f64, f16 or bf16, to nearest even.", valueName: "type"))
  var dtype: DType?
  @Option(
    name: .customLong("case"),
    help: ArgumentHelp(
      "Add a reference case: a .npz, .h5 or .json with input, h0, … and the outputs its framework gave. Repeatable.",
      valueName: "file"))
  var cases: [String] = []
  @Flag(help: "Replace an existing output.") var force = false
  @Flag(help: "Say nothing of what was done.") var quiet = false
  @Flag(help: "Say it as JSON on standard output.") var json = false

  enum DType: String, ExpressibleByArgument, CaseIterable {
    case f64, f32, f16, bf16

    var elementType: ElementType {
      switch self {
      case .f64: .float64
      case .f32: .float32
      case .f16: .float16
      case .bf16: .bfloat16
      }
    }
  }

  func run() throws {
    // The options are checked before anything large is read.
    let writer = try ModelArguments.registry.writer(for: output, named: to)
    let file = try model.open(input, quiet: true)
    var (archive, notes) = (file.model.archive, file.notes)
    if let dtype { archive = try round(archive, file.model, to: dtype.elementType, &notes) }
    for path in cases {
      let reference = try ReferenceCase(readingFrom: path, for: file.model)
      guard !archive.cases.contains(where: { $0.name == reference.name }) else {
        throw RNNError(.usage, file: path, "the model has a case named \(reference.name) already",
          remedy: "rename the file, whose name is the case's")
      }
      archive.cases.append(reference)
      notes.append("reference case \(reference.name) added")
    }
    let converted = try Model(archive, architecture: file.model.architecture)
    notes += converted.carried.map { "\($0.name) carried along, no part of the chain" }
    try converted.write(to: output, as: writer.name, replacing: force, registry: ModelArguments.registry)
    if json {
      Console.output(JSONValue.object([
        .init("input", .string(input)), .init("from", .string(file.format)), .init("output", .string(output)),
        .init("to", .string(writer.name)), .init("tensors", .integer(Int64(archive.tensors.count))),
        .init("cases", .integer(Int64(archive.cases.count))), .init("notes", .array(notes.map(JSONValue.string))),
      ]).indentedText + "\n")
    } else if !quiet {
      for note in notes { Console.note(note) }
      Console.error(
        "\(input) (\(file.format)) -> \(output) (\(writer.name)): \(archive.tensors.count) tensors, \(archive.cases.count) cases"
          .escapingControlCharacters())
    }
  }

  /// Rounds the chain's parameters; what is carried along keeps its type.
  private func round(
    _ archive: TensorArchive, _ model: Model, to type: ElementType, _ notes: inout [String]
  ) throws -> TensorArchive {
    let parameters = Set(model.parameterNames)
    var (largest, place) = (0.0, "")
    let rounded = try archive.mapTensors { (named) throws(RNNError) in
      guard parameters.contains(named.name), let result = named.tensor.converted(to: type) else { return named.tensor }
      if result.largestChange > largest {
        (largest, place) = (result.largestChange, "\(named.name)\(named.tensor.shape.index(ofElement: result.position))")
      }
      return result.tensor
    }
    notes.append(
      largest == 0 ? "every parameter is exact as \(type.rawValue)"
        : "rounded to \(type.rawValue); the largest change is \(largest), at \(place)")
    return rounded
  }
}
