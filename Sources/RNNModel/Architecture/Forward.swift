/// What a model computes: steps in order, each an operation on the model's inputs and on what earlier steps gave, as a
/// PyTorch module's `forward` is.
///
/// A forward names modules; `Architecture` holds them. `Schemas/forward.md` has its text form, read by
/// `Forward(line:modules:)` and written by `line(modules:)`.
public struct Forward: Sendable, Hashable {
  /// What a step takes.
  public enum Value: Sendable, Hashable {
    /// The model's input of that number.
    case input(Int)
    /// What the step of that number gives.
    case step(Int)
  }

  /// An operation applied to values.
  public struct Step: Sendable, Hashable {
    /// What is computed.
    public var operation: Operation
    /// What it is computed of.
    public var inputs: [Value]

    /// Makes a step.
    public init(_ operation: Operation, _ inputs: [Value]) {
      self.operation = operation
      self.inputs = inputs
    }
  }

  /// A value that a run gives.
  public struct Output: Sendable, Hashable {
    /// Nil for an only output, which is a run's `y`, or its `output` where it is the last recurrent layer's.
    public var name: String?
    /// The value that goes out.
    public var value: Value

    /// Makes an output.
    public init(_ value: Value, name: String? = nil) {
      self.value = value
      self.name = name
    }
  }

  /// What a step computes.
  public enum Operation: Sendable, Hashable {
    /// A module of the architecture, by its name.
    case module(String)
    /// A function of each number, or of the features of each step.
    case activation(Function)
    /// A step of a sequence, which leaves no time axis.
    case select(Selection)
    /// The state that a recurrent step leaves, of one layer and direction: PyTorch's h_n[index] or c_n[index], where index
    /// counts layers first and directions within them.
    case state(StateKind, Int)
    /// Each sequence turned round within its own length.
    case flip
    /// What is made of all of a sequence's steps: a value without a time axis, or one at every step.
    case overTime(TimeFunction)
    /// What becomes of steps that stand together. Its value has a time axis of its own.
    case window(WindowFunction, TimeWindow)
    /// The same of a step's positions, which stand one after the other with so many channels each.
    case across(WindowFunction, TimeWindow, channels: Int)
    /// A step's features, cut into so many equal parts, with one of each part in turn: positions of so many channels, of what
    /// was the positions of one channel after those of another, or the other way round.
    case interleave(Int)
    /// Of three inputs: query, which may have no time axis, key and value.
    case attend(Attention)
    /// The first of two inputs, which has no time axis, at every step of the second.
    case repeated
    /// Features from the lower bound up to the upper one.
    case slice(Range<Int>)
    /// Features of all inputs, one after the other.
    case concatenate
    /// Of two inputs. One of them may have one feature, used for all of the other's, or no time axis, used at every step.
    case arithmetic(Arithmetic)
    /// Numbers, one for all features or one for each.
    case constant([Double])
    /// A tensor of the model's own, by its name: one number for all features or one for each.
    case parameter(String)
    /// Nothing at inference: dropout, or another module of the file that does nothing. Its name there.
    case nothing(String)
  }

  /// Which step of each sequence is taken.
  public enum Selection: Sendable, Hashable {
    /// Each sequence's own last step.
    case last
    /// Each sequence's first step.
    case first
    /// The step of that number, from 0 on; negative from the end of the time axis on, whatever a sequence's length.
    case at(Int)
  }

  /// Which state of a recurrent module.
  public enum StateKind: String, Sendable, Hashable {
    /// The final hidden or cell states.
    case hn, cn
  }

  /// An arithmetic operation.
  public enum Arithmetic: String, Sendable, Hashable, CaseIterable {
    /// a + b
    case add = "+"
    /// a − b
    case subtract = "-"
    /// a · b
    case multiply = "*"
    /// a / b; IEEE 754's infinities and NaN for a b of 0.
    case divide = "/"
  }

  /// An input of the model.
  public struct Input: Sendable, Hashable {
    /// The input's name.
    public var name: String
    /// Features of a step, where the modules that it goes to do not tell.
    public var features: Int?
    /// The axes of the tensor that is given; nil for batch, time and features as the architecture has them. Those that are
    /// neither batch nor time are a step's features, the last one running fastest.
    public var axes: [Axis]?

    /// An axis of an input.
    public enum Axis: Sendable, Hashable {
      /// The axis of sequences, and that of steps.
      case batch, time
      /// So many features, which are a part of a step's.
      case size(Int)
    }

    public init(_ name: String = "x", features: Int? = nil, axes: [Axis]? = nil) {
      self.name = name
      self.features = features
      self.axes = axes
    }

    /// Of how many channels each position of a step is by the axes: the last of several sizes, which runs fastest. Channels before
    /// time, as PyTorch has them, are not each position's own: then a step is one position until it is interleaved.
    var channels: Int? {
      let sizes = (axes ?? []).compactMap { axis in if case .size(let size) = axis { size > 1 ? size : nil } else { nil } }
      guard sizes.count > 1, let time = axes?.firstIndex(of: .time) else { return nil }
      let isFirst = axes?[..<time].contains { if case .size(let size) = $0 { size > 1 } else { false } } == true
      return isFirst ? features : sizes.last
    }

    /// Whether `axes` are some that an input may have: batch and time once each, and features as many as `features` says.
    public var isSound: Bool {
      guard let axes else { return true }
      guard axes.count <= 8, axes.count(where: { $0 == .batch }) == 1, axes.count(where: { $0 == .time }) == 1 else { return false }
      var product = 1
      for case .size(let size) in axes {
        let (next, overflow) = product.multipliedReportingOverflow(by: size)
        guard size >= 1, !overflow, next <= Limits.maximumModuleSize else { return false }
        product = next
      }
      return product == features
    }
  }

  /// The inputs, in the order in which a run takes them.
  public var inputs: [Input]
  /// The steps; each uses inputs and earlier steps only.
  public var steps: [Step] = []
  /// The outputs, at least one.
  public var outputs: [Output] = []

  /// Makes a forward without steps.
  public init(inputs: [Input] = [Input()]) {
    self.inputs = inputs
  }

  /// Appends a step and returns what it gives; an equal step that is there already is not made twice, since a recurrent
  /// layer called twice on one input is one call whose output and states are used.
  public mutating func add(_ operation: Operation, _ inputs: Value...) -> Value { add(operation, of: inputs) }

  public mutating func add(_ operation: Operation, of inputs: [Value]) -> Value {
    let step = Step(operation, inputs)
    if let known = steps.firstIndex(of: step) { return .step(known) }
    steps.append(step)
    return .step(steps.count - 1)
  }

  /// A chain: modules by their names, each applied to what the one before gives.
  public init(chain modules: [String]) {
    self.init()
    var value = Value.input(0)
    for module in modules { value = add(.module(module), value) }
    outputs = [Output(value)]
  }

  /// The steps as a chain, where each takes what the one before it gives and nothing else, the first the only input, and
  /// the last is the only output. Nil where they are no chain.
  public var chain: [Operation]? {
    guard inputs.count == 1, outputs.count == 1 else { return nil }
    var before = Value.input(0)
    for (index, step) in steps.enumerated() {
      guard step.inputs == [before] else { return nil }
      before = .step(index)
    }
    return outputs[0].value == before ? steps.map(\.operation) : nil
  }

  /// The names of the modules that steps call, in order, each once.
  public var moduleNames: [String] {
    var seen = Set<String>()
    return steps.compactMap { step in
      if case .module(let name) = step.operation, seen.insert(name).inserted { name } else { nil }
    }
  }

  /// The same of modules and tensors that have other names.
  package func renamed(modules: [String: String], tensor: (String) -> String) -> Forward {
    var result = self
    for index in steps.indices {
      switch steps[index].operation {
      case .module(let name): result.steps[index].operation = .module(modules[name] ?? name)
      case .parameter(let name): result.steps[index].operation = .parameter(tensor(name))
      default: break
      }
    }
    return result
  }
}

extension Forward {
  /// Without the steps that no output needs.
  package var withoutUnneeded: Forward {
    var isNeeded = [Bool](repeating: false, count: steps.count)
    for case .step(let number) in outputs.map(\.value) where steps.indices.contains(number) { isNeeded[number] = true }
    for index in steps.indices.reversed() where isNeeded[index] {
      for case .step(let number) in steps[index].inputs where (0..<index).contains(number) { isNeeded[number] = true }
    }
    guard isNeeded.contains(false) else { return self }
    var numbers = [Int](repeating: 0, count: steps.count)
    var result = Forward(inputs: inputs)
    func moved(_ value: Value) -> Value {
      if case .step(let number) = value, numbers.indices.contains(number) { .step(numbers[number]) } else { value }
    }
    for index in steps.indices where isNeeded[index] {
      numbers[index] = result.steps.count
      result.steps.append(Step(steps[index].operation, steps[index].inputs.map(moved)))
    }
    result.outputs = outputs.map { Output(moved($0.value), name: $0.name) }
    return result
  }
}
