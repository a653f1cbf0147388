/** What certificates cost: one JSON line a figure. Run: node bench/pki.ts */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../src/pki/authority.ts';
import { createCertificateRequest, parseCertificateRequest } from '../src/pki/certificate-request.ts';
import { generatePrivateKey, type KeyAlgorithm } from '../src/pki/keys.ts';
import { formatKubeconfig, parseKubeconfig } from '../src/pki/kubeconfig.ts';
import { quantile, report } from './bench-cluster.ts';

const ROUNDS = 5;
const HOUR_MS = 3_600_000;

/** Prints the median over rounds of how long `operation` takes, after one round that does not count. */
async function measure(name: string, count: number, operation: () => Promise<unknown>): Promise<void> {
  const perOperationMs: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const started = performance.now();
    for (let i = 0; i < count; i++) await operation();
    if (round > 0) perOperationMs.push((performance.now() - started) / count);
  }
  print(name, quantile(perOperationMs, 0.5));
}

function print(name: string, ms: number): void {
  report({ bench: 'pki', name, ms: Number(ms.toFixed(4)), perSecond: Math.round(1000 / ms) });
}

/** Time to import modules in a fresh process that runs TypeScript already and, like muster, keeps compiled code: the median. */
function measureImport(name: string, modules: readonly string[]): void {
  const script = `await import('../src/std/coded-error.ts'); const t = performance.now(); for (const m of ${JSON.stringify(modules)}) await import(m); console.log(performance.now() - t)`;
  const times = Array.from({ length: 2 * ROUNDS + 1 }, () =>
    Number(
      execFileSync(process.execPath, ['--input-type=module', '-e', script], {
        cwd: import.meta.dirname,
        env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
        encoding: 'utf8',
      }),
    ),
  );
  print(name, quantile(times, 0.5));
}

const compileCache = mkdtempSync(join(tmpdir(), 'muster-bench-'));
const src = `${import.meta.dirname}/../src/pki`;
measureImport('import pki (authority, requests)', [`${src}/authority.ts`, `${src}/certificate-request.ts`]);
measureImport('import @peculiar/x509', ['reflect-metadata', '@peculiar/x509']);

rmSync(compileCache, { recursive: true });

const now = Date.now();
const validity = { notBeforeMs: now, notAfterMs: now + HOUR_MS };
for (const algorithm of ['ec-p256', 'rsa-2048'] satisfies KeyAlgorithm[]) {
  const authority = await createAuthority({ commonName: 'ca', key: await generatePrivateKey(algorithm), ...validity });
  const key = await generatePrivateKey();
  const pem = await createCertificateRequest({
    key,
    commonName: 'system:node:n',
    organizations: ['system:nodes'],
    ipAddresses: ['10.0.0.1'],
  });
  await measure(`read, verify and issue, ${algorithm} authority`, 200, async () => {
    const request = parseCertificateRequest(pem);
    if (!(await request.verifySignature())) throw new Error('the signature is good');
    return authority.issue({ ...request, usages: ['digital signature', 'client auth'], ...validity });
  });
}
await measure('make a P-256 key and a request', 200, async () =>
  createCertificateRequest({ key: await generatePrivateKey(), commonName: 'system:node:n', organizations: ['system:nodes'] }),
);
await measure('make an authority and twelve certificates', 5, async () => {
  const authority = await createAuthority({ commonName: 'ca', ...validity });
  for (let i = 0; i < 12; i++) {
    const { publicKeyDer } = await generatePrivateKey();
    await authority.issue({ publicKeyDer, commonName: `c${i}`, usages: ['digital signature', 'client auth'], ...validity });
  }
});
const kubeconfig = formatKubeconfig({
  clusters: [{ name: 'a', cluster: { server: 'https://127.0.0.1:6443', 'certificate-authority-data': 'LS0t'.repeat(200) } }],
  contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
  users: [{ name: 'a', user: { token: '07401b.f395accd246ae52d' } }],
  'current-context': 'a',
});
await measure('read a kubeconfig', 500, () => parseKubeconfig(kubeconfig, '/'));
