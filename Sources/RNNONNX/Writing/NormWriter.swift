import RNNFormats
import RNNModel

/// Writes a norm, by its definition: ONNX' own operators have float32 for eps, and none heeds lengths.
struct NormWriter {
  let model: Model
  let module: Norm
  let type: ElementType

  private var scope: String { ONNXWriter.scope(module.name) }

  /// - Parameter time: The axis of time of a value that has one.
  func write(_ value: String, _ time: GraphTime?, _ builder: inout GraphBuilder) throws(RNNError) -> String {
    func add(_ kind: String, _ inputs: String...) -> String { builder.node(kind, inputs, scope: scope) }
    func weight(_ name: String) throws(RNNError) -> String {
      guard let tensor = model.tensor(module.name, name) else { throw ONNXWriter.refuse(module.name, "its \(name) is missing") }
      return builder.weight(Model.join(module.name, name), tensor, as: type, scope: scope)
    }
    let eps = try builder.number(module.eps, type)
    var result: String
    switch (module.kind, time) {
    case (.batch, _):
      let deviation = add("Sqrt", add("Add", try weight("running_var"), eps))
      result = add("Div", add("Sub", value, try weight("running_mean")), deviation)
    case (.layer, _), (.rms, _), (.group, nil):
      func mean(_ value: String) -> String {
        builder.node("ReduceMean", [value], scope: scope, [.integers("axes", [-1]), .integer("keepdims", 1)])
      }
      let rest = module.kind == .rms ? value : add("Sub", value, mean(value))
      result = add("Div", rest, add("Sqrt", add("Add", mean(add("Mul", rest, rest)), eps)))
    case (.group, let time?):
      // Over all of a sequence's own steps.
      let count = add("Mul", time.counts(type, &builder), try builder.number(Double(module.features), type))
      func mean(_ value: String) -> String {
        let sum = builder.node("ReduceSum", [value, builder.integers([0, 2])], scope: scope, [.integer("keepdims", 1)])
        return add("Div", sum, count)
      }
      let own = try time.masked(value, type, &builder)
      let rest = try time.masked(add("Sub", own, mean(own)), type, &builder)
      result = add("Div", rest, add("Sqrt", add("Add", mean(add("Mul", rest, rest)), eps)))
    }
    if module.hasWeight { result = add("Mul", result, try weight("weight")) }
    if module.hasBias { result = add("Add", result, try weight("bias")) }
    guard module.kind == .group, let time else { return result }
    return try time.masked(result, type, &builder)
  }
}
