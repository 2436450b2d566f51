import RNNFormats
import RNNKit

/// What a container makes of a model's parameters where it holds less than they are; anything else is a defect.
enum RoundTripChange: String, CaseIterable {
  /// bias_ih is the float sum of both biases, bias_hh zero: the container's layer has one.
  case summed = "summed"
  /// The same values in a wider or, where they fit, narrower type.
  case retyped = "retyped"
  /// Zeros stand for the biases that a layer without them does not have.
  case filled = "filled"

  /// How `before` became `after`. Layers are compared in the chain's order, as some containers keep no names and no stacks.
  /// Throws what cannot be explained.
  static func between(_ before: Model, _ after: Model) throws -> Set<RoundTripChange> {
    let (first, second) = (Layer.all(of: before), Layer.all(of: after))
    guard first.count == second.count else { throw Unexplained(text: "\(first.count) layers are now \(second.count)") }
    var changes = Set<RoundTripChange>()
    for (first, second) in zip(first, second) { changes.formUnion(try first.changes(to: second)) }
    return changes
  }

  struct Unexplained: Error, CustomStringConvertible {
    var text: String
    var description: String { text }
  }

  /// One layer and direction of a recurrent module, its starting state, or another module.
  private struct Layer {
    var module: String
    var tensors: [String: Tensor] = [:]

    static func all(of model: Model) -> [Layer] {
      model.architecture.modules.flatMap { module in
        var layers: [Layer] = []
        if case .recurrent(let module) = module {
          for (name, _) in module.parameters {
            if name.kind == .weightIH { layers.append(Layer(module: "\(module.name) \(name)")) }
            layers[layers.count - 1].tensors[name.kind.rawValue] = model.tensor(module.name, name.description)
          }
          for state in ["h0", "c0"] where module.hasInitialState {
            layers[0].tensors[state] = model.tensor(module.name, state)
          }
        } else if case .unknown(let module) = module {
          let tensors = module.tensorNames.map { ($0, model.archive[$0]) }
          layers.append(Layer(module: module.name, tensors: tensors.reduce(into: [:]) { $0[$1.0] = $1.1 }))
        } else {
          let tensors = ["weight", "bias"].map { ($0, model.tensor(module.name, $0)) }
          layers.append(Layer(module: module.name, tensors: tensors.reduce(into: [:]) { $0[$1.0] = $1.1 }))
        }
        return layers
      }
    }

    func changes(to other: Layer) throws -> Set<RoundTripChange> {
      var changes = Set<RoundTripChange>()
      for (name, tensor) in tensors {
        guard let found = other.tensors[name] else { throw Unexplained(text: "\(module): \(name) is lost") }
        if tensor.isIdentical(to: found) { continue }
        if isRetyped(tensor, found) {
          changes.insert(.retyped)
        } else if name.hasPrefix("bias_"), isSummed(other) {
          changes.insert(.summed)
        } else {
          throw Unexplained(text: "\(module): \(name) is not the same")
        }
      }
      for (name, tensor) in other.tensors where tensors[name] == nil {
        guard name.hasPrefix("bias_"), tensor.doubles.allSatisfy({ $0 == 0 }) else {
          throw Unexplained(text: "\(module): \(name) was not there")
        }
        changes.insert(.filled)
      }
      return changes
    }

    private func isRetyped(_ tensor: Tensor, _ found: Tensor) -> Bool {
      guard tensor.elementType != found.elementType, let same = tensor.converted(to: found.elementType) else { return false }
      return same.largestChange == 0 && same.tensor.isIdentical(to: found)
    }

    /// Both biases, in float32 or float64, are now one.
    private func isSummed(_ other: Layer) -> Bool {
      guard let input = tensors["bias_ih"], let hidden = tensors["bias_hh"], let sum = other.tensors["bias_ih"],
        let rest = other.tensors["bias_hh"], rest.doubles.allSatisfy({ $0 == 0 })
      else { return false }
      let isDouble = sum.elementType == .float64
      let sums = zip(input.doubles, hidden.doubles).map { input, hidden -> Double in
        isDouble ? input + hidden : Double(Float(input) + Float(hidden))
      }
      return sums == sum.doubles
    }
  }
}
