import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestInfo } from '../contracts.ts';
import { parseRequestInfo } from './request-info.ts';

function info(method: string, url: string): RequestInfo {
  const [path = '', query = ''] = url.split('?');
  return parseRequestInfo({ method, path, query: new URLSearchParams(query) });
}

/** verb group/version namespace resource subresource name; `-` is empty. The rows follow upstream's requestinfo_test.go. */
const ROWS: [string, string, string][] = [
  ['GET', '/api/v1/namespaces', 'list /v1 - namespaces - -'],
  ['GET', '/api/v1/namespaces/other', 'get /v1 other namespaces - other'],
  ['GET', '/api/v1/namespaces/other/pods', 'list /v1 other pods - -'],
  ['GET', '/api/v1/namespaces/other/pods/foo', 'get /v1 other pods - foo'],
  ['HEAD', '/api/v1/namespaces/other/pods/foo', 'get /v1 other pods - foo'],
  ['GET', '/api/v1/pods', 'list /v1 - pods - -'],
  ['GET', '/api/v1/namespaces/other/pods/foo?watch=1', 'get /v1 other pods - foo'],
  ['GET', '/api/v1/namespaces/other/pods?watch=true', 'watch /v1 other pods - -'],
  ['GET', '/api/v1/namespaces/other/pods?watch=false', 'list /v1 other pods - -'],
  ['GET', '/api/v1/namespaces/other/pods?watch=FALSE', 'list /v1 other pods - -'],
  ['GET', '/api/v1/watch/namespaces/other/pods', 'watch /v1 other pods - -'],
  ['GET', '/api/v1/watch/pods', 'watch /v1 - pods - -'],
  ['GET', '/api/v1/watch/nodes/n1', 'watch /v1 - nodes - n1'],
  ['GET', '/api/v1/nodes?fieldSelector=metadata.name%3Dn1&watch=1', 'watch /v1 - nodes - n1'],
  ['GET', '/api/v1/nodes?fieldSelector=metadata.name%21%3Dn1', 'list /v1 - nodes - -'],
  ['POST', '/api/v1/namespaces/other/pods', 'create /v1 other pods - -'],
  ['PUT', '/api/v1/namespaces/other/pods/foo/status', 'update /v1 other pods status foo'],
  ['PATCH', '/api/v1/nodes/n1/status', 'patch /v1 - nodes status n1'],
  ['DELETE', '/api/v1/namespaces/other/pods', 'deletecollection /v1 other pods - -'],
  ['DELETE', '/api/v1/namespaces/other/pods/foo', 'delete /v1 other pods - foo'],
  ['PUT', '/api/v1/namespaces/other/finalize', 'update /v1 other namespaces finalize other'],
  ['PUT', '/api/v1/namespaces/other/status', 'update /v1 other namespaces status other'],
  ['GET', '/apis/apps/v1/namespaces/other/deployments/d/scale', 'get apps/v1 other deployments scale d'],
  [
    'GET',
    '/apis/certificates.k8s.io/v1/certificatesigningrequests',
    'list certificates.k8s.io/v1 - certificatesigningrequests - -',
  ],
  ['GET', '/api/v1/nodes/n1/proxy/pods/x', 'get /v1 - nodes proxy n1'],
];

test('method, path and query say what a request is about', () => {
  for (const [method, url, expected] of ROWS) {
    const i = info(method, url);
    const shown = [
      i.verb,
      `${i.group}/${i.version}`,
      i.namespace || '-',
      i.resource || '-',
      i.subresource || '-',
      i.name || '-',
    ].join(' ');
    assert.equal(shown, expected, `${method} ${url}`);
    assert.equal(i.isResourceRequest, true);
  }
});

test('paths outside the resources have the lower-case method as verb', () => {
  for (const path of ['/', '/healthz', '/api', '/api/v1', '/apis', '/apis/apps', '/apis/apps/v1', '/metrics', '/apiv1/pods']) {
    const i = info('GET', path);
    assert.equal(i.isResourceRequest, false, path);
    assert.equal(i.verb, 'get');
  }
});

test('a watch path that names nothing is a bad request', () => {
  assert.throws(() => info('GET', '/api/v1/watch'), /unable to determine kind and namespace from url/);
});
