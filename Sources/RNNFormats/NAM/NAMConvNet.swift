import RNNModel

/// Blocks of a dilated convolution of two steps, a batch norm and a function, and a linear layer behind them.
struct NAMConvNet: NAMPart {
  let inChannels: Int
  let outChannels: Int
  let past: Int
  let notes: [Phrase] = []
  private let document: NAMDocument
  private let blocks: [NAMNetwork.Convolution]
  private let head: NAMNetwork.Convolution
  private let hasNorm: Bool
  private let activation: NAMActivation

  init(_ document: NAMDocument) throws(RNNError) {
    self.document = document
    var reader = try document.settings(without: [])
    inChannels = try reader.integer("in_channels", default: 1)
    outChannels = try reader.integer("out_channels", default: 1)
    let channels = try reader.integer("channels"), groups = try reader.integer("groups", default: 1)
    let dilations = try NAMWaveNet.dilations(&reader)
    hasNorm = try reader.bool("batchnorm", default: false)
    activation = try NAMActivation(reader.required("activation"), at: "\(reader.place).activation")
    try reader.finish()
    var blocks: [NAMNetwork.Convolution] = []
    for (index, dilation) in dilations.enumerated() {
      blocks.append(try .init(
        from: index == 0 ? inChannels : channels, to: channels, size: 2, dilation: dilation, groups: groups, hasBias: !hasNorm,
        at: "\(reader.place).dilations[\(index)]"))
    }
    head = try .init(from: channels, to: outChannels, at: reader.place)
    past = try NAMWaveNet.sum(blocks.map(\.past), at: reader.place)
    self.blocks = blocks
  }

  func add(to network: inout NAMNetwork, _ input: Forward.Value, named prefix: String) throws(RNNError) -> Forward.Value {
    try network.with(weightsOf: document) { (network) throws(RNNError) in
      var value = input
      for (index, block) in blocks.enumerated() {
        let name = "\(prefix)blocks.\(index)"
        try network.add(block, named: name + ".conv")
        value = network.add(.module(name + ".conv"), value)
        if hasNorm {
          for parameter in ["running_mean", "running_var", "weight", "bias"] {
            try network.parameter("\(name).batchnorm.\(parameter)", [block.to])
          }
          // The shortest number that is this float32, which its writer most likely meant.
          let eps = network.next.flatMap { Double("\($0)") } ?? 0
          guard eps.isFinite, eps >= 0 else {
            throw NAMDocument.refuse("\(document.place)weights", "\(eps) as the eps of a batch norm")
          }
          network.skip()
          network.add(.norm(Norm(name: name + ".batchnorm", kind: .batch, features: block.to, eps: eps)))
          value = network.add(.module(name + ".batchnorm"), value)
        }
        value = try activation.add(
          to: &network, value, features: block.to, named: name + ".activation", at: "\(document.place)config.activation")
      }
      try network.add(head, named: prefix + "head")
      return network.add(.module(prefix + "head"), value)
    }
  }
}

/// An impulse response: one convolution.
struct NAMLinear: NAMPart {
  let inChannels = 1
  let outChannels = 1
  let notes: [Phrase] = []
  private let document: NAMDocument
  private let convolution: NAMNetwork.Convolution

  init(_ document: NAMDocument) throws(RNNError) {
    self.document = document
    var reader = try document.settings(without: [])
    let size = try reader.integer("receptive_field"), hasBias = try reader.bool("bias", default: false)
    for key in ["in_channels", "out_channels"] {
      let channels = try reader.integer(key, default: 1)
      guard channels == 1 else {
        throw NAMDocument.refuse("\(reader.place).\(key)", "\(channels), and a Linear model of 1 can be read", "use a mono model")
      }
    }
    // How a plugin computes it.
    _ = reader.optional("implementation")
    try reader.finish()
    convolution = try .init(from: 1, to: 1, size: size, hasBias: hasBias, at: "\(reader.place).receptive_field")
  }

  var past: Int { convolution.past }

  func add(to network: inout NAMNetwork, _ input: Forward.Value, named prefix: String) throws(RNNError) -> Forward.Value {
    try network.with(weightsOf: document) { (network) throws(RNNError) in
      try network.add(convolution, named: prefix + "net")
      return network.add(.module(prefix + "net"), input)
    }
  }
}
