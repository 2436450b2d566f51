import RNNModel

/// The classes and functions of an archive's code, read file by file when they are asked for.
final class ScriptLibrary {
  private let text: (String) throws(RNNError) -> String?
  private var files: [String: ScriptParser] = [:]
  /// Bytes that may still be read.
  private var room = Limits.maximumCodeSize

  /// `text` gives a file under `code/`, nil where there is none.
  init(_ text: @escaping (String) throws(RNNError) -> String?) { self.text = text }

  /// `__torch__.torch.nn.modules.rnn.LSTM` stands in `__torch__/torch/nn/modules/rnn.py`.
  private func file(of parts: some Collection<String>) throws(RNNError) -> ScriptParser {
    let path = parts.joined(separator: "/") + ".py"
    if let known = files[path] { return known }
    let text = try text(path) ?? ""
    room -= min(text.utf8.count, room + 1)
    guard room >= 0 else {
      throw RNNError(.badData, "more than \(Limits.maximumCodeSize) bytes of code", remedy: "save the model's state_dict")
    }
    let parser = ScriptParser(text, file: "code/\(path)")
    files[path] = parser
    return parser
  }

  func type(_ name: String) throws(RNNError) -> ScriptClass? {
    let parts = name.split(separator: ".").map(String.init)
    guard parts.count > 1, let last = parts.last else { return nil }
    return try file(of: parts.dropLast()).classes[last]
  }

  func function(_ parts: [String]) throws(RNNError) -> ScriptFunction? {
    guard parts.count > 1, let last = parts.last else { return nil }
    return try file(of: parts.dropLast()).functions[last]
  }
}
