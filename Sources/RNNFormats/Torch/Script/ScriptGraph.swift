import RNNModel

/// What a `forward()` computes, as steps that the forward line has words for.
struct ScriptGraph {
  enum Operation: Hashable {
    case input(Int)
    case module(String)
    /// `relu`, `leaky_relu` with its numbers.
    case function(String, [Double])
    case last, first
    case at(Int)
    /// `hn` or `cn`, one layer and direction of it.
    case state(String, Int)
    case flip
    /// `mean`, `softmax` and the like over steps.
    case overTime(TimeFunction)
    case window(WindowFunction, TimeWindow)
    /// Of positions of so many channels each.
    case across(WindowFunction, TimeWindow, Int)
    case interleave(Int)
    /// Of query, key and value, with a scale where it is said.
    case attend(Double?)
    /// Features; bounds as they stand, where nothing tells how many there are.
    case slice(Int?, Int?)
    case concatenation
    case arithmetic(String)
    case negation
    case constant([Double])
    /// A tensor of the model's own.
    case parameter(String)
  }

  struct Step: Hashable {
    var operation: Operation
    var inputs: [Int]

    /// Whether its value at one step depends on other steps, whatever a module's own direction of time.
    var mixesSteps: Bool {
      switch operation {
      case .overTime, .window, .attend: true
      default: false
      }
    }
  }

  private(set) var steps: [Step] = []
  /// Whether each gives a value for every step of a sequence.
  private(set) var hasTime: [Bool] = []
  /// The step whose memory each one's values are in, in PyTorch: its own, or that of the value that it is a view of.
  private(set) var roots: [Int] = []
  private var known: [Step: Int] = [:]

  var moduleNames: Set<String> {
    Set(steps.compactMap { if case .module(let name) = $0.operation { name } else { nil } })
  }

  /// Appends a step, once: a call of a module on one value is one call. Nil where there are too many.
  mutating func add(
    _ operation: Operation, _ inputs: [Int] = [], hasTime: Bool, isView: Bool = false
  ) -> Int? {
    let step = Step(operation: operation, inputs: inputs)
    if let number = known[step] { return number }
    guard steps.count < Limits.maximumCodeSteps else { return nil }
    let number = steps.count
    known[step] = number
    steps.append(step)
    self.hasTime.append(hasTime)
    roots.append(isView ? inputs.first.map { roots[$0] } ?? number : number)
    return number
  }
}

