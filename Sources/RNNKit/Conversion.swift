import RNNFormats
import RNNModel
import RNNRunner

/// A model on its way into another file: what is to be changed, and what is to be said of it.
public struct Conversion: Sendable {
  public let source: ModelFile
  public private(set) var model: Model
  /// What was mapped, assumed, left out or added; a sentence each.
  public private(set) var notes: [Phrase]

  public init(_ source: ModelFile) {
    self.source = source
    model = source.model
    notes = source.notes
  }

  /// Adds what the caller has to say.
  public mutating func note(_ text: Phrase) { notes.append(text) }

  /// Leaves the model's reference cases out.
  public mutating func removeCases() throws(RNNError) {
    let count = model.archive.cases.count
    guard count > 0 else { return }
    notes.append("\(count.groupedDigits) reference case\(count == 1 ? "" : "s") left out")
    try change { $0.cases = [] }
  }

  /// Adds a reference case. Throws `usage` where the model has one of that name.
  public mutating func add(_ reference: ReferenceCase) throws(RNNError) {
    guard !model.archive.cases.contains(where: { $0.name == reference.name }) else {
      throw RNNError(.usage, "the model has a case named \(reference.name) already",
        remedy: "choose another name; a case that is read from a file has the file's")
    }
    notes.append("reference case \(reference.name) added")
    try change { $0.cases.append(reference) }
  }

  /// Rounds the parameters to nearest even; what is carried along keeps its type.
  public mutating func round(to type: ElementType) throws(RNNError) {
    let parameters = Set(model.parameterNames)
    var (largest, place) = (0.0, "")
    let rounded = try model.archive.mapTensors { (named) throws(RNNError) in
      guard parameters.contains(named.name), let result = try named.tensor.converted(to: type, in: Tensor.made) else { return named.tensor }
      if result.largestChange > largest {
        (largest, place) = (result.largestChange, "\(named.name)\(named.tensor.shape.index(ofElement: result.position))")
      }
      return result.tensor
    }
    notes.append(
      largest == 0 ? "every parameter is exact as \(type.rawValue)"
        : "rounded to \(type.rawValue); the largest change is \(largest), at \(place)")
    if largest > 0, !rounded.cases.isEmpty {
      notes.append("the reference cases are of the parameters before rounding, so that \(.verify) shows what rounding does")
    }
    try change { $0 = rounded }
  }

  /// The changed model as if it had been read so.
  public var file: ModelFile {
    ModelFile(
      path: source.path, format: source.format, byteCount: source.byteCount, model: model, source: source.source, notes: notes,
      members: source.members)
  }

  private mutating func change(_ body: (inout TensorArchive) -> Void) throws(RNNError) {
    var archive = model.archive
    body(&archive)
    model = try Model(archive, architecture: model.architecture)
  }

  /// What there is to say once a format has been chosen.
  public func notes(writing writer: any ModelFormat.Type) -> [Phrase] {
    let carried: [Phrase] = writer.holdsEverything ? model.carried.map { "\($0.name) carried along, no parameter" } : []
    return notes + carried + writer.notes(writing: model)
  }

  /// How many tensors and reference cases a format is given.
  public func counts(writing writer: any ModelFormat.Type) -> (tensors: Int, cases: Int) {
    let all = model.archive
    return writer.holdsEverything ? (all.tensors.count, all.cases.count) : (all.tensors.count - model.carried.count, 0)
  }

  /// What is done, as JSON: `Schemas/convert.schema.json`.
  public func report(
    output: String, writer: any ModelFormat.Type, in wording: some Wording = SwiftWording()
  ) -> JSONValue {
    let (tensors, cases) = counts(writing: writer)
    return .object([
      .init("input", .string(source.path.readableFileName)), .init("from", .string(source.format)),
      .init("output", .string(output.readableFileName)), .init("to", .string(writer.name)),
      .init("tensors", .integer(Int64(tensors))), .init("cases", .integer(Int64(cases))),
      .init("notes", .array(notes(writing: writer).map { .string($0.text(in: wording)) })),
    ])
  }
}
