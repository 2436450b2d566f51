/// PyTorch's `nn.Conv1d` over time, or `nn.Conv2d` over time and the positions of a step.
///
/// A step's features are positions of `inChannels` each, one position after the other. `weight` is (out, in / groups, size), or
/// with positions (out, in / groups, time, positions), the last two the other way round where `isTimeLast`.
public struct Convolution: Sendable, Hashable {
  /// What stands before a sequence and after it, and before a step's positions and after them.
  public enum Padding: String, Sendable, Hashable, CaseIterable {
    /// As PyTorch's `padding_mode` has them.
    case zeros, reflect, replicate, circular
  }

  /// The module's name.
  public var name: String
  /// Channels of the input.
  public var inChannels: Int
  /// Channels of the output.
  public var outChannels: Int
  /// The window over time: size, stride, dilation and padding.
  public var window: TimeWindow
  /// Over the positions of a step, which it counts as steps; nil for a Conv1d, whose steps are one position.
  public var across: TimeWindow?
  /// Whether the kernel's last axis is time.
  public var isTimeLast: Bool
  /// The number of groups; divides both numbers of channels.
  public var groups: Int
  /// What stands in the padding.
  public var padding: Padding
  /// Whether there is a bias.
  public var bias: Bool

  public init(
    name: String, inChannels: Int, outChannels: Int, window: TimeWindow, across: TimeWindow? = nil, isTimeLast: Bool = false,
    groups: Int = 1, padding: Padding = .zeros, bias: Bool = true
  ) {
    self.name = name
    self.inChannels = inChannels
    self.outChannels = outChannels
    self.window = window
    self.across = across
    self.isTimeLast = isTimeLast
    self.groups = groups
    self.padding = padding
    self.bias = bias
  }

  /// `Conv1d`, `Conv2d`
  public var className: String { across == nil ? "Conv1d" : "Conv2d" }
  /// The windows over the kernel's axes, in their order.
  public var windows: [TimeWindow] { across.map { isTimeLast ? [$0, window] : [window, $0] } ?? [window] }
  /// Whether it needs nothing that comes later.
  public var isCausal: Bool { window.isCausal && (padding == .zeros || window.before <= 0) }

  /// The same of a kernel whose other axis is time.
  var transposed: Convolution {
    guard let across else { return self }
    var result = self
    (result.window, result.across, result.isTimeLast) = (across, window, !isTimeLast)
    return result
  }

  /// Features of a step that it gives of one of so many; nil where they are no positions that it can take.
  public func outputSize(of features: Int) -> Int? {
    guard let across else { return features == inChannels ? outChannels : nil }
    guard features % inChannels == 0, let positions = across.count(of: features / inChannels, mirrored: padding), positions > 0 else { return nil }
    let (size, overflow) = positions.multipliedReportingOverflow(by: outChannels)
    return overflow || size > Limits.maximumModuleSize ? nil : size
  }

  /// The call that makes the module in PyTorch, with `padding` as two numbers an axis where PyTorch's class has only one, and
  /// `time=3` where time is the last axis.
  public var construction: String { construction(withPadding: true) }

  /// The same without padding where PyTorch's class cannot have it, to be made before the call.
  package var torchConstruction: String { construction(withPadding: hasTorchPadding, isTorch: true) }
  /// Whether PyTorch's class can have the padding.
  package var hasTorchPadding: Bool { windows.allSatisfy { $0.before == $0.after && $0.before >= 0 } }

  private func construction(withPadding: Bool, isTorch: Bool = false) -> String {
    func each(_ number: (TimeWindow) -> Int) -> String {
      windows.count == 1 ? "\(number(window))" : "(\(windows.map { "\(number($0))" }.joined(separator: ", ")))"
    }
    var parts = ["\(inChannels)", "\(outChannels)", each(\.size)]
    if windows.contains(where: { $0.stride != 1 }) { parts.append("stride=\(each(\.stride))") }
    if withPadding, windows.contains(where: { $0.before != 0 || $0.after != 0 }) {
      let sides = windows.flatMap { [$0.before, $0.after] }.map(String.init).joined(separator: ", ")
      parts.append(windows.allSatisfy { $0.before == $0.after } ? "padding=\(each(\.before))" : "padding=[\(sides)]")
    }
    if windows.contains(where: { $0.dilation != 1 }) { parts.append("dilation=\(each(\.dilation))") }
    if groups != 1 { parts.append("groups=\(groups)") }
    if !bias { parts.append("bias=False") }
    if padding != .zeros, withPadding { parts.append("padding_mode='\(padding.rawValue)'") }
    if isTimeLast, !isTorch { parts.append("time=3") }
    return "\(className)(\(parts.joined(separator: ", ")))"
  }

  /// PyTorch's `padding='same'`: the later half is the larger.
  static func same(_ size: Int, _ dilation: Int) -> (before: Int, after: Int) {
    let total = dilation * (size - 1)
    return (total / 2, total - total / 2)
  }
}

extension TimeWindow {
  /// Windows of so many positions; nil where the numbers are too large, or padding of the positions themselves takes more than
  /// there are.
  public func count(of positions: Int, mirrored padding: Convolution.Padding = .zeros) -> Int? {
    guard isSound, (1...Limits.maximumModuleSize).contains(positions) else { return nil }
    let sides = max(before, after)
    switch padding {
    case .zeros, .replicate: break
    case .reflect: guard sides < positions else { return nil }
    case .circular: guard sides <= positions else { return nil }
    }
    let all = positions + before + after
    return all >= span ? (all - span) / stride + 1 : 0
  }
}
