import assert from 'node:assert/strict';
import { readCsrTable, SERVING_CSR_NAME } from '../runbooks/csr-table.ts';
import type { RunbookHosts } from './runbook-hosts.ts';

/** Waits until every host's kubelet has asked for a serving certificate, which nobody approves, and approves them all by hand. */
export async function approveServingRequests(hosts: RunbookHosts): Promise<void> {
  const serving = (text: string) => readCsrTable(text).filter(({ requestor }) => requestor.startsWith('system:node:'));
  const printed = await hosts.shows(
    'kubectl get csr',
    (text) => new Set(serving(text).map(({ requestor }) => requestor)).size === hosts.all.length,
  );
  for (const { name, condition } of serving(printed)) {
    assert.match(name, SERVING_CSR_NAME);
    assert.equal(condition, 'Pending');
  }
  const names = serving(printed).map(({ name }) => name);
  const said = await hosts.sh(`kubectl certificate approve ${names.join(' ')}`);
  assert.equal(said, names.map((name) => `certificatesigningrequest.certificates.k8s.io/${name} approved\n`).join(''));
}
