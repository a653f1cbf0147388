import { parseAccept } from '../../std/accept.ts';
import { KUBERNETES_VERSION } from '../../std/version.ts';
import { notAcceptable, type StatusError } from '../machinery/status-error.ts';

/** What is sent for `/statusz` or `/flagz`. */
export interface ComponentPage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface StatuszSources {
  readonly startMs: number;
  readonly nowMs: number;
  /** All that the component serves. */
  readonly paths: readonly string[];
}

const GROUP = 'config.k8s.io';
const WARNING =
  'Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.';
/** They are for programs: the page does not lead there. */
const NOT_FOR_DEBUGGING = ['/apis', '/api', '/openid', '/openapi', '/.well-known'];

/**
 * `/flagz`: the command line as it was understood, as text or as an object (apiserver/pkg/server/flagz). Flags name files and never hold what is in them.
 *
 * @throws StatusError 406 when no clause of Accept can be served
 */
export function flagzPage(
  component: string,
  flags: ReadonlyMap<string, string>,
  accept: string | undefined,
): Promise<ComponentPage> {
  const sorted = [...flags].sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = sorted.map(([name, value]) => `${name}=${value}\n`);
  return page('Flagz', component, accept, lines.join(''), { flags: Object.fromEntries(sorted) });
}

/**
 * `/statusz`: since when the component runs and what it is, as text or as an object (apiserver/pkg/server/statusz).
 *
 * @throws StatusError 406 when no clause of Accept can be served
 */
export function statuszPage(component: string, sources: StatuszSources, accept: string | undefined): Promise<ComponentPage> {
  const { startMs, nowMs } = sources;
  const uptimeSeconds = Math.max(0, Math.floor((nowMs - startMs) / 1000));
  const goVersion = `none, node ${process.version}`;
  const binaryVersion = KUBERNETES_VERSION.replace(/^v/, '');
  const emulationVersion = binaryVersion.split('.').slice(0, 2).join('.');
  const paths = firstParts(sources.paths);
  const two = (n: number) => String(n).padStart(2, '0');
  const up = `${Math.floor(uptimeSeconds / 3600)} hr ${two(Math.floor(uptimeSeconds / 60) % 60)} min ${two(uptimeSeconds % 60)} sec`;
  const lines = [
    '',
    `Started: ${unixDate(startMs)}`,
    `Up: ${up}`,
    `Go version: ${goVersion}`,
    `Binary version: ${binaryVersion}`,
    `Emulation version: ${emulationVersion}`,
    `Paths: ${paths.join(' ')}`,
    '',
  ];
  const startTime = `${new Date(startMs).toISOString().slice(0, 19)}Z`;
  const fields = { startTime, uptimeSeconds, goVersion, binaryVersion, emulationVersion, paths };
  return page('Statusz', component, accept, lines.join('\n'), fields);
}

async function page(
  kind: 'Statusz' | 'Flagz',
  component: string,
  accept: string | undefined,
  text: string,
  fields: object,
): Promise<ComponentPage> {
  const { format, version } = negotiate(kind, accept);
  if (format === 'text') {
    const headers = { 'content-type': 'text/plain; charset=utf-8' };
    return { headers, body: `\n${component} ${kind.toLowerCase()}\n${WARNING}\n${text}` };
  }
  const document = { kind, apiVersion: `${GROUP}/${version}`, metadata: { name: component }, ...fields };
  const body =
    format === 'json' ? `${JSON.stringify(document)}\n` : (await import('yaml')).stringify(document, { sortMapEntries: true });
  return { headers: { 'content-type': `application/${format}`, ...(version === 'v1alpha1' && deprecated(kind)) }, body };
}

const deprecated = (kind: string) => ({
  warning: `299 - "This version of the ${kind.toLowerCase()} endpoint is deprecated. Please use a newer version."`,
});

interface Form {
  readonly format: 'text' | 'json' | 'yaml';
  readonly version?: string;
}

/** Objects are sent to those who name kind, group and version; whoever takes anything gets the text. */
function negotiate(kind: string, accept = ''): Form {
  if (accept.trim() === '') return { format: 'text' };
  for (const { type, parameters } of parseAccept(accept)) {
    const isAnything = type === '*/*';
    if (['as', 'g', 'v'].some((name) => parameters.has(name))) {
      const version = parameters.get('v') ?? '';
      const isKnown = parameters.get('as') === kind && parameters.get('g') === GROUP && ['v1beta1', 'v1alpha1'].includes(version);
      if (!isKnown) continue;
      if (isAnything || type === 'application/*' || type === 'application/json') return { format: 'json', version };
      if (type === 'application/yaml') return { format: 'yaml', version };
    } else if (isAnything || type === 'text/*' || type === 'text/plain') return { format: 'text' };
  }
  throw refusal();
}

const refusal = (): StatusError =>
  notAcceptable('only the following media types are accepted: application/json, application/yaml, text/plain');

function firstParts(paths: readonly string[]): string[] {
  const parts = new Set(paths.map((path) => `/${path.split('/')[1] ?? ''}`));
  return [...parts].filter((part) => part !== '/' && !NOT_FOR_DEBUGGING.includes(part)).sort();
}

/** As Go's time.UnixDate, in UTC: `Mon Jan  2 15:04:05 UTC 2006`. */
function unixDate(ms: number): string {
  const [day = '', date = '', month = '', year = '', time = ''] = new Date(ms).toUTCString().replace(',', '').split(' ');
  return `${day} ${month} ${String(Number(date)).padStart(2)} ${time} UTC ${year}`;
}
