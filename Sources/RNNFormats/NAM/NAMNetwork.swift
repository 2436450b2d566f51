import RNNModel

/// A network as it is built from a `.nam`'s lists of weights, in their order.
struct NAMNetwork {
  private var tensors: [NamedTensor] = []
  private var modules: [Module] = []
  private var forward = Forward()
  /// The numbers of the steps, of which none is there twice.
  private var known: [Forward.Step: Int] = [:]
  /// What the weights are taken from, and how many have been.
  private var weights: Tensor?
  private var position = 0

  /// A convolution over time that looks back alone: one of one step and no groups is a linear layer.
  struct Convolution {
    let from: Int
    let to: Int
    let window: TimeWindow
    let groups: Int
    let hasBias: Bool

    /// Throws where the numbers are none that a convolution has.
    init(
      from: Int, to: Int, size: Int = 1, dilation: Int = 1, groups: Int = 1, hasBias: Bool = true, at place: String
    ) throws(RNNError) {
      let limit = Limits.maximumNAMSize
      guard [from, to, groups].allSatisfy({ (1...limit).contains($0) }) else {
        throw NAMDocument.refuse(place, "a convolution of \(from) to \(to) channels in \(groups) groups, expected 1 to \(limit) of each")
      }
      guard from % groups == 0, to % groups == 0 else {
        throw NAMDocument.refuse(place, "\(groups) groups, which \(from) and \(to) channels cannot be divided into")
      }
      var window = TimeWindow(size: size, dilation: dilation)
      guard window.isSound else {
        throw NAMDocument.refuse(place, "a window of \(size) steps that are \(dilation) apart, expected 1 to \(Limits.maximumWindow) in all")
      }
      window.before = window.span - 1
      (self.from, self.to, self.window, self.groups, self.hasBias) = (from, to, window, groups, hasBias)
    }

    var past: Int { window.before }
  }

  /// Takes the weights of what `body` adds from a document's list, all of it.
  mutating func with<Result>(
    weightsOf document: NAMDocument, _ body: (inout NAMNetwork) throws(RNNError) -> Result
  ) throws(RNNError) -> Result {
    let outer = (weights, position)
    let own = try document.weights()
    (weights, position) = (own, 0)
    let result = try body(&self)
    guard position == own.count else {
      throw NAMDocument.refuse(document.place + "weights", "\(own.count) numbers, expected \(position) for the sizes in config")
    }
    (weights, position) = outer
    return result
  }

  /// The next of the weights, where they reach so far.
  var next: Float? {
    guard let weights, position < weights.count, let one = Shape([1]) else { return nil }
    return (try? weights.gathered(one, strides: [1], offset: position))?.doubles.first.map(Float.init)
  }

  /// Takes the next of the weights as a tensor; where they do not reach, counts them alone.
  mutating func parameter(_ name: String, _ sizes: [Int]) throws(RNNError) {
    var stride = 1, strides: [Int] = []
    for size in sizes.reversed() {
      strides.insert(stride, at: 0)
      let (next, overflow) = stride.multipliedReportingOverflow(by: size)
      guard !overflow else { throw Self.tooLarge(name) }
      stride = next
    }
    let start = position
    let (end, overflow) = position.addingReportingOverflow(stride)
    guard !overflow else { throw Self.tooLarge(name) }
    position = end
    guard let weights, end <= weights.count, let shape = Shape(sizes),
      let tensor = try weights.gathered(shape, strides: strides, offset: start)
    else { return }
    tensors.append(NamedTensor(name, tensor))
  }

  /// Passes over the next of the weights, which stands in a module.
  mutating func skip() { position += 1 }

  private static func tooLarge(_ name: String) -> RNNError {
    NAMDocument.refuse("tensor \(name)", "too large")
  }

  /// Adds a tensor that is not among the weights.
  mutating func parameter(_ name: String, values: [Float]) {
    guard let shape = Shape([values.count]), let tensor = Tensor(values, shape) else { return }
    tensors.append(NamedTensor(name, tensor))
  }

  mutating func add(_ module: Module) { modules.append(module) }

  mutating func add(_ convolution: Convolution, named name: String) throws(RNNError) {
    let window = convolution.window
    if window.size == 1, convolution.groups == 1 {
      add(.linear(Linear(name: name, inFeatures: convolution.from, outFeatures: convolution.to, bias: convolution.hasBias)))
      try parameter(name + ".weight", [convolution.to, convolution.from])
    } else {
      add(.convolution(RNNModel.Convolution(
        name: name, inChannels: convolution.from, outChannels: convolution.to, window: window, groups: convolution.groups,
        bias: convolution.hasBias)))
      try parameter(name + ".weight", [convolution.to, convolution.from / convolution.groups, window.size])
    }
    if convolution.hasBias { try parameter(name + ".bias", [convolution.to]) }
  }

  /// Adds a step, or finds it.
  mutating func add(_ operation: Forward.Operation, _ inputs: Forward.Value...) -> Forward.Value {
    let step = Forward.Step(operation, inputs)
    if let number = known[step] { return .step(number) }
    known[step] = forward.steps.count
    forward.steps.append(step)
    return .step(forward.steps.count - 1)
  }

  mutating func archive(_ output: Forward.Value, inputs: Int) throws(RNNError) -> TensorArchive {
    guard forward.steps.count <= Limits.maximumStepCount else {
      throw NAMDocument.refuse("config", "\(forward.steps.count) steps, more than \(Limits.maximumStepCount)")
    }
    var archive = TensorArchive()
    for tensor in tensors { try archive.append(tensor.name, tensor.tensor) }
    forward.inputs = [.init(features: modules.first?.inputSize == inputs ? nil : inputs)]
    forward.outputs = [.init(output)]
    archive.architecture = Architecture(modules: modules, forward: forward.withoutUnneeded, batchFirst: true)
    return archive
  }
}
