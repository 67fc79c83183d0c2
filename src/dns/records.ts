/** Resource records as this name server gives them, and the answers they make. Plain data. */

/** Those of RFC 1035 and RFC 8914 that are given here. */
export type Rcode = "NOERROR" | "FORMERR" | "SERVFAIL" | "NXDOMAIN" | "NOTIMP" | "REFUSED" | "BADVERS";

export type DnsRecord =
  | { readonly type: "A" | "AAAA" | "NS"; readonly name: string; readonly ttl: number; readonly data: string }
  | { readonly type: "SRV"; readonly name: string; readonly ttl: number; readonly data: SrvData }
  | { readonly type: "SOA"; readonly name: string; readonly ttl: number; readonly data: SoaData }
  | {
      readonly type: "HINFO";
      readonly name: string;
      readonly ttl: number;
      readonly data: { readonly cpu: string; readonly os: string };
    };

export interface SrvData {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

export interface SoaData {
  readonly mname: string;
  readonly rname: string;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

export interface DnsAnswer {
  readonly rcode: Rcode;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  /** In one sentence, for people: why it is this answer. */
  readonly why: string;
}

export function noRecords(rcode: Rcode, why: string): DnsAnswer {
  return { rcode, answers: [], authorities: [], additionals: [], why };
}
