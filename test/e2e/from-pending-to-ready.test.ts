/** docs/from-pending-to-ready.md, line by line: what it says is printed is printed. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { findNodeEndpoint, firstNodeAddress } from '../../src/cluster/node-addresses.ts';
import { PROGRAM } from '../harness/component-process.ts';
import { freePort } from '../harness/free-port.ts';
import { kubectlPath } from '../harness/kubectl.ts';
import { runCommand } from '../harness/run-command.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';

const PAGE = new URL('../../docs/from-pending-to-ready.md', import.meta.url);
const ADDRESS_OF_THE_PAGE = '127.71.3.9';
const MARK = '=== end of a command ===';

interface Step {
  readonly command: string;
  /** Lines as on the page; `…` stands for any number of lines. */
  readonly printed: readonly string[];
}

/** The commands of the page's consoles, each with what is under it. */
function readSteps(page: string): Step[] {
  const consoles = [...page.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, text]) => text!);
  return consoles.flatMap((text) =>
    text
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command = '', ...printed] = part.trimEnd().split('\n');
        return { command, printed };
      }),
  );
}

/** What differs from run to run, by what stands for it: names of requests, times, ports, process ids, widths of columns. */
const CHANGING: readonly [RegExp, string][] = [
  [/node-csr-[\w-]{43}/g, 'NODE-CSR'],
  [/\bcsr-[a-z0-9]{5}\b/g, 'CSR'],
  [/system:bootstrap:[a-z0-9]{6}/g, 'system:bootstrap:ID'],
  [/^[FEWI]\d{4} [\d:.]+ +\d+ /gm, 'LOG '],
  [/\(\+\d+ s\)/g, '(+N s)'],
  [/renewed \d+ s ago/g, 'renewed N s ago'],
  [/\b\d+s\b/g, 'Ns'],
  [/in \d+(\.\d+)? m?s$/gm, 'in N s'],
  [/\d{4}-\d\d-\d\d \d\d:\d\d/g, 'DAY'],
  [/https:\/\/127\.0\.0\.1:\d+/g, 'SERVER'],
  [/ +/g, ' '],
];

const constant = (text: string) => CHANGING.reduce((left, [pattern, name]) => left.replaceAll(pattern, name), text);

/** The printed lines as one pattern over the whole output. */
function patternOf(printed: readonly string[]): RegExp {
  const lines = printed.map((line) => (line === '…' ? '(?:[^\\n]*\\n)*' : `${RegExp.escape(constant(line).trimEnd())} *\\n`));
  return new RegExp(`^${lines.join('')}$`);
}

test('every command of the page prints what the page says', async () => {
  const steps = readSteps(await readFile(PAGE, 'utf8'));
  assert.ok(steps.length > 20, `${steps.length} commands`);
  await using directory = await temporaryDirectory();
  const { address } = await findNodeEndpoint(firstNodeAddress(Math.random));
  const script = [
    'set -uo pipefail',
    `muster() { if test "$1" = up; then set -- "$@" --port ${await freePort()}; fi; ${process.execPath} ${PROGRAM} "$@"; }`,
    `kubectl() { ${kubectlPath('1.35')} "$@"; }`,
    // What was started in the background is a function in a subshell, whose child is the program.
    `trap 'for job in $(jobs -p); do pkill -P $job; kill $job; done 2>/dev/null; muster down >/dev/null 2>&1' EXIT`,
    ...steps.map(({ command }) => `{ ${command}${command.endsWith('&') ? '' : ';'} } 2>&1\necho '${MARK}'`),
  ].join('\n');
  const result = await runCommand('bash', ['-c', script.replaceAll(ADDRESS_OF_THE_PAGE, address)], {
    timeoutMs: 120_000,
    cwd: directory.path,
    env: {
      ...process.env,
      HOME: directory.path,
      MUSTER_HOME: directory.file('muster'),
      KUBECONFIG: directory.file('kubeconfig'),
    },
  });
  const outputs = result.stdout.replaceAll(address, ADDRESS_OF_THE_PAGE).split(`${MARK}\n`);
  for (const [index, { command, printed }] of steps.entries()) {
    const output = outputs[index];
    assert.ok(output !== undefined, `nothing came of: ${command}\n${result.stderr}`);
    assert.match(constant(output), patternOf(printed), `$ ${command}\n${output}`);
  }
});
