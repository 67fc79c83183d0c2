/** Whether a connection is one that private keys may go out on: that of this machine, or of a client that has proved who it is. Pure. */

/** What is known of a connection. */
export interface Connection {
  /** `address:port` as gRPC writes it; a Unix socket has none. */
  readonly peer: string;
  /** It showed a certificate of the configured authorities. */
  readonly certified: boolean;
}

/** In plain text over a network, and over TLS to a client that nobody knows, there are no secrets. */
export function mayHaveSecrets({ peer, certified }: Connection): boolean {
  return certified || isLocal(peer);
}

function isLocal(peer: string): boolean {
  const host = peer.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return host === "::1" || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(host);
}
