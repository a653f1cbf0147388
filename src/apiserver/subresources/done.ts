/** The answer of an action that has nothing more to tell. */
export const DONE = Object.freeze({
  status: 201,
  object: Object.freeze({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }),
});
