// Where a clip's resources come from: a server's route, or a notebook's kernel. Both give `get(name, options)`, a
// promise of an answer that can be read as json(), bytes() or blob().
import { PackError, errorFrom } from "./errors.js";

/** Resources under an address, `<base>/<name>`. */
export function httpSource(base) {
  return {
    async get(name, { signal, fresh = false } = {}) {
      let response;
      try {
        response = await fetch(`${base}/${name}`, { signal, cache: fresh ? "reload" : "default" });
      } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new PackError({
          expected: "an answer",
          got: "none",
          where: name,
          fix: "check that the server still runs, then retry",
        });
      }
      if (!response.ok) {
        const answer = await response.json().catch(() => null);
        throw errorFrom(answer, {
          expected: "status 200",
          got: response.status,
          where: name,
          fix: "retry, or reload the page",
        });
      }
      return { json: () => response.json(), bytes: () => response.arrayBuffer(), blob: () => response.blob() };
    },
  };
}

/** Resources by message from an anywidget model: {id, name} asks, {id, type} and one buffer or {id, error} answers. */
export function messageSource(model) {
  const waiting = new Map();
  let last = 0;
  const onMessage = (message, buffers) => {
    const ask = waiting.get(message?.id);
    if (!ask) return;
    waiting.delete(message.id);
    if (message.error) ask.reject(errorFrom(message, {}));
    else ask.resolve(answerOf(buffers[0], message.type));
  };
  model.on("msg:custom", onMessage);
  return {
    get(name, { signal } = {}) {
      return new Promise((resolve, reject) => {
        const id = `${Date.now()}-${last++}`;
        waiting.set(id, { resolve, reject });
        signal?.addEventListener("abort", () => {
          waiting.delete(id);
          reject(new DOMException("no longer wanted", "AbortError"));
        });
        model.send({ id, name });
      });
    },
    close() {
      model.off("msg:custom", onMessage);
    },
  };
}

/** Read a DataView as an answer; its bytes are copied, since they may begin anywhere in a larger buffer. */
function answerOf(view, type) {
  const bytes = () => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
  return {
    json: async () => JSON.parse(new TextDecoder().decode(bytes())),
    bytes: async () => bytes(),
    blob: async () => new Blob([bytes()], { type }),
  };
}
