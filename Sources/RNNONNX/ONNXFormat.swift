import RNNFormats
import RNNModel

/// ONNX models (`.onnx`) whose graph has RNN, LSTM or GRU operators, as the steps that it computes.
public struct ONNXFormat: ModelFormat {
  public let name = "onnx"
  public let summary =
    "operator sets 7 to 27: RNN, LSTM, GRU, and the steps around them; external data in its folder"
  public let exceptions = "refuses projections, and what RNNKit cannot run; 2 GiB at most"
  public let fileExtensions = ["onnx"]

  public init() {}

  /// Protobuf has no magic: the file's outermost fields must be those of an ONNX model.
  ///
  /// Some of the weights may be inputs of the graph, as the official operator tests have them. Tensors that are supplied go
  /// by the names of the graph's inputs: weights among them become the model's, others are given back as `members`, the
  /// sequence as `input`, `sequence_lens` as `lengths`, the initial states as `h0` and `c0` (layers·directions, batch,
  /// hidden). Tensors of other names come back as they are.
  public func open(_ file: InputFile, isNamed: Bool) throws(RNNError) -> OpenedFile? {
    guard isNamed || file.withUnsafeBytes({ WireFields($0).areONNXModel }) else { return nil }
    return OpenedFile { (request: ModelRequest) throws(RNNError) -> SuppliedModel in
      try ONNXReader(file, supplying: request.supplied).model()
    }
  }

  public func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    try ONNXWriter(model).write(to: &file)
  }

  public func notes(writing model: Model) -> [Phrase] {
    var notes: [Phrase] = []
    let cells = Set(model.architecture.recurrentModules.map(\.cell))
    if cells.contains(.lstm) { notes.append("an LSTM's gates put in ONNX's order i, o, f, c") }
    if cells.contains(.gru) { notes.append("a GRU's gates put in ONNX's order z, r, h") }
    if ONNXWriter.computedType(model) == .float64 {
      notes.append("float64 is valid ONNX, but ONNX Runtime runs RNN, LSTM and GRU in float32 only")
    }
    return notes
  }
}
