/** What TLS needs of one side: a certificate chain with its key, authorities to check the other side by, or both. */
export interface TlsMaterial {
  readonly identity: TlsIdentity | undefined;
  /** PEM: one or more certificates. */
  readonly ca: Uint8Array | undefined;
}

export interface TlsIdentity {
  /** PEM, the leaf first. */
  readonly certificateChain: Uint8Array;
  /** PEM. Goes to the clients that may have it, and nowhere else. */
  readonly privateKey: Uint8Array;
}
