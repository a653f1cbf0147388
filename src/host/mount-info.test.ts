import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type MountEntry, mountAt, mountsBelow, parseMountInfo, unescapeOctal } from './mount-info.ts';

/** As the kernel does it (fs/proc_namespace.c, `mangle`). */
const escapeOctal = (text: string) =>
  text.replace(/[ \t\n\\#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);

test('a line with optional fields is read', () => {
  const [entry] = parseMountInfo(
    '36 35 98:0 /mnt1 /mnt2\\040with\\134odd\\011name rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue\n',
  );
  assert.deepEqual(entry, {
    id: 36,
    parentId: 35,
    device: '98:0',
    root: '/mnt1',
    mountPoint: '/mnt2 with\\odd\tname',
    options: ['rw', 'noatime'],
    optionalFields: ['master:1', 'shared:7'],
    fsType: 'ext3',
    source: '/dev/root',
    superOptions: ['rw', 'errors=continue'],
  } satisfies MountEntry);
});

test('whatever the names are, they are read back', () => {
  const name = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => `/${text}`);
  fc.assert(
    fc.property(
      fc.array(fc.record({ root: name, mountPoint: name, source: name }, { noNullPrototype: true }), { maxLength: 5 }),
      (mounts) => {
        const text = mounts
          .map(
            ({ root, mountPoint, source }, index) =>
              `${index + 20} 1 0:${index} ${escapeOctal(root)} ${escapeOctal(mountPoint)} rw - tmpfs ${escapeOctal(source)} rw,size=1k\n`,
          )
          .join('');
        const read = parseMountInfo(text).map(({ root, mountPoint, source }) => ({ root, mountPoint, source }));
        assert.deepEqual(read, mounts);
      },
    ),
  );
});

test('any text is read without an error, and broken lines are passed over', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => Array.isArray(parseMountInfo(text))));
  fc.assert(fc.property(fc.string(), (text) => typeof unescapeOctal(text) === 'string'));
  assert.deepEqual(parseMountInfo('\n1 2 3\nx 1 0:1 / / rw - a b c\n1 1 0:1 / / rw shared:1 tmpfs a rw\n'), []);
});

test('mounts below a path come deepest first, and a sibling with the same beginning is not among them', () => {
  const entries = parseMountInfo(
    ['/', '/a', '/a/b', '/ab', '/a/b/c', '/a/b']
      .map((path, index) => `${index + 1} 1 0:1 /${index} ${path} rw - tmpfs none rw\n`)
      .join(''),
  );
  assert.deepEqual(
    mountsBelow(entries, '/a').map(({ mountPoint }) => mountPoint),
    ['/a/b', '/a/b/c', '/a/b', '/a'],
  );
  assert.equal(mountAt(entries, '/a/b')?.root, '/5');
  assert.equal(mountAt(entries, '/a/b/'), undefined);
  assert.equal(mountsBelow(entries, '/').length, 6);
});
