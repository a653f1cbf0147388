import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RestClientMetrics } from './rest-client-metrics.ts';
import type { Transport, TransportResponse } from './transport.ts';

test('requests are counted by code, host and method, and those without an answer too', async () => {
  const metrics = new RestClientMetrics();
  const inner: Transport = {
    async request({ method }) {
      if (method === 'PUT') throw new Error('refused');
      return { status: 201, headers: {}, body: [] } as unknown as TransportResponse;
    },
    close: async () => undefined,
  };
  const transport = metrics.counting(inner, 'https://10.0.0.1:6443/prefix');
  for (let i = 0; i < 2; i++) await transport.request({ method: 'POST', path: '/', headers: {} });
  await assert.rejects(transport.request({ method: 'PUT', path: '/', headers: {} }), /refused/);
  const lines = metrics.render().split('\n');
  for (const line of [
    'rest_client_requests_total{code="201",host="10.0.0.1:6443",method="POST"} 2',
    'rest_client_requests_total{code="<error>",host="10.0.0.1:6443",method="PUT"} 1',
    'rest_client_request_duration_seconds_count{host="10.0.0.1:6443",verb="POST"} 2',
  ])
    assert.ok(lines.includes(line), line);
});
