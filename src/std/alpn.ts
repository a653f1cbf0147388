/**
 * What HTTP is spoken on a TLS connection (RFC 7301). Node's own `ALPNProtocols` are copied for each connection, accepted ones too, into
 * the memory that small buffers share: a thousand that stay open could keep 64 KiB each.
 */

/** Names as they go over the wire, in memory of their own: for `ALPNProtocols`. */
export function alpnProtocols(names: readonly string[]): DataView {
  const bytes = names.flatMap((name) => [name.length, ...Buffer.from(name, 'latin1')]);
  return new DataView(Uint8Array.from(bytes).buffer);
}

/** For a server's `ALPNCallback`: HTTP/2, else HTTP/1.1, whatever a client likes better; undefined refuses the connection. */
export function chooseHttp({ protocols }: { readonly protocols: readonly string[] }): string | undefined {
  return ['h2', 'http/1.1'].find((protocol) => protocols.includes(protocol));
}

/** The same for a server that speaks HTTP/1.1 alone. */
export function chooseHttp1({ protocols }: { readonly protocols: readonly string[] }): string | undefined {
  return protocols.includes('http/1.1') ? 'http/1.1' : undefined;
}
