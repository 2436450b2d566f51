import RNNModel

/// The code of a TorchScript archive, class by class.
struct TorchScriptCode {
  private let text: (String) throws(RNNError) -> String?
  /// The lines of each class, by file.
  private var files: [String: [Substring: [Substring]]] = [:]
  private var known: [String: TorchScriptFacts] = [:]
  /// Bytes of all files that were read.
  private var size = 0

  init(_ text: @escaping (String) throws(RNNError) -> String?) { self.text = text }

  /// What a class's code says; `__torch__.torch.nn.modules.rnn.LSTM` stands in `__torch__/torch/nn/modules/rnn.py`.
  mutating func facts(of type: String) throws(RNNError) -> TorchScriptFacts? {
    if let facts = known[type] { return facts }
    guard let lines = try lines(of: type) else { return nil }
    let facts = TorchScriptFacts(lines, TorchModuleClass(type))
    known[type] = facts
    return facts
  }

  private mutating func lines(of type: String) throws(RNNError) -> [Substring]? {
    let parts = type.split(separator: ".")
    guard parts.count > 1, let name = parts.last else { return nil }
    let path = parts.dropLast().joined(separator: "/") + ".py"
    if files[path] == nil {
      let text = try text(path) ?? ""
      size += text.utf8.count
      guard size <= Limits.maximumCodeSize else {
        throw RNNError(.badData, place: "code/\(path)", "more than \(Limits.maximumCodeSize) bytes of code",
          remedy: "save the model's state_dict")
      }
      files[path] = Self.classes(text)
    }
    return files[path]?[name]
  }

  private static func classes(_ text: String) -> [Substring: [Substring]] {
    var classes: [Substring: [Substring]] = [:]
    var current: Substring?
    var lines: [Substring] = []
    func close() { if let current { classes[current, default: []] += lines } }
    for line in text.split(separator: "\n") {
      if line.hasPrefix("class ") {
        close()
        current = line.dropFirst("class ".count).prefix { $0 != "(" && $0 != ":" }
        lines = []
      } else if line.first?.isWhitespace == false {
        // A function beside the classes.
        close()
        (current, lines) = (nil, [])
      } else if current != nil {
        lines.append(line)
      }
    }
    close()
    return classes
  }
}

/// What the TorchScript code of a class says.
struct TorchScriptFacts {
  private(set) var isRecurrent = false
  private(set) var nonlinearity: Activation?
  private(set) var batchFirst: Bool?
  /// A call that draws random numbers whenever it runs.
  private var alwaysRandom: String?
  /// The same, for a module that is left in training.
  private var randomInTraining: String?

  init(_ lines: [Substring], _ type: TorchModuleClass) {
    var dropout: Substring?
    var layers: Substring?
    // `_0 = __torch__.torch.nn.functional.dropout`
    var functions: [Substring: Substring] = [:]
    for line in lines {
      // A scripted module has constants: `  mode : Final[str] = "RNN_RELU"`.
      if line.hasSuffix(" : Tensor"), line.contains("weight_ih") { isRecurrent = true }
      let words = line.split(separator: " ")
      if words.count >= 5, words[1] == ":", words[2].hasPrefix("Final["), words[3] == "=" {
        switch (words[0], words[4]) {
        case ("mode", "\"RNN_RELU\""), ("nonlinearity", "\"relu\""): nonlinearity = .relu
        case ("mode", "\"RNN_TANH\""), ("nonlinearity", "\"tanh\""): nonlinearity = .tanh
        case ("batch_first", "True"): batchFirst = true
        case ("batch_first", "False"): batchFirst = false
        case ("p", let value) where type.isDropout, ("dropout", let value) where isRecurrent: dropout = value
        case ("num_layers", let value): layers = value
        default: break
        }
        continue
      }
      if words.count == 3, words[1] == "=", words[2].hasPrefix("__torch__."), !words[2].contains("(") {
        functions[words[0]] = words[2].split(separator: ".").last
        continue
      }
      // A traced one has the call alone.
      for var call in TorchScriptCall.all(in: line) {
        call.name = functions[call.name] ?? call.name
        // A traced cell is spelled out.
        if type.isOfTorch, type.name == "RNNCell" {
          if call.name == "relu" { nonlinearity = .relu }
          if call.name == "tanh" { nonlinearity = .tanh }
        }
        read(call)
      }
    }
    if let dropout, Self.isPositive(dropout), type.isDropout || layers != "1" {
      randomInTraining = "dropout of \(dropout) is on (training=True)"
    }
  }

  private mutating func read(_ call: TorchScriptCall) {
    let arguments = call.arguments
    switch call.name {
    case "rnn_relu", "rnn_tanh", "lstm", "gru":
      if call.name.hasPrefix("rnn_") { nonlinearity = call.name == "rnn_relu" ? .relu : .tanh }
      // Input, states, weights, bias, layers, dropout, training, bidirectional, batch_first. The call for packed
      // sequences, which has no batch_first, has as many but a list of weights in the fourth place.
      guard arguments.count == 9 else { return }
      let isPadded = ["True", "False"].contains(arguments[3])
      if isPadded { batchFirst = arguments[8] == "True" }
      let (layers, dropout, training) =
        isPadded ? (arguments[4], arguments[5], arguments[6]) : (arguments[5], arguments[6], arguments[7])
      if training == "True", layers != "1", Self.isPositive(dropout) {
        alwaysRandom = "dropout of \(dropout) between its layers is on (training=True)"
      }
    case "rnn_relu_cell": nonlinearity = .relu
    case "rnn_tanh_cell": nonlinearity = .tanh
    case "dropout", "dropout_", "feature_dropout", "feature_dropout_", "alpha_dropout", "alpha_dropout_",
      "feature_alpha_dropout", "feature_alpha_dropout_", "native_dropout", "dropout1d", "dropout2d", "dropout3d":
      guard arguments.count >= 3, Self.isPositive(arguments[1]) || Double(arguments[1]) == nil else { return }
      let words = "dropout of \(arguments[1]) is on (training=True)"
      if arguments[2] == "True" { alwaysRandom = words }
      // Whether the module is in training.
      if arguments[2] != "False" { randomInTraining = words }
    case "bernoulli", "bernoulli_", "rand", "rand_like", "randn", "randn_like", "normal", "normal_", "uniform_",
      "multinomial", "randint", "randperm", "poisson", "exponential_":
      alwaysRandom = "forward() draws random numbers (\(call.name))"
    default: break
    }
  }

  private static func isPositive(_ text: Substring) -> Bool { Double(text).map { $0 > 0 } ?? false }

  /// What random numbers a module of this class draws, in words. Nil where it draws none.
  func randomness(isTraining: Bool) -> String? { alwaysRandom ?? (isTraining ? randomInTraining : nil) }
}

/// A call in a line of TorchScript: `torch.rnn_relu(x, hx, weights, True, 2, 0., False, True, True)`.
struct TorchScriptCall {
  /// Without `torch.` or whatever else leads to it.
  var name: Substring
  /// Cut at the call's own commas.
  var arguments: [Substring]

  /// Every call by a name, those inside others too.
  static func all(in line: Substring) -> [TorchScriptCall] {
    var calls: [TorchScriptCall] = []
    // Calls that are open, each with where its current argument starts; brackets of other kinds have no name.
    var open: [(name: Substring, arguments: [Substring], start: Substring.Index)] = []
    var nameStart: Substring.Index?
    for index in line.indices {
      let character = line[index]
      switch character {
      case "(", "[", "{":
        let name = character == "(" ? nameStart.map { line[$0..<index] } ?? "" : ""
        open.append((name, [], line.index(after: index)))
      case ",":
        guard var last = open.popLast() else { break }
        last.arguments.append(line[last.start..<index].trimmed)
        last.start = line.index(after: index)
        open.append(last)
      case ")", "]", "}":
        guard var last = open.popLast() else { break }
        let rest = line[last.start..<index].trimmed
        if !rest.isEmpty { last.arguments.append(rest) }
        if !last.name.isEmpty { calls.append(TorchScriptCall(name: last.name, arguments: last.arguments)) }
      default: break
      }
      if character.isLetter || character == "_" || (character.isNumber && nameStart != nil) {
        nameStart = nameStart ?? index
      } else {
        nameStart = nil
      }
    }
    return calls
  }
}

extension Substring {
  var trimmed: Substring {
    var result = self[...].drop { $0 == " " }
    while result.last == " " { result.removeLast() }
    return result
  }
}
