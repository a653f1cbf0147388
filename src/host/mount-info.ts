/** One line of /proc/<pid>/mountinfo (proc_pid_mountinfo(5)). */
export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  /** `major:minor` of the file system. */
  readonly device: string;
  /** What of the file system is mounted: `/`, or a directory of it for a bind mount. */
  readonly root: string;
  /** Relative to the root directory of the process that reads it. */
  readonly mountPoint: string;
  readonly options: readonly string[];
  /** `shared:1`, `master:2`, `propagate_from:3`, `unbindable`. */
  readonly optionalFields: readonly string[];
  readonly fsType: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/** Reads mountinfo in its own order: oldest mount first. Lines that are not of that form are passed over. */
export function parseMountInfo(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => parseLine(line) ?? []);
}

function parseLine(line: string): MountEntry | undefined {
  const fields = line.split(' ');
  const separator = fields.indexOf('-', 6);
  if (separator < 0 || fields.length < separator + 4) return undefined;
  const [id = '', parentId = '', device = '', root = '', mountPoint = '', options = ''] = fields;
  const [fsType = '', source = '', superOptions = ''] = fields.slice(separator + 1);
  if (!/^\d+$/.test(id) || !/^\d+$/.test(parentId) || !/^\d+:\d+$/.test(device)) return undefined;
  return {
    id: Number(id),
    parentId: Number(parentId),
    device,
    root: unescapeOctal(root),
    mountPoint: unescapeOctal(mountPoint),
    options: options.split(','),
    optionalFields: fields.slice(6, separator).filter((field) => field !== ''),
    fsType: unescapeOctal(fsType),
    source: unescapeOctal(source),
    superOptions: superOptions.split(','),
  };
}

/** The kernel writes space, tab, newline, `#` and backslash as a backslash and three octal digits. */
export function unescapeOctal(text: string): string {
  return text.replace(/\\([0-3][0-7]{2})/g, (_match, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** The mounts at a path and below it, deepest and newest first: the order to unmount them in. */
export function mountsBelow(entries: readonly MountEntry[], path: string): MountEntry[] {
  const prefix = path.endsWith('/') ? path : `${path}/`;
  return entries.filter(({ mountPoint }) => mountPoint === path || mountPoint.startsWith(prefix)).reverse();
}

/** What one sees at a path when something is mounted there: the newest mount. */
export function mountAt(entries: readonly MountEntry[], path: string): MountEntry | undefined {
  return entries.findLast(({ mountPoint }) => mountPoint === path);
}
