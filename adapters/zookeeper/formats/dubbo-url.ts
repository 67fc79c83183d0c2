/** Dubbo's URLs, as they are the names of nodes (apache/dubbo, `URL` and `UrlUtils`). Pure. */

export interface DubboUrl {
  /** `dubbo`, `tri`, `rest`, `override` …, in lower case. */
  readonly protocol: string;
  /** An IP literal without brackets, or a host name. */
  readonly host: string;
  /** Undefined: none is given. */
  readonly port: number | undefined;
  /** Without the leading slash: a context path and the interface. */
  readonly path: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Longer names are nobody's: ZooKeeper's own limit for a request is 1 MiB, and the method list is most of a URL. */
const MAX_LENGTH = 64 * 1024;
const MAX_PARAMETERS = 256;

/** The URL of a percent-encoded node name, or why it is none. */
export function parseDubboUrl(name: string): DubboUrl | { readonly reason: string } {
  if (name.length > MAX_LENGTH) return { reason: `its name is longer than ${MAX_LENGTH} characters` };
  const text = decode(name);
  if (text === undefined) return { reason: "its name is not percent-encoded text" };
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]{0,31}):\/\//.exec(text);
  if (scheme === null) return { reason: /%3A%2F%2F/i.test(text) ? "its name is encoded twice" : "its name is no Dubbo URL" };
  const [address = "", query = ""] = splitOnce(text.slice(scheme[0].length), "?");
  const [authority = "", path = ""] = splitOnce(address, "/");
  // Credentials in it are not ours to know.
  const place = placeOf(authority.slice(authority.lastIndexOf("@") + 1));
  if (place === undefined) return { reason: "its address is none" };
  return { protocol: (scheme[1] ?? "").toLowerCase(), ...place, path, parameters: parametersOf(query) };
}

/** `host`, `host:port`, `[v6]`, `[v6]:port`; also a bare IPv6 address before a port, as Dubbo writes it. */
function placeOf(authority: string): Pick<DubboUrl, "host" | "port"> | undefined {
  const bracketed = /^\[([0-9A-Fa-f:.%]+)\](?::(\d{1,5}))?$/.exec(authority);
  if (bracketed !== null) return { host: bracketed[1] ?? "", port: portOf(bracketed[2]) };
  const at = authority.lastIndexOf(":");
  const host = at === -1 ? authority : authority.slice(0, at);
  const digits = at === -1 ? undefined : authority.slice(at + 1);
  if (!/^[A-Za-z0-9._:%-]{1,253}$/.test(host) || (digits !== undefined && !/^\d{1,5}$/.test(digits))) return undefined;
  return { host, port: portOf(digits) };
}

/** 0 stays 0: it is said, and it is wrong. */
function portOf(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits);
}

/** Values may be encoded once more than the whole. The first of two equal keys counts, as in Dubbo. */
function parametersOf(query: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const part of query.split("&").slice(0, MAX_PARAMETERS)) {
    const [key = "", value = ""] = splitOnce(part, "=");
    if (key !== "" && !parameters.has(key)) parameters.set(key, decode(value) ?? value);
  }
  return parameters;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign: no encoding.
    return undefined;
  }
}

function splitOnce(text: string, separator: string): readonly [string, string?] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
