/** Debian packages that a bundle brings: which of them a host gets, and how apt finds them there. */
import { createHash } from 'node:crypto';
import { CodedError } from '../../std/coded-error.ts';

/** A package file with what its control file says. */
export interface DebPackage {
  /** `etcd-server_3.4.23+dfsg-4_amd64.deb` */
  readonly file: string;
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** The control file, as `dpkg-deb --field` prints it. */
  readonly control: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Names go into paths and shell words of hosts. */
const FILE = /^[A-Za-z0-9][A-Za-z0-9.+~%_:-]{0,200}\.deb$/;
const NAME = /^[a-z0-9][a-z0-9+.-]{1,100}$/;

/** @throws CodedError BUNDLE_INVALID naming the file, when it is not a package that hosts can be given */
export function debPackage(file: string, control: string, bytes: Uint8Array): DebPackage {
  const fields = fieldsOf(control);
  const [name = '', version = '', architecture = ''] = ['Package', 'Version', 'Architecture'].map((field) => fields.get(field));
  if (!FILE.test(file) || !NAME.test(name) || version === '' || architecture === '')
    throw new CodedError(`${JSON.stringify(file)} is not a Debian package whose name, version and architecture can be read`, {
      code: 'BUNDLE_INVALID',
    });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { file, name, version, architecture, control: control.trimEnd(), sizeBytes: bytes.length, sha256 };
}

/**
 * The wanted packages and all that they need, as far as the bundle has it; what it has not must be on the host, which apt tells. By any of
 * several alternatives: a host may have each of them.
 */
export function closureOf(wanted: Iterable<string>, packages: readonly DebPackage[]): DebPackage[] {
  const chosen = new Set<DebPackage>();
  const open = [...wanted];
  for (let name = open.pop(); name !== undefined; name = open.pop())
    for (const one of packages) {
      if (chosen.has(one) || !providesOf(one).has(name)) continue;
      chosen.add(one);
      open.push(...namesOf(one, 'Depends'), ...namesOf(one, 'Pre-Depends'));
    }
  return packages.filter((one) => chosen.has(one));
}

/** The index by which apt knows the packages of a directory (deb822, as `dpkg-scanpackages` writes it). */
export function packagesIndex(packages: readonly DebPackage[]): string {
  return packages
    .map(({ control, file, sizeBytes, sha256 }) => `${control}\nFilename: ./${file}\nSize: ${sizeBytes}\nSHA256: ${sha256}\n`)
    .join('\n');
}

const providesOf = (one: DebPackage): ReadonlySet<string> => new Set([one.name, ...namesOf(one, 'Provides')]);

/** `libc6 (>= 2.34), a | b:any` → libc6, a, b */
function namesOf({ control }: DebPackage, field: string): string[] {
  return (fieldsOf(control).get(field) ?? '')
    .split(/[,|]/)
    .map((part) => part.trim().split(/[\s:(]/, 1)[0]!)
    .filter(Boolean);
}

/** Fields with their continuation lines joined. */
function fieldsOf(control: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = '';
  for (const line of control.split('\n')) {
    const [, name, value] = /^([A-Za-z0-9-]+):[ \t]*(.*)$/.exec(line) ?? [];
    if (name !== undefined) {
      last = name;
      fields.set(name, value!.trim());
    } else if (/^[ \t]/.test(line) && last) fields.set(last, `${fields.get(last)} ${line.trim()}`);
  }
  return fields;
}
