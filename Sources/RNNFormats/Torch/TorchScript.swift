import RNNModel

/// Reads the module of a TorchScript archive: tensors under the path of attributes that leads to them, and what the
/// code says of recurrent modules. The code is searched for constants, never run.
struct TorchScript {
  private let objects: TorchObjects
  private let code: (String) throws(RNNError) -> String?

  /// `code` gives the text of a file under `code/`, nil where there is none.
  init(_ objects: TorchObjects, code: @escaping (String) throws(RNNError) -> String?) {
    self.objects = objects
    self.code = code
  }

  func archive(_ tensors: inout TorchTensors) throws(RNNError) -> TensorArchive {
    var archive = TensorArchive()
    var facts: [(name: String, facts: TorchScriptFacts)] = []
    var seen = Set<Int>()
    try visit(objects.graph.root, "", 0, &seen, &tensors, &archive, &facts)
    guard !archive.tensors.isEmpty else {
      throw RNNError(
        .badData, "a TorchScript archive whose module has no tensors, as a frozen one has none",
        remedy: "save the model before torch.jit.freeze")
    }
    let recurrent = facts.filter { $0.facts.isRecurrent }
    for (name, facts) in recurrent {
      if let nonlinearity = facts.nonlinearity { archive.hints.nonlinearity[name] = nonlinearity }
    }
    let layouts = Set(recurrent.compactMap(\.facts.batchFirst))
    if layouts.count == 1 { archive.hints.batchFirst = layouts.first }
    if layouts.count > 1 {
      archive.notes.append(
        "modules differ in batch_first: "
          + recurrent.map {
            "\($0.name) \($0.facts.batchFirst == true ? "True" : "False")"
          }.listed())
    }
    archive.notes.append(
      "a TorchScript archive: the code of its forward() is not run, modules are taken in their order")
    return archive
  }

  private func visit(
    _ value: PickleGraph.Value, _ path: String, _ depth: Int, _ seen: inout Set<Int>, _ tensors: inout TorchTensors,
    _ archive: inout TensorArchive, _ facts: inout [(name: String, facts: TorchScriptFacts)]
  ) throws(RNNError) {
    guard depth < Limits.maximumDepth else {
      throw RNNError(
        .badData, place: path, "modules nested in more than \(Limits.maximumDepth) levels",
        remedy: "save the model's state_dict")
    }
    // A module that stands in two places has its tensors under the first path.
    guard case .node(let index) = value, case .object(let type, _, let state?) = objects.graph.node(value),
      let attributes = objects.graph.dictionary(state), seen.insert(index).inserted
    else { return }
    if let found = try self.facts(of: type) { facts.append((path, found)) }
    let module = TorchScriptClass(type)
    if module.isUnknown {
      archive.hints.unknown.append(.init(name: path, position: archive.tensors.count))
      archive.notes.append("\(path) is of class \(module.name), which RNNKit cannot run")
    } else if !module.isOfTorch {
      let own = attributes.filter { objects.isTensor($0.value) }.compactMap(\.key.string)
      if !own.isEmpty {
        archive.notes.append(
          "\(path.isEmpty ? "the model" : path), of class \(module.name), has tensors of its own: "
            + own.listed(atMost: 4)
            + "; its code is not run, and what they are is guessed by names and shapes")
      }
    }
    for (key, value) in attributes {
      guard let name = key.string else { continue }
      let path = Model.join(path, name)
      if objects.isTensor(value) {
        try archive.append(path, tensors.tensor(objects.view(value, named: path), named: path))
      } else {
        try visit(value, path, depth + 1, &seen, &tensors, &archive, &facts)
      }
    }
  }

  /// What the class's code says; `__torch__.torch.nn.modules.rnn.LSTM` stands in `__torch__/torch/nn/modules/rnn.py`.
  private func facts(of type: String) throws(RNNError) -> TorchScriptFacts? {
    let parts = type.split(separator: ".")
    guard parts.count > 1, type.hasPrefix("__torch__.torch.nn.modules.rnn."), let name = parts.last,
      let text = try code(parts.dropLast().joined(separator: "/") + ".py")
    else { return nil }
    return TorchScriptFacts(class: name, in: text)
  }
}

/// What the TorchScript code of a class in torch.nn.modules.rnn says.
struct TorchScriptFacts {
  private(set) var isRecurrent = false
  private(set) var nonlinearity: Activation?
  private(set) var batchFirst: Bool?

  init(class name: some StringProtocol, in text: String) {
    var isInside = false
    for line in text.split(separator: "\n") {
      if line.hasPrefix("class ") {
        isInside = line.hasPrefix("class \(name)(")
      } else if isInside {
        read(line)
      }
    }
  }

  private mutating func read(_ line: Substring) {
    // A scripted module has constants: `  mode : Final[str] = "RNN_RELU"`.
    if line.hasSuffix(" : Tensor"), line.contains("weight_ih") { isRecurrent = true }
    let words = line.split(separator: " ")
    if words.count >= 5, words[1] == ":", words[2].hasPrefix("Final["), words[3] == "=" {
      switch (words[0], words[4]) {
      case ("mode", "\"RNN_RELU\""), ("nonlinearity", "\"relu\""): nonlinearity = .relu
      case ("mode", "\"RNN_TANH\""), ("nonlinearity", "\"tanh\""): nonlinearity = .tanh
      case ("batch_first", "True"): batchFirst = true
      case ("batch_first", "False"): batchFirst = false
      default: break
      }
      return
    }
    // A traced one has the call alone: `torch.rnn_relu(x, hx, weights, True, 2, 0., False, True, True)`.
    for (function, activation) in [("rnn_relu", Activation.relu), ("rnn_tanh", .tanh), ("lstm", nil), ("gru", nil)] {
      guard let arguments = Self.arguments(of: "torch.\(function)(", in: line) else { continue }
      if let activation { nonlinearity = activation }
      // Input, states, weights, bias, layers, dropout, training, bidirectional, batch_first. The call for packed
      // sequences, which has no batch_first, has as many but a list of weights in the fourth place.
      if arguments.count == 9, ["True", "False"].contains(arguments[3]) { batchFirst = arguments[8] == "True" }
    }
    for (function, activation) in [("rnn_relu_cell", Activation.relu), ("rnn_tanh_cell", .tanh)]
    where line.contains("torch.\(function)(") { nonlinearity = activation }
  }

  /// The arguments of a call, cut at its own commas.
  private static func arguments(of call: String, in line: Substring) -> [Substring]? {
    let text = Array(line.utf8)
    let name = Array(call.utf8)
    guard text.count > name.count,
      let start = (0...text.count - name.count).first(where: {
        text[$0..<$0 + name.count].elementsEqual(name)
      })
    else { return nil }
    var arguments: [Substring] = []
    var current: [UInt8] = []
    var depth = 0
    for byte in text[(start + name.count)...] {
      switch byte {
      case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: ")"):
        if depth == 0 {
          arguments.append(Substring(decoding: current.drop { $0 == 0x20 }, as: UTF8.self))
          return arguments
        }
        depth -= 1
      case UInt8(ascii: ",") where depth == 0:
        arguments.append(Substring(decoding: current.drop { $0 == 0x20 }, as: UTF8.self))
        current = []
        continue
      default: break
      }
      current.append(byte)
    }
    return nil
  }
}
