/// PyTorch's `nn.Conv1d` over time: `weight` is (out, in / groups, size).
public struct Convolution: Sendable, Hashable {
  /// What stands before a sequence and after it.
  public enum Padding: String, Sendable, Hashable, CaseIterable {
    case zeros, reflect, replicate, circular
  }

  public var name: String
  public var inChannels: Int
  public var outChannels: Int
  public var window: TimeWindow
  public var groups: Int
  public var padding: Padding
  public var bias: Bool

  public init(
    name: String, inChannels: Int, outChannels: Int, window: TimeWindow, groups: Int = 1, padding: Padding = .zeros, bias: Bool = true
  ) {
    self.name = name
    self.inChannels = inChannels
    self.outChannels = outChannels
    self.window = window
    self.groups = groups
    self.padding = padding
    self.bias = bias
  }

  /// Whether it needs nothing that comes later.
  public var isCausal: Bool { window.isCausal && (padding == .zeros || window.before <= 0) }
  /// The call that makes the module in PyTorch, with `padding` as two numbers where PyTorch's class has only one.
  public var construction: String { construction(withPadding: true) }

  /// The same without padding where PyTorch's class cannot have it, to be made before the call.
  package var torchConstruction: String { construction(withPadding: window.before == window.after) }

  private func construction(withPadding: Bool) -> String {
    var parts = ["\(inChannels)", "\(outChannels)", "\(window.size)"]
    if window.stride != 1 { parts.append("stride=\(window.stride)") }
    if withPadding, window.before != 0 || window.after != 0 {
      parts.append(window.before == window.after ? "padding=\(window.before)" : "padding=[\(window.before), \(window.after)]")
    }
    if window.dilation != 1 { parts.append("dilation=\(window.dilation)") }
    if groups != 1 { parts.append("groups=\(groups)") }
    if !bias { parts.append("bias=False") }
    if padding != .zeros, withPadding { parts.append("padding_mode='\(padding.rawValue)'") }
    return "Conv1d(\(parts.joined(separator: ", ")))"
  }

  /// PyTorch's `padding='same'`: the later half is the larger.
  static func same(_ size: Int, _ dilation: Int) -> (before: Int, after: Int) {
    let total = dilation * (size - 1)
    return (total / 2, total - total / 2)
  }
}
