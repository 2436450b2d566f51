extension Architecture {
  /// What of the forward is over positions of a step, or takes an input of other axes, in words for a writer that has none of
  /// it: the first such step; nil where there is none.
  package var positions: String? {
    guard let forward else { return nil }
    if let input = forward.inputs.first(where: { $0.axes != nil }) { return "the axes of the input \(input.name)" }
    for (index, step) in forward.steps.enumerated() {
      switch step.operation {
      case .across, .interleave: return forward.place(of: index)
      case .module(let name):
        if case .convolution(let module)? = self[name], module.across != nil { return "the \(module.className) \(name)" }
      default: break
      }
    }
    return nil
  }
}
