/**
 * Runs a program of this repository in a kernel of its own (test/harness/guest-kernel.ts), which is slower at starting programs than the
 * machine's. `node bench/in-guest.ts FILE [argument …]`
 */
import { runInGuest } from '../test/harness/guest-kernel.ts';

const {
  status,
  output,
  console: kernel,
} = await runInGuest([process.execPath, ...process.argv.slice(2)], {
  memoryMiB: 2048,
  timeoutMs: 540_000,
});
process.stdout.write(output);
if (status === undefined) process.stderr.write(kernel);
process.exitCode = status ?? 1;
