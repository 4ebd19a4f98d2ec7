"use strict";

/** The generator, computed by this page itself. */
async function generatorOf({ layers, half }) {
  const network = plainNetwork(layers, numbersOf(bytesOf(at("numbers").textContent), half));
  return async ({ latent, condition }) => network(latent, condition);
}
