/**
 * Worker thread of `checkpointer.ts`: copies the log into the database file twice, first while writes go on, then, when told that
 * they stand still, the little that came meanwhile. After the second time the next writer begins the log anew.
 */
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

const port = parentPort!;
const database = new DatabaseSync(String(workerData), { timeout: 1000 });
const checkpoint = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');

port.on('message', (message) => {
  if (message === 'end') {
    database.close();
    port.close();
    return;
  }
  checkpoint.get();
  port.postMessage(message === 'begin' ? 'nearly' : 'complete');
});
