import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lossyWriter } from './lossy-writer.ts';

/** A file with room for so many bytes. */
function smallDisk(room: number) {
  const disk = {
    room,
    text: '',
    write(bytes: Buffer): number {
      const taken = Math.min(bytes.length, disk.room);
      if (taken === 0) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      disk.room -= taken;
      disk.text += bytes.subarray(0, taken).toString();
      return taken;
    },
  };
  return disk;
}

test('lines that find no room are lost, counted, and told of when there is room again', () => {
  const disk = smallDisk(12);
  const log = lossyWriter(disk.write);
  log('first\n');
  log('second\n');
  log('third\n');
  assert.equal(disk.text, 'first\nsecond');
  disk.room = 1000;
  log('fourth\n');
  log('fifth\n');
  assert.equal(disk.text, 'first\nsecond\n2 messages could not be written here: ENOSPC\nfourth\nfifth\n');
});
