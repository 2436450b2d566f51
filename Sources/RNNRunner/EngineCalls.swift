import CRNNKernels

/// The calls of a run, recorded so that a run that is as the one before it, as in an audio callback, is one call from Swift.
///
/// An engine computes through `make` alone. What is computed otherwise, or depends on values, says `doNotRecord`: then the
/// next run goes through the operations again.
struct Recording {
  private let recording: UnsafeMutablePointer<rnnkit_recording>

  /// - Parameters:
  ///   - calls: How many a run may have; one of more is not recorded.
  ///   - addresses: How many places may hold an address within input, state or output.
  init(_ kernels: rnnkit_operations, calls: Int, addresses: Int) {
    recording = .allocate(capacity: 1)
    var empty = rnnkit_recording()
    empty.make_calls = kernels.make_calls
    empty.calls = .allocate(capacity: calls)
    empty.most_calls = calls
    empty.addresses = .allocate(capacity: addresses)
    empty.most_addresses = addresses
    recording.initialize(to: empty)
  }

  func deallocate() {
    recording.pointee.calls.deallocate()
    recording.pointee.addresses.deallocate()
    recording.deallocate()
  }

  /// Does the recorded run again, if it was one of as many steps of such rows and gave its output to the caller, or not, as
  /// this one does. Input, state and output may be elsewhere.
  @inline(__always)
  func `repeat`(
    steps: Int, stride: Int, _ x: UnsafeRawPointer, _ state: UnsafeMutableRawPointer, _ end: UnsafeMutableRawPointer?
  ) -> Bool {
    rnnkit_repeat(recording, steps, stride, x, state, end)
  }

  func begin(
    steps: Int, stride: Int, _ x: UnsafeRawPointer, size: Int, state: UnsafeMutableRawPointer, size stateSize: Int,
    end: UnsafeMutableRawPointer?, size endSize: Int
  ) {
    rnnkit_begin(recording, steps, stride, x, size, state, stateSize, end, endSize)
  }

  /// Of several threads, whose runs are never recorded, none writes.
  func doNotRecord() {
    guard recording.pointee.is_open || recording.pointee.is_whole else { return }
    recording.pointee.is_open = false
    recording.pointee.is_whole = false
  }

  func add(_ call: UnsafePointer<rnnkit_call>) { rnnkit_record(recording, call) }

  /// Ends the run, which leaves `values` where they are; some are within its input or its state.
  func end(_ values: UnsafeMutablePointer<Engine.Rows>, count: Int) {
    for number in 0..<count { rnnkit_keep_source(recording, values + number) }
    rnnkit_end(recording)
  }
}

extension Engine {
  /// Makes a call, and keeps it if the run is being recorded. What it points to is to last as long as the engine.
  func make(_ call: rnnkit_call) {
    withUnsafePointer(to: call) {
      kernels.make_calls($0, 1)
      recording.add($0)
    }
  }
}

extension rnnkit_call {
  /// target = start + x·Wᵀ.
  static func multiply(
    _ matrix: UnsafePointer<rnnkit_matrix>, _ x: Engine.Rows, from start: UnsafeRawPointer, startStride: Int = 0,
    to target: UnsafeMutableRawPointer, stride: Int
  ) -> rnnkit_call {
    var call = rnnkit_call(RNNKIT_CALL_MULTIPLY, rows: x.count, to: target, stride: stride)
    call.matrix = matrix
    call.a = rnnkit_operand(values: x.base, stride: x.stride, single: false)
    call.b = rnnkit_operand(values: start, stride: startStride, single: false)
    return call
  }

  /// target = start + x·Wᵀ for a narrow layer's `count` outputs.
  static func multiplyNarrow(
    _ matrix: UnsafePointer<rnnkit_matrix>, _ x: Engine.Rows, from start: UnsafeRawPointer, count: Int,
    to target: UnsafeMutableRawPointer, stride: Int
  ) -> rnnkit_call {
    var call = multiply(matrix, x, from: start, to: target, stride: stride)
    call.kind = RNNKIT_CALL_NARROW
    call.count = count
    return call
  }

  /// The steps of `count` layers, one after the other as they are in memory.
  static func run(
    _ layers: UnsafePointer<rnnkit_layer>, _ pieces: UnsafeMutablePointer<rnnkit_piece>, count: Int = 1
  ) -> rnnkit_call {
    var call = rnnkit_call()
    call.kind = RNNKIT_CALL_RUN
    call.layers = layers
    call.pieces = pieces
    call.count = count
    return call
  }

  /// In place over rows of `count` reals, each in whole vectors.
  static func activate(
    _ activation: rnnkit_activation, _ target: UnsafeMutableRawPointer, count: Int, rows: Int, stride: Int
  ) -> rnnkit_call {
    var call = rnnkit_call(RNNKIT_CALL_ACTIVATE, rows: rows, to: target, stride: stride)
    call.activation = activation
    call.count = count
    return call
  }

  static func arithmetic(
    _ kind: rnnkit_arithmetic, _ a: rnnkit_operand, _ b: rnnkit_operand, count: Int, rows: Int,
    to target: UnsafeMutableRawPointer, stride: Int
  ) -> rnnkit_call {
    var call = rnnkit_call(RNNKIT_CALL_ARITHMETIC, rows: rows, to: target, stride: stride)
    call.arithmetic = kind
    call.a = a
    call.b = b
    call.count = count
    return call
  }

  /// `count` reals of each row. A stride of 0 is the same row each time.
  static func copy(
    _ source: Engine.Rows, count: Int, to target: UnsafeMutableRawPointer, stride: Int
  ) -> rnnkit_call {
    var call = rnnkit_call(RNNKIT_CALL_COPY, rows: source.count, to: target, stride: stride)
    call.a = rnnkit_operand(values: source.base, stride: source.stride, single: false)
    call.count = count
    return call
  }

  static func normalize(
    _ norm: UnsafePointer<rnnkit_norm>, _ source: Engine.Rows, to target: UnsafeMutableRawPointer, stride: Int
  ) -> rnnkit_call {
    var call = rnnkit_call(RNNKIT_CALL_NORMALIZE, rows: source.count, to: target, stride: stride)
    call.norm = norm
    call.a = rnnkit_operand(values: source.base, stride: source.stride, single: false)
    return call
  }

  /// `count` reals of each step of one sequence.
  static func overTime(
    _ function: rnnkit_over_time, _ steps: Engine.Rows, count: Int, to target: UnsafeMutableRawPointer, stride: Int
  ) -> rnnkit_call {
    var call = rnnkit_call(RNNKIT_CALL_OVER_TIME, rows: steps.count, to: target, stride: stride)
    call.over_time = function
    call.a = rnnkit_operand(values: steps.base, stride: steps.stride, single: false)
    call.count = count
    return call
  }

  /// For each query of one sequence.
  static func attend(_ attention: UnsafePointer<rnnkit_attention>, to target: UnsafeMutableRawPointer, stride: Int) -> rnnkit_call {
    var call = rnnkit_call(RNNKIT_CALL_ATTEND, rows: 0, to: target, stride: stride)
    call.attention = attention
    return call
  }

  private init(_ kind: rnnkit_kind, rows: Int, to target: UnsafeMutableRawPointer, stride: Int) {
    self.init()
    self.kind = kind
    self.rows = rows
    self.target = target
    target_stride = stride
  }
}

extension Engine {
  /// A thread's share of the work.
  struct Share {
    var rank = 0
    var count = 1
    var barrier: UnsafeMutablePointer<rnnkit_barrier>?

    func wait() {
      if let barrier { rnnkit_wait(barrier) }
    }

    /// Its part of so many things.
    func part(of total: Int) -> Range<Int> { rank * total / count..<(rank + 1) * total / count }
  }
}
