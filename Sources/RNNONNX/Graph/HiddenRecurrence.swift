import RNNFormats
import RNNModel

/// A recurrent operator that stands where RNNKit does not read: in a graph inside a node, or in a function of the file.
///
/// Found in the file's bytes, since such parts are not decoded.
struct HiddenRecurrence {
  /// `LSTM`
  private var kind: String
  /// The node of the graph that holds it, or the function.
  private var holder: (kind: String, place: String)

  /// The first of a model.
  init?(inModel bytes: UnsafeRawBufferPointer) {
    let model = Message(bytes)
    for graph in model.all(7) {
      for node in graph.all(1) where !Self.kinds.contains(node.text(4)) {
        guard let kind = Self.kind(below: node, depth: 1) else { continue }
        let name = node.text(3).isEmpty ? "that gives \(node.text(2))" : node.text(3)
        self.init(kind: kind, holder: (node.text(4), "node \(name) (\(node.text(4)))"))
        return
      }
    }
    for function in model.all(25) {
      guard let kind = Self.kind(among: function.all(7), depth: 1) else { continue }
      self.init(kind: kind, holder: ("", "function \(function.text(10)).\(function.text(1))"))
      return
    }
    return nil
  }

  private init(kind: String, holder: (kind: String, place: String)) {
    (self.kind, self.holder) = (kind, holder)
  }

  var error: RNNError {
    let problem: String
    let remedy: String
    switch holder.kind {
    case "":
      problem = "the \(kind) stands in a function of the file, which RNNKit does not follow"
      remedy = "put the function's nodes into the graph, in Python: onnx.save(onnx.inliner.inline_local_functions("
        + "onnx.load(IN)), OUT)"
    case "If":
      problem = "the \(kind) stands in a branch of it, and which branch is taken depends on the graph's input"
      remedy = "export the model with the condition decided, so that no If remains, or save one branch as a model of its own"
    default:
      problem = "the \(kind) stands in a graph inside it, which RNNKit does not follow"
      remedy = "export that part as a model of its own, or use the weights as the framework itself saves them"
    }
    return RNNError(.badData, place: holder.place, problem, remedy: remedy)
  }

  /// Recurrent operators, with the quantized one of ONNX Runtime's.
  private static let kinds: Set = ["RNN", "LSTM", "GRU", "DynamicQuantizeLSTM"]

  /// What of a recurrent operator there is in the graphs of a node's attributes (5), one (6) or several (11) each.
  private static func kind(below node: Message, depth: Int) -> String? {
    guard depth <= Limits.maximumDepth else { return nil }
    for attribute in node.all(5) {
      for graph in attribute.all(6, 11) {
        if let kind = kind(among: graph.all(1), depth: depth) { return kind }
      }
    }
    return nil
  }

  private static func kind(among nodes: some Sequence<Message>, depth: Int) -> String? {
    for node in nodes {
      let own = node.text(4)
      if kinds.contains(own) { return own }
      if let kind = kind(below: node, depth: depth + 1) { return kind }
    }
    return nil
  }

  private struct Message {
    private let fields: WireFields

    init(_ bytes: UnsafeRawBufferPointer) { fields = WireFields(bytes, atMost: Limits.maximumTensorCount) }

    /// The messages that the fields of these numbers hold, one at a time.
    func all(_ numbers: Int...) -> some Sequence<Message> {
      fields.fields.lazy.filter { numbers.contains($0.number) && $0.wireType == 2 }.map { Message(fields.bytes(of: $0)) }
    }

    /// The text of the first field of this number, as much of it as a message shows; empty where there is none.
    func text(_ number: Int) -> String {
      fields.fields.first { $0.number == number && $0.wireType == 2 }
        .map { String(decoding: fields.bytes(of: $0).prefix(Limits.maximumNameLength), as: UTF8.self) } ?? ""
    }
  }
}
