import RNNFormats
import RNNModel
import RNNRunner

/// A model on its way into another file: what is to be changed, and what is to be said of it.
public struct Conversion: Sendable {
  /// The file that is converted.
  public let source: ModelFile
  /// The model with the changes made so far.
  public private(set) var model: Model
  /// What was mapped, assumed, left out or added; a sentence each.
  public private(set) var notes: [Phrase]

  /// Begins a conversion of a file's model, unchanged so far.
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
    if type == .int8 { return try quantize() }
    let original = model
    model = try model.dequantized(to: .float64)
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
    try change { $0 = rounded }
    if largest > 0 { try keepTolerances(original) }
  }

  /// Makes whole numbers of 8 bits of recurrent, linear and embedding weights; the other parameters become float32.
  private mutating func quantize() throws(RNNError) {
    let original = model
    let floats = try model.dequantized(to: .float64)
    let (quantized, largest, name, position) = try floats.quantized()
    let place = quantized.archive[name].map { "\(name)\($0.shape.index(ofElement: position))" } ?? ""
    let names = quantized.quantizedNames, others = floats.parameterNames.count - names.count
    guard !names.isEmpty else {
      throw RNNError(.usage, "the model has no weight that is kept as int8, those of recurrent, linear and embedding layers",
        remedy: "leave \(.elementType) out")
    }
    model = quantized
    notes.append(Phrase(
      "\(names.count.groupedDigits) weight\(names.count == 1 ? "" : "s") rounded to int8 with a scale for each row; the largest change is "
        + "\((largest * 1e4).rounded(.up) / 100)% of its row's largest number\(place.isEmpty ? "" : ", at \(place)")"
        + (others == 0 ? "" : "; the other \(others.groupedDigits) parameter\(others == 1 ? " is" : "s are") float32")))
    try keepTolerances(original)
  }

  /// Measures what rounding does to the reference cases, which are of the model before it, and keeps it in them.
  private mutating func keepTolerances(_ original: Model) throws(RNNError) {
    var cases = model.archive.cases
    for index in cases.indices {
      let name = cases[index].name
      // A case that cannot be run is carried as it is.
      do throws(RNNError) {
        if let kept = try cases[index].keepTolerance(of: model, from: original) {
          notes.append("case \(name): rounding changes its outputs by at most \(kept), which is kept as its tolerance")
        } else {
          notes.append("case \(name): does not hold before rounding, or not at all after it, and keeps its usual tolerance")
        }
      } catch {
        notes.append("case \(name): cannot be run, and keeps its usual tolerance: \(error.problem)")
      }
    }
    try change { $0.cases = cases }
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
  ///
  /// - Parameters:
  ///   - writer: The format that is written.
  ///   - inBrief: Whether tensors that are carried along share a sentence, where there are more than two.
  public func notes(writing writer: any ModelFormat, inBrief: Bool = false) -> [Phrase] {
    let names = writer.holdsEverything ? model.carried.map(\.name) : []
    let carried: [Phrase] = inBrief && names.count > 2 ? ["\(names.listed(atMost: 4)) carried along, no parameters"]
      : names.map { "\($0) carried along, no parameter" }
    return notes + carried + writer.notes(writing: model)
  }

  /// How many tensors and reference cases a format is given.
  public func counts(writing writer: any ModelFormat) -> (tensors: Int, cases: Int) {
    let all = model.archive
    return writer.holdsEverything ? (all.tensors.count, all.cases.count) : (all.tensors.count - model.carried.count, 0)
  }

  /// What is done, as JSON: `Schemas/convert.schema.json`.
  public func report(
    output: String, writer: any ModelFormat, in wording: some Wording = SwiftWording()
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
