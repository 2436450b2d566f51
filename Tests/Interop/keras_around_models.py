"""Random Keras models of convolutions, pools, norms, attention and reductions around recurrent layers."""

import keras
import numpy as np

L = keras.layers


def draw(seed):
    """A functional model of one input (time, 4). A value is (tensor, features, steps), steps a key of as many as another's."""
    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    chance = lambda p: random.random() < p
    pick = lambda *options: options[random.integers(len(options))]
    number = lambda low, high: int(random.integers(low, high + 1))
    inputs = L.Input((None, 4))
    value, sequences, kinds = (inputs, 4, ()), [(inputs, 4, ())], []

    def recurrent(x, f, t):
        units, kind = number(2, 5), pick(L.LSTM, L.GRU, L.SimpleRNN)
        if chance(0.3):
            return L.Bidirectional(kind(units, return_sequences=True), merge_mode=pick("concat", "sum"))(x), None, t
        return kind(units, return_sequences=True)(x), None, t

    def convolution(x, f, t):
        size, dilation = number(1, 4), pick(1, 1, 2)
        stride = pick(1, 2) if dilation == 1 else 1
        padding = pick("valid", "causal") if stride > 1 else pick("valid", "causal", "same")
        groups = pick(*[n for n in (1, 2) if f % n == 0])
        layer = L.Conv1D(groups * number(1, 3), size, stride, padding, dilation_rate=dilation, groups=groups, use_bias=chance(0.8),
                         activation=pick(None, "relu", "tanh"))
        return layer(x), None, t + ((size, stride, padding, dilation) if (padding, stride) not in (("same", 1), ("causal", 1)) else ())

    def pool(x, f, t):
        size, stride = number(1, 3), number(1, 2)
        padding = "same" if stride == 1 and chance(0.5) else "valid"
        layer = pick(L.MaxPooling1D, L.AveragePooling1D)(size, stride, padding)
        return layer(x), None, t + ((size, stride, "pool") if padding == "valid" else ())

    def norm(x, f, t):
        eps = pick(1e-3, 0.05)
        layer = pick(L.BatchNormalization(epsilon=eps), L.BatchNormalization(epsilon=eps, center=False, scale=False),
                     L.LayerNormalization(epsilon=eps), L.LayerNormalization(epsilon=eps, center=False),
                     L.GroupNormalization(1, epsilon=eps), L.RMSNormalization(epsilon=eps))
        return layer(x), None, t

    def dense(x, f, t):
        return L.Dense(number(1, 5), activation=pick(None, "tanh", "softmax"))(x), None, t

    def pooled_attention(x, f, t):
        score = L.Dense(1, activation=pick(None, "tanh"))(x)
        return L.Multiply()([x, L.Softmax(axis=pick(1, 1))(score)]), None, t

    def heads(x, f, t):
        v = pick(*sequences)
        k = pick(*[s for s in sequences if s[2] == v[2]])
        layer = L.MultiHeadAttention(number(1, 3), number(1, 4), value_dim=pick(None, 2), use_bias=chance(0.7), output_shape=pick(None, 3))
        if chance(0.3):
            return layer(x, key=k[0], value=v[0]), None, t
        return (layer(x, v[0], k[0]) if chance(0.5) else layer(query=x, value=v[0])), None, t

    def dot(x, f, t):
        k = pick(*[s for s in sequences if s[1] == f])
        v = pick(*[s for s in sequences if s[2] == k[2]])
        given = [x, v[0], k[0]] if chance(0.5) else [x, k[0]]
        return L.Attention(use_scale=chance(0.5))(given), None, t

    def skip(x, f, t):
        other = pick(*[s for s in sequences if s[2] == t])
        if other[1] == f and chance(0.6):
            return pick(L.Add, L.Multiply, L.Subtract)()([x, other[0]]), None, t
        return L.Concatenate()([x, other[0]]), None, t

    def padded(x, f, t):
        sides = (number(0, 2), number(0, 2))
        kind = pick(L.ZeroPadding1D, L.Cropping1D)
        return kind(sides)(x), None, t + ((kind.__name__, *sides),)

    count = number(2, 5)
    must = number(0, count - 1)
    for index in range(count):
        kind = recurrent if index == must else pick(recurrent, convolution, pool, norm, dense, pooled_attention, heads, dot, skip, padded)
        kinds.append(kind.__name__)
        x, _, t = kind(*value)
        value = (x, x.shape[-1], t)
        sequences.append(value)
    x = value[0]
    if chance(0.6):
        end = pick("average", "max", "sum", "mean", "amax", "last")
        kinds.append(end)
        x = {"average": lambda: L.GlobalAveragePooling1D()(x), "max": lambda: L.GlobalMaxPooling1D()(x),
             "sum": lambda: keras.ops.sum(x, axis=pick(1, -2)), "mean": lambda: keras.ops.mean(x, axis=1),
             "amax": lambda: keras.ops.max(x, axis=1), "last": lambda: L.LSTM(3)(x)}[end]()
    if chance(0.6):
        x = L.Dense(2)(x)
    model = keras.Model(inputs, x)
    model.set_weights([random.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else w for w in model.get_weights()])
    return model, kinds


def forms():
    """Models of one input (4 or any steps, 4) whose axes could be taken for others, by name; each with whether RNNKit has them.

    As many sequences as steps, and as many steps as features, hide an axis that is taken for another.
    """
    K = keras.ops
    for steps in (None, 4):
        x = L.Input((steps, 4))
        s, last = L.LSTM(4, return_sequences=True)(x), L.LSTM(4)(x)
        if steps:
            for function in (K.add, K.multiply, K.subtract, K.divide):
                yield f"{function.__name__} of a step's and each step", function(last, s), False
                yield f"{function.__name__} of each step and a step's", function(s, last), False
            yield "batch norm of steps", L.BatchNormalization(axis=1)(s), False
            yield "layer norm of steps", L.LayerNormalization(axis=1)(s), False
            yield "joined steps", L.Concatenate(axis=1)([s, s]), False
        yield "numbers", (1 - s) * 2.0 / 3.0 + 1, True
        yield "equal axes", K.add(s, x) * s, True
        yield "no time axes", K.add(last, L.Dense(4)(last)), True
        for layer in (L.Add, L.Multiply, L.Average, L.Subtract):
            yield f"{layer.__name__} of each step and a step's", layer()([s, last]), True
            yield f"{layer.__name__} of a step's and each step", layer()([last, s]), True
        for center in (True, False):
            options = {"center": center, "scale": not center, "epsilon": 0.01}
            yield f"batch norm, {options}", L.BatchNormalization(**options)(s), True
            yield f"layer norm, {options}", L.LayerNormalization(**options)(s), True
            yield f"group norm, {options}", L.GroupNormalization(1, **options)(s), True
            yield f"batch norm without time, {options}", L.BatchNormalization(axis=1, **options)(last), True
            yield f"layer norm without time, {options}", L.LayerNormalization(axis=[1], **options)(last), True
        yield "batch norm of axis 2", L.BatchNormalization(axis=2)(s), True
        yield "max of steps", K.max(s, axis=1), True
        yield "max of steps and a number", K.max(s, axis=1, initial=0.7), False
        yield "mean that keeps its axis", K.mean(s, axis=1, keepdims=True), False
        yield "mean of features", K.mean(s, axis=-1), False
