import { join } from 'node:path';
import { CodedError } from '../../std/coded-error.ts';

export type CgroupDriver = 'cgroupfs' | 'systemd';

/** A place in the cgroup tree, one part a level, whatever driver keeps it: `['kubepods', 'burstable', 'pod<uid>']`. Empty: the root. */
export type CgroupName = readonly string[];

/**
 * The last part of a pod's place.
 *
 * @throws CodedError POD_UID_INVALID for a uid that would lead elsewhere: those of manifests are anybody's words
 */
export function podPart(uid: string | undefined): string {
  if (!/^[0-9a-z][0-9a-z._-]*$/i.test(uid ?? ''))
    throw new CodedError(`pod uid ${JSON.stringify(uid)} cannot be the name of a cgroup`, { code: 'POD_UID_INVALID' });
  return `pod${uid}`;
}

/** `/` and `''` are the root. With the systemd driver, `/system.slice` and `/system` name the same. */
export function parseCgroupName(path: string, driver: CgroupDriver): CgroupName {
  const parts = path.split('/').filter((part) => part !== '');
  if (driver === 'cgroupfs') return parts;
  // `/a.slice/a-b.slice` or `a-b.slice`: the last one says it all.
  const last = parts.at(-1);
  if (!last?.endsWith('.slice')) return parts;
  return last.slice(0, -'.slice'.length).split('-').map(unescapePart);
}

/** Below a hierarchy's mount point. Slices lie in each other: `kubepods.slice/kubepods-burstable.slice`. */
export function cgroupPath(name: CgroupName, driver: CgroupDriver): string {
  if (driver === 'cgroupfs') return join('/', ...name);
  return join('/', ...name.map((_, i) => sliceOf(name.slice(0, i + 1))));
}

/** What a container runtime is told as the parent of a pod's containers: a path, or with systemd the name of the last slice. */
export function cgroupParent(name: CgroupName, driver: CgroupDriver): string {
  if (driver === 'cgroupfs') return cgroupPath(name, driver);
  return name.length === 0 ? '-.slice' : sliceOf(name);
}

/** The name of the systemd unit: `-` parts its levels, so within one it is written `_`. */
export function sliceOf(name: CgroupName): string {
  return `${name.map(escapePart).join('-')}.slice`;
}

/** The uid of the pod whose cgroup has this last part of a path; undefined for any other. */
export function podUidOf(directory: string, driver: CgroupDriver): string | undefined {
  const pattern = driver === 'cgroupfs' ? /^pod([0-9a-z][0-9a-z._-]*)$/i : /-pod([0-9a-z][0-9a-z._]*)\.slice$/i;
  const uid = pattern.exec(directory)?.[1];
  return uid && driver === 'systemd' ? unescapePart(uid) : uid;
}

const escapePart = (part: string) => part.replaceAll('-', '_');
const unescapePart = (part: string) => part.replaceAll('_', '-');
