/** Where a server listens, as the configuration writes it. Pure. */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

export type ListenAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080` or `unix:/path`; port 0 is any free one. Undefined for anything else. */
export function parseListen(text: string): ListenAddress | undefined {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    return path.startsWith("/") && !path.includes("\0") ? { kind: "unix", path } : undefined;
  }
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, six, other, digits] = match;
  const port = Number(digits);
  if (port > 65_535) return undefined;
  if (six !== undefined) return isIP(six) === 6 ? { kind: "tcp", host: six, port } : undefined;
  return other !== undefined && isHost(other) ? { kind: "tcp", host: other, port } : undefined;
}

/** Digits and dots alone are an IPv4 address or a mistake, never a host name. */
function isHost(text: string): boolean {
  if (/^[\d.]+$/.test(text)) return isIP(text) === 4;
  return /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(text);
}

/** Whether only this machine can reach it. A host name other than `localhost` may resolve to anything, so it is not. */
export function isLoopback(address: ListenAddress): boolean {
  if (address.kind === "unix" || address.host === "localhost") return true;
  return isIP(address.host) !== 0 && ipaddr.process(address.host).range() === "loopback";
}

/** The reverse of `parseListen`. */
export function listenText(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
