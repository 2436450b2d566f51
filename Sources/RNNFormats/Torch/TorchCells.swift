import RNNModel

extension Recurrent {
  /// torch.nn's class of the same cell.
  var className: String { cell.rawValue + (isCell ? "Cell" : "") }
}

extension Model {
  /// Modules that torch.nn's classes do not compute though they load their weights, and what they have that those lack.
  var cellsBeyondTorch: [(module: Recurrent, cell: String)] {
    architecture.recurrentModules.compactMap { module in module.beyondTorch.map { (module, $0) } }
  }

  /// For files of tensors that PyTorch loads and whose architecture RNNKit alone reads.
  var notesOnCellsBeyondTorch: [String] {
    cellsBeyondTorch.map { module, cell in
      "\(module.name.isEmpty ? "the model" : module.name): torch.nn.\(module.className) loads these weights and computes "
        + "something else: it lacks \(cell), which only the file's rnnkit architecture says"
    }
  }
}
