import type { KindDefinition } from '../../api/machinery/kind.ts';
import { notAcceptable, unsupportedMediaType } from '../../api/machinery/status-error.ts';
import { parseAccept } from '../../std/accept.ts';
import type { ServerRequest } from '../contracts.ts';

/** In which form an answer is to be sent. */
export interface Output {
  readonly format: 'json' | 'yaml' | 'protobuf';
  readonly pretty: boolean;
  /** `table` and `partial` (PartialObjectMetadata) are asked for by `;as=` in Accept. */
  readonly as: 'object' | 'table' | 'partial';
  readonly tableVersion: 'v1' | 'v1beta1';
  /** Of `partial`: PartialObjectMetadataList. */
  readonly list?: boolean;
}

const PLAIN: Output = { format: 'json', pretty: false, as: 'object', tableVersion: 'v1' };
const PRETTY: Output = { ...PLAIN, pretty: true };
export const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const JSON_TYPE = 'application/json';
const ACCEPTED = 'application/json, application/yaml';

/** Streams of objects are sent in other forms than single ones: not as YAML. */
type Sent = 'document' | 'object' | 'value' | 'stream';

function acceptedFor(what: Sent): string {
  if (what === 'stream') return `${JSON_TYPE};stream=watch, ${PROTOBUF};stream=watch`;
  return what === 'document' ? ACCEPTED : `${ACCEPTED}, ${PROTOBUF}`;
}

/**
 * Chooses the form by the Accept header (apiserver/pkg/endpoints/handlers/negotiation): the first clause, by weight, that can be served.
 * Answers are indented when `?pretty` says so or, without it, for curl, Wget and browsers.
 *
 * Objects have a protobuf form too, and so have values that are no objects of the store (reviews), which have no tables. A client that takes JSON as gladly (`Accept: application/vnd.kubernetes.protobuf,application/json`,
 * as kubectl) gets JSON: the bytes to send lie ready, while protobuf would be made anew for each reader.
 *
 * @throws StatusError 406 when no clause can be served
 */
export function negotiateOutput(request: Pick<ServerRequest, 'headers' | 'query'>, what: Sent = 'document'): Output {
  const accept = request.headers['accept'];
  const pretty = wantsPretty(request);
  if (accept === undefined || accept === '' || accept === 'application/json' || accept === '*/*') return pretty ? PRETTY : PLAIN;
  let protobuf: { output: Output; weight: number } | undefined;
  for (const clause of parseAccept(accept)) {
    if (protobuf && clause.weight < protobuf.weight) break;
    const format = formatOf(clause.type, what);
    const as = format && formOf(clause.parameters);
    // Tables have no protobuf form.
    if (!format || !as || (format === 'protobuf' && as.as === 'table')) continue;
    if (what === 'value' && as.as !== 'object') continue;
    const output = { format, pretty: pretty || clause.parameters.get('pretty') === '1', ...as };
    if (format === 'protobuf') protobuf ??= { output, weight: clause.weight };
    else if (!protobuf || (clause.type === JSON_TYPE && as.as === protobuf.output.as)) return output;
  }
  if (protobuf) return protobuf.output;
  throw notAcceptable(`only the following media types are accepted: ${acceptedFor(what)}`);
}

/** @throws StatusError 406 when metadata of one object is asked for of a list, or the other way round */
export function checkPartial(
  { as, list = false }: Output,
  { group, kind }: { group: string; kind: string },
  isList: boolean,
): void {
  if (as !== 'partial' || list === isList) return;
  const goType = `*${group.split('.')[0] || 'core'}.${kind}${isList ? 'List' : ''}`;
  throw notAcceptable(
    `you requested PartialObjectMetadata${list ? 'List' : ''}, but the requested object is ${isList ? 'a' : 'not a'} list (${goType})`,
  );
}

function formatOf(type: string, what: Sent): Output['format'] | undefined {
  if (type === PROTOBUF && what !== 'document') return 'protobuf';
  if (type === JSON_TYPE || type === '*/*' || type === 'application/*') return 'json';
  return type === 'application/yaml' && what !== 'stream' ? 'yaml' : undefined;
}

function formOf(parameters: ReadonlyMap<string, string>): Pick<Output, 'as' | 'tableVersion' | 'list'> | undefined {
  const as = parameters.get('as');
  if (as === undefined) return parameters.has('g') || parameters.has('v') ? undefined : { as: 'object', tableVersion: 'v1' };
  if (parameters.get('g') !== 'meta.k8s.io') return undefined;
  const version = parameters.get('v');
  if (version !== 'v1' && version !== 'v1beta1') return undefined;
  if (as === 'Table') return { as: 'table', tableVersion: version };
  if (as === 'PartialObjectMetadata') return { as: 'partial', tableVersion: version };
  if (as === 'PartialObjectMetadataList') return { as: 'partial', tableVersion: version, list: true };
  return undefined;
}

function wantsPretty(request: Pick<ServerRequest, 'headers' | 'query'>): boolean {
  const asked = request.query.get('pretty');
  if (asked !== null) return asked !== 'false' && asked !== '0';
  const agent = request.headers['user-agent'];
  return agent !== undefined && /^(curl|Wget|Mozilla\/5\.0)/.test(agent);
}

/**
 * What a request body is written in; without a Content-Type it is JSON.
 *
 * @param kind what the body is about: some objects have no protobuf form
 * @throws StatusError 415 for anything but JSON, YAML and Kubernetes' protobuf
 */
export function bodyFormat(
  request: Pick<ServerRequest, 'headers'>,
  kind?: Pick<KindDefinition, 'jsonOnly'>,
): 'json' | 'yaml' | 'protobuf' {
  const type = mediaType(request.headers['content-type']);
  if (type === '' || type === 'application/json') return 'json';
  if (type === 'application/yaml') return 'yaml';
  if (type === PROTOBUF && !kind?.jsonOnly) return 'protobuf';
  throw unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: ${ACCEPTED}, ${PROTOBUF}`,
  );
}

const PATCH_TYPES = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
} as const;

const APPLY_PATCH = 'application/apply-patch+yaml';

/** Whether a PATCH is a server-side apply. */
export function isApplyPatch(request: Pick<ServerRequest, 'headers'>): boolean {
  return mediaType(request.headers['content-type']) === APPLY_PATCH;
}

/**
 * Which kind of patch a body is that is no server-side apply.
 *
 * @param kind what is patched: of custom resources nobody knows how lists are merged
 * @throws StatusError 415
 */
export function patchFormat(
  request: Pick<ServerRequest, 'headers'>,
  kind?: Pick<KindDefinition, 'ownSchema'>,
): 'json' | 'merge' | 'strategic' {
  const type = mediaType(request.headers['content-type']);
  const isStrategicTo = (format: string) => format === 'strategic' && kind?.ownSchema !== undefined;
  if (isPatchType(type) && !isStrategicTo(PATCH_TYPES[type])) return PATCH_TYPES[type];
  const accepted = Object.entries(PATCH_TYPES).flatMap(([name, format]) => (isStrategicTo(format) ? [] : [name]));
  throw unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: ${[...accepted, APPLY_PATCH].join(', ')}`,
  );
}

const isPatchType = (type: string): type is keyof typeof PATCH_TYPES => Object.hasOwn(PATCH_TYPES, type);

function mediaType(header: string | undefined): string {
  if (header === undefined) return '';
  const at = header.indexOf(';');
  return (at < 0 ? header : header.slice(0, at)).trim().toLowerCase();
}
