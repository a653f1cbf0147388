import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forbidden } from '../../api/machinery/status-error.ts';
import { errorOfResponse } from '../../client/response-error.ts';
import { refusalBy, unreachedBy } from './refusal.ts';

const asked = { verb: 'get', resource: '/api/v1/nodes/node-1/proxy/configz' };
const KUBELET = 'Forbidden (user=kubernetes, verb=get, resource=nodes, subresource=proxy)';

test('what a kubelet answers the API server is told from what the API server answers us', () => {
  assert.equal(refusalBy(errorOfResponse(403, {}, KUBELET, asked)), KUBELET);
  assert.equal(refusalBy(errorOfResponse(401, {}, 'Unauthorized', asked)), 'Unauthorized');
  const why = 'User "jane" cannot get resource "nodes/proxy" in API group "" at the cluster scope';
  const own = JSON.stringify(forbidden({ group: '', resource: 'nodes' }, 'node-1', why).status);
  assert.equal(refusalBy(errorOfResponse(403, {}, own, asked)), undefined);
  assert.equal(refusalBy(errorOfResponse(502, {}, 'Bad Gateway', asked)), undefined);
  assert.equal(refusalBy(new Error('connect ECONNREFUSED')), undefined);
});

test('what keeps the API server from a kubelet is told in its words, and nothing else is taken for that', () => {
  const status = (message: string) =>
    JSON.stringify({ kind: 'Status', status: 'Failure', code: 503, reason: 'ServiceUnavailable', message });
  const away = status('error trying to reach service: dial tcp 10.0.0.1:10250: connect: connection refused');
  assert.equal(unreachedBy(errorOfResponse(503, {}, away, asked)), 'dial tcp 10.0.0.1:10250: connect: connection refused');
  assert.equal(unreachedBy(errorOfResponse(503, {}, status('the server is starting'), asked)), undefined);
  assert.equal(unreachedBy(new Error('error trying to reach service: here')), undefined);
});
