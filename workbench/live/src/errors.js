// Messages in the house form: what was expected, what came, where, and what to do about it.

export class PackError extends Error {
  constructor({ expected, got, where, fix, message } = {}) {
    super(message ?? `expected ${expected}, got ${got}${where ? ` (${where})` : ""}.${fix ? ` Fix: ${fix}` : ""}`);
    Object.assign(this, { expected, got, where, fix });
  }
}

/** Read what a server or a kernel answers instead of a resource. */
export function errorFrom(answer, fallback) {
  const error = answer?.error;
  if (typeof error === "string") return new PackError({ message: error });
  return new PackError(error && (error.expected || error.message) ? error : fallback);
}
