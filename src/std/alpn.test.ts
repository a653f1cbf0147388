import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { alpnProtocols, chooseHttp } from './alpn.ts';

describe('HTTP on a TLS connection', () => {
  it('is offered in memory that holds nothing else', () => {
    const { buffer, byteLength } = alpnProtocols(['h2', 'http/1.1']);
    assert.equal(Buffer.from(buffer).toString('latin1'), '\x02h2\x08http/1.1');
    assert.equal(buffer.byteLength, byteLength);
  });

  it('is HTTP/2 where the client speaks it, and nothing where it speaks neither', () => {
    assert.equal(chooseHttp({ protocols: ['http/1.1', 'h2'] }), 'h2');
    assert.equal(chooseHttp({ protocols: ['http/1.1'] }), 'http/1.1');
    assert.equal(chooseHttp({ protocols: ['h3'] }), undefined);
  });
});
