import { parse } from 'yaml';
import { createTokenVerifier } from '../../pki/service-account-token.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { AccountKeyFile, HostObservations, HostUnit, SeenCertificate, SeenJoining, SeenKey } from '../observations.ts';
import { commandFlags, commandWords } from './command-words.ts';
import { seenInPem } from './seen-certificate.ts';

interface SeenFile {
  readonly path: string;
  readonly text: string;
}

/** When a host was asked, by our clock. */
export interface AskedSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * What `HOST_SCRIPT` printed, as observations. What cannot be read as what it should be is left out.
 *
 * @param prefix stands before paths, where they are of another host
 * @param asked undefined where its clock is ours
 * @throws CodedError HOST_ANSWER_INVALID where there is more than any host has to say
 */
export function readHost(printed: string, prefix = '', asked?: AskedSpan): HostObservations {
  const certificates: SeenCertificate[] = [];
  const swapAreas: string[] = [];
  const brokenLinks: string[] = [];
  const keys: SeenKey[] = [];
  const files: SeenFile[] = [];
  const missing: { unit: string; flag: string; path: string }[] = [];
  const accountKeys: AccountKeyFile[] = [];
  const variables = new Map<string, string>();
  let hostName = '';
  let clockOffsetMs: number | undefined;
  let joining: SeenJoining | undefined;
  const clients = new Map<string, string>();
  let workDirectory: SeenKey | undefined;
  let localPorts: HostObservations['localPorts'];
  let lastUnit = '';
  for (const { letter, rest, text } of records(printed)) {
    const words = rest.split(' ');
    if (letter === 'H') hostName = rest;
    else if (letter === 'Z') clockOffsetMs = asked && offsetOf(rest, asked);
    else if (letter === 'B') joining ??= readJoining(rest, text);
    else if (letter === 'S') swapAreas.push(rest);
    else if (letter === 'L') brokenLinks.push(prefix + rest);
    else if (letter === 'K') keys.push(ownedFile(words));
    else if (letter === 'D') workDirectory = ownedFile(words);
    else if (letter === 'P')
      localPorts = { from: Number(words[0]), to: Number(words[1]), reserved: words.slice(2).join(' ').trim() };
    else if (letter === 'C') {
      certificates.push(...readable(prefix + rest, text));
      if (rest.endsWith('/kubelet-client-current.pem')) clients.set(rest, text);
    } else if (letter === 'T') {
      files.push({ path: rest, text });
      if (rest.endsWith('.service')) lastUnit = rest;
    } else if (letter === 'V') variables.set(rest, text);
    else if (letter === 'A') {
      const [component = '', flag = '', ...path] = words;
      accountKeys.push({ component, flag, path: path.join(' '), keyIds: keyIdsIn(text) });
    } else if (letter === 'N') missing.push({ unit: lastUnit, flag: words[0] ?? '', path: words.slice(1).join(' ') });
  }
  // Of several files of one unit the first counts, and with it the drop-ins.
  const dropIns = Map.groupBy(files, ({ path }) => /\/([^/]+)\.service\.d\//.exec(path)?.[1] ?? '');
  const units = files
    .filter(({ path }) => path.endsWith('.service'))
    .map((file) => {
      const name = nameOf(file.path);
      const own = dropIns.get(name) ?? [];
      dropIns.delete(name);
      return readUnit(file, own, variables);
    });
  const kubelet = units.find(({ component }) => component === 'kubelet');
  const own = `${(kubelet?.flags.get('cert-dir') || '/var/lib/kubelet/pki').replace(/\/+$/, '')}/kubelet-client-current.pem`;
  // Kubelets of before may have left theirs elsewhere.
  const client = [...clients].findLast(([path]) => path === own || (!kubelet?.whole && !clients.has(own)));
  const proxy = units.find(({ component }) => component === 'kube-proxy');
  const textOf = (path: string | undefined) => files.find((file) => file.path === path)?.text ?? '';
  return {
    ...{ hostName, prefix, clockOffsetMs, joining },
    kubeletClient: client && { path: client[0], pem: client[1] },
    ...{ swapAreas, certificates, brokenLinks, keys, units, missing, accountKeys },
    pauseImages: {
      runtime: /^\s*sandbox(?:_image)?\s*=\s*["']([^"']+)["']/m.exec(textOf('/etc/containerd/config.toml'))?.[1],
      kubelet:
        kubelet?.flags.get('pod-infra-container-image') ??
        /--pod-infra-container-image[= ]"?([^\s"\\]+)/.exec(textOf('/var/lib/kubelet/kubeadm-flags.env'))?.[1],
    },
    ...{ unreadable: unreadableIn(files), workDirectory, localPorts },
    kubeletFile: settingsIn(files, kubelet?.flags.get('config') ?? '/var/lib/kubelet/config.yaml'),
    proxyFile: settingsIn(files, proxy?.flags.get('config')),
  };
}

/** Between the asking and the answer it may have been any time; it tells whole seconds. */
function offsetOf(text: string, { fromMs, toMs }: AskedSpan): number | undefined {
  if (!/^\d{1,12}$/.test(text)) return undefined;
  const saidMs = Number(text) * 1000;
  if (saidMs > toMs) return saidMs - toMs;
  return saidMs + 1000 < fromMs ? saidMs + 1000 - fromMs : 0;
}

function readJoining(path: string, text: string): SeenJoining {
  const word = (name: string) => new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
  const begin = text.indexOf('-----BEGIN');
  return { path, server: word('server') ?? '', tokenId: word('token'), authorityPem: begin < 0 ? '' : text.slice(begin) };
}

const MOST_RECORDS = 20_000;

function* records(printed: string): Generator<{ letter: string; rest: string; text: string }> {
  let count = 0;
  let open: { letter: string; rest: string; lines: string[] } | undefined;
  for (const line of printed.split('\n')) {
    if (line.startsWith('|')) open?.lines.push(line.slice(1));
    else if (/^[A-Z] /.test(line)) {
      if (++count > MOST_RECORDS)
        throw new CodedError(`it says more than ${MOST_RECORDS} things of itself`, { code: 'HOST_ANSWER_INVALID' });
      if (open) yield { ...open, text: open.lines.join('\n') };
      open = { letter: line[0]!, rest: line.slice(2).trim(), lines: [] };
    }
  }
  if (open) yield { ...open, text: open.lines.join('\n') };
}

function readable(where: string, pem: string): SeenCertificate[] {
  try {
    return seenInPem(where, pem);
  } catch {
    return []; // whoever uses it will say so
  }
}

/** As API servers name them in tokens and in their key set. */
function keyIdsIn(pem: string): string[] {
  try {
    return createTokenVerifier([pem]).jwks.keys.map(({ kid }) => kid as string);
  } catch {
    return []; // whoever uses it will say so
  }
}

/** `kubelet` of its unit's path. */
const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1, -'.service'.length);

/**
 * A unit's command, with what systemd makes of lines that end without a backslash: they belong to it no more. Drop-ins come behind, in their
 * order; an empty `ExecStart=` of theirs takes back what was there before.
 */
function readUnit(unit: SeenFile, dropIns: readonly SeenFile[], variables: ReadonlyMap<string, string>): HostUnit {
  const text = [unit, ...dropIns].map((file) => file.text).join('\n');
  let start: RegExpExecArray | undefined;
  for (const line of text.matchAll(/^ExecStart=((?:.*\\\n)*.*)$/gm)) start = line[1]!.trim() === '' ? undefined : (start ?? line);
  const after = start ? text.slice(start.index + start[0].length) : '';
  const command = withVariables((start?.[1] ?? '').replaceAll('\\\n', ' '), text, variables);
  return {
    ...{ path: unit.path, component: nameOf(unit.path), flags: commandFlags(command) },
    user: [...text.matchAll(/^User=(.+)$/gm)].at(-1)?.[1]?.trim(),
    requires: [...text.matchAll(/^Requires=(.*)$/gm)].flatMap(([, units = '']) =>
      units.split(/\s+/).filter((unit) => unit !== ''),
    ),
    // Values that the environment brings cannot be judged.
    whole: !/\$[A-Za-z_{]/.test(command),
    lost: [...after.matchAll(/^\s*(--[a-z][a-z0-9-]*)/gm)].map(([, flag]) => flag!),
  };
}

/** A variable may stand in a command as often as somebody likes: with all of them no process starts. */
const LONGEST_COMMAND = 2 << 20;

/** What `Environment=` and the files of `EnvironmentFile=` set, in the places of `$NAME`. Where a file could not be seen, what nobody sets stays. */
function withVariables(command: string, text: string, seen: ReadonlyMap<string, string>): string {
  const values = new Map<string, string>();
  const set = (lines: string) => {
    for (const word of commandWords(lines)) {
      const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(word) ?? [];
      if (name !== undefined) values.set(name, value!);
    }
  };
  for (const [, line = ''] of text.matchAll(/^Environment=(.*)$/gm)) set(line);
  const named = [...text.matchAll(/^EnvironmentFile=-?(.*)$/gm)]
    .map(([, path = '']) => path.trim())
    .filter((path) => path !== '');
  for (const path of named) set(seen.get(path) ?? '');
  const sawAll = named.length > 0 && named.every((path) => seen.has(path));
  let room = LONGEST_COMMAND;
  return command.replace(/\$\{([A-Za-z_]\w*)\}|\$([A-Za-z_]\w*)/g, (all, braced?: string, plain?: string) => {
    const value = values.get(braced ?? plain ?? '') ?? (sawAll ? '' : all);
    room -= value.length;
    return room < 0 ? all : value;
  });
}

function settingsIn(files: readonly SeenFile[], path: string | undefined): HostObservations['kubeletFile'] {
  const file = files.find((candidate) => candidate.path === path);
  if (!file) return undefined;
  try {
    const settings: unknown = parse(file.text, YAML_LIMITS);
    if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) return undefined;
    return { path: file.path, settings: settings as Readonly<Record<string, unknown>> };
  } catch {
    return undefined; // told by `unreadableIn`
  }
}

const YAML_LIMITS = { maxAliasCount: 100, logLevel: 'error' } as const;

/** Files that units name by `--config`. */
function unreadableIn(files: readonly SeenFile[]): HostObservations['unreadable'] {
  return files.flatMap(({ path, text }) => {
    if (/\.(service|conf|toml|env)$/.test(path)) return [];
    try {
      parse(text, YAML_LIMITS);
      return [];
    } catch (error) {
      return [{ path, why: (error as Error).message.split('\n')[0]! }];
    }
  });
}

const ownedFile = ([mode = '', owner = '', ...path]: readonly string[]): SeenKey => ({ mode, owner, path: path.join(' ') });
