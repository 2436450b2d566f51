import RNNModel

/// Attention, scripted and traced.
extension ScriptInterpreter {
  /// The call of an `nn.MultiheadAttention`, whose own code is not followed.
  mutating func attention(
    _ object: PickleGraph.Value, _ type: String, _ path: String, _ name: String, _ values: [ScriptValue]
  ) throws(ScriptStop) -> ScriptValue {
    let function = try method(name, of: object, type)
    var heads: Int?, batchFirst = false, givesWeights = true
    var taken: [ScriptValue]
    if case .integer(let number)? = reader.objects.graph.attribute("num_heads", of: object) {
      // Scripted: query, key, value, key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal.
      let declared: ScriptClass?
      do { declared = try reader.library.type(type) } catch { throw problem("code that cannot be read, or more than \(Limits.maximumCodeSize) bytes of it") }
      heads = number
      if case .name("True")? = declared?.constants["batch_first"] { batchFirst = true }
      guard values.count >= 3, values.count < 4 || isNone(values[3]), values.count < 6 || isNone(values[5]) else { throw problem("module \(path) with a mask") }
      taken = Array(values.prefix(3))
    } else {
      let calls = Self.calls(function.body)
      var isNative = false
      for (callee, arguments) in calls {
        if callee == "div", arguments.count == 3, case .name(let divided) = arguments[0].value, divided.hasPrefix("embed_dim"), arguments[2].keyword == "rounding_mode" {
          var none: Variables = [:]
          if let number = number(try evaluate(arguments[1].value, &none)) { heads = Int(exactly: number) }
        }
        // PyTorch's own form for inference, of self-attention that has the batch first.
        if callee == "_native_multi_head_attention" {
          guard arguments.count >= 9, case .integer(let number) = arguments[4].value, arguments.count == 9 || arguments[9].value.path == ["None"] else {
            throw problem("module \(path) with a mask")
          }
          (heads, isNative) = (number, true)
        }
        if callee == "baddbmm" || callee == "masked_fill" || callee == "masked_fill_" { throw problem("module \(path) with a mask") }
      }
      guard let first = calls.first else { throw problem("module \(path)") }
      batchFirst = isNative || first.callee == "transpose"
      switch values.count {
      case 1: taken = [values[0], values[0], values[0]]
      // Key and value are one where they are projected together.
      case 2 where calls.contains { $0.callee == "split_with_sizes" }: taken = [values[0], values[1], values[1]]
      case 3: taken = values
      default: throw problem("module \(path) with a mask, or of two values")
      }
      givesWeights = function.body.contains { if case .result(.tuple) = $0.kind { true } else { false } }
    }
    guard let heads, heads >= 1, let out = archive[Model.join(path, "out_proj.weight")]?.shape, out.rank == 2 else { throw problem("module \(path), whose heads nothing tells") }
    var steps: [Int] = []
    var query: ScriptTensor?
    for value in taken {
      let tensor = try self.tensor(value, "module \(path)")
      let isOne = tensor.axes.count == 3 && tensor.axes[batchFirst ? 0 : 1] == [.batch] && tensor.axes[batchFirst ? 1 : 0].isEmpty && query == nil
      guard isOne || tensor.isRows(batchFirst: batchFirst), tensor.state == nil, !tensor.isPacked, !tensor.isSorted, !isIndices(tensor), isOne || graph.hasTime[tensor.step],
        let last = tensor.axes.last
      else { throw problem("module \(path) with batch_first=\(batchFirst ? "True" : "False") on \(tensor.plane.description)") }
      if query == nil || archive[Model.join(path, "in_proj_weight")] != nil { try learn(last, out.dimensions[0]) }
      let rows = try arranged(tensor, last, "module \(path)")
      if !isOne { try noteTimeAxis(of: rows.step) }
      steps.append(rows.step)
      query = query ?? rows
    }
    guard var result = query else { throw problem("module \(path)") }
    hasLayout = true
    try declare(path, "MultiheadAttention", [("num_heads", .number(Double(heads)))])
    result.step = try add(.module(path), steps, hasTime: graph.hasTime[result.step])
    result.axes[2] = fresh(out.dimensions[0])
    result.layout = result.axes[2]
    return givesWeights ? sequence([.tensor(result), .other]) : .tensor(result)
  }

  /// `scaled_dot_product_attention(q, k, v, mask, dropout, is_causal, scale=…)` of one head.
  mutating func scaledAttention(_ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> ScriptValue {
    let what = "torch.scaled_dot_product_attention"
    func argument(_ index: Int, _ keyword: String) -> ScriptValue? { values.count > index ? values[index] : keywords[keyword] }
    var isCausal = false
    if case .bool(true)? = argument(5, "is_causal") { isCausal = true }
    guard values.count >= 3, isNone(argument(3, "attn_mask")), !isCausal, argument(4, "dropout_p").map({ number($0) == 0 }) ?? true else {
      throw problem("\(what) with a mask or dropout")
    }
    var scale: Double?
    if let given = keywords["scale"], !isNone(given) {
      guard let number = number(given) else { throw problem("\(what) with a scale that the model computes") }
      scale = number
    }
    var parts: [ScriptTensor] = []
    for value in values.prefix(3) {
      let tensor = try self.tensor(value, what)
      let isOne = tensor.axes.count == 3 && tensor.axes[0] == [.batch] && tensor.axes[1].isEmpty && parts.isEmpty
      guard isOne || tensor.isRows(batchFirst: true) && graph.hasTime[tensor.step], tensor.state == nil, !tensor.isPacked, !tensor.isSorted, !isIndices(tensor) else {
        throw problem("\(what) of \(tensor.plane.description)")
      }
      let rows = try arranged(tensor, tensor.axes[2], what)
      if !isOne { try noteTimeAxis(of: rows.step) }
      parts.append(rows)
    }
    guard parts[0].axes[2] == parts[1].axes[2] || count(parts[0].axes[2]) ?? 0 == count(parts[1].axes[2]), parts[1].axes[1] == parts[2].axes[1] else { throw problem("\(what) of values of different sizes") }
    hasLayout = true
    var result = parts[0]
    result.step = try add(.attend(scale), parts.map(\.step), hasTime: graph.hasTime[parts[0].step])
    (result.axes[2], result.layout) = (parts[2].axes[2], parts[2].layout)
    return .tensor(result)
  }

  /// The calls of `torch.…` in a block, innermost first, without those in branches.
  private static func calls(_ block: [ScriptStatement]) -> [(callee: String, arguments: [ScriptArgument])] {
    var result: [(callee: String, arguments: [ScriptArgument])] = []
    func add(_ expression: ScriptExpression) {
      switch expression {
      case .call(let callee, let arguments):
        for argument in arguments { add(argument.value) }
        if let path = callee.path, path.count == 2, path[0] == "torch" { result.append((path[1], arguments)) }
      case .list(let parts), .tuple(let parts): for part in parts { add(part) }
      case .element(let base, let index):
        add(base)
        add(index)
      case .attribute(let base, _): add(base)
      default: break
      }
    }
    for statement in block {
      switch statement.kind {
      case .assignment(_, _, let expression), .result(let expression), .expression(let expression): add(expression)
      default: break
      }
    }
    return result
  }
}
