import { internalError, type Status, StatusError, serviceUnavailable, unnamedFailure } from '../../api/machinery/status-error.ts';
import { exactJsonText } from '../../std/exact-json.ts';
import { jsonTextInSteps, parseInSteps } from '../../std/json-in-steps.ts';
import { Pace, runWithPauses, type Steps } from '../../std/pauses.ts';
import { StoreError } from '../../store/store.ts';
import type { RequestContext, ServerRequest, ServerResponse } from '../contracts.ts';
import { negotiateOutput, type Output } from '../request/negotiation.ts';
import type { ListBytes } from './list-bytes.ts';
import { gzipBody, type LongBody, Pieces, wholeBody } from './long-body.ts';

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';

/** Answers from this size on are compressed for clients that accept it, as upstream. */
const GZIP_FROM_BYTES = 128 * 1024;
/** Cheap rather than small: list answers are large and read once. */
const GZIP_LEVEL = 1;

/** Answers from this size on are sent piece by piece. */
const POUR_FROM_BYTES = 256 * 1024;

function acceptsGzip({ headers }: Pick<ServerRequest, 'headers'>): boolean {
  const accepted = headers['accept-encoding'];
  return accepted !== undefined && /\bgzip\b/.test(accepted);
}

/** Sends a JSON document in the form that was negotiated: as it is wherever that can be. */
export const sendJsonBytes = (
  context: Pick<RequestContext, 'request'>,
  response: ServerResponse,
  status: number,
  json: Buffer,
  output: Output,
): Promise<void> => sendJsonPieces(context, response, status, [json], output);

/** The same of one that is there in pieces. */
export async function sendJsonPieces(
  context: Pick<RequestContext, 'request'>,
  response: ServerResponse,
  status: number,
  json: readonly Buffer[],
  output: Output,
): Promise<void> {
  if (output.format !== 'yaml' && !output.pretty) return sendPieces(context, response, status, json, JSON_TYPE);
  const value = await runWithPauses(parseInSteps(wholeBody(new Pieces(json)).toString('utf8')));
  if (output.format !== 'yaml')
    return sendPieces(context, response, status, [Buffer.from(await runWithPauses(prettyText(value)))], JSON_TYPE);
  const { yamlInSteps } = await import('./yaml-text.ts');
  return sendPieces(context, response, status, await runWithPauses(yamlInSteps(value)), YAML_TYPE);
}

/** Sends a list of objects in the form that was negotiated. */
export async function sendList(
  context: RequestContext,
  response: ServerResponse,
  list: ListBytes,
  output: Output,
): Promise<void> {
  if (output.format === 'yaml') {
    const { yamlListInSteps } = await import('./yaml-text.ts');
    const pieces = await runWithPauses(yamlListInSteps(list.fields, list.items()));
    return sendPieces(context, response, 200, pieces, YAML_TYPE);
  }
  if (output.pretty) return sendPieces(context, response, 200, await runWithPauses(prettyListInSteps(list)), JSON_TYPE);
  return sendBody(context, response, 200, list, JSON_TYPE);
}

/** So many characters are written between two pauses: some milliseconds. */
const PART = 128 * 1024;

function* prettyText(value: unknown): Steps<string> {
  return typeof value === 'object' && value !== null ? yield* jsonTextInSteps(value, PART, 2) : exactJsonText(value, 2);
}

/** As `JSON.stringify` indents a list, item by item. */
function* prettyListInSteps(list: ListBytes): Steps<Buffer[]> {
  const head = exactJsonText(list.fields, 2).slice(0, -2);
  const parts: Buffer[] = [];
  const pace = new Pace(PART);
  let part = `${head},\n  "items": [`;
  let any = false;
  for (const steps of list.items()) {
    const text = (yield* prettyText(yield* steps)).replaceAll('\n', '\n    ');
    part += `${any ? ',' : ''}\n    ${text}`;
    any = true;
    if (!pace.due(text.length)) continue;
    parts.push(Buffer.from(part));
    part = '';
    yield;
  }
  parts.push(Buffer.from(`${part}${any ? '\n  ' : ''}]\n}`));
  return parts;
}

/** Sends bytes that are in their form already. */
export const sendPieces = (
  context: Pick<RequestContext, 'request'>,
  response: ServerResponse,
  status: number,
  pieces: readonly Buffer[],
  type: string,
): Promise<void> => sendBody(context, response, status, new Pieces(pieces), type);

/** Sends bytes that are in their form already, slowly enough for others to have their turns. */
async function sendBody(
  { request }: Pick<RequestContext, 'request'>,
  response: ServerResponse,
  status: number,
  plain: LongBody,
  type: string,
): Promise<void> {
  const gzipped = plain.size >= GZIP_FROM_BYTES && acceptsGzip(request);
  const body = gzipped ? await gzipBody(plain, GZIP_LEVEL) : plain;
  const headers = { 'content-type': type, ...(gzipped && { 'content-encoding': 'gzip', vary: 'Accept-Encoding' }) };
  await writeBody(request, response, status, headers, body);
}

/** Writes an answer whose body is in its form already; where it is long, piece by piece. */
export async function writeBody(
  { signal }: Pick<ServerRequest, 'signal'>,
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: LongBody,
): Promise<void> {
  response.writeHead(status, { 'cache-control': 'no-cache, private', 'content-length': String(body.size), ...headers });
  if (body.size < POUR_FROM_BYTES || !response.pour) response.end(wholeBody(body));
  else await response.pour((target) => body.fill(target), signal);
}

/** Sends a document that is not one of the stored objects: Status, reviews, versions. */
export async function sendValue(context: RequestContext, response: ServerResponse, status: number, value: object): Promise<void> {
  const output = negotiateOutput(context.request, 'object');
  if (output.format !== 'protobuf') return sendJsonBytes(context, response, status, Buffer.from(exactJsonText(value)), output);
  const { PROTOBUF_TYPE, valueBytes } = await import('./protobuf-bytes.ts');
  const bytes = valueBytes(value);
  if (bytes) return sendPieces(context, response, status, [bytes], PROTOBUF_TYPE);
  return sendJsonBytes(context, response, status, Buffer.from(exactJsonText(value)), negotiateOutput(context.request));
}

export function sendText(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  const bytes = Buffer.from(text);
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-cache, private',
    'x-content-type-options': 'nosniff',
    'content-length': String(bytes.length),
  });
  response.end(bytes);
}

/** What upstream's outermost router says to a path that nothing serves. */
export const sendPageNotFound = (response: ServerResponse) => sendText(response, 404, '404 page not found\n');

/** A failure as its Status. Everything that is not one already is the server's fault. */
export function statusOf(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof StoreError && (error.code === 'unavailable' || error.code === 'closed'))
    return serviceUnavailable(`the store is not available: ${error.message}`);
  // As upstream, in the store's own words.
  if (error instanceof StoreError && error.code === 'too-large') return unnamedFailure(error.message);
  return internalError(error instanceof Error ? error.message : String(error));
}

/** Answers with a Status; in JSON when the negotiation itself is what failed. */
export async function sendError(context: RequestContext, response: ServerResponse, error: StatusError): Promise<void> {
  let output: Output | undefined;
  try {
    output = negotiateOutput(context.request, 'object');
  } catch {
    output = undefined; // what failed is the client's wish for another form
  }
  const { status } = error;
  const { pieces, type } = await statusInForm(status, output);
  const retryAfter = status.details?.retryAfterSeconds;
  const headers = { 'content-type': type, ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }) };
  await writeBody(context.request, response, error.code, headers, new Pieces(pieces));
}

/** So many causes, conflicts for one, are written with pauses. */
const MANY_CAUSES = 1000;

async function statusInForm(status: Status, output: Output | undefined): Promise<{ pieces: readonly Buffer[]; type: string }> {
  if (output?.format === 'yaml') {
    const { yamlInSteps } = await import('./yaml-text.ts');
    return { pieces: await runWithPauses(yamlInSteps(status)), type: YAML_TYPE };
  }
  const isLong = (status.details?.causes?.length ?? 0) > MANY_CAUSES;
  if (output?.format === 'protobuf') {
    const { PROTOBUF_TYPE, statusBytes, statusBytesInSteps } = await import('./protobuf-bytes.ts');
    return { pieces: [isLong ? await runWithPauses(statusBytesInSteps(status)) : statusBytes(status)], type: PROTOBUF_TYPE };
  }
  const shown = inWireOrder(status);
  const indent = output?.pretty ? 2 : 0;
  const text = isLong ? await runWithPauses(jsonTextInSteps(shown, PART, indent)) : JSON.stringify(shown, undefined, indent);
  return { pieces: [Buffer.from(text)], type: JSON_TYPE };
}

/** The order of fields that Go's encoder gives a Status. */
function inWireOrder({ kind, apiVersion, metadata, status, message, reason, details, code }: Status): Status {
  return {
    kind,
    apiVersion,
    metadata,
    status,
    ...(message && { message }),
    ...(reason && { reason }),
    ...(details && { details }),
    code,
  };
}
