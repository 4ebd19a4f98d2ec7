"use strict";

/** Bytes of gzip in base64. */
async function unpacked(id) {
  const packed = bytesOf(at(id).textContent);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The generator, computed by ONNX Runtime Web, which is part of this file. */
async function generatorOf({ inputs, latent: { size }, styles, condition_size: asked }) {
  const script = new Blob([await unpacked("runtime-script")], { type: "text/javascript" });
  const runtime = await import(URL.createObjectURL(script));
  runtime.env.wasm.numThreads = 1;
  runtime.env.wasm.wasmBinary = (await unpacked("runtime-binary")).buffer;
  const session = await runtime.InferenceSession.create(await unpacked("model"), { executionProviders: ["wasm"] });
  const sizes = { latent: [1, size], condition: [1, asked], truncation: [1], offset: [1, styles] };
  return async (given) => {
    const feeds = {};
    for (const name of inputs) {
      const values = name === "truncation" ? [given.truncation] : given[name];
      feeds[name] = new runtime.Tensor("float32", Float32Array.from(values), sizes[name]);
    }
    return (await session.run(feeds)).samples.data;
  };
}
