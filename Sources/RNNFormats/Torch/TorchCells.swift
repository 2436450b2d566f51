import RNNModel

extension ModelFormat {
  /// For `exceptions` of a format of state_dicts.
  static var refusesCells: String { "refuses, without its class, what no class of torch.nn computes" }

  /// Refuses to write a state_dict that torch.nn's own classes load and compute something else with. With the source of the
  /// model's class beside it, `Model.torchCode()`, it says what it is.
  package func checkClasses(of model: Model) throws(RNNError) {
    guard holdsStateDict else { return }
    for module in model.architecture.recurrentModules {
      guard let cell = module.beyondTorch else { continue }
      throw RNNError(.badData, place: "module \(module.name.isEmpty ? "(unnamed)" : module.name)",
        "torch.nn.\(module.cell.rawValue)\(module.isCell ? "Cell" : "") would load its weights and compute something else: it lacks \(cell)",
        remedy: "write its class too, with \(.code, "model.py"), or write .rnn")
    }
  }
}
