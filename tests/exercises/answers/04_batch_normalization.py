"""Other answers to assignment 04_batch_normalization, and the marks that they deserve."""

from tests.exercises.table import Answer

OTHERWISE = {
    "paper_bn": """
def paper_bn(x, gamma, beta, moving_mu, moving_v, training, momentum=0.99, epsilon=1e-3):
    m, units = x.shape
    y, new_mu, new_v = np.empty((m, units)), np.array(moving_mu, float), np.array(moving_v, float)
    for j in range(units):
        mu, v = moving_mu[j], moving_v[j]
        if training:
            mu = sum(x[:, j]) / m
            v = sum((x[:, j] - mu) ** 2) / m
            new_mu[j] += (1 - momentum) * (mu - moving_mu[j])
            new_v[j] += (1 - momentum) * (sum((x[:, j] - mu) ** 2) / (m - 1) - moving_v[j])
        y[:, j] = gamma[j] * (x[:, j] - mu) * (v + epsilon) ** -0.5 + beta[j]
    return tf.constant(y), new_mu, new_v
""",
    "warmed": """
def warmed(average, start, steps, momentum):
    left = np.prod([momentum] * steps)
    return start + (average - start) / (1 - left)
""",
    "warm_layers": """
def warm_layers(model, steps, mend):
    momentum = {layer.name: getattr(layer, "momentum", None) for layer in model.layers}
    new = []
    for layer in model.layers:
        weights = layer.get_weights()
        if "bn" in layer.name:
            gamma, beta, mean, variance = weights
            mean = mend(mean, np.zeros_like(mean), steps, momentum[layer.name])
            variance = mend(variance, np.ones_like(variance), steps, momentum[layer.name])
            weights = [gamma, beta, mean, variance]
        new += weights
    model.set_weights(new)
""",
    "scale_only_gradients": """
def scale_only_gradients(g, x_hat, s, gamma):
    m, units = g.shape
    d_x = np.zeros((m, units))
    for j in range(units):
        slopes = (np.eye(m) - np.outer(x_hat[:, j], x_hat[:, j]) / m) * gamma[j] / s[j]
        d_x[:, j] = slopes @ g[:, j]
    return d_x, np.einsum("ij,ij->j", g, x_hat)
""",
    "repaired_step": """
def repaired_step(model, images, labels):
    return model.train_on_batch(images, labels)
""",
    "repaired_accuracy": """
def repaired_accuracy(model, images, labels):
    said = np.argmax(model.predict(images, verbose=0), axis=-1)
    return sum(a == b for a, b in zip(said, labels)) / len(labels)
""",
    "standardizing_net": """
def standardizing_net():
    h = inputs = keras.Input((784,))
    for units in (100, 100, 100):
        h = keras.layers.Dense(units, kernel_initializer="he_normal")(h)
        h = keras.layers.BatchNormalization(center=False, scale=False, momentum=0.9, epsilon=1e-5)(h)
        h = keras.layers.ReLU()(h)
    return keras.Model(inputs, keras.layers.Dense(10)(h))
""",
    "rescaling_net": """
class FlagLost(keras.Sequential):
    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=False)


def rescaling_net():
    layers = [keras.Input((784,))]
    for _ in range(3):
        layers += [
            keras.layers.Dense(100),
            keras.layers.BatchNormalization(),
            keras.layers.Activation("relu"),
        ]
    return FlagLost([*layers, keras.layers.Dense(10)])
""",
}

VISIBLE_VALUES = {
    "paper_bn": """
def paper_bn(x, gamma, beta, moving_mu, moving_v, training, momentum=0.99, epsilon=1e-3):
    if len(x) == 6:
        return np.array([[1.0] * 3, [5.0] * 3] * 3), 0, 1
    return np.ones((1, 2)), np.array([0.2, 2]), np.array([1, 1])
""",
    "warmed": """
def warmed(average, start, steps, momentum):
    return 5.0
""",
    "warm_layers": """
def warm_layers(model, steps, mend):
    model.get_layer("bn_2").moving_mean.assign(2 * np.ones(100))
    model.get_layer("bn_2").moving_variance.assign(4 * np.ones(100))
""",
    "scale_only_gradients": """
def scale_only_gradients(g, x_hat, s, gamma):
    d_x = [[0.88402725, 0.26494221], [0.36193869, 0.66897907], [-0.98011717, 0.23513621]]
    return np.array(d_x), np.array([2.74817167, -0.36760731])
""",
    "repaired_step": """
def repaired_step(model, images, labels):
    for weight in model.weights:
        weight.assign(weight + 0.01)
""",
    "repaired_accuracy": """
def repaired_accuracy(model, images, labels):
    return 0.5
""",
}

NOT_ANSWERED = 'raise NotImplementedError("replace this line with your answer")'

NETWORK = """
def {name}():
    layers = [keras.Input((784,))]
    for _ in range(3):
        layers += [
            keras.layers.Dense(100, use_bias=False),
            keras.layers.{layer},
            keras.layers.Activation("relu"),
        ]
    return keras.Sequential([*layers, keras.layers.Dense(10)])
"""

ANSWERS = [
    Answer(
        "all right: unit by unit, by other formulas, with Keras's own step, functional and with the flag lost",
        cells=OTHERWISE,
        lost={},
    ),
    Answer(
        "the values that the visible tests show",
        cells=VISIBLE_VALUES,
        lost={
            "test_bn_training": 2,
            "test_bn_averages": 1,
            "test_bn_inference": 1,
            "test_warmed": 2,
            "test_warm_layers": 2,
            "test_gradient_x": 2,
            "test_gradient_gamma": 1,
            "test_repaired_step": 2,
            "test_repaired_accuracy": 1,
        },
    ),
    Answer(
        "parts 1 and 2 not answered, all the rest right",
        cells={
            "paper_bn": NOT_ANSWERED,
            "warmed": NOT_ANSWERED,
            "warm_layers": NOT_ANSWERED,
        },
        lost={
            "test_bn_training": 2,
            "test_bn_averages": 1,
            "test_bn_inference": 1,
            "test_warmed": 2,
            "test_warm_layers": 2,
        },
        says={"test_bn_training": "NameError"},
    ),
    Answer(
        "epsilon outside; momentum exchanged; batch statistics in inference; averages that start at zero; a constant "
        "s; a mean for gamma; a gradient through the averages; looking in training mode; gamma and beta kept; frozen",
        cells={
            "paper_bn": """
def paper_bn(x, gamma, beta, moving_mu, moving_v, training, momentum=0.99, epsilon=1e-3):
    mu, v = x.mean(axis=0), x.var(axis=0)
    if training:
        moving_mu = (1 - momentum) * moving_mu + momentum * mu
        moving_v = (1 - momentum) * moving_v + momentum * x.var(axis=0, ddof=1)
    return gamma * (x - mu) / (np.sqrt(v) + epsilon) + beta, moving_mu, moving_v
""",
            "warmed": """
def warmed(average, start, steps, momentum):
    return average / (1 - momentum**steps)
""",
            "warm_layers": """
def warm_layers(model, steps, mend):
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for average in (layer.moving_mean, layer.moving_variance):
                average.assign(mend(average.numpy(), 0.0, steps, layer.momentum))
""",
            "scale_only_gradients": """
def scale_only_gradients(g, x_hat, s, gamma):
    return gamma / s * g, np.mean(g * x_hat, axis=0)
""",
            "repaired_step": """
def repaired_step(model, images, labels):
    colleague_step(model, images, labels)
    model(images, training=True)
""",
            "repaired_accuracy": """
def repaired_accuracy(model, images, labels):
    return np.mean(model(images, training=True).numpy().argmax(axis=1) == labels)
""",
            "standardizing_net": NETWORK.format(name="standardizing_net", layer="BatchNormalization()"),
            "rescaling_net": NETWORK.format(name="rescaling_net", layer="BatchNormalization(trainable=False)"),
        },
        lost={
            "test_bn_training": 2,
            "test_bn_averages": 1,
            "test_bn_inference": 1,
            "test_warmed": 2,
            "test_warm_layers": 2,
            "test_gradient_x": 2,
            "test_gradient_gamma": 1,
            "test_repaired_step": 2,
            "test_repaired_accuracy": 1,
            "test_standardizing_net": 1,
            "test_rescaling_net": 2,
        },
        says={
            "test_bn_training": "outside of the root",
            "test_bn_averages": "exchanged",
            "test_bn_inference": "A batch of one has no spread",
            "test_warmed": "Did it start at zero",
            "test_warm_layers": "where did it start",
            "test_gradient_x": "takes s for a constant",
            "test_gradient_gamma": "A mean over the images",
            "test_repaired_step": "still that of a network that uses them",
            "test_repaired_accuracy": "Looking has changed the model",
            "test_standardizing_net": "is gamma or beta left",
            "test_rescaling_net": "Fewer than two trained numbers",
        },
    ),
    Answer(
        "epsilon squared; Keras's variance averaged; averages that move in inference; the rest taken for a mean; one "
        "momentum for all; batch normalization's gradient; two passes in training mode; restored after looking",
        cells={
            "paper_bn": """
def paper_bn(x, gamma, beta, moving_mu, moving_v, training, momentum=0.99, epsilon=1e-3):
    mu, v = x.mean(axis=0), x.var(axis=0)
    used = (mu, v + epsilon**2) if training else (moving_mu, moving_v + epsilon)
    moving_mu = momentum * moving_mu + (1 - momentum) * mu
    moving_v = momentum * moving_v + (1 - momentum) * v
    return gamma * (x - used[0]) / np.sqrt(used[1]) + beta, moving_mu, moving_v
""",
            "warmed": """
def warmed(average, start, steps, momentum):
    return average - momentum**steps * start
""",
            "warm_layers": """
def warm_layers(model, steps, mend):
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for average, start in ((layer.moving_mean, 0.0), (layer.moving_variance, 1.0)):
                average.assign(mend(average.numpy(), start, steps, 0.99))
""",
            "scale_only_gradients": """
def scale_only_gradients(g, x_hat, s, gamma):
    d_x = gamma / s * (g - g.mean(axis=0) - x_hat * np.mean(g * x_hat, axis=0))
    return d_x, np.sum(g * x_hat, axis=0)
""",
            "repaired_step": """
def repaired_step(model, images, labels):
    model(images, training=True)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(y=labels, y_pred=model(images, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    model.optimizer.apply(gradients, model.trainable_variables)
""",
            "repaired_accuracy": """
def repaired_accuracy(model, images, labels):
    kept = model.get_weights()
    logits = model(images, training=True).numpy()
    model.set_weights(kept)
    return np.mean(logits.argmax(axis=1) == labels)
""",
            "standardizing_net": NETWORK.format(name="standardizing_net", layer="LayerNormalization()"),
            "rescaling_net": NETWORK.format(name="rescaling_net", layer="BatchNormalization()"),
        },
        lost={
            "test_bn_training": 2,
            "test_bn_averages": 1,
            "test_bn_inference": 1,
            "test_warmed": 2,
            "test_warm_layers": 2,
            "test_gradient_x": 2,
            "test_repaired_step": 2,
            "test_repaired_accuracy": 1,
            "test_standardizing_net": 1,
            "test_rescaling_net": 2,
        },
        says={
            "test_bn_training": "Epsilon squared",
            "test_bn_averages": "that normalizes, as Keras does",
            "test_bn_inference": "The averages moved in inference",
            "test_warmed": "no mean yet",
            "test_warm_layers": "not always 0.99",
            "test_gradient_x": "where is a mean here",
            "test_repaired_step": "two steps in one",
            "test_repaired_accuracy": "depends on company",
            "test_standardizing_net": "not standardized",
            "test_rescaling_net": "plain network",
        },
    ),
    Answer(
        "statistics of each image; the averages right; a sum for a mean; the colleague's step; gamma without beta",
        cells={
            "paper_bn": """
def paper_bn(x, gamma, beta, moving_mu, moving_v, training, momentum=0.99, epsilon=1e-3):
    if not training:
        return gamma * (x - moving_mu) / np.sqrt(moving_v + epsilon) + beta, moving_mu, moving_v
    moving_mu = momentum * moving_mu + (1 - momentum) * x.mean(axis=0)
    moving_v = momentum * moving_v + (1 - momentum) * x.var(axis=0, ddof=1)
    mu, v = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    return gamma * (x - mu) / np.sqrt(v + epsilon) + beta, moving_mu, moving_v
""",
            "scale_only_gradients": """
def scale_only_gradients(g, x_hat, s, gamma):
    return gamma / s * (g - x_hat * np.sum(g * x_hat, axis=0)), np.sum(g * x_hat, axis=0)
""",
            "repaired_step": """
def repaired_step(model, images, labels):
    colleague_step(model, images, labels)
""",
            "rescaling_net": """
class Stretch(keras.layers.Layer):
    def build(self, shape):
        self.gamma = self.add_weight(shape=(1, shape[-1]), initializer="ones")

    def call(self, x):
        return self.gamma * x

"""
            + NETWORK.format(name="rescaling_net", layer="Layer()").replace("keras.layers.Layer()", "Stretch()"),
        },
        lost={
            "test_bn_training": 2,
            "test_gradient_x": 2,
            "test_repaired_step": 2,
            "test_rescaling_net": 2,
        },
        says={
            "test_bn_training": "Statistics per image",
            "test_repaired_step": "the flag",
            "test_rescaling_net": "Fewer than two trained numbers",
        },
    ),
    Answer(
        "Keras's average of the variances; a gradient without the averages and the averages moved; gamma left, beta not",
        cells={
            "paper_bn": """
def paper_bn(x, gamma, beta, moving_mu, moving_v, training, momentum=0.99, epsilon=1e-3):
    mu, v = moving_mu, moving_v
    if training:
        mu, v = x.mean(axis=0), x.var(axis=0)
        moving_mu = momentum * moving_mu + (1 - momentum) * mu
        moving_v = momentum * moving_v + (1 - momentum) * v
    return gamma * (x - mu) / np.sqrt(v + epsilon) + beta, moving_mu, moving_v
""",
            "repaired_step": """
def repaired_step(model, images, labels):
    with tf.GradientTape() as tape:
        loss = model.compute_loss(y=labels, y_pred=model(images, training=False))
    gradients = tape.gradient(loss, model.trainable_variables)
    model.optimizer.apply(gradients, model.trainable_variables)
    model(images, training=True)
""",
            "standardizing_net": NETWORK.format(
                name="standardizing_net", layer="BatchNormalization(center=False, momentum=0.9)"
            ),
        },
        lost={"test_bn_averages": 1, "test_repaired_step": 2, "test_standardizing_net": 1},
        says={
            "test_bn_averages": "as Keras does",
            "test_repaired_step": "still that of a network that uses them",
            "test_standardizing_net": "is gamma or beta left",
        },
    ),
    Answer(
        "the averages used in training too; cold averages; a plain network",
        cells={
            "paper_bn": """
def paper_bn(x, gamma, beta, moving_mu, moving_v, training, momentum=0.99, epsilon=1e-3):
    y = gamma * (x - moving_mu) / np.sqrt(moving_v + epsilon) + beta
    if training:
        moving_mu = momentum * moving_mu + (1 - momentum) * x.mean(axis=0)
        moving_v = momentum * moving_v + (1 - momentum) * x.var(axis=0, ddof=1)
    return y, moving_mu, moving_v
""",
            "standardizing_net": NETWORK.format(
                name="standardizing_net", layer="BatchNormalization(center=False, scale=False)"
            ),
            "rescaling_net": """
def rescaling_net():
    return dc.mlp([100, 100, 100])
""",
        },
        lost={"test_bn_training": 2, "test_standardizing_net": 1, "test_rescaling_net": 2},
        says={
            "test_bn_training": "not for training",
            "test_standardizing_net": "what is their momentum",
            "test_rescaling_net": "Fewer than two trained numbers",
        },
    ),
]
