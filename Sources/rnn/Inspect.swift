import ArgumentParser
import RNNKit

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Shows a model's architecture, parameters and reference cases.",
    usage: "rnn inspect [<options>] <model>")

  @Argument(help: ArgumentHelp("The model file.", valueName: "model")) var path: String
  @Flag(help: "Print JSON (Schemas/inspect.schema.json).") var json = false
  @OptionGroup var part: PartArguments
  @OptionGroup var model: ModelArguments

  func run() throws {
    // Nothing is computed here: what could not be run as the file asks is said, and shown all the same.
    // What is no model is an error, but its tensors' names are what the next step needs.
    let failures = LateFailures()
    var file = try model.open(
      path, modules: part.names, quiet: json, ignoring: Set(Departure.Kind.allCases), unpacking: failures
    ) { contents in
      if !json, !contents.archive.tensors.isEmpty { Console.output(tensors(contents)) }
    }
    if let names = part.names {
      let known = file.notes.count
      file = try file.part(names)
      if !json { for note in file.notes.dropFirst(known) { Console.note("\(path): \(note)") } }
    }
    do throws(RNNError) {
      let result = json ? try document(file).indentedText + "\n" : try text(file)
      try failures.check()
      Console.output(result)
    } catch {
      throw error.inFile(path)
    }
  }

  /// Tensors of a file that is no model, as many as are shown.
  private func tensors(_ file: TensorFile) -> String {
    let shown = 1000
    var table = Table(right: [3])
    for tensor in file.archive.tensors.prefix(shown) {
      let value = tensor.tensor
      table.add(tensor.name, "\(value.shape)", value.elementType.rawValue, grouped(value.byteCount))
    }
    let rest = file.archive.tensors.count - shown
    return "\(file.path): \(file.format), \(grouped(file.byteCount)) bytes\n\ntensors\n"
      .escapingControlCharacters(except: "\n") + table.text + (rest > 0 ? "  … and \(grouped(rest)) more\n" : "")
  }

  /// Other lines that may be meant, where nobody says the forward.
  private func candidates(_ file: ModelFile) -> [String] {
    guard file.source == nil || file.source == .assumption, let suggestion = file.model.suggestion else { return [] }
    let architecture = file.model.architecture
    return suggestion.proposals.filter { $0 != architecture.forward }.map { $0.line(modules: architecture.modules) }
  }

  /// Parameters in the order of the steps, then the tensors that are carried along.
  private func tensors(_ model: Model) -> [(tensor: NamedTensor, isParameter: Bool)] {
    let parameters = model.parameterNames.compactMap { name in
      model.archive[name].map { (NamedTensor(name, $0), true) }
    }
    return parameters + model.carried.map { ($0, false) }
  }

  private func text(_ file: ModelFile) throws(RNNError) -> String {
    let (model, architecture) = (file.model, file.model.architecture)
    var result = "\(file.path): \(file.format), \(grouped(file.byteCount)) bytes\n\n".escapingControlCharacters(except: "\n")
    let line = architecture.forward?.line(modules: architecture.modules)
    result += "forward  \(line ?? "not known: say it with --forward")\n".escapingControlCharacters(except: "\n")
    for candidate in candidates(file) { result += "  or it may be  \(candidate)\n".escapingControlCharacters(except: "\n") }
    result += "\n"
    var modules = Table()
    for module in architecture.modules {
      modules.add(module.name.isEmpty ? "-" : module.name, module.repr(batchFirst: architecture.batchFirst))
    }
    result += modules.text

    var table = Table(right: [3])
    var carried = Table(right: [3])
    var (parameters, bytes, warnings) = (0, 0, "")
    for (tensor, isParameter) in tensors(model) {
      let value = tensor.tensor
      let cells = (tensor.name, "\(value.shape)", value.elementType.rawValue, grouped(value.byteCount))
      if isParameter {
        table.add(cells.0, cells.1, cells.2, cells.3)
        parameters += value.count
        bytes += value.byteCount
      } else {
        carried.add(cells.0, cells.1, cells.2, cells.3)
      }
      guard isParameter else { continue }
      let (nan, infinite) = try value.nonFiniteCounts()
      if nan + infinite > 0 {
        warnings += "  \(tensor.name): \(grouped(nan)) NaN and \(grouped(infinite)) infinite values\n"
      }
    }
    result += "\nparameters\n" + table.text + "  \(grouped(parameters)) values, \(grouped(bytes)) bytes\n"
    if !warnings.isEmpty { result += "\nwarning: weights that are not finite\n" + warnings }
    if !model.carried.isEmpty { result += "\ncarried along, no parameters\n" + carried.text }
    if !model.archive.cases.isEmpty { result += "\nreference cases\n" + cases(model.archive.cases) }
    if !model.archive.metadata.isEmpty {
      var table = Table()
      for member in model.archive.metadata {
        let text = member.value.string ?? member.value.text
        table.add(member.key, text.count > 100 ? text.prefix(100) + "…" : text)
      }
      result += "\nmetadata\n" + table.text
    }
    return result
  }

  private func cases(_ cases: [ReferenceCase]) -> String {
    var table = Table()
    for reference in cases {
      let members = reference.members.map { "\($0.name) \($0.tensor.shape)" }.joined(separator: ", ")
      table.add(reference.name, members)
    }
    return table.text
  }

  private func document(_ file: ModelFile) throws(RNNError) -> JSONValue {
    let (model, architecture) = (file.model, file.model.architecture)
    func json(_ tensor: NamedTensor) throws(RNNError) -> JSONValue {
      let (nan, infinite) = try tensor.tensor.nonFiniteCounts()
      return .object([
        .init("name", .string(tensor.name)), .init("dtype", .string(tensor.tensor.elementType.rawValue)),
        .init("shape", .array(tensor.tensor.shape.dimensions.map { .integer(Int64($0)) })),
        .init("bytes", .integer(Int64(tensor.tensor.byteCount))), .init("nan", .integer(Int64(nan))),
        .init("infinite", .integer(Int64(infinite))),
      ])
    }
    let all = tensors(model)
    let parameters = all.filter(\.isParameter).map(\.tensor)
    func list(_ tensors: [NamedTensor]) throws(RNNError) -> JSONValue {
      var values: [JSONValue] = []
      for tensor in tensors { values.append(try json(tensor)) }
      return .array(values)
    }
    var cases: [JSONValue] = []
    for reference in model.archive.cases {
      cases.append(.object([
        .init("name", .string(reference.name)), .init("members", try list(reference.members)),
        .init("metadata", .object(reference.metadata)),
      ]))
    }
    return .object([
      .init("file", .string(file.path.readableFileName)), .init("format", .string(file.format)),
      .init("bytes", .integer(Int64(file.byteCount))), .init("architecture", architecture.json),
      .init("forward", .object([
        .init("line", architecture.line.map(JSONValue.string) ?? .null),
        .init("source", file.source.map { .string($0.rawValue) } ?? .null),
        .init("candidates", .array(candidates(file).map(JSONValue.string))),
      ])),
      .init("modules", .array(architecture.modules.map { module in
        .object([
          .init("name", .string(module.name)), .init("repr", .string(module.repr(batchFirst: architecture.batchFirst))),
        ])
      })),
      .init("parameters", try list(parameters)),
      .init("carried", try list(all.filter { !$0.isParameter }.map(\.tensor))),
      .init("cases", .array(cases)),
      .init("metadata", .object(model.archive.metadata)),
      .init("totals", .object([
        .init("values", .integer(Int64(parameters.reduce(0) { $0 + $1.tensor.count }))),
        .init("bytes", .integer(Int64(parameters.reduce(0) { $0 + $1.tensor.byteCount }))),
      ])),
      .init("notes", .array(file.notes.map(JSONValue.string))),
    ])
  }
}
