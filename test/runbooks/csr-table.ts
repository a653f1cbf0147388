import assert from 'node:assert/strict';

export interface CsrRow {
  readonly name: string;
  readonly age: string;
  readonly signer: string;
  readonly requestor: string;
  readonly condition: string;
}

/** The documents' releases print `NAME AGE REQUESTOR CONDITION`; since 1.19 and 1.22 servers have two columns more. */
const HEADER = /^NAME +AGE +SIGNERNAME +REQUESTOR +REQUESTEDDURATION +CONDITION$/;
const AGE = /^(?:\d+[ydhms])+$/;

/** The rows of `kubectl get csr`, whose columns and ages are checked. */
export function readCsrTable(printed: string): CsrRow[] {
  const [header, ...lines] = printed.trimEnd().split('\n');
  assert.match(header!, HEADER);
  return lines.map((line) => {
    const [name, age, signer, requestor, duration, condition, ...rest] = line.trimEnd().split(/ {2,}/);
    assert.match(age!, AGE, line);
    assert.equal(duration, '<none>', line);
    assert.deepEqual(rest, [], line);
    return { name: name!, age: age!, signer: signer!, requestor: requestor!, condition: condition! };
  });
}

export const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
export const SERVING_SIGNER = 'kubernetes.io/kubelet-serving';
/** What the kubelet makes of its key and request. */
export const CLIENT_CSR_NAME = /^node-csr-[\w-]{43}$/;
/** Of the server's making: `csr-` and five characters. */
export const SERVING_CSR_NAME = /^csr-[bcdfghjklmnpqrstvwxz2456789]{5}$/;
