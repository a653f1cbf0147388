import { parse } from 'yaml';
import { createTokenVerifier } from '../../pki/service-account-token.ts';
import type { AccountKeyFile, HostObservations, HostUnit, SeenCertificate, SeenKey } from '../observations.ts';
import { commandFlags } from './command-words.ts';
import { seenInPem } from './seen-certificate.ts';

interface SeenFile {
  readonly path: string;
  readonly text: string;
}

/**
 * What `HOST_SCRIPT` printed, as observations. Never fails: what cannot be read as what it should be is left out.
 * @param prefix stands before paths, where they are of another host
 */
export function readHost(printed: string, prefix = ''): HostObservations {
  const certificates: SeenCertificate[] = [];
  const swapAreas: string[] = [];
  const brokenLinks: string[] = [];
  const keys: SeenKey[] = [];
  const files: SeenFile[] = [];
  const missing: { unit: string; flag: string; path: string }[] = [];
  const accountKeys: AccountKeyFile[] = [];
  let hostName = '';
  let workDirectory: SeenKey | undefined;
  let localPorts: HostObservations['localPorts'];
  for (const { letter, rest, text } of records(printed)) {
    const words = rest.split(' ');
    if (letter === 'H') hostName = rest;
    else if (letter === 'S') swapAreas.push(rest);
    else if (letter === 'L') brokenLinks.push(prefix + rest);
    else if (letter === 'K') keys.push(ownedFile(words));
    else if (letter === 'D') workDirectory = ownedFile(words);
    else if (letter === 'P')
      localPorts = { from: Number(words[0]), to: Number(words[1]), reserved: words.slice(2).join(' ').trim() };
    else if (letter === 'C') certificates.push(...readable(prefix + rest, text));
    else if (letter === 'T') files.push({ path: rest, text });
    else if (letter === 'A') {
      const [component = '', flag = '', ...path] = words;
      accountKeys.push({ component, flag, path: path.join(' '), keyIds: keyIdsIn(text) });
    } else if (letter === 'N') {
      const unit = files.findLast(({ path }) => path.endsWith('.service'))?.path ?? '';
      missing.push({ unit, flag: words[0] ?? '', path: words.slice(1).join(' ') });
    }
  }
  const units = files.flatMap((file) => (file.path.endsWith('.service') ? [readUnit(file)] : []));
  const kubelet = units.find(({ component }) => component === 'kubelet');
  const proxy = units.find(({ component }) => component === 'kube-proxy');
  const textOf = (path: string | undefined) => files.find((file) => file.path === path)?.text ?? '';
  return {
    ...{ hostName, prefix, swapAreas, certificates, brokenLinks, keys, units, missing, accountKeys },
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

function* records(printed: string): Generator<{ letter: string; rest: string; text: string }> {
  let open: { letter: string; rest: string; lines: string[] } | undefined;
  for (const line of printed.split('\n')) {
    if (line.startsWith('|')) open?.lines.push(line.slice(1));
    else if (/^[A-Z] /.test(line)) {
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

/** A unit's command, with what systemd makes of lines that end without a backslash: they belong to it no more. */
function readUnit({ path, text }: SeenFile): HostUnit {
  const component = path.slice(path.lastIndexOf('/') + 1, -'.service'.length);
  const start = /^ExecStart=((?:.*\\\n)*.*)$/m.exec(text);
  const after = start ? text.slice(start.index + start[0].length) : '';
  const command = (start?.[1] ?? '').replaceAll('\\\n', ' ');
  return {
    ...{ path, component, flags: commandFlags(command) },
    user: /^User=(.+)$/m.exec(text)?.[1]?.trim(),
    requires: [...text.matchAll(/^Requires=(.*)$/gm)].flatMap(([, units = '']) =>
      units.split(/\s+/).filter((unit) => unit !== ''),
    ),
    // Values that the environment brings cannot be judged.
    whole: !/\$[A-Za-z_{]/.test(start?.[1] ?? ''),
    lost: [...after.matchAll(/^\s*(--[a-z][a-z0-9-]*)/gm)].map(([, flag]) => flag!),
  };
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
    if (/\.(service|toml|env)$/.test(path)) return [];
    try {
      parse(text, YAML_LIMITS);
      return [];
    } catch (error) {
      return [{ path, why: (error as Error).message.split('\n')[0]! }];
    }
  });
}

const ownedFile = ([mode = '', owner = '', ...path]: readonly string[]): SeenKey => ({ mode, owner, path: path.join(' ') });
