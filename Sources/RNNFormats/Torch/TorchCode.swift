import RNNModel

extension Model {
  /// The model as PyTorch source: a class `Model`, an `nn.Module` whose `load_state_dict(strict=True)` takes the model's
  /// tensors and whose `forward` computes the model's outputs, to rounding.
  ///
  /// Its inputs and outputs are (batch, time, features) or (time, batch, features) as `Architecture.batchFirst` says, an
  /// embedding's indices without the last axis; sequences are all of one length. The source needs PyTorch alone.
  ///
  /// - Throws: `badData` where the model has no forward, calls a module that cannot be run, or has a tensor whose name no
  ///   `nn.Module` can have.
  public func torchCode() throws(RNNError) -> String {
    var code = try TorchCode(self)
    return try code.source()
  }
}

/// Writes a model's class; see `Model.torchCode`.
private struct TorchCode {
  /// A value's expression in `forward`.
  fileprivate struct Expression {
    var text: String
    /// Whether it can stand before `[`, `.` and operators as it is.
    var isOperand = true
  }

  /// Longer parts of an expression get a variable.
  private static let longest = 70

  private let model: Model
  private let forward: Forward
  private let shapes: ForwardShapes
  private let paths: TorchCodePaths
  private var statements: [String] = []
  private var constants: [String] = []
  private var values: [Expression] = []
  private var taken: Set<String> = ["self", "torch", "nn", "functional", "join", "Recurrent", "Model"]
  private var joins = false

  init(_ model: Model) throws(RNNError) {
    guard let forward = model.architecture.forward?.withoutUnneeded, let shapes = model.shapes else {
      throw RNNError(.badData, "\(.code): nothing says what is computed with the modules",
        remedy: "say it with \(.forward), as it stands in PyTorch's forward")
    }
    self.model = model
    self.forward = forward
    self.shapes = forward == model.architecture.forward ? shapes
      : try forward.shapes(model.architecture.modules) { Model.parameterSize(model.archive[$0]) }
    paths = try TorchCodePaths(model)
  }

  private var batchFirst: Bool { model.architecture.batchFirst }
  private var timeAxis: Int { batchFirst ? 1 : 0 }

  mutating func source() throws(RNNError) -> String {
    let inputs = forward.inputs.map { variable($0.name) }
    for (input, name) in zip(forward.inputs, inputs) {
      guard let axes = input.axes else { continue }
      let batch = axes.firstIndex(of: .batch) ?? 0, time = axes.firstIndex(of: .time) ?? 0
      let order = (batchFirst ? [batch, time] : [time, batch]) + axes.indices.filter { $0 != batch && $0 != time }
      let rows = "\(name).permute(\(order.map(String.init).joined(separator: ", ")))"
      statements.append("\(name) = \(axes.count > 2 ? "\(rows).flatten(2)" : "\(rows).unsqueeze(2)")")
    }
    for (index, step) in forward.steps.enumerated() { try add(step, index, inputs) }
    let results = forward.outputs.map { text(of: $0.value, inputs).text }
    let ownCells = model.architecture.recurrentModules.contains { $0.needsOwnClass }
    var lines = [
      #""""A recurrent model written by RNNKit. Its weights are in the file that was written with it:"#, "",
      "    model = Model()", "    model.load_state_dict(state_dict, strict=True)", "    model.eval()", #"""""#, "",
      "import torch", "from torch import nn", "from torch.nn import functional", "",
    ]
    if ownCells { lines += ["", TorchCodeCells.source] }
    if joins { lines += ["", Self.join] }
    lines += ["", "class Model(\(paths.base)):", "    \"\"\"\(documentation())\"\"\"", "", "    def __init__(self):"]
    lines += (paths.creations + constants).map { "        " + $0 }
    if isDouble { lines.append("        self.double()") }
    lines += ["", "    def forward(self, \(inputs.joined(separator: ", "))):"]
    lines += (statements + ["return \(results.joined(separator: ", "))"]).map { "        " + $0 }
    return lines.joined(separator: "\n") + "\n"
  }

  private static let join = """

    def join(*values):
        \"""Features of all values, one after the other; those of a sequence stand at each of its steps.\"""
        leading = torch.broadcast_shapes(*(value.shape[:-1] for value in values))
        return torch.cat([value.expand(*leading, value.shape[-1]) for value in values], -1)

    """

  private func documentation() -> String {
    let axes = batchFirst ? "batch, time" : "time, batch"
    let inputs = forward.inputs.indices.map { index in
      let shape = shapes.inputs[index]
      if let axes = forward.inputs[index].axes { return "\(forward.inputs[index].name.pythonText) (\(axes.map(\.word).joined(separator: ", ")))" }
      return "\(forward.inputs[index].name.pythonText) (\(axes)\(shape.isIndices ? "" : ", \(shape.features.map { "\($0)" } ?? "features")"))"
    }
    let outputs = forward.outputs.map { output in
      let shape = shapes[output.value]
      return "(\(shape.hasTime ? axes : "batch"), \(shape.features.map { "\($0)" } ?? "features"))"
    }
    return "\(inputs.joined(separator: ", ")) -> \(outputs.joined(separator: ", "))"
  }

  private var isDouble: Bool {
    let types = model.parameterNames.compactMap { model.archive[$0]?.elementType }
    return !types.isEmpty && types.allSatisfy { $0 == .float64 }
  }

  // MARK: forward

  private func text(of value: Forward.Value, _ inputs: [String]) -> Expression {
    switch value {
    case .input(let number): Expression(text: inputs[number])
    case .step(let number): values[number]
    }
  }

  /// A variable's name like one that is wanted, which nothing else has.
  private mutating func variable(_ wanted: String) -> String {
    let last = wanted.split(separator: ".").last.map(String.init) ?? ""
    let stem = last.isPythonIdentifier ? last : "value"
    var name = stem, number = 1
    while !taken.insert(name).inserted {
      number += 1
      name = "\(stem)_\(number)"
    }
    return name
  }

  private mutating func add(_ step: Forward.Step, _ index: Int, _ inputs: [String]) throws(RNNError) {
    let operands = step.inputs.map { text(of: $0, inputs) }
    if case .module(let name) = step.operation, case .recurrent(let module)? = model.architecture[name] {
      values.append(call(module, on: operands[0], batch: inputs[0]))
      return
    }
    let result = try expression(step, operands)
    let uses = forward.steps.reduce(0) { count, later in count + later.inputs.count { $0 == .step(index) } }
      + forward.outputs.count { $0.value == .step(index) }
    let isPlain = switch step.operation {
    case .state, .parameter, .nothing, .constant: true
    default: false
    }
    guard !isPlain, uses > 1 || result.text.utf8.count > Self.longest else {
      values.append(result)
      return
    }
    let name = variable(word(step.operation))
    statements.append("\(name) = \(result.text)")
    values.append(Expression(text: name))
  }

  private func word(_ operation: Forward.Operation) -> String {
    switch operation {
    case .module(let name): name
    case .activation(let function): function.name
    case .select: "step"
    case .concatenate: "joined"
    default: "value"
    }
  }

  /// Calls a recurrent module in a statement of its own; its states get names beside its output's.
  private mutating func call(_ module: Recurrent, on operand: Expression, batch: String) -> Expression {
    let name = variable(module.name)
    var states = "_"
    let kinds = Set(forward.steps.compactMap { step in
      if case .state(let kind, _) = step.operation, step.inputs == [.step(values.count)] { kind } else { nil }
    })
    if !kinds.isEmpty {
      let names = [Forward.StateKind.hn, .cn].map { kinds.contains($0) ? Self.state(name, $0) : "_" }
      states = module.cell == .lstm ? "(\(names[0]), \(names[1]))" : names[0]
    }
    var arguments = operand.text
    if module.hasInitialState {
      let starts = (module.cell == .lstm ? ["h0", "c0"] : ["h0"]).map { state in
        "\(paths.access(Model.join(module.name, state), .parameter)).unsqueeze(1).repeat(1, \(batch).shape[\(1 - timeAxis)], 1)"
      }
      arguments += starts.count == 1 ? ", \(starts[0])" : ", (\(starts.joined(separator: ", ")))"
    }
    statements.append("\(name), \(states) = \(paths.call(module.name))(\(arguments))")
    return Expression(text: name)
  }

  private static func state(_ variable: String, _ kind: Forward.StateKind) -> String { "\(variable)_\(kind.rawValue)" }

  private mutating func expression(_ step: Forward.Step, _ operands: [Expression]) throws(RNNError) -> Expression {
    func operand(_ index: Int = 0) -> String { operands[index].isOperand ? operands[index].text : "(\(operands[index].text))" }
    let step0 = batchFirst ? "[:, " : "["
    switch step.operation {
    case .module(let name):
      if case .prelu(let module)? = model.architecture[name], module.numParameters > 1 {
        // PyTorch's own class takes axis 1 for the features.
        let weight = paths.access(Model.join(name, "weight"), .parameter)
        return Expression(text: "torch.where(\(operand()) > 0, \(operand()), \(weight) * \(operand()))")
      }
      if case .attention? = model.architecture[name] {
        // A query without steps is one step of its own.
        let isOne = !shapes[step.inputs[0]].hasTime
        let query = operands[0].isOperand ? operands[0].text : "(\(operands[0].text))"
        let taken = [isOne ? "\(query).unsqueeze(\(timeAxis))" : operands[0].text, operands[1].text, operands[2].text]
        let text = "\(paths.call(name))(\(taken.joined(separator: ", ")), need_weights=False)[0]"
        return Expression(text: isOne ? "\(text).squeeze(\(timeAxis))" : text)
      }
      if case .convolution(let module)? = model.architecture[name], module.across != nil {
        let positions = (shapes[step.inputs[0]].features ?? 0) / module.inChannels
        let plane = plane(operand(), positions, module.inChannels, isTimeLast: module.isTimeLast)
        let given = module.hasTorchPadding ? plane : padded(plane, module)
        return Expression(text: rows("\(paths.call(name))(\(given))", isTimeLast: module.isTimeLast))
      }
      if let channels = shapes[step.inputs[0]].channels, let features = shapes[step.inputs[0]].features, features > channels,
        let module = model.architecture[name], module.isChannelwise, !(module.takesAll(features))
      {
        if case .norm(let norm) = module, norm.kind == .group {
          guard shapes[step.inputs[0]].hasTime else {
            throw RNNError(.badData, "\(.code): the norm \(name) of positions without steps", remedy: "leave \(.code) out")
          }
          let plane = plane(operand(), features / channels, channels, isTimeLast: false)
          return Expression(text: rows("\(paths.call(name))(\(plane))", isTimeLast: false))
        }
        // Each position by itself, as a row of its own.
        return Expression(text: "(lambda value: \(paths.call(name))(value.reshape(-1, \(channels))).reshape(value.shape))(\(operands[0].text))")
      }
      if case .convolution(let module)? = model.architecture[name] {
        let given = module.window.before == module.window.after ? turned(operand()) : padded(turned(operand()), module)
        return Expression(text: back("\(paths.call(name))(\(given))"))
      }
      if case .norm(let module)? = model.architecture[name], [.batch, .group].contains(module.kind), shapes[step.inputs[0]].hasTime {
        // PyTorch's own classes take axis 1 for the features.
        return Expression(text: back("\(paths.call(name))(\(turned(operand())))"))
      }
      return Expression(text: "\(paths.call(name))(\(operands[0].text))")
    case .activation(let function): return function.torchExpression(operands[0].text, operand())
    case .select(.last): return Expression(text: "\(operand())\(step0)-1]")
    case .select(.first): return Expression(text: "\(operand())\(step0)0]")
    case .select(.at(let index)): return Expression(text: "\(operand())\(step0)\(index)]")
    case .state(let kind, let index): return Expression(text: "\(Self.state(operands[0].text, kind))[\(index)]")
    case .overTime(let function):
      switch function {
      case .max: return Expression(text: "\(operand()).amax(\(timeAxis))")
      case .softmax: return Expression(text: "torch.softmax(\(operands[0].text), \(timeAxis))")
      case .sum, .mean: return Expression(text: "\(operand()).\(function.rawValue)(\(timeAxis))")
      }
    case .attend(let attention):
      let isOne = !shapes[step.inputs[0]].hasTime
      func part(_ index: Int, isOne: Bool = false) -> String {
        var text = operands[index].isOperand ? operands[index].text : "(\(operands[index].text))"
        if isOne { text += ".unsqueeze(\(timeAxis))" }
        if !batchFirst { text += ".transpose(0, 1)" }
        return attention.heads == 1 ? text : "\(text).unflatten(-1, (\(attention.heads), -1)).transpose(1, 2)"
      }
      let scale = attention.scale.map { ", scale=\($0)" } ?? ""
      var text = "functional.scaled_dot_product_attention(\(part(0, isOne: isOne)), \(part(1)), \(part(2))\(scale))"
      if attention.heads > 1 { text += ".transpose(1, 2).flatten(2)" }
      if !batchFirst { text += ".transpose(0, 1)" }
      return Expression(text: isOne ? "\(text).squeeze(\(timeAxis))" : text)
    case .across(let function, let window, let channels):
      let positions = (shapes[step.inputs[0]].features ?? 0) / channels, value = "\(operand()).unflatten(-1, (\(positions), \(channels)))"
      let name = "pool_\(function.word)"
      guard function != .join || window.size == 1 && window.stride == 1 else {
        throw RNNError(.badData, "\(.code): positions that are joined", remedy: "leave \(.code) out")
      }
      if function == .join { return Expression(text: "functional.pad(\(value), (0, 0, \(window.before), \(window.after))).flatten(-2)") }
      guard window.before == window.after, 2 * window.before <= window.size, function == .max || window.dilation == 1 else {
        throw RNNError(.badData, "\(.code): \(name) whose padding or dilation PyTorch does not have", remedy: "leave \(.code) out")
      }
      // One channel after the other, and all other axes as one.
      var arguments = "\(window.size), \(window.stride), \(window.before)"
      if function == .max { arguments += ", \(window.dilation)" }
      if function == .average(countsPadding: false) { arguments += ", count_include_pad=False" }
      let pool = function == .max ? "max_pool1d" : "avg_pool1d"
      return Expression(text: "(lambda value: functional.\(pool)(value.flatten(0, -3).transpose(1, 2), \(arguments)).transpose(1, 2)"
        + ".reshape(*value.shape[:-2], -1))(\(value))")
    case .interleave(let parts):
      return Expression(text: "\(operand()).unflatten(-1, (\(parts), -1)).transpose(-2, -1).flatten(-2)")
    case .window(let function, let window):
      let value = turned(operand())
      switch function {
      case .join:
        let padded = window.before == 0 && window.after == 0 ? value : "functional.pad(\(value), (\(window.before), \(window.after)))"
        if window.size == 1, window.stride == 1 { return Expression(text: back(padded)) }
        // Each window's steps, one after the other.
        let steps = (0..<window.size).map { tap -> String in
          let from = tap * window.dilation, until = window.span - 1 - from
          return "value[..., \(from):\(until == 0 ? "" : "-\(until)")][..., ::\(window.stride)]"
        }
        return Expression(text: back("(lambda value: torch.cat((\(steps.joined(separator: ", ")),), 1))(\(padded))"))
      case .max, .average:
        guard window.before == window.after, 2 * window.before <= window.size else {
          throw RNNError(.badData, "\(.code): a pool whose padding PyTorch does not have", remedy: "leave \(.code) out")
        }
        let name = function == .max ? "max_pool1d" : "avg_pool1d"
        var arguments = "\(window.size), \(window.stride), \(window.before)"
        if function == .max { arguments += ", \(window.dilation)" }
        guard function == .max || window.dilation == 1 else {
          throw RNNError(.badData, "\(.code): a mean of steps that are apart", remedy: "leave \(.code) out")
        }
        if function == .average(countsPadding: false) { arguments += ", count_include_pad=False" }
        return Expression(text: back("functional.\(name)(\(value), \(arguments))"))
      }
    case .repeated:
      let size = "\(operands[1].isOperand ? operands[1].text : "(\(operands[1].text))").shape[\(timeAxis)]"
      // A constant has no axis for the batch either.
      if shapes[step.inputs[0]].isConstant {
        return Expression(text: "\(operand()).expand(*\(operands[1].isOperand ? operands[1].text : "(\(operands[1].text))").shape[:2], -1)")
      }
      return Expression(text: "\(operand()).unsqueeze(\(timeAxis)).repeat_interleave(\(size), \(timeAxis))")
    case .flip: return Expression(text: "\(operand()).flip(\(timeAxis))")
    case .slice(let range): return Expression(text: "\(operand())[..., \(range.lowerBound):\(range.upperBound)]")
    case .concatenate:
      let axes = Set(step.inputs.map { shapes[$0].isConstant ? 2 : shapes[$0].hasTime ? 1 : 0 })
      let list = step.inputs.indices.map { beside(step, $0, operands) }.joined(separator: ", ")
      guard axes.count > 1 else { return Expression(text: "torch.cat((\(list)), -1)") }
      joins = true
      return Expression(text: "join(\(list))")
    case .arithmetic(let kind):
      let sides = step.inputs.indices.map { index in
        let text = beside(step, index, operands)
        return operands[index].isOperand || text != operands[index].text ? text : "(\(text))"
      }
      return Expression(text: "\(sides[0]) \(kind.rawValue) \(sides[1])", isOperand: false)
    case .constant(let numbers):
      if numbers.count == 1 { return Expression(text: numbers[0].pythonText, isOperand: numbers[0].sign == .plus) }
      let name = variable("constant")
      constants.append(
        "self.register_buffer(\"\(name)\", torch.tensor([\(numbers.map(\.pythonText).joined(separator: ", "))]), persistent=False)")
      return Expression(text: "self.\(name)")
    case .parameter(let name):
      let rank = model.archive[name]?.shape.dimensions.count ?? 1
      return Expression(text: paths.access(name, .parameter) + (rank > 1 ? ".flatten()" : ""))
    case .nothing: return operands[0]
    }
  }

  /// (batch, features, time), as PyTorch's own classes over time want it, and back.
  private func turned(_ operand: String) -> String { operand + (batchFirst ? ".transpose(1, 2)" : ".permute(1, 2, 0)") }
  private func back(_ value: String) -> String { value + (batchFirst ? ".transpose(1, 2)" : ".permute(2, 0, 1)") }

  /// (batch, channels, time, positions), or positions before time, of positions that stand one after the other, and back.
  private func plane(_ operand: String, _ positions: Int, _ channels: Int, isTimeLast: Bool) -> String {
    let batch = batchFirst ? 0 : 1, time = batchFirst ? 1 : 0
    let axes = isTimeLast ? [batch, 3, 2, time] : [batch, 3, time, 2]
    return "\(operand).unflatten(-1, (\(positions), \(channels))).permute(\(axes.map(String.init).joined(separator: ", ")))"
  }

  private func rows(_ value: String, isTimeLast: Bool) -> String {
    let time = isTimeLast ? 3 : 2, positions = isTimeLast ? 2 : 3
    let axes = (batchFirst ? [0, time] : [time, 0]) + [positions, 1]
    return "\(value).permute(\(axes.map(String.init).joined(separator: ", "))).flatten(-2)"
  }

  /// Padding that PyTorch's class has not, which is as much on both sides.
  private func padded(_ value: String, _ module: Convolution) -> String {
    let mode = module.padding == .zeros ? "" : ", mode=\"\(module.padding.rawValue)\""
    let sides = module.windows.reversed().map { "\($0.before), \($0.after)" }.joined(separator: ", ")
    return "functional.pad(\(value), (\(sides))\(mode))"
  }

  /// An operand beside others: what has no time axis stands at every step where another one has it.
  private func beside(_ step: Forward.Step, _ index: Int, _ operands: [Expression]) -> String {
    let shape = shapes[step.inputs[index]]
    let isSpread = batchFirst && !shape.hasTime && !shape.isConstant && step.inputs.contains { shapes[$0].hasTime }
    guard isSpread else { return operands[index].text }
    return (operands[index].isOperand ? operands[index].text : "(\(operands[index].text))") + ".unsqueeze(-2)"
  }
}

extension Function {
  fileprivate func torchExpression(_ plain: String, _ operand: String) -> TorchCode.Expression {
    switch self {
    case .softmax: .init(text: "torch.softmax(\(plain), -1)")
    case .logSoftmax: .init(text: "torch.log_softmax(\(plain), -1)")
    case .elementwise(let activation): activation.torchExpression(plain, operand)
    }
  }
}

extension Activation {
  /// The activation of an expression, which stands alone as `plain` and among operators as `operand`.
  fileprivate func torchExpression(_ plain: String, _ operand: String) -> TorchCode.Expression {
    switch self {
    case .identity: .init(text: operand)
    case .scaledTanh(let alpha, let beta):
      .init(text: "\(alpha.pythonText) * torch.tanh(\(beta.pythonText) * \(operand))", isOperand: false)
    case .affine(let alpha, let beta): .init(text: "\(alpha.pythonText) * \(operand) + \(beta.pythonText)", isOperand: false)
    case .hardSigmoid(let alpha, let beta) where self != .hardSigmoidKeras3:
      .init(text: "torch.clamp(\(alpha.pythonText) * \(operand) + \(beta.pythonText), 0, 1)")
    case .sigmoid, .tanh, .relu, .exp, .log, .sqrt, .abs: .init(text: "torch.\(name)(\(plain))")
    case .hardSigmoid: .init(text: "functional.hardsigmoid(\(plain))")
    case .leakyReLU(let alpha): .init(text: "functional.leaky_relu(\(plain), \(alpha.pythonText))")
    case .thresholdedReLU(let alpha): .init(text: "functional.threshold(\(plain), \(alpha.pythonText), 0)")
    case .elu(let alpha): .init(text: "functional.elu(\(plain), \(alpha.pythonText))")
    case .softsign: .init(text: "functional.softsign(\(plain))")
    case .softplus: .init(text: "functional.softplus(\(plain))")
    case .silu: .init(text: "functional.silu(\(plain))")
    case .gelu: .init(text: "functional.gelu(\(plain))")
    case .geluTanh: .init(text: "functional.gelu(\(plain), approximate=\"tanh\")")
    case .clip(let min, let max):
      .init(text: "torch.clamp(\(plain), \(min.pythonText), \(max.pythonText))")
    }
  }

  /// A function of one argument.
  var torchFunction: String {
    switch self {
    case .sigmoid, .tanh, .relu, .exp, .log, .sqrt, .abs: "torch.\(name)"
    default: "lambda x: \(torchExpression("x", "x").text)"
    }
  }
}

extension Double {
  /// A finite number as Python reads it.
  var pythonText: String {
    if let whole = Int(exactly: self), abs(whole) < 1 << 53, !(whole == 0 && sign == .minus) { return "\(whole)" }
    return "\(self)"
  }
}

extension String {
  private static let pythonKeywords: Set<String> = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else",
    "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise",
    "return", "try", "while", "with", "yield",
  ]

  var isPythonIdentifier: Bool {
    guard let first = utf8.first, utf8.allSatisfy({ $0 == UInt8(ascii: "_") || Character(Unicode.Scalar($0)).isASCIILetterOrDigit })
    else { return false }
    return !Character(Unicode.Scalar(first)).isNumber && !Self.pythonKeywords.contains(self)
  }

  /// The text as it can stand between quotes of a Python string.
  package var pythonText: String {
    var text = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "\"", "\\": text += "\\\(scalar)"
      case _ where scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value):
        let digits = String(scalar.value, radix: 16)
        text += "\\x" + (digits.utf8.count < 2 ? "0" : "") + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}

extension Character {
  fileprivate var isASCIILetterOrDigit: Bool { isASCII && (isLetter || isNumber) }
}
