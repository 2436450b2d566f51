/// Calls: of modules, of functions, and of a value's methods.
extension LineResolver {
  /// Prefixes under which PyTorch's functions are called, longest first.
  static let functionPrefixes = [
    "torch.nn.utils.rnn.", "nn.utils.rnn.", "rnn_utils.", "torch.nn.functional.", "nn.functional.", "torch.", "F.", "self.",
  ]

  mutating func call(_ callee: Int, _ arguments: [LineSyntax.Argument], _ node: Int) throws(RNNError) -> LineMeaning {
    switch syntax.nodes[callee].kind {
    case .name(let parts):
      let path = parts.joined(separator: ".")
      let own = parts[0] == "self" && parts.count > 1 ? parts.dropFirst().joined(separator: ".") : path
      // `a.relu()` without a value in brackets is a method of a.
      let isMethod = parts.count > 1 && variables[parts[0]] != nil
      if !(isMethod && arguments.isEmpty), let name = [path, own].first(where: { modules[$0] != nil }) {
        return try module(name, arguments, node)
      }
      if let result = try called(path, own, arguments, node) { return result }
      if isMethod, let base = variables[parts[0]] {
        var receiver = base
        for part in parts.dropFirst().dropLast() { receiver = try attribute(part, of: receiver, callee, callee) }
        return try method(parts[parts.count - 1], of: receiver, parts.dropLast().joined(separator: "."), arguments, callee, node)
      }
      let prefix = Self.functionPrefixes.first { path.hasPrefix($0) } ?? ""
      return try function(String(path.dropFirst(prefix.utf8.count)), prefix, arguments, callee, node)
    case .quoted(let name, _):
      if modules[name] == nil, let result = try called("self." + name, name, arguments, node) { return result }
      guard modules[name] != nil else { throw unknown(name, callee) }
      return try module(name, arguments, node)
    case .number:
      // A Sequential's own modules are called by number.
      guard modules[text(callee)] != nil else { throw unknown(text(callee), callee) }
      return try module(text(callee), arguments, node)
    case .element:
      // `self.layers[0](x)`
      if let name = modulePath(callee) {
        if modules[name] == nil, let result = try called("self." + name, name, arguments, node) { return result }
        guard modules[name] != nil else { throw unknown(name, callee) }
        return try module(name, arguments, node)
      }
      throw source.error(offset(callee), "\(text(callee)) is no module", "call a module by its name, such as \(example)")
    case .attribute(let base, let name):
      // `self.layers[0].fc(x)`
      if let path = modulePath(callee) {
        if modules[path] != nil { return try module(path, arguments, node) }
        if let result = try called("self." + path, path, arguments, node) { return result }
      }
      return try method(name, of: try meaning(base), text(base), arguments, base, node)
    default: throw source.error(offset(callee), "\(text(callee)) is no module", "call a module by its name, such as \(example)")
    }
  }

  private var example: String { moduleNames.first.map { "\(spelled($0))(x)" } ?? "relu(x)" }

  private func unknown(_ name: String, _ node: Int) -> RNNError {
    let parts = moduleNames.filter { $0.hasPrefix(name + ".") && Int($0.dropFirst(name.utf8.count + 1)) != nil }
    if let first = parts.first {
      let example = parts.dropFirst().prefix(3).reduce("\(spelled(first))(x)") { "\(spelled($1))(relu(\($0)))" }
      return source.error(offset(node), "the file has of \(name) those parts alone that have tensors, and not what it calls between them",
        "call them by themselves with what stands between, as \(example)")
    }
    let near = Self.near(name, moduleNames + LineFunction.words).map(spelled)
    return source.error(offset(node), "the model has no module \(LineName.quoted(name)), and no function is called so",
      near.isEmpty
        ? "use a module, \(moduleNames.map(spelled).listed()), or a function, \(LineFunction.words.listed(atMost: 40))"
        : "\(near.listed()) may be meant")
  }

  // MARK: Modules

  private mutating func module(_ name: String, _ arguments: [LineSyntax.Argument], _ node: Int) throws(RNNError) -> LineMeaning {
    if case .attention? = modules[name] { return try attention(name, arguments, node) }
    var values = arguments.filter { $0.keyword == nil }.map(\.value)
    var state = arguments.first { $0.keyword == "hx" }?.value
    if let other = arguments.first(where: { $0.keyword != nil && $0.keyword != "hx" }) {
      throw source.error(offset(other.value), "a module takes no \(other.keyword ?? "")=", "leave it out")
    }
    switch modules[name] {
    case .unknown?:
      var inputs: [Forward.Value] = []
      for value in values { inputs.append(try self.value(of: value)) }
      return .value(try add(.module(name), inputs, at: node))
    case .recurrent?:
      if values.count == 2, state == nil { state = values.removeLast() }
    default: break
    }
    guard values.count == 1 else {
      throw source.error(offset(node), "\(spelled(name)) takes one value, not \(values.count)", "write \(spelled(name))(x)")
    }
    let meaning = try meaning(values[0])
    if let state {
      guard case .recurrent? = modules[name] else {
        throw source.error(offset(state), "only a recurrent module takes a starting state", "leave hx= out")
      }
      try startingState(state)
    }
    return try apply(module: name, to: meaning, values[0], node)
  }

  private mutating func apply(
    module name: String, to meaning: LineMeaning, _ first: Int, _ node: Int
  ) throws(RNNError) -> LineMeaning {
    func call(_ line: inout LineResolver, _ value: Forward.Value) throws(RNNError) -> Forward.Value {
      try line.add(.module(name), [value], at: node)
    }
    switch modules[name] {
    case .convolution(let module)? where module.across != nil:
      if let result = try plane(convolution: module, meaning, first, node) { return result }
      try checkAxes(module, meaning, first)
      let value = try call(&self, try value(meaning, first))
      // Nothing tells what axes PyTorch's would have.
      return isPrinted ? .value(value) : .plane(LinePlane(value: value, axes: [], layout: [], isOwn: true))
    case .convolution?: return try overTime(meaning, first, call)
    case .norm(let norm)? where norm.kind == .batch || norm.kind == .group:
      if let result = try plane(channelwise: .module(name), norm.features, meaning, first, node) { return result }
      return try through(meaning, first, call)
    case .prelu(let module)?:
      if module.numParameters > 1, let result = try plane(channelwise: .module(name), module.numParameters, meaning, first, node) { return result }
      return try through(meaning, first, call)
    case .linear?, .norm?:
      if let result = try plane(rowwise: name, meaning, first, node) { return result }
      return .value(try call(&self, try value(meaning, first)))
    default:
      let value = try add(.module(name), [try value(meaning, first)], at: node)
      return recurrent(value) == nil ? .value(value) : .call(value)
    }
  }

  /// A starting state that a run gives, or zeros. Values are no such state.
  private mutating func startingState(_ node: Int) throws(RNNError) {
    switch syntax.nodes[node].kind {
    case .tuple(let parts), .list(let parts):
      for part in parts { try startingState(part) }
      return
    case .name(let parts) where variables[parts[0]] == nil:
      let path = (parts[0] == "self" && parts.count > 1 ? parts.dropFirst() : parts[...]).joined(separator: ".")
      if !isParameter(path) { return }
    default: break
    }
    let meaning = try meaning(node)
    switch meaning {
    case .zeros: return
    case .value(.input(let number)): use(.input(number), asStateOrLength: true)
    case .tuple(let parts) where parts.allSatisfy({ if case .zeros = $0 { true } else { false } }): return
    default:
      throw source.error(offset(node), "\(text(node)) is computed, and RNNKit cannot start one module from another's state yet",
        "leave it out where the state is zero or given with a run; else give each module a line of its own and pass the state between runs")
    }
  }

  /// The call of a module that has no tensors. A plain word that is a function's is the function, unless the line declares it.
  private mutating func called(
    _ path: String, _ own: String, _ arguments: [LineSyntax.Argument], _ node: Int
  ) throws(RNNError) -> LineMeaning? {
    guard let call = calls[own],
      path != own || declaredCalls.contains(own) || !(LineFunction.isKnown(own) || Self.overTime[own] != nil)
    else { return nil }
    guard arguments.count == 1, arguments[0].keyword == nil else {
      throw source.error(offset(node), "\(spelled(own)) takes one value", "write \(spelled(own))(x)")
    }
    return try apply(call, named: own, to: try meaning(arguments[0].value), arguments[0].value, node)
  }

  private mutating func apply(
    _ call: ModuleCall, named name: String, to meaning: LineMeaning, _ first: Int, _ node: Int
  ) throws(RNNError) -> LineMeaning {
    func adding(
      _ operation: Forward.Operation
    ) -> (inout LineResolver, Forward.Value) throws(RNNError) -> Forward.Value {
      { (line, value) throws(RNNError) in try line.add(operation, [value], at: node) }
    }
    switch call {
    case .activation(let activation): return try through(meaning, first, adding(.activation(.elementwise(activation))))
    case .nothing: return try through(meaning, first, adding(.nothing(name)))
    case .window(let function, let window):
      try checkTurned(spelled(name), meaning, first, "\(spelled(name))(\(text(first)).transpose(1, 2))")
      return try overTime(meaning, first, adding(.window(function, window)))
    case .overTime(let function):
      try checkTurned(spelled(name), meaning, first, "\(spelled(name))(\(text(first)).transpose(1, 2))")
      return .value(try over(function, meaning, first, node))
    case .planes(let function, let windows, let isCeil):
      return try pool(spelled(name), function, windows, isCeil: isCeil, meaning, first, node)
    case .adaptivePlanes(let function, let sizes):
      return try adaptivePool(spelled(name), function, sizes, meaning, first, node)
    case .flatten(let start, let end):
      guard var plane = plane(meaning), !plane.axes.isEmpty, let range = Self.axes(start, end, plane.axes.count) else {
        throw source.error(offset(node), "\(spelled(name)) joins axes, and nothing tells those of \(text(first))",
          "begin with the input's axes as it has them, such as x(batch, 1, time, 32) -> _")
      }
      plane.axes.replaceSubrange(range, with: [plane.axes[range].flatMap { $0 }])
      plane.isOwn = false
      return try settled(plane, node)
    case .softmax(let isLog, let axis):
      let value = try value(meaning, first), shape = shape(value)
      // PyTorch's own choice is the features' where there are two axes.
      if let axis, shape.hasTime, !isLog, axis == (batchFirst ? 1 : 0) {
        return .value(try add(.overTime(.softmax), [value], at: node))
      }
      guard !shape.isOpen, axis.map({ $0 == -1 || $0 == shape.rank - 1 }) ?? (shape.rank == 2) else {
        throw source.error(offset(node), "\(name) is a softmax over \(axis.map { "axis \($0)" } ?? "the first axis"), which is not the features'; "
          + "RNNKit has none over \(isLog ? "time or batch" : "the batch")", "end the line before it and compute the rest outside of the model")
      }
      return .value(try add(.activation(isLog ? .logSoftmax : .softmax), [value], at: node))
    case .sequence(let names):
      var result = meaning
      if case .call = result { result = .value(try value(result, first)) }
      for name in names {
        if case .call = result {
          throw source.error(offset(node), "PyTorch's Sequential cannot call \(spelled(name)) with a recurrent module's tuple", "call them one by one")
        }
        if modules[name] != nil {
          result = try apply(module: name, to: result, first, node)
        } else if let call = calls[name] {
          result = try apply(call, named: name, to: result, first, node)
        } else {
          throw source.error(offset(node), "RNNKit cannot run \(spelled(name)), which \(text(node)) calls", "end the line before it")
        }
      }
      return result
    }
  }

  // MARK: Methods

  /// PyTorch's methods that change no number.
  private static let without: Set<String> = ["contiguous", "detach", "float", "to", "clone", "cpu", "cuda", "requires_grad_", "data"]

  private mutating func method(
    _ name: String, of receiver: LineMeaning, _ base: String, _ arguments: [LineSyntax.Argument], _ baseNode: Int, _ node: Int
  ) throws(RNNError) -> LineMeaning {
    if Self.without.contains(name) { return receiver }
    if case .size = receiver { return .size }
    switch (name, receiver) {
    case ("size", _):
      guard let sizes = sizes(receiver) else { return .size }
      guard let dim = arguments.first?.value else { return .tuple(sizes) }
      return axisIndex(dim, sizes.count).map { sizes[$0] } ?? .size
    case ("dim", _), ("numel", _): return .size
    case ("new_zeros", _): return .zeros
    case ("squeeze", .state(let call, let kind)):
      let count = recurrent(call).map { $0.numLayers * $0.directionCount } ?? 0
      guard count == 1, arguments.count == 1, number(arguments[0].value) == 0 else {
        throw source.error(offset(node), "\(text(node)) takes one of \(count) state\(count == 1 ? "" : "s")",
          count == 1 ? "write \(base)[0]" : "choose one, \(base)[-1] for the last layer's")
      }
      return .value(try add(.state(kind, 0), [call], at: node))
    case ("relu_", _), ("tanh_", _), ("sigmoid_", _):
      return try apply(String(name.dropLast()), isTorch: true, receiver, baseNode, arguments, node)
    case (_, .zeros): return .zeros
    default: break
    }
    if let turned = try turned(name, receiver, arguments) { return turned }
    if name.hasSuffix("_"), Self.axisWords[String(name.dropLast())] != nil {
      throw source.error(offset(node), "\(name) changes a value in its place", "write a = \(base).\(name.dropLast())(…)")
    }
    // After a pool that leaves one step, which has no axis here.
    if ["squeeze", "flatten"].contains(name), arguments.count == 1, case .value(let value) = receiver, !shape(value).hasTime,
      !shape(value).isConstant, let dim = integer(arguments[0].value), name == "squeeze" ? [-1, 2].contains(dim) : dim == 1
    {
      return receiver
    }
    if let moved = try moved(name, receiver, arguments, node) { return moved }
    if let power = try power(word: name, receiver, baseNode, arguments, node) { return power }
    if Self.overTime[name] != nil { return try reduction(name, receiver, baseNode, base, arguments, node) }
    guard LineFunction.methods.contains(name) else { throw lacking(name, offset(node)) }
    return try apply(name, isTorch: true, receiver, baseNode, arguments, node)
  }

  // MARK: Functions

  private mutating func function(
    _ word: String, _ prefix: String, _ arguments: [LineSyntax.Argument], _ callee: Int, _ node: Int
  ) throws(RNNError) -> LineMeaning {
    let positional = arguments.filter { $0.keyword == nil }.map(\.value)
    func first() throws(RNNError) -> Int {
      guard let first = positional.first ?? arguments.first(where: { $0.keyword == "input" })?.value else {
        throw source.error(offset(node), "\(text(callee)) is applied to nothing", "write \(text(callee))(x)")
      }
      return first
    }
    func exactly(_ count: Int, _ form: String) throws(RNNError) {
      guard arguments.count == count, positional.count == count else {
        throw source.error(offset(node), "\(text(callee)) does not take these arguments", "write \(form)")
      }
    }
    switch word {
    case "last", "first":
      try exactly(1, "\(word)(a)")
      return .value(try add(.select(word == "last" ? .last : .first), [try sequence(positional[0], word)], at: node))
    case "at":
      try exactly(2, "at(a, 3), where 3 is a step's number")
      guard let index = integer(positional[1]) else {
        throw source.error(offset(positional[1]), "\(text(positional[1])) is no step's number", "write a whole number, at(a, 3)")
      }
      return .value(try add(.select(.at(index)), [try sequence(positional[0], word)], at: node))
    case "flip":
      try exactly(1, "flip(a), which turns each sequence round within its own length")
      return .value(try add(.flip, [try sequence(positional[0], word)], at: node))
    case "cat", "concat", "concatenate": return try concatenation(arguments, node)
    case "sum", "mean", "max", "amax":
      let value = try first()
      return try reduction(word, try meaning(value), value, text(value), arguments.filter { $0.value != value }, node)
    case "max_pool", "max_pool1d", "avg_pool", "avg_pool1d", "join": return try window(word, arguments, node)
    case "adaptive_max_pool1d", "adaptive_avg_pool1d": return try adaptivePool(word, arguments, node)
    case "pad": return try padding(arguments, node)
    case "interleave": return try interleaving(arguments, node)
    case "transpose", "permute", "swapaxes":
      if let value = positional.first, let turned = try turned(word, try meaning(value), Array(arguments.dropFirst())) { return turned }
      if let value = positional.first, let moved = try moved(word, try meaning(value), Array(arguments.dropFirst()), node) { return moved }
      throw lacking(word, offset(callee))
    case "unsqueeze", "squeeze", "flatten", "unflatten", "reshape", "swapdims", "movedim":
      let value = try first()
      if let moved = try moved(word, try meaning(value), arguments.filter { $0.value != value }, node) { return moved }
      throw lacking(word, offset(callee))
    case "max_pool2d", "avg_pool2d", "adaptive_max_pool2d", "adaptive_avg_pool2d": return try pool2d(word, try first(), arguments, node)
    case "attention", "scaled_dot_product_attention": return try attention(word, arguments, node)
    case "repeat": return try repetition(arguments, node)
    case "nothing":
      guard arguments.count == 2, positional.count == 2, case .quoted(let name, false) = syntax.nodes[positional[1]].kind else {
        throw source.error(offset(node), "nothing takes a value and a name", "write nothing(a, \"name\")")
      }
      return try through(try meaning(positional[0]), positional[0]) { (line, value) throws(RNNError) in
        try line.add(.nothing(name), [value], at: node)
      }
    case "zeros", "zeros_like": return .zeros
    case "tensor" where positional.count == 1: return try meaning(positional[0])
    case "add", "sub", "mul", "div":
      try exactly(2, "a \(["add": "+", "sub": "-", "mul": "*"][word] ?? "/") b")
      let kind: Forward.Arithmetic = switch word { case "add": .add; case "sub": .subtract; case "mul": .multiply; default: .divide }
      let parts = [(try operand(positional[0]), positional[0]), (try operand(positional[1]), positional[1])]
      return try together(parts) { (line, values) throws(RNNError) in try line.add(.arithmetic(kind), values, at: node) }
    case "pack_padded_sequence", "pad_packed_sequence":
      let value = try value(of: try first())
      let layout = arguments.first { $0.keyword == "batch_first" }?.value
      guard (layout.map(text) == "True") == batchFirst else {
        let layout = batchFirst ? "(batch, time, features)" : "(time, batch, features)"
        throw source.error(offset(node),
          "\(word) says batch_first=\(batchFirst ? "False" : "True"), and the model is read as \(layout)",
          batchFirst ? "write batch_first=True in it, or leave it out: lengths are heeded without it"
            : "say that the model is batch-first (\(.batchFirst)), or leave \(word) out: lengths are heeded without it")
      }
      if word == "pad_packed_sequence" { return .tuple([.value(value), .size]) }
      if let lengths = positional.dropFirst().first ?? arguments.first(where: { $0.keyword == "lengths" })?.value {
        useLengths(lengths)
      }
      return .value(value)
    default: break
    }
    if ["pow", "square", "rsqrt", "reciprocal"].contains(word) {
      let value = try first()
      let rest = arguments.filter { $0.value != value }
      if let power = try power(word: word, try meaning(value), value, rest, node) { return power }
    }
    if LineFunction.isKnown(word) {
      let value = try first()
      let rest = positional.isEmpty ? arguments.filter { $0.keyword != "input" } : Array(arguments.drop { $0.value == value })
      let isLayer = prefix == "self."
      return try apply(word, isTorch: !prefix.isEmpty, isLayer: isLayer, try meaning(value), value, rest, node)
    }
    if Self.isDropout(word) {
      let value = try first()
      return try through(try meaning(value), value) { (line, value) throws(RNNError) in try line.add(.nothing(word), [value], at: node) }
    }
    if Self.lacks.keys.contains(word) { throw lacking(word, offset(callee)) }
    throw unknown(word, callee)
  }

  /// Whether a call of what has no tensors is dropout, by its name.
  static func isDropout(_ word: String) -> Bool { word.lowercased().contains("drop") }

  mutating func useLengths(_ node: Int) {
    switch syntax.nodes[node].kind {
    case .name(let parts):
      if case .value(let value)? = variables[parts[0]] { use(value, asStateOrLength: true) }
    case .call(let base, _), .attribute(let base, _): useLengths(base)
    default: break
    }
  }

  /// A value that has steps.
  private mutating func sequence(_ node: Int, _ word: String) throws(RNNError) -> Forward.Value {
    let value = try value(of: node)
    guard shape(value).hasTime || shape(value).isOpen else {
      throw source.error(offset(node), "\(text(node)) has no steps, and \(word) takes a sequence", "use it without \(word)")
    }
    return value
  }

  /// `cat(a, b)`, or PyTorch's `torch.cat([a, b], dim=-1)`.
  private mutating func concatenation(_ arguments: [LineSyntax.Argument], _ node: Int) throws(RNNError) -> LineMeaning {
    var positional = arguments.filter { $0.keyword == nil || $0.keyword == "tensors" }.map(\.value)
    var dim = arguments.first { ["dim", "axis"].contains($0.keyword) }?.value
    var isTorch = false
    if let first = positional.first {
      switch syntax.nodes[first].kind {
      // A list of numbers is one value.
      case .list(let parts) where !parts.contains { number($0) == nil }: break
      case .list(let parts), .tuple(let parts):
        isTorch = true
        if positional.count == 2, dim == nil { dim = positional.removeLast() }
        if positional.count == 1 { positional = parts }
      default: break
      }
    }
    guard !positional.isEmpty, arguments.allSatisfy({ [nil, "tensors", "dim", "axis"].contains($0.keyword) }) else {
      throw source.error(offset(node), "cat does not take these arguments", "write cat(a, b)")
    }
    var parts: [(meaning: LineMeaning, node: Int)] = []
    for part in positional { parts.append((try operand(part), part)) }
    // Along one of PyTorch's axes.
    if let dim, text(dim) != "features", parts.contains(where: { if case .plane = $0.meaning { true } else { false } }) {
      return try joined(parts, dim, node)
    }
    let isTurned = parts.contains { if case .turned = $0.meaning { true } else { false } }
    let isLoose = !isTurned && parts.contains { if case .loose = $0.meaning { true } else { false } }
    var hasTime = false
    let result = try together(parts) { (line, values) throws(RNNError) in
      hasTime = values.contains { line.shape($0).hasTime }
      return try line.add(.concatenate, values, at: node)
    }
    let joined = "cat(\(positional.map(text).joined(separator: ", ")))"
    if isTorch || dim != nil {
      guard let dim else {
        throw source.error(offset(node), "without dim= PyTorch joins along axis 0, which is not the features'", "write \(joined) to join features")
      }
      let axes = isTurned ? [1, -2] : [-1, hasTime ? 2 : 1]
      guard !isLoose else {
        throw source.error(offset(dim), "dim=\(text(dim)) may be features or steps: nothing tells how they are turned", "write \(joined) to join features")
      }
      guard let number = integer(dim), axes.contains(number) else {
        throw source.error(offset(dim), "dim=\(text(dim)) is not the axis of features", "write \(joined) to join features")
      }
    }
    return result
  }

  private mutating func apply(
    _ word: String, isTorch: Bool, isLayer: Bool = false, _ meaning: LineMeaning, _ first: Int,
    _ arguments: [LineSyntax.Argument], _ node: Int
  ) throws(RNNError) -> LineMeaning {
    if word == "softmax" || word == "log_softmax" {
      if case .plane(let plane) = meaning, !plane.axes.isEmpty, let dim = arguments.first(where: { [nil, "dim", "axis"].contains($0.keyword) })?.value,
        integer(dim) != nil
      {
        return try softmax(plane, isLog: word == "log_softmax", dim, first, node)
      }
      let meaning = try checkedAxis(word, meaning, first, arguments, node)
      let value = try value(meaning, first)
      let dims = arguments.filter { [nil, "dim", "axis"].contains($0.keyword) }
      if word == "softmax", dims.count == 1, axis(dims[0].value, of: shape(value)) == .time {
        guard shape(value).hasTime || shape(value).isOpen else {
          throw source.error(offset(node), "\(text(first)) has no steps, and the softmax is over them", "write softmax(\(text(first))) for one over features")
        }
        return .value(try add(.overTime(.softmax), [value], at: node))
      }
      try checkFeatures(word, isTorch, shape(value).hasTime, text(first), arguments, node)
      return .value(try add(.activation(word == "softmax" ? .softmax : .logSoftmax), [value], at: node))
    }
    var given: [LineFunction.Given] = []
    for argument in arguments where argument.keyword != "inplace" && argument.keyword != "input" {
      let isNone = text(argument.value) == "None"
      var quoted: String?
      if case .quoted(let text, _) = syntax.nodes[argument.value].kind { quoted = text }
      given.append(LineFunction.Given(keyword: argument.keyword, number: number(argument.value), text: quoted, isNone: isNone))
    }
    let outcome = LineFunction.activation(word, given, isLayer: isLayer)
    switch outcome {
    case .success(let activation):
      return try through(meaning, first) { (line, value) throws(RNNError) in
        try line.add(.activation(.elementwise(activation)), [value], at: node)
      }
    case .failure(let problem):
      throw source.error(offset(node), problem.problem, problem.remedy.replacing("ARGUMENT", with: text(first)))
    }
  }

  /// softmax is over the features of a step.
  private func checkFeatures(
    _ word: String, _ isTorch: Bool, _ hasTime: Bool, _ value: String, _ arguments: [LineSyntax.Argument], _ node: Int
  ) throws(RNNError) {
    let given = arguments.filter { !["dtype", "_stacklevel", "input"].contains($0.keyword) && text($0.value) != "features" }
    if arguments.contains(where: { text($0.value) == "features" }), given.isEmpty { return }
    let remedy = "write \(word)(\(value), dim=-1) for one over features"
    guard given.count <= 1, given.allSatisfy({ [nil, "dim", "axis"].contains($0.keyword) }) else {
      throw source.error(offset(node), "\(word) takes a value and dim", remedy)
    }
    guard let dim = given.first?.value else {
      // PyTorch's own choice without dim is axis 0 or 1, as the axes are.
      guard !isTorch || !hasTime else { throw source.error(offset(node), "\(text(node)) does not say over which axis", remedy) }
      return
    }
    guard let number = integer(dim), number == -1 || number == (hasTime ? 2 : 1) else {
      throw source.error(offset(dim), "\(word) over \(text(dim)), which is not the axis of features; RNNKit has none over \(word == "softmax" ? "the batch" : "time or batch")", remedy)
    }
  }
}
