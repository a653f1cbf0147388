import { goFormat } from '../../api/machinery/go-format.ts';
import { jsonSyntaxError } from '../../api/machinery/json-syntax.ts';
import { badRequest } from '../../api/machinery/status-error.ts';

/** Where a list that was cut by its limit goes on, and in which revision. Its form is upstream's (apiserver/pkg/storage/continue.go). */
export interface ContinueToken {
  /** -1: whatever is newest. */
  readonly revision: number;
  /** The first key to return, relative to the collection's prefix. */
  readonly start: string;
}

const FORMAT = 'meta.k8s.io/v1';

export function formatContinue({ revision, start }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: FORMAT, rv: revision, start })).toString('base64url');
}

/** @throws StatusError 400 for anything that `formatContinue` did not make */
export function parseContinue(text: string): ContinueToken {
  const wrongAt = notBase64At(text);
  if (wrongAt >= 0) throw notValid(`illegal base64 data at input byte ${wrongAt}`);
  const json = Buffer.from(text, 'base64url').toString('utf8');
  let token: { v?: unknown; rv?: unknown; start?: unknown };
  try {
    token = JSON.parse(json);
  } catch (error) {
    throw notValid(`${jsonSyntaxError(json) ?? (error as Error).message}`);
  }
  if (token?.v !== FORMAT) throw notValid(`server does not recognize this encoded version ${goFormat(token?.v ?? '')}`);
  const { rv, start } = token;
  if (!Number.isSafeInteger(rv) || rv === 0 || (rv as number) < -1)
    throw notValid('incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (typeof start !== 'string' || start === '') throw notValid('encoded start key empty (version meta.k8s.io/v1)');
  if (start.startsWith('/') || start.includes('..')) throw notValid(`${start}`);
  return { revision: rv as number, start };
}

/** The first byte that Go's reader does not take, one that is left alone at the end among them; -1: none. */
function notBase64At(text: string): number {
  const at = text.search(/[^A-Za-z0-9_-]/);
  if (at >= 0) return Buffer.byteLength(text.slice(0, at));
  return text.length % 4 === 1 ? text.length - 1 : -1;
}

const notValid = (why: string) => badRequest(`invalid continue token: continue key is not valid: ${why}`);
