import RNNModel
import RNNRunner
import Testing

/// Options that only ONNX has, against ONNX Runtime.
@Suite struct ONNXCellTests {
  @Test(arguments: onnxCells.keys.sorted())
  func reproducesONNXRuntime(_ name: String) throws {
    let cell = try require(onnxCells[name])
    var module = Recurrent(name: "", cell: .lstm, inputSize: 2, hiddenSize: 3)
    switch name {
    case "peepholes": module.peephole = true
    case "clip": module.clip = 0.3
    case "inputForget": module.inputForget = true
    case "peepholesAndClip":
      module.peephole = true
      module.clip = 0.4
    case "resetBefore":
      module.cell = .gru
      module.resetAfter = false
    case "resetAfterClip":
      module.cell = .gru
      module.clip = 0.5
    case "activations":
      module.activations = Recurrent.Activations(
        gate: .hardSigmoid(alpha: 0.2, beta: 0.5), candidate: .softsign,
        output: .scaledTanh(alpha: 1.7159, beta: 0.6667))
    case "softplusGRU":
      module.cell = .gru
      module.resetAfter = false
      module.activations.candidate = .softplus
    default:
      module.cell = .rnn
      module.activations.candidate =
        switch name {
        case "eluRNN": .elu(alpha: 0.8)
        case "leakyRNN": .leakyReLU(alpha: 0.1)
        case "thresholdedRNN": .thresholdedReLU(alpha: 0.3)
        default: .affine(alpha: 0.4, beta: 0.1)
        }
    }
    let rows = module.cell.gateCount * 3
    var archive = TensorArchive()
    try archive.append("weight_ih_l0", tensor(cell.wIH, [rows, 2]))
    try archive.append("weight_hh_l0", tensor(cell.wHH, [rows, 3]))
    try archive.append("bias_ih_l0", tensor(cell.bIH, [rows]))
    try archive.append("bias_hh_l0", tensor(cell.bHH, [rows]))
    if module.peephole { try archive.append("weight_peephole_l0", tensor(cell.peepholes, [9])) }
    let plan = try Plan(Model(archive, architecture: Architecture(modules: [.recurrent(module)])))
    var state = try plan.state(batch: 2)
    try state.setH(tensor(cell.h0, [1, 2, 3]), "")
    if module.cell == .lstm { try state.setC(tensor(cell.c0, [1, 2, 3]), "") }
    let outputs = try plan.run(tensor(cell.x, [4, 2, 2]), state: state)
    // The runtime's own activations are approximations.
    for (found, expected) in [
      (outputs.output, cell.output), (outputs.hn(""), cell.hn), (outputs.cn(""), cell.cn),
    ] {
      guard let found else { continue }
      for (a, b) in zip(found.doubles, expected) { #expect(abs(a - Double(b)) < 3e-6) }
    }
  }

  private func tensor(_ values: [Float], _ shape: [Int]) throws -> Tensor {
    try require(Shape(shape).flatMap { Tensor(values, $0) })
  }
}
