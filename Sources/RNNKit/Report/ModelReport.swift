import RNNFormats
import RNNModel

extension Model {
  /// Parameters in the order of their modules, then the tensors that are carried along.
  package var tensorsInOrder: [(tensor: NamedTensor, isParameter: Bool)] {
    let parameters = parameterNames.compactMap { name in archive[name].map { (NamedTensor(name, $0), true) } }
    return parameters + carried.map { ($0, false) }
  }
}

extension ModelFile {
  /// Other lines that may be meant, where nobody says the forward.
  public var otherLines: [String] {
    guard source == nil || source == .assumption, let suggestion = model.suggestion else { return [] }
    return suggestion.proposals.filter { $0 != model.architecture.forward }.map { $0.line(modules: model.architecture.modules) }
  }

  /// What the file holds as JSON: `Schemas/inspect.schema.json`. Reads every tensor once, to count what is not finite.
  public func report(in wording: some Wording = SwiftWording()) throws(RNNError) -> JSONValue {
    let architecture = model.architecture
    let all = model.tensorsInOrder
    let parameters = all.filter(\.isParameter).map(\.tensor)
    var cases: [JSONValue] = []
    for reference in model.archive.cases {
      cases.append(.object([
        .init("name", .string(reference.name)), .init("members", try Self.list(reference.members)),
        .init("metadata", .object(reference.metadata)),
      ]))
    }
    return .object([
      .init("file", .string(path.readableFileName)), .init("format", .string(format)),
      .init("bytes", .integer(Int64(byteCount))), .init("architecture", architecture.json),
      .init("forward", .object([
        .init("line", architecture.line.map(JSONValue.string) ?? .null),
        .init("source", source.map { .string($0.rawValue) } ?? .null),
        .init("candidates", .array(otherLines.map(JSONValue.string))),
      ])),
      .init("modules", .array(architecture.modules.map { module in
        .object([
          .init("name", .string(module.name)), .init("repr", .string(module.repr(batchFirst: architecture.batchFirst))),
        ])
      })),
      .init("steps", .array(architecture.forward.map { forward in
        model.stepSummaries.map { $0.json(batchFirst: architecture.batchFirst, forward) }
      } ?? [])),
      .init("parameters", try Self.list(parameters)),
      .init("carried", try Self.list(all.filter { !$0.isParameter }.map(\.tensor))),
      .init("cases", .array(cases)),
      .init("metadata", .object(model.archive.metadata)),
      .init("totals", .object([
        .init("values", .integer(Int64(parameters.reduce(0) { $0 + $1.tensor.count }))),
        .init("bytes", .integer(Int64(parameters.reduce(0) { $0 + $1.tensor.byteCount }))),
      ])),
      .init("notes", .array(notes.map { .string($0.text(in: wording)) })),
    ])
  }

  private static func list(_ tensors: [NamedTensor]) throws(RNNError) -> JSONValue {
    var values: [JSONValue] = []
    for tensor in tensors {
      let (nan, infinite) = try tensor.tensor.nonFiniteCounts()
      values.append(.object([
        .init("name", .string(tensor.name)), .init("dtype", .string(tensor.tensor.elementType.rawValue)),
        .init("shape", .array(tensor.tensor.shape.dimensions.map { .integer(Int64($0)) })),
        .init("bytes", .integer(Int64(tensor.tensor.byteCount))), .init("nan", .integer(Int64(nan))),
        .init("infinite", .integer(Int64(infinite))),
      ]))
    }
    return .array(values)
  }
}
