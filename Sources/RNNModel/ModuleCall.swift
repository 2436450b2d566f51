/// What a file says that the call of a module does which has no tensors of its own, or holds others.
public enum ModuleCall: Sendable, Hashable {
  case activation(Activation)
  /// Over the axis that PyTorch numbers so; nil where the file leaves it to PyTorch, which takes it by the rank.
  case softmax(isLog: Bool, axis: Int?)
  /// Nothing at inference, such as dropout.
  case nothing
  /// A pool over time.
  case window(WindowFunction, TimeWindow)
  /// A pool over the last two of PyTorch's four axes, a window for each.
  case planes(WindowFunction, [TimeWindow], isCeil: Bool)
  /// One that leaves so many of the last two axes each; nil leaves one as it is.
  case adaptivePlanes(TimeFunction, [Int?])
  /// Joins axes, from one to another.
  case flatten(Int, Int)
  /// A pool of all steps.
  case overTime(TimeFunction)
  /// What an `nn.Sequential` calls, in order, by name.
  case sequence([String])

  /// What is applied to a value, where it is a function of it alone.
  var function: Function? {
    switch self {
    case .activation(let activation): .elementwise(activation)
    case .softmax(let isLog, _): isLog ? .logSoftmax : .softmax
    case .nothing, .sequence, .window, .planes, .adaptivePlanes, .flatten, .overTime: nil
    }
  }
}
