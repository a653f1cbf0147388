/** What kubelets run with against what their files say: files that were changed without a restart, and flags that win over them. */
import { isDeepStrictEqual } from 'node:util';
import { parseGoDuration } from '../../std/go-duration.ts';
import type { Finding } from '../finding.ts';
import type { HostObservations, SeenNode } from '../observations.ts';
import type { Check } from './check.ts';

/** More would hide the rest. */
const MOST_SHOWN = 5;
/** What every file has, and what the kubelet never shows. */
const NOT_SETTINGS = new Set(['kind', 'apiVersion', 'staticPodURLHeader']);

export const checkKubeletFiles: Check = ({ hosts, nodes = [] }) =>
  hosts.flatMap((host) => {
    const name = host.units.find(({ component }) => component === 'kubelet')?.flags.get('hostname-override') || host.hostName;
    const node = nodes.find((seen) => seen.node.metadata?.name === name.toLowerCase());
    return node?.configz && host.kubeletFile ? compare(host, node, node.configz) : [];
  });

function compare(host: HostObservations, { node }: SeenNode, running: Readonly<Record<string, unknown>>): Finding[] {
  const { path, settings } = host.kubeletFile!;
  const differing = differences(settings, running, '').filter(({ key }) => !NOT_SETTINGS.has(key));
  if (differing.length === 0) return [];
  const shown = differing
    .slice(0, MOST_SHOWN)
    .map(({ key, file, runs }) => `${key}: file ${short(file)}, running ${short(runs)}`);
  const more = differing.length > MOST_SHOWN ? `; ${differing.length - MOST_SHOWN} more` : '';
  return [
    {
      ...{ code: 'DOC-521', severity: 'warning', subject: `node/${node.metadata?.name}` },
      message:
        'A kubelet runs with other settings than its file says: the file was changed since it started, or flags win over it.',
      evidence: `${host.prefix}${path}: ${shown.join('; ')}${more}`,
      remedy: 'systemctl restart kubelet; take flags of the same meaning out of its unit',
    },
  ];
}

interface Difference {
  readonly key: string;
  readonly file: unknown;
  readonly runs: unknown;
}

function differences(file: unknown, runs: unknown, key: string): Difference[] {
  // Zero values and what is left out mean the default, which is what runs.
  if (file === null || file === undefined || file === '' || file === 0 || durationOf(file) === 0) return [];
  if (isFields(file) && (isFields(runs) || runs === undefined))
    return Object.entries(file).flatMap(([name, value]) =>
      differences(value, Object.hasOwn(runs ?? {}, name) ? (runs as Fields)[name] : undefined, key ? `${key}.${name}` : name),
    );
  // A switch that is off may be left out of what is shown, and so may an empty list.
  if (runs === undefined && (file === false || (Array.isArray(file) && file.length === 0))) return [];
  return isSame(file, runs) ? [] : [{ key, file, runs }];
}

function isSame(file: unknown, runs: unknown): boolean {
  if (isDeepStrictEqual(file, runs)) return true;
  if (Array.isArray(file) || Array.isArray(runs)) return false;
  const [a, b] = [durationOf(file), durationOf(runs)];
  return a !== undefined && b !== undefined ? a === b : isPlain(file) && isPlain(runs) && `${file}` === `${runs}`;
}

function durationOf(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    return parseGoDuration(value);
  } catch {
    return undefined;
  }
}

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const isPlain = (value: unknown): value is string | number | boolean => ['string', 'number', 'boolean'].includes(typeof value);
const short = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60));
