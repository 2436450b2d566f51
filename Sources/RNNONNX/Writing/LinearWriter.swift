import RNNFormats
import RNNModel

/// Writes a linear layer as MatMul and Add, and what follows it.
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
    switch module.activation {
    case .softmax: return builder.node("Softmax", [value], scope: scope, [.integer("axis", -1)])
    case .logSoftmax: return builder.node("LogSoftmax", [value], scope: scope, [.integer("axis", -1)])
    case .elementwise(let activation): return try write(activation, value, scope, &builder)
    }
  }

  private func write(
    _ activation: Activation, _ value: String, _ scope: String, _ builder: inout GraphBuilder
  ) throws(RNNError) -> String {
    func number(_ name: String, _ value: Double) throws(RNNError) -> String {
      builder.constant(Model.join(module.name, name), try ONNXWriter.number(value, type))
    }
    func attribute(_ name: String, _ value: Double) throws(RNNError) -> GraphBuilder.Attribute {
      let float = Float(value)
      guard float.isFinite, type == .float32 || Double(float) == value else {
        throw ONNXWriter.refuse(
          module.name, "\(name)=\(value) of its \(activation.name) is no float32, which ONNX's attributes are")
      }
      return .float(name, float)
    }
    let name = ActivationName.name(activation)
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
    case .sigmoid, .tanh, .relu, .softsign, .softplus: return builder.node(name, [value], scope: scope)
    }
  }
}
