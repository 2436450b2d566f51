import RNNKit

/// What a run of a model asks of a machine, whatever order the work is done in. What input, states and results need is left
/// out.
struct Workload {
  /// Multiplications and additions of the products: two for each weight, step and sequence.
  private(set) var flops = 0.0
  /// Operations on whole vectors, divisions apart.
  private(set) var operations = 0.0
  private(set) var divisions = 0.0
  /// Bytes of all weights.
  private(set) var weights = 0.0
  /// Bytes of weights loaded into registers.
  private(set) var loads = 0.0
  /// Bytes of the weights that each step needs again, matrix by matrix, and how many steps there are.
  private var recurrent: [Double] = []
  private let steps: Double
  /// Operations that wait for each other, and how often in a row.
  private(set) var chains: [(times: Double, path: Cost.Path)] = []

  private let model: Model
  private let lanes: Double
  private let realSize: Int

  /// Rows of a product that may share a vector of weights in a register: so many results fit the others.
  private static let rowsAtOnce = 24.0

  /// - Parameter steps: Steps of each of `batch` sequences.
  init(_ model: Model, _ plan: Plan, steps: Int, batch: Int) {
    self.model = model
    realSize = plan.precision.elementType.byteCount
    lanes = Double(64 / realSize)
    self.steps = Double(steps)
    for (step, shape) in zip(plan.architecture.forward?.steps ?? [], plan.shapes.steps) {
      let rows = Double(shape.hasTime ? steps * batch : batch)
      switch step.operation {
      case .module(let name):
        switch plan.architecture[name] {
        case .linear(let linear)?: add(linear, rows: rows)
        case .recurrent(let recurrent)?: add(recurrent, rows: rows, batch: Double(batch))
        default: break
        }
      case .activation(let function):
        add(Cost(function), vectors: (Double(shape.features ?? 1) / lanes).rounded(.up) * rows)
      default: break
      }
    }
    addChains(plan.architecture)
  }

  /// Bytes of weights that come from beyond a cache of so many bytes: all weights once, and those of the recurrence again
  /// at each further step, less what the cache can keep of them.
  func readBeyond(_ capacity: Double) -> Double {
    func beyond(_ bytes: Double) -> Double { max(0, bytes - capacity) }
    return beyond(weights) + recurrent.reduce(0) { $0 + beyond($1) } * (steps - 1)
  }

  private mutating func add(_ module: Linear, rows: Double) {
    _ = addProduct(module.name, "weight", [module.outFeatures, module.inFeatures], rows: rows, together: rows)
  }

  private mutating func add(_ module: Recurrent, rows: Double, batch: Double) {
    for (name, shape) in module.parameters where shape.count == 2 {
      // The input's product can be made of all steps at once.
      let together = name.kind == .weightIH ? rows : batch
      let bytes = addProduct(module.name, name.description, shape, rows: rows, together: together)
      if name.kind != .weightIH { recurrent.append(bytes) }
    }
    for direction in 0..<module.directionCount {
      let vectors = (Double(module.hiddenSize) / lanes).rounded(.up) * Double(module.numLayers) * rows
      add(Cost(module, direction: direction), vectors: vectors)
    }
  }

  private mutating func add(_ cost: Cost, vectors: Double) {
    operations += cost.operations * vectors
    divisions += cost.divisions * vectors
  }

  /// Returns the weight's bytes.
  private mutating func addProduct(
    _ module: String, _ name: String, _ shape: [Int], rows: Double, together: Double
  ) -> Double {
    let outputs = Double(shape[0]), inner = Double(shape[1])
    // Half-precision weights may be widened in registers.
    let size = min(model.tensor(module, name)?.elementType.byteCount ?? realSize, realSize)
    let bytes = outputs * inner * Double(size)
    flops += 2 * outputs * inner * rows
    operations += (outputs / lanes).rounded(.up) * inner * rows
    loads += bytes * rows / together * (together / Self.rowsAtOnce).rounded(.up)
    weights += bytes
    return bytes
  }

  /// Each step waits for the one before it. Forward layers can be a step behind each other, so that only the slowest of them
  /// counts; a reverse direction starts when all before it is done.
  private mutating func addChains(_ architecture: Architecture) {
    var forward: [Cost.Path] = []
    func addSlowest() {
      if let slowest = forward.max(by: { $0.length < $1.length }) { chains.append((steps, slowest)) }
      forward = []
    }
    for module in architecture.recurrentModules {
      let path = Cost.Path.step(module, direction: 0)
      if module.direction == .forward {
        forward.append(path)
      } else {
        addSlowest()
        chains.append((steps * Double(module.numLayers), path))
      }
    }
    addSlowest()
  }
}
