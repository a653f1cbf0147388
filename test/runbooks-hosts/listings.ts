/** What the documents' last listings show, checked line by line. */
import assert from 'node:assert/strict';

export interface NodeRow {
  readonly name: string;
  readonly status: string;
  readonly roles: string;
}

/** The rows of `kubectl get nodes`, whose columns are checked; none while there are no nodes. */
export function nodeRows(printed: string): NodeRow[] {
  const [header = '', ...rows] = printed.trimEnd().split('\n');
  if (header === '' || header.startsWith('No resources found')) return [];
  assert.match(header, /^NAME +STATUS +ROLES +AGE +VERSION$/);
  return rows.map((row) => {
    const [name = '', status = '', roles = '', age = '', version = '', ...rest] = row.trimEnd().split(/ +/);
    assert.match(`${age} ${version}`, /^(?:\d+[ydhms])+ v\d+\.\d+\.\d+$/, row);
    assert.deepEqual(rest, [], row);
    return { name, status, roles };
  });
}

/** A client certificate, only root's, and the link to it, in a listing of `ls -l`. */
export const clientFiles = (listing: string, directory: string) => linkedFiles(listing, directory, 'client');

/** The same of a serving certificate that was signed. */
export const servingFiles = (listing: string, directory: string) => linkedFiles(listing, directory, 'server');

function linkedFiles(listing: string, directory: string, kind: 'client' | 'server'): void {
  const link = new RegExp(
    `^lrwxrwxrwx\\.? 1 root root +(\\d+) .*kubelet-${kind}-current\\.pem -> (${directory}/(kubelet-${kind}-\\S+\\.pem))$`,
    'm',
  ).exec(listing);
  assert.ok(link, `no link to a ${kind} certificate in:\n${listing}`);
  const [, length, target = '', file = ''] = link;
  assert.equal(Number(length), target.length);
  assert.match(file, /-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d\.pem$/);
  assert.match(listing, new RegExp(`^-rw-------\\.? 1 root root +\\d+ .*${file}$`, 'm'));
}

/** Whether a list of nodes shows so many, all Ready. */
export const readyNodes = (count: number) => (printed: string) => {
  const rows = nodeRows(printed);
  return rows.length === count && rows.every(({ status }) => status === 'Ready');
};
