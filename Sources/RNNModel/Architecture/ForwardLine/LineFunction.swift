/// The functions of a line by the names that PyTorch and the architecture's JSON have for them.
struct LineFunction {
  struct Parameter {
    var name: String
    var others: [String] = []
    /// PyTorch's own where it has one.
    var missing: Double?
  }

  /// An argument behind the value.
  struct Given {
    var keyword: String?
    var number: Double?
    var text: String?
    var isNone: Bool
  }

  struct Problem: Error {
    var problem: String
    /// With ARGUMENT for the value's text.
    var remedy: String
  }

  /// The activation's name in JSON.
  var name: String
  var parameters: [Parameter] = []
  /// Parameters that the spelling fixes.
  var fixed: [(name: String, value: Double)] = []

  private static let largest = Double.greatestFiniteMagnitude

  private static let byWord: [String: LineFunction] = [
    "identity": LineFunction(name: "identity"), "sigmoid": LineFunction(name: "sigmoid"), "tanh": LineFunction(name: "tanh"),
    "relu": LineFunction(name: "relu"), "softsign": LineFunction(name: "softsign"), "exp": LineFunction(name: "exp"),
    "log": LineFunction(name: "log"), "sqrt": LineFunction(name: "sqrt"), "abs": LineFunction(name: "abs"), "silu": LineFunction(name: "silu"), "swish": LineFunction(name: "silu"),
    "gelu": LineFunction(name: "gelu"), "gelu_tanh": LineFunction(name: "gelu_tanh"),
    "softplus": LineFunction(name: "softplus"),
    "hardsigmoid": LineFunction(name: "hard_sigmoid", fixed: [("alpha", 1.0 / 6.0), ("beta", 0.5)]),
    "hard_sigmoid": LineFunction(name: "hard_sigmoid", parameters: [Parameter(name: "alpha"), Parameter(name: "beta")]),
    "leaky_relu": LineFunction(
      name: "leaky_relu", parameters: [Parameter(name: "alpha", others: ["negative_slope"], missing: 0.01)]),
    "elu": LineFunction(name: "elu", parameters: [Parameter(name: "alpha", missing: 1)]),
    "thresholded_relu": LineFunction(name: "thresholded_relu", parameters: [Parameter(name: "alpha")]),
    "scaled_tanh": LineFunction(name: "scaled_tanh", parameters: [Parameter(name: "alpha"), Parameter(name: "beta")]),
    "affine": LineFunction(name: "affine", parameters: [Parameter(name: "alpha"), Parameter(name: "beta")]),
    "relu6": LineFunction(name: "clip", fixed: [("min", 0), ("max", 6)]),
    "clip": bounds(-largest, largest), "clamp": bounds(-largest, largest), "hardtanh": bounds(-1, 1),
  ]

  private static func bounds(_ low: Double, _ high: Double) -> LineFunction {
    LineFunction(
      name: "clip",
      parameters: [
        Parameter(name: "min", others: ["min_val"], missing: low), Parameter(name: "max", others: ["max_val"], missing: high),
      ])
  }

  /// Those that PyTorch has as a tensor's methods.
  static let methods: Set<String> = ["relu", "tanh", "sigmoid", "softmax", "log_softmax", "exp", "log", "sqrt", "abs", "clamp", "clip"]

  /// What is tried for a function's parameters to see whether there is such a function.
  private static func sample(_ function: LineFunction) -> [(name: String, value: Double)] {
    function.fixed + function.parameters.map { ($0.name, 0.5) }
  }

  /// Every word, in alphabetical order.
  static let words: [String] =
    (byWord.filter { activation($0.value.name, sample($0.value)) != nil }.keys
      + ["softmax", "log_softmax", "last", "first", "at", "flip", "cat", "dropout", "nothing", "sum", "mean", "max", "repeat", "interleave"]).sorted()

  static func isKnown(_ word: String) -> Bool {
    byWord[word] != nil || ["softmax", "log_softmax"].contains(word) || activation(word, []) != nil
  }

  private static func activation(_ name: String, _ parameters: [(name: String, value: Double)]) -> Activation? {
    Activation(name: name, parameters: parameters)
  }

  static func activation(_ word: String, _ given: [Given], isLayer: Bool) -> Result<Activation, Problem> {
    let function = byWord[word] ?? LineFunction(name: word)
    guard activation(function.name, sample(function)) != nil else {
      return .failure(Problem(problem: "RNNKit has no \(function.name)", remedy: "it has \(words.listed(atMost: 40)); end the line before it and compute the rest outside of the model"))
    }
    if isLayer, given.isEmpty, ["gelu", "softplus"].contains(word) {
      return .failure(Problem(
        problem: "self.\(word) may have a form of its own that the line does not say",
        remedy: word == "gelu" ? "write gelu(ARGUMENT) or gelu(ARGUMENT, approximate='tanh')" : "write softplus(ARGUMENT)"))
    }
    if word == "gelu" { return gelu(given) }
    if word == "softplus" { return softplus(given) }
    // `self.act(x)` keeps its parameters elsewhere.
    let form = "\(word)(ARGUMENT" + function.parameters.map { ", \($0.name)=\($0.missing.map { abs($0) < largest ? written($0) : "1" } ?? "0.5")" }.joined() + ")"
    if isLayer, given.isEmpty, !function.parameters.isEmpty {
      return .failure(Problem(problem: "self.\(word) has numbers of its own that the line does not say", remedy: "say them, as \(form)"))
    }
    var values = [Double?](repeating: nil, count: function.parameters.count)
    var isGiven = [Bool](repeating: false, count: values.count)
    for (position, argument) in given.enumerated() {
      let index = argument.keyword.map { keyword in
        function.parameters.firstIndex { $0.name == keyword || $0.others.contains(keyword) }
      } ?? (position < values.count ? position : nil)
      guard let index, !isGiven[index], argument.number != nil || argument.isNone else {
        return .failure(Problem(problem: "\(word) does not take \(argument.keyword.map { "\($0)=" } ?? "this argument")", remedy: "write \(form), with numbers"))
      }
      isGiven[index] = true
      values[index] = argument.number
    }
    if ["clip", "clamp"].contains(word) {
      guard values.contains(where: { $0 != nil }) else {
        return .failure(Problem(problem: "\(word) without a bound", remedy: "write \(word)(ARGUMENT, -1, 1), with its bounds"))
      }
    }
    var parameters = function.fixed
    for (parameter, value) in zip(function.parameters, values) {
      guard let value = value ?? parameter.missing else {
        let keras = word == "hard_sigmoid"
          ? "hard_sigmoid(ARGUMENT, alpha=0.2, beta=0.5) is that of Keras 2, hardsigmoid(ARGUMENT) that of PyTorch and Keras 3"
          : "write \(form), with its numbers"
        return .failure(Problem(problem: "\(word) does not say its \(parameter.name)", remedy: keras))
      }
      parameters.append((parameter.name, value))
    }
    guard let activation = activation(function.name, parameters) else {
      return .failure(Problem(problem: "\(word) with these numbers is no function", remedy: "write \(form), with finite numbers"))
    }
    return .success(activation)
  }

  static func written(_ value: Double) -> String {
    if value == value.rounded(), abs(value) < 1e15, !(value == 0 && value.sign == .minus) { return "\(Int(value))" }
    return "\(value)"
  }

  private static func gelu(_ given: [Given]) -> Result<Activation, Problem> {
    let name: String? = switch (given.count, given.first?.keyword, given.first?.text) {
    case (0, _, _): "gelu"
    case (1, "approximate", "none"): "gelu"
    case (1, "approximate", "tanh"): "gelu_tanh"
    default: nil
    }
    guard let activation = name.flatMap({ activation($0, []) }) else {
      return .failure(Problem(problem: "gelu takes approximate='none' or 'tanh'", remedy: "write gelu(ARGUMENT) or gelu(ARGUMENT, approximate='tanh')"))
    }
    return .success(activation)
  }

  /// PyTorch's has a beta and a threshold beyond which it is x, to which it rounds from 20 on in any case.
  private static func softplus(_ given: [Given]) -> Result<Activation, Problem> {
    for (position, argument) in given.enumerated() {
      let name = argument.keyword ?? (position == 0 ? "beta" : "threshold")
      let isRight = name == "beta" ? argument.number == 1 : name == "threshold" && (argument.number ?? 0) >= 20
      guard isRight, position < 2 else {
        return .failure(Problem(problem: "softplus is log(1 + exp(x)), without beta or threshold", remedy: "write softplus(ARGUMENT), and for a beta b softplus(ARGUMENT * b) / b"))
      }
    }
    return .success(.softplus)
  }
}
