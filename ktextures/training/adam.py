"""Adam whose steps are quick to compile."""

import keras
import tensorflow as tf

__all__ = ["Adam"]


class Adam(keras.optimizers.Adam):
    """Keras's Adam, whose step changes each variable by one operation.

    Keras itself takes some seventy per variable, and the published model has hundreds
    of variables: compiling them took longer than a short training.

    Parameters
    ----------
    learning_rate : float or LearningRateSchedule
    largest_norm : float
        Gradients of a variable with a larger norm are scaled to this one.

    Notes
    -----
    Kingma & Ba 2015, arXiv 1412.6980, section 2, where epsilon is added to the root of
    the velocity before it is corrected for its bias.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        largest_norm: float = 1.0,
    ) -> None:
        super().__init__(learning_rate)
        self.largest_norm = largest_norm

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Change a variable, its momentum and its velocity."""
        norm = tf.sqrt(2.0 * tf.nn.l2_loss(gradient))
        step = tf.cast(self.iterations + 1, variable.dtype)
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient * (self.largest_norm / tf.maximum(norm, self.largest_norm)),
        )
