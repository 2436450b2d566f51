import RNNFormats
import RNNModel

/// ONNX models (`.onnx`) whose graph has RNN, LSTM or GRU operators, as the steps that it computes.
public enum ONNXFormat: ModelFormat {
  public static let name = "onnx"
  public static let summary =
    "operator sets 7 to 27: RNN, LSTM, GRU, and the steps around them; external data in its folder"
  public static let exceptions = "refuses projections, and what RNNKit cannot run; 2 GiB at most"
  public static let fileExtensions = ["onnx"]

  /// Protobuf has no magic: the file's outermost fields must be those of an ONNX model.
  public static func recognizes(_ file: InputFile) -> Bool {
    file.withUnsafeBytes { WireFields($0).areONNXModel }
  }

  public static func read(_ file: InputFile) throws(RNNError) -> TensorArchive {
    try read(file, supplying: []).archive
  }

  /// Reads a model some of whose weights are inputs of its graph, as the official operator tests have them.
  ///
  /// - Parameter tensors: Under the names of the inputs of the graph. Weights among them become the model's, others are
  ///   given back as `members`: the sequence as `input`, `sequence_lens` as `lengths`, the initial states as `h0` and
  ///   `c0` (layers·directions, batch, hidden). Tensors of other names come back as they are.
  public static func read(_ file: InputFile, supplying tensors: [NamedTensor]) throws(RNNError) -> SuppliedModel {
    try ONNXReader(file, supplying: tensors).model()
  }

  public static func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    try ONNXWriter(model).write(to: &file)
  }

  public static func notes(writing model: Model) -> [Phrase] {
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
