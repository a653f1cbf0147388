import { CodedError } from '../../std/coded-error.ts';
import type { FileFact, HostFacts, UnitFact } from './facts.ts';

const LARGEST_ANSWER = 16 << 20;
const NUMBERS = ['cpus', 'memoryKiB', 'diskKiB', 'time', 'swaps', 'fstabSwaps'] as const;
const TEXTS = ['hostname', 'machineId', 'kernel', 'architecture', 'system', 'init', 'selinux'] as const;
const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Reads what the facts script printed, strictly: an answer that is cut short, or says what nobody asked, is none.
 *
 * @throws CodedError FACTS_MALFORMED naming the line
 */
export function parseFacts(text: string): HostFacts {
  if (text.length > LARGEST_ANSWER) throw malformed(`${text.length} characters are more than ${LARGEST_ANSWER}`);
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.pop() !== 'end') throw malformed('it is cut short');
  const single = new Map<string, string>();
  const facts = {
    modules: new Set<string>(),
    loadable: new Set<string>(),
    filesystems: new Set<string>(),
    programs: new Set<string>(),
    libraries: new Set<string>(),
    devices: new Map<string, string>(),
    files: new Map<string, FileFact>(),
    units: new Map<string, UnitFact>(),
    sysctls: new Map<string, { value: string; writable: boolean }>(),
    accounts: new Map<string, { uid: number; gid: number }>(),
    holders: { passwd: new Map<number, string>(), group: new Map<number, string>() },
    certificates: new Map<string, string>(),
  };
  for (const line of lines) {
    const [what = '', name = '', ...rest] = line.split('\t');
    const [value = '', more = ''] = rest;
    if (what === 'module') facts.modules.add(name);
    else if (what === 'program') facts.programs.add(name);
    else if (what === 'device') facts.devices.set(name, value);
    else if (what === 'library') facts.libraries.add(name);
    else if (what === 'loadable') facts.loadable.add(name);
    else if (what === 'filesystem') facts.filesystems.add(name);
    else if (what === 'sysctl') facts.sysctls.set(name, { value: value.trim(), writable: more === 'write' });
    else if (what === 'account') facts.accounts.set(name, readAccount(value, line));
    else if (what === 'holder' && (name === 'passwd' || name === 'group')) facts.holders[name].set(Number(value), more);
    else if (what === 'unit') facts.units.set(name, readUnit(value, more, line));
    else if (what === 'certificate') facts.certificates.set(name, readBase64(value, line));
    else if (what === 'content') facts.files.set(name, withContent(facts.files.get(name), value, line));
    else if (what === 'reader') facts.files.set(name, withReader(facts.files.get(name), value, line));
    else if (what === 'file' || what === 'directory' || what === 'link' || what === 'other')
      facts.files.set(name, readFile(what, value, more, line));
    else if (what === 'ports' || TEXTS.includes(what as 'kernel') || NUMBERS.includes(what as 'cpus')) single.set(what, name);
    else throw malformed(`line ${quoted(line)}`);
  }
  const selinux = single.get('selinux');
  if (selinux !== 'enforcing' && selinux !== 'permissive' && selinux !== 'none') throw malformed('nothing is said of SELinux');
  return { ...readTexts(single), ...readNumbers(single), selinux, ports: readPorts(single.get('ports')), ...facts };
}

function readTexts(single: ReadonlyMap<string, string>) {
  const text = (name: string) => {
    const value = single.get(name);
    if (value === undefined) throw malformed(`nothing is said of ${name}`);
    return value;
  };
  return {
    hostname: text('hostname'),
    machineId: text('machineId'),
    kernel: text('kernel'),
    architecture: text('architecture'),
    system: text('system'),
    init: text('init'),
  };
}

function readNumbers(single: ReadonlyMap<string, string>) {
  const number = (name: (typeof NUMBERS)[number]) => {
    const value = single.get(name) ?? '';
    if (!/^-?\d{1,15}$/.test(value)) throw malformed(`${name} is ${quoted(value)}`);
    return Number(value);
  };
  return {
    cpus: number('cpus'),
    memoryKiB: number('memoryKiB'),
    diskKiB: number('diskKiB'),
    time: number('time'),
    swaps: number('swaps'),
    fstabSwaps: number('fstabSwaps'),
  };
}

function readPorts(text: string | undefined): ReadonlySet<number> {
  if (text === undefined) throw malformed('nothing is said of ports');
  const words = text.split(' ').filter(Boolean);
  const wrong = words.find((word) => !/^[0-9A-F]{4}$/.test(word));
  if (wrong !== undefined) throw malformed(`port ${quoted(wrong)}`);
  return new Set(words.map((word) => Number.parseInt(word, 16)));
}

function readAccount(value: string, line: string) {
  const [, uid, gid] = /^(\d{1,10}):(\d{1,10})$/.exec(value) ?? [];
  if (uid === undefined) throw malformed(`line ${quoted(line)}`);
  return { uid: Number(uid), gid: Number(gid) };
}

function readUnit(properties: string, fingerprint: string, line: string): UnitFact {
  const values = new Map(
    properties
      .split(' ')
      .filter(Boolean)
      .map((property) => property.split('=', 2) as [string, string]),
  );
  if (fingerprint !== '' && !SHA256.test(fingerprint)) throw malformed(`line ${quoted(line)}`);
  return {
    load: values.get('LoadState') ?? '',
    active: values.get('ActiveState') ?? '',
    enabled: values.get('UnitFileState') ?? '',
    fingerprint,
  };
}

function readFile(type: FileFact['type'], value: string, more: string, line: string): FileFact {
  if (type === 'link') return { type, target: value };
  if (type === 'other') return { type };
  const [mode = '', owner = '', group = '', size = ''] = value.split(' ');
  if (!/^[0-7]{1,4}$/.test(mode) || owner === '' || group === '') throw malformed(`line ${quoted(line)}`);
  const common = { mode: Number.parseInt(mode, 8), owner, group };
  if (type === 'directory') return { type, ...common };
  if (!/^\d{1,15}$/.test(size) || !SHA256.test(more)) throw malformed(`line ${quoted(line)}`);
  return { type, ...common, sizeBytes: Number(size), sha256: more };
}

function withContent(file: FileFact | undefined, value: string, line: string): FileFact {
  if (file?.type !== 'file') throw malformed(`line ${quoted(line)}`);
  return { ...file, content: readBase64(value, line) };
}

function withReader(file: FileFact | undefined, value: string, line: string): FileFact {
  if (file?.type !== 'file' || value === '') throw malformed(`line ${quoted(line)}`);
  return { ...file, reader: value };
}

function readBase64(value: string, line: string): string {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw malformed(`line ${quoted(line)}`);
  return Buffer.from(value, 'base64').toString();
}

const quoted = (text: string) => JSON.stringify(text.slice(0, 200));

function malformed(why: string): CodedError {
  return new CodedError(`the host's answer cannot be read: ${why}`, { code: 'FACTS_MALFORMED' });
}
