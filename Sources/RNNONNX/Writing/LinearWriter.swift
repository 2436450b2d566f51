import RNNFormats
import RNNModel

/// Writes a linear layer as MatMul and Add.
struct LinearWriter {
  let model: Model
  let module: Linear
  let type: ElementType

  /// Adds the nodes that take `input` (…, in features), and returns what they give, (…, out features).
  func write(_ input: String, _ builder: inout GraphBuilder) throws(RNNError) -> String {
    let scope = ONNXWriter.scope(module.name)
    guard let tensor = model.tensor(module.name, "weight"), let weight = try tensor.transposed() else {
      throw ONNXWriter.refuse(module.name, "its weight is missing")
    }
    // (in, out), as MatMul takes it.
    let matrix = builder.weight(Model.join(module.name, "weight_transposed"), weight, as: type, scope: scope)
    var value = builder.node("MatMul", [input, matrix], scope: scope)
    if module.bias {
      guard let tensor = model.tensor(module.name, "bias") else {
        throw ONNXWriter.refuse(module.name, "its bias is missing")
      }
      let bias = builder.weight(Model.join(module.name, "bias"), tensor, as: type, scope: scope)
      value = builder.node("Add", [value, bias], scope: scope)
    }
    return value
  }
}

/// Writes a function of a value.
struct FunctionWriter {
  /// The module that it follows, whose name its nodes have before theirs; empty without one.
  let module: String
  let type: ElementType

  func write(_ function: Function, _ value: String, _ builder: inout GraphBuilder) throws(RNNError) -> String {
    let scope = ONNXWriter.scope(module)
    switch function {
    case .softmax: return builder.node("Softmax", [value], scope: scope, [.integer("axis", -1)])
    case .logSoftmax: return builder.node("LogSoftmax", [value], scope: scope, [.integer("axis", -1)])
    case .elementwise(let activation): return try write(activation, value, scope, &builder)
    }
  }

  private func write(
    _ activation: Activation, _ value: String, _ scope: String, _ builder: inout GraphBuilder
  ) throws(RNNError) -> String {
    func number(_ name: String, _ value: Double) throws(RNNError) -> String {
      builder.constant(Model.join(module, name), try ONNXWriter.number(value, type))
    }
    func attribute(_ name: String, _ value: Double) throws(RNNError) -> GraphBuilder.Attribute {
      let float = Float(value)
      guard float.isFinite, type == .float32 || Double(float) == value else {
        throw ONNXWriter.refuse(
          module, "\(name)=\(value) of its \(activation.name) is no float32, which ONNX's attributes are")
      }
      return .float(name, float)
    }
    /// x·(1 + gate)/2
    func half(_ value: String, onePlus gate: String) throws(RNNError) -> String {
      let sum = builder.node("Add", [gate, try number("one", 1)], scope: scope)
      let product = builder.node("Mul", [value, sum], scope: scope)
      return builder.node("Mul", [product, try number("half", 0.5)], scope: scope)
    }
    let name = ActivationName.name(activation) ?? ""
    switch activation {
    case .identity: return value
    case .affine(let alpha, let beta):
      let scaled = builder.node("Mul", [value, try number("alpha", alpha)], scope: scope)
      return builder.node("Add", [scaled, try number("beta", beta)], scope: scope)
    case .scaledTanh(let alpha, let beta):
      let scaled = builder.node("Mul", [value, try number("beta", beta)], scope: scope)
      let tanh = builder.node("Tanh", [scaled], scope: scope)
      return builder.node("Mul", [tanh, try number("alpha", alpha)], scope: scope)
    case .hardSigmoid(let alpha, let beta):
      return builder.node(name, [value], scope: scope, [try attribute("alpha", alpha), try attribute("beta", beta)])
    case .leakyReLU(let alpha), .thresholdedReLU(let alpha), .elu(let alpha):
      return builder.node(name, [value], scope: scope, [try attribute("alpha", alpha)])
    case .silu:
      let gate = builder.node("Sigmoid", [value], scope: scope)
      return builder.node("Mul", [value, gate], scope: scope)
    // Gelu is an operator from opset 20 on.
    case .gelu:
      let scaled = builder.node("Mul", [value, try number("half_root", 0.5.squareRoot())], scope: scope)
      let erf = builder.node("Erf", [scaled], scope: scope)
      return try half(value, onePlus: erf)
    case .geluTanh:
      let square = builder.node("Mul", [value, value], scope: scope)
      let cubic = builder.node("Mul", [square, try number("cubic", 0.044715)], scope: scope)
      let factor = builder.node("Add", [cubic, try number("one", 1)], scope: scope)
      let sum = builder.node("Mul", [value, factor], scope: scope)
      let scaled = builder.node("Mul", [sum, try number("root", (2 / Double.pi).squareRoot())], scope: scope)
      let tanh = builder.node("Tanh", [scaled], scope: scope)
      return try half(value, onePlus: tanh)
    case .clip(let min, let max):
      // ONNX leaves out the bound that is none.
      let lower = min == -.greatestFiniteMagnitude ? "" : try number("min", min)
      let upper = max == .greatestFiniteMagnitude ? "" : try number("max", max)
      return builder.node("Clip", [value, lower, upper], scope: scope)
    case .exp: return builder.node("Exp", [value], scope: scope)
    case .log: return builder.node("Log", [value], scope: scope)
    case .sqrt: return builder.node("Sqrt", [value], scope: scope)
    case .abs: return builder.node("Abs", [value], scope: scope)
    case .sigmoid, .tanh, .relu, .softsign, .softplus: return builder.node(name, [value], scope: scope)
    }
  }
}
