/**
 * Loaded into a cluster's process by `bench/stall.ts`: writes down the turns of its event loop that took long, as lines of JSON with the
 * time of their end and the processor time of the main thread, which other programs' work hardly changes.
 */
import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const LONG_MS = 20;
const file = process.env['MUSTER_BENCH_TURNS'];

if (file && isMainThread) {
  let before = process.threadCpuUsage();
  const look = () => {
    const { user, system } = process.threadCpuUsage(before);
    before = process.threadCpuUsage();
    const cpuMs = (user + system) / 1000;
    if (cpuMs >= LONG_MS) appendFileSync(file, `${JSON.stringify({ pid: process.pid, atMs: Date.now(), cpuMs })}\n`);
  };
  setInterval(look, 1).unref();
}
