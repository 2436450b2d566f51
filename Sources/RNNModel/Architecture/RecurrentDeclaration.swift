/// Recurrent modules as their constructors' calls have them: `LSTM(5, 64, num_layers=2, batch_first=True)`. Their tensors say all
/// sizes; the layout and an Elman RNN's function are said here alone.
extension ModuleDeclaration {
  var isRecurrent: Bool { ["RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"].contains(className) }

  /// Throws `usage` where the declaration contradicts the module that the tensors make.
  func check(_ module: Recurrent) throws(RNNError) {
    func contradiction(_ parameter: String, _ fact: String) -> RNNError {
      RNNError(.usage, place: "module \(module.name)", "it is declared with \(parameter), and its tensors are \(fact)",
        remedy: "correct the declaration, or leave it out")
    }
    let own = module.cell.rawValue + (module.isCell ? "Cell" : "")
    guard className == own else { throw contradiction("class \(className)", "a \(own)'s") }
    let given = try named(module.name)
    let sizes = [
      ("input_size", module.inputSize), ("hidden_size", module.hiddenSize), ("num_layers", module.numLayers), ("proj_size", module.projSize),
    ]
    for (parameter, size) in sizes {
      guard let value = given[parameter], value.single != size else { continue }
      throw contradiction(parameter, "of \(parameter) \(size)")
    }
    let flags = [("bias", module.bias), ("bidirectional", module.directionCount == 2)]
    for (parameter, flag) in flags {
      guard let value = given[parameter], value.bool != flag else { continue }
      throw contradiction(parameter, "of \(parameter) \(flag ? "True" : "False")")
    }
  }

  /// Whether a stack takes the batch first, which PyTorch's constructor does not where it is not told.
  fileprivate func batchFirst(_ module: String) throws(RNNError) -> Bool? {
    className.hasSuffix("Cell") ? nil : try named(module)["batch_first"]?.bool ?? false
  }

  /// tanh or relu, of an Elman RNN.
  fileprivate func nonlinearity(_ module: String) throws(RNNError) -> Activation? {
    guard className.hasPrefix("RNN") else { return nil }
    switch try named(module)["nonlinearity"] {
    case nil, .text("tanh")?: return .tanh
    case .text("relu")?: return .relu
    default: throw refuse(module, "nonlinearity is neither 'tanh' nor 'relu'")
    }
  }
}

extension TensorArchive.Hints {
  /// Takes the layout and the functions that declarations of recurrent modules say. Throws `usage` where they contradict the file
  /// or each other's layout.
  mutating func adoptRecurrentDeclarations() throws(RNNError) {
    for (name, declaration) in declarations.sorted(by: { $0.key < $1.key }) where declaration.isRecurrent && !declaration.isOfFile {
      if let said = try declaration.batchFirst(name) {
        guard batchFirst ?? said == said else {
          throw RNNError(.usage, place: "module \(name)", "it is declared with batch_first=\(said ? "True" : "False"), and the model's other modules "
            + "or its file have the other layout, which RNNKit does not mix", remedy: "leave the declaration out, and transpositions between the modules with it")
        }
        batchFirst = said
      }
      if let said = try declaration.nonlinearity(name) {
        guard nonlinearity[name] ?? said == said else {
          throw RNNError(.usage, place: "module \(name)", "it is declared with another nonlinearity than the file says", remedy: "leave the declaration out")
        }
        nonlinearity[name] = said
      }
    }
  }
}
