import { StatusError, type StatusReason } from '../api/machinery/status-error.ts';

/** Whether `error` is the API's answer with one of `reasons`. */
export function hasReason(error: unknown, ...reasons: readonly StatusReason[]): boolean {
  return error instanceof StatusError && error.status.reason !== undefined && reasons.includes(error.status.reason);
}

/**
 * Waits for `request` and takes the given reasons for an answer: `unlessReason(client.delete(name), 'NotFound')` when what should be gone
 * is gone already. Answers undefined then; other failures are thrown.
 */
export async function unlessReason<T>(request: Promise<T>, ...reasons: readonly StatusReason[]): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (hasReason(error, ...reasons)) return undefined;
    throw error;
  }
}

/** Whether a create was refused because its namespace is being deleted (the cause that upstream's admission names). */
export function isNamespaceTerminating(error: unknown): boolean {
  return (
    error instanceof StatusError &&
    error.status.reason === 'Forbidden' &&
    (error.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false)
  );
}

/** Waits for a create in a namespace; that it is there already, or the namespace going or gone, is an answer: undefined. */
export async function createdOrUnneeded<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (hasReason(error, 'AlreadyExists', 'NotFound') || isNamespaceTerminating(error)) return undefined;
    throw error;
  }
}
