import { once } from 'node:events';
import { connect } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

const PING = '\0\0\x08\x06\0\0\0\0\0........';
/** Its preface, empty settings, and what a server answers at once. */
const HTTP2_CLIENT = `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0${PING.repeat(5)}`;

/** A client of HTTP/2 that keeps the end of its TLS handshake to itself until `finish` is called. */
export function lateHandshake(port: number): { readonly finish: () => void; readonly closed: Promise<unknown> } {
  const raw = connect(port, '127.0.0.1');
  const held: Buffer[] = [];
  let begun = false;
  let finished = false;
  const carrier = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      if (begun && !finished) held.push(chunk);
      else raw.write(chunk);
      begun = true;
      done();
    },
  });
  const closed = once(raw, 'close');
  raw.on('data', (chunk) => carrier.push(chunk));
  raw.on('error', () => undefined);
  raw.on('close', () => carrier.destroy());
  const client = connectTls({ socket: carrier, ALPNProtocols: ['h2'], rejectUnauthorized: false });
  client.on('error', () => undefined);
  client.on('secureConnect', () => client.write(HTTP2_CLIENT, 'latin1'));
  const finish = () => {
    finished = true;
    for (const chunk of held) raw.write(chunk);
  };
  return { finish, closed };
}
