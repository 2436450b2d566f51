import RNNModel

extension ScriptInterpreter {
  mutating func evaluate(_ expression: ScriptExpression, _ variables: inout Variables) throws(ScriptStop) -> ScriptValue {
    try nested { (interpreter) throws(ScriptStop) in try interpreter.value(expression, &variables) }
  }

  private mutating func value(_ expression: ScriptExpression, _ variables: inout Variables) throws(ScriptStop) -> ScriptValue {
    switch expression {
    case .integer(let value): return .integer(value)
    case .float(let value): return .float(value)
    case .string(let value): return .string(value)
    case .name("None"): return .none
    case .name("True"): return .bool(true)
    case .name("False"): return .bool(false)
    case .name(let name):
      guard let value = variables[name] else { throw problem(name) }
      return value
    case .list(let parts), .tuple(let parts):
      var values: [ScriptValue] = []
      for part in parts { values.append(try evaluate(part, &variables)) }
      return sequence(values)
    case .dictionary(let entries):
      var (keys, values): ([String], [ScriptValue]) = ([], [])
      for entry in entries {
        guard case .string(let key) = try evaluate(entry.key, &variables) else { throw problem("a dictionary") }
        keys.append(key)
        values.append(try evaluate(entry.value, &variables))
      }
      sequences.append(values)
      return .dictionary(keys, sequences.count - 1)
    case .attribute(let base, let name):
      if let path = expression.path, variables[path[0]] == nil {
        if path[0] == "__torch__" { return .function(path) }
        if path.count == 2, path[0] == "CONSTANTS", let number = Int(path[1].dropFirst()) { return constant(number) }
        return .other
      }
      return try attribute(name, of: try evaluate(base, &variables))
    case .element(let base, let index):
      let (base, index) = (try evaluate(base, &variables), try evaluate(index, &variables))
      if case .dictionary(let names, let values) = base, case .string(let key) = index, let at = names.firstIndex(of: key) {
        return sequences[values][at]
      }
      if case .startingState = base { return base }
      guard case .integer(let number) = index else { throw problem("an index") }
      let parts = try parts(of: base)
      let position = number < 0 ? parts.count &+ number : number
      guard parts.indices.contains(position) else { throw problem("an index beyond the end") }
      return parts[position]
    case .call(let callee, let arguments): return try call(callee, arguments, &variables)
    }
  }

  private mutating func constant(_ number: Int) -> ScriptValue {
    reader.constants(number).map { .constant($0) } ?? .constant([])
  }

  // MARK: Attributes

  mutating func attribute(_ name: String, of value: ScriptValue) throws(ScriptStop) -> ScriptValue {
    guard case .module(let object) = value else { throw problem(".\(name) of \(Self.words(value))") }
    let graph = reader.objects.graph
    let type = graph.name(object) ?? ""
    try spend(1 + (graph.attributes(object)?.count ?? 0) / 16)
    guard let value = graph.attribute(name, of: object) else {
      let declared: ScriptClass?
      do { declared = try reader.library.type(type) } catch { throw problem("code that cannot be read, or more than \(Limits.maximumCodeSize) bytes of it") }
      if let constant = declared?.constants[name] {
        var none: Variables = [:]
        return try evaluate(constant, &none)
      }
      if declared?.nones.contains(name) == true { return .none }
      throw problem("\(TorchModuleClass(type).name).\(name), which the archive does not have")
    }
    if reader.objects.isTensor(value) {
      guard case .node(let node) = object, let path = reader.paths[node] else { throw problem("a tensor \(name) of no module") }
      return .parameter(Model.join(path, name))
    }
    switch value {
    case .none: return .none
    case .bool(let value): return .bool(value)
    case .integer(let value): return .integer(value)
    case .float(let value): return .float(value)
    case .string(let value): return .string(value)
    case .node where graph.name(value) != nil && graph.attributes(value) != nil: return .module(value)
    case .node:
      guard let elements = graph.tuple(value) ?? graph.list(value) ?? graph.arguments(value).first.flatMap(graph.list), elements.count <= 64 else { return .other }
      return sequence(
        elements.map { element in
          switch element {
          case .integer(let value): .integer(value)
          case .float(let value): .float(value)
          case .bool(let value): .bool(value)
          case .none: .none
          default: .other
          }
        })
    default: return .other
    }
  }

  // MARK: Calls

  private mutating func call(
    _ callee: ScriptExpression, _ arguments: [ScriptArgument], _ variables: inout Variables
  ) throws(ScriptStop) -> ScriptValue {
    let path = callee.path
    // What the first argument is a type of is not evaluated.
    switch path {
    case ["annotate"], ["unchecked_cast"]:
      guard arguments.count == 2 else { throw problem("a cast") }
      return try evaluate(arguments[1].value, &variables)
    case ["uninitialized"]: return .other
    case ["isinstance"]:
      guard arguments.count == 2 else { throw problem("isinstance") }
      let isTensor = arguments[1].value.path == ["Tensor"]
      switch try evaluate(arguments[0].value, &variables) {
      case .tensor(let tensor): return .bool(isTensor && !tensor.isPacked)
      case .lengths: return isTensor ? .bool(true) : .other
      default: return .other
      }
    default: break
    }
    var values: [ScriptValue] = []
    var keywords: [String: ScriptValue] = [:]
    for argument in arguments {
      let value = try evaluate(argument.value, &variables)
      if let keyword = argument.keyword { keywords[keyword] = value } else { values.append(value) }
    }
    if let path, variables[path[0]] == nil {
      if path[0] == "__torch__" { return try call(function: path, values, keywords) }
      if path[0] == "torch", path.count == 2 { return try operation(path[1], values, keywords) }
      if path[0] == "ops", path.count == 3 {
        return try path[1] == "prim" ? primitive(path[2], values) : operation(path[2], values, keywords)
      }
      if path.count == 1 { return try builtin(path[0], values) }
      throw problem(path.joined(separator: "."))
    }
    if case .attribute(let base, let name) = callee { return try call(method: name, of: try evaluate(base, &variables), values, keywords) }
    guard case .function(let path) = try evaluate(callee, &variables) else { throw problem("a call of what is no function") }
    return try call(function: path, values, keywords)
  }

  private mutating func call(
    function path: [String], _ values: [ScriptValue], _ keywords: [String: ScriptValue]
  ) throws(ScriptStop) -> ScriptValue {
    if path.starts(with: ["__torch__", "torch", "nn"]) {
      switch path.last {
      case "pack_padded_sequence" where path.contains("rnn"): return try packed(values, keywords)
      case "pad_packed_sequence" where path.contains("rnn"): return try unpacked(values, keywords)
      // A check of what the caller gave.
      case "_verify_batch_size": return .none
      case "softsign": return try operation("softsign", values, keywords)
      case "adaptive_avg_pool2d": return try operation("adaptive_avg_pool2d", values, keywords)
      case "_adaptive_max_pool2d", "adaptive_max_pool2d":
        return try parts(of: try operation("adaptive_max_pool2d", values, keywords)).first ?? .none
      default: break
      }
    }
    let function: ScriptFunction?
    do { function = try reader.library.function(path) } catch { throw problem("code that cannot be read, or more than \(Limits.maximumCodeSize) bytes of it") }
    guard let function else { throw problem(path.dropFirst().joined(separator: ".")) }
    return try call(function, values, keywords)
  }

  private mutating func call(
    method name: String, of receiver: ScriptValue, _ values: [ScriptValue], _ keywords: [String: ScriptValue]
  ) throws(ScriptStop) -> ScriptValue {
    guard case .module(let object) = receiver, case .node(let node) = object, let type = reader.objects.graph.name(object) else {
      throw problem("\(Self.words(receiver)).\(name)")
    }
    try checkHooks(type)
    if let result = try recurrent(object, type, method: name, values) { return result }
    let module = TorchModuleClass(type)
    let path = reader.paths[node] ?? ""
    if module.isOfTorch, name.hasPrefix("forward") {
      if module.name == "Linear", values.count == 1 {
        return try linear(values[0], .parameter(Model.join(path, "weight")), path)
      }
      if module.name == "MultiheadAttention" { return try attention(object, type, path, name, values) }
      if module.name == "Softsign", values.count == 1 { return try operation("softsign", values, [:]) }
      if module.isUnknown { return try unknown(object, type, path, name, values, keywords) }
    }
    return try call(try method(name, of: object, type), [receiver] + values, keywords)
  }

  /// A module that RNNKit has no operation for, unless its code is an activation of the line.
  private mutating func unknown(
    _ object: PickleGraph.Value, _ type: String, _ path: String, _ name: String, _ values: [ScriptValue],
    _ keywords: [String: ScriptValue]
  ) throws(ScriptStop) -> ScriptValue {
    let before = self
    do throws(ScriptStop) {
      return try call(try method(name, of: object, type), [.module(object)] + values, keywords)
    } catch {
      guard case .problem = error, carriesUnknown else { throw error }
      let spent = work
      self = before
      work = spent
    }
    guard values.count == 1 else { throw problem("module \(path), of class \(TorchModuleClass(type).name), on \(values.count) values") }
    let tensor = try self.tensor(values[0], "module \(path)")
    guard tensor.state == nil, !tensor.isPacked else { throw problem("module \(path) of states or packed sequences") }
    var result = try add(.module(path), of: tensor)
    // How many features it gives is not known.
    let last = result.axes.last
    if last == result.layout || last?.isEmpty == true, result.layout.isEmpty || last == result.layout {
      result.axes[result.axes.count - 1] = [.open(.step(result.step))]
      result.layout = [.open(.step(result.step))]
    }
    return .tensor(result)
  }

  private mutating func builtin(_ name: String, _ values: [ScriptValue]) throws(ScriptStop) -> ScriptValue {
    switch (name, values.first) {
    case ("getattr", let object?):
      guard values.count == 2, case .string(let attribute) = values[1] else { throw problem("getattr") }
      return try self.attribute(attribute, of: object)
    case ("int", .integer?), ("float", .float?), ("bool", .bool?), ("int", .size?), ("float", .size?): return values[0]
    case ("int", .bool(let value)?): return .integer(value ? 1 : 0)
    case ("float", .integer(let value)?): return .float(Double(value))
    case ("bool", .integer(let value)?): return .bool(value != 0)
    case ("int", .constant(let numbers)?) where numbers.count == 1:
      guard let value = Int(exactly: numbers[0]) else { throw problem("int") }
      return .integer(value)
    case ("float", .constant(let numbers)?) where numbers.count == 1: return .float(numbers[0])
    case ("int", .lengths?), ("bool", .other?), ("str", _), ("print", _): return .other
    default: throw problem(name)
    }
  }

  private mutating func primitive(_ name: String, _ values: [ScriptValue]) throws(ScriptStop) -> ScriptValue {
    switch name {
    case "RaiseException": throw problem("an error that the code raises")
    case "NumToTensor", "unchecked_unwrap_optional", "data":
      guard let value = values.first else { throw problem(name) }
      return value
    case "device", "dtype", "layout", "type", "is_cuda", "requires_grad", "itemsize": return .other
    default: throw problem("ops.prim.\(name)")
    }
  }
}
