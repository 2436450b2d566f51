/// Whether a forward's values can be made as steps come.
extension Forward {
  /// What needs the whole sequence at once, in words: the first such step; nil where every value depends on the past alone.
  ///
  /// - Parameter shapes: Those of this forward with these modules.
  public func wholeSequence(_ shapes: ForwardShapes, _ modules: [String: Module]) -> String? {
    steps.lazy.compactMap { mixesTime($0, shapes, modules) }.first
  }

  private func mixesTime(_ step: Step, _ shapes: ForwardShapes, _ modules: [String: Module]) -> String? {
    switch step.operation {
    case .flip: return "flip"
    case .select(.last):
      // A step that comes later than the input's has none at first.
      if isRecurrent(step.inputs[0], modules) { return nil }
      return shapes[step.inputs[0]].axis == TimeAxis() ? nil : "the last step behind a window over time"
    case .select(.first), .select(.at): return "a step taken by its number"
    case .overTime(let function): return "\(function.rawValue) over time"
    case .module(let name):
      switch modules[name] {
      case .recurrent(let module)? where module.direction != .forward:
        return "the reverse direction of \(name.isEmpty ? "the recurrent module" : name)"
      case .convolution(let module)? where !module.isCausal || !isWithSteps(module.window, step, shapes): return "the padding of \(name)"
      case .attention?: return "the attention \(name)"
      case .norm(let module)? where module.kind == .group && shapes[step.inputs[0]].hasTime: return "the norm \(name)"
      default: return nil
      }
    case .window(let function, let window):
      return window.isCausal && isWithSteps(window, step, shapes) ? nil : "the padding of \(function.word)"
    case .attend: return "attention"
    case .repeated: return shapes[step.inputs[0]].isConstant ? nil : "a value of the whole sequence, repeated at every step,"
    case .concatenate, .arithmetic:
      let taken = step.inputs.map { shapes[$0] }
      let mixes = taken.contains(where: \.hasTime) && taken.contains { !$0.hasTime && !$0.isConstant }
      return mixes ? "a value of the whole sequence, joined to every step," : nil
    default: return nil
    }
  }

  /// Whether no window is of padding alone before there is a step: padding comes with the first step, and where that is not the
  /// input's first the time axis would have had steps before.
  private func isWithSteps(_ window: TimeWindow, _ step: Step, _ shapes: ForwardShapes) -> Bool {
    window.before < window.span || shapes[step.inputs[0]].axis.leastInput(for: 1) == 1
  }

  private func isRecurrent(_ value: Value, _ modules: [String: Module]) -> Bool {
    guard case .step(let number) = value, case .module(let name) = steps[number].operation, case .recurrent? = modules[name] else {
      return false
    }
    return true
  }
}
