/** A step of a runbook that several tests look back at: done when the first of them asks for it, and only once. */
export function once<T>(step: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= step();
    return result;
  };
}
